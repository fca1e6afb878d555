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
}
