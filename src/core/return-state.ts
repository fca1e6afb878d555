import type { Countdown } from './clock.js';
import type { ContractFault } from './contract.js';

/** What a contract says of one return, its defaults filled. */
export interface ReturnTerms {
  critical: boolean;
  ifMissing: 'retry' | 'fail' | 'warn';
  expectedInMs?: number;
  timeoutMs: number;
}

export interface ReturnState extends ReturnTerms {
  /** `missing`: nobody waits for it any more, and `note` says why. */
  status: 'expected' | 'received' | 'missing';
  /** Both run from the acceptance; absent while nobody holds the work, or a person has to decide. */
  deadline?: Countdown;
  expected?: Countdown;
  /** Since when it is late. */
  lateSince?: number;
  /** How often the agent was asked again. */
  asks: number;
  /** How often it came with faults. */
  rounds: number;
  /** Of the last round that had any; of many the first. */
  lastFaults?: ContractFault[];
  /** What came is being checked: its deadline decides nothing meanwhile. */
  checking?: true;
  receivedAt?: number;
  by?: string;
  sha256?: string;
  /** Where it lies in the source's folder. */
  path?: string;
  note?: string;
  /** A person has taken it as done. */
  waivedBy?: string;
}

export type Returns = Record<string, ReturnState>;

/** One return that has arrived. */
export interface ReturnFact {
  name: string;
  sha256?: string;
  path?: string;
}

/** Of one return its terms alone. */
export const termsOf = ({ critical, ifMissing, expectedInMs, timeoutMs }: ReturnTerms): ReturnTerms => ({
  critical,
  ifMissing,
  timeoutMs,
  ...(expectedInMs === undefined ? {} : { expectedInMs }),
});

/** Nothing asked for yet. */
export const freshReturns = (terms: Record<string, ReturnTerms>): Returns =>
  Object.fromEntries(
    Object.entries(terms).map(([name, t]) => [name, { ...termsOf(t), status: 'expected', asks: 0, rounds: 0 }]),
  );
