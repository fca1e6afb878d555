import type { Outcome } from '../handoff.js';
import type { ReliabilityConfiguration } from './configuration.js';

/** One fault of a test: how often it was to strike, and how often it is proven to have. */
export interface FaultCount {
  name: string;
  injected: number;
  /** By evidence from where it struck: a line that a failpoint wrote, a process that is gone, a connection that was cut. */
  fired: number;
}

/** What an iteration came to. `incident`: it waits, visibly, for a person. `stuck`: it does neither end nor wait. */
export type IterationOutcome = Outcome | 'incident' | 'stuck' | 'refused';

export interface IterationReport {
  number: number;
  handoff: string;
  procedure: string;
  /** The type of the handoff, as in its request. */
  type: string;
  outcome: IterationOutcome;
  /** When it was started, milliseconds from the beginning of the test. */
  startedMs: number;
  /** From the start to the outcome, milliseconds. */
  durationMs: number;
  /** Whether it ended as told: completed, fully undone, or as a visible incident, and the receivers say the same. */
  asTold: boolean;
  /** What is wrong with it, where something is. */
  why?: string;
}

/** What the receivers of effects saw, against what was to happen. It comes from a process that knows nothing of the engine's database. */
export interface CheckerReport {
  /** Effects that were made once, and stand. */
  applied: number;
  /** Deliveries of an effect that its receiver had already, and knew by its key: allowed, and counted. */
  absorbed: number;
  undone: number;
  /** Effects that were made twice: a violation. */
  twice: number;
  /** Effects of completed handoffs that are not there, and undone ones that are: a violation. */
  missing: number;
  leftBehind: number;
  /** Each violation in words, the first hundred. */
  violations: string[];
}

/** One strike of a fault. Times in milliseconds, from the beginning of the test. */
export interface StrikeReport {
  fault: string;
  startedMs: number;
  tookMs: number;
  fired: boolean;
  what: string;
}

/** How much memory a process of the test had, in bytes. */
export interface MemoryReport {
  name: string;
  /** A tenth of the way in, when all is loaded. */
  early: number;
  last: number;
  peak: number;
}

/** What is kept of a test beside its report: each iteration and each strike. */
export interface ReliabilityDetail {
  iterations: IterationReport[];
  strikes: StrikeReport[];
  /** That there were more iterations than are kept: how many are left out, all of them as told. */
  leftOut?: number;
}

export interface Percentiles {
  p50: number;
  p95: number;
  p99: number;
}

/** What a reliability test says of itself, while it runs and after. The last line of `--json`, and a row in the database. */
export interface ReliabilityReport {
  testId: string;
  configuration: ReliabilityConfiguration;
  /** The seed of all that was random: the same again with `--seed`. */
  seed: number;
  status: 'running' | 'passed' | 'failed' | 'stopped';
  startedAt: string;
  endedAt?: string;
  /** What it did, or does now: `starting the stack`, `iterations`, `waiting for the last`. */
  doing?: string;
  /** Seconds of the iterations, without the start of the stack. */
  seconds: number;
  /** Handoffs that have ended, or are known to wait, so far. */
  iterations: number;
  /** Ended as told ÷ iterations, 0 to 1. */
  successRate: number;
  outcomes: Partial<Record<IterationOutcome, number>>;
  stuck: number;
  durationMs: Percentiles;
  perSecond: number;
  /** Handoffs that had to be undone: how many were, and in how many an undo failed and is an incident. */
  rollbacks: { attempted: number; undone: number; incidents: number };
  byType: Record<string, { iterations: number; asTold: number; durationMs: Percentiles }>;
  faults: FaultCount[];
  /** The sum over all faults. */
  faultsFired: number;
  checker: CheckerReport;
  /** Why it failed, each reason a sentence. */
  reasons: string[];
  /** What could not be done here, and why: such as killing a server that is not ours. */
  notDone: string[];
  /** What is worth knowing and no failure. */
  notes: string[];
  /** The command line that does the same again. */
  repeat: string;
  /** Where its files are kept, where that was asked for. */
  kept?: string;
  memory?: MemoryReport[];
}
