import type { Outcome, ShownStatus, UndoResult } from '../core/handoff.js';
import type { Severity } from '../core/procedure.js';
import type { ReliabilityType } from '../core/reliability/configuration.js';
import type { IterationOutcome, ReliabilityReport } from '../core/reliability/report.js';

/**
 * Of what the numbers are. Times are milliseconds since the epoch, and mean the start: of a handoff, a validation session,
 * a pipeline or a reliability test. `session`, `procedure` and `type` say which handoffs, and with them which validation
 * sessions; pipelines follow `session` alone, and reliability tests none of the three.
 */
export interface MetricsFilter {
  since?: number;
  until?: number;
  session?: string;
  procedure?: string;
  type?: string;
}

/** Milliseconds, exact (nearest rank: a span that occurred). Without any span all are 0, and so is `count`. */
export interface Spans {
  count: number;
  mean: number;
  p50: number;
  p95: number;
  p99: number;
  max: number;
}

/** Started, and what became of them. */
export interface Ends {
  total: number;
  open: number;
  outcomes: Record<Outcome, number>;
  /** Completed ÷ closed, 0 to 1; null while none has closed. */
  successRate: number | null;
}

/** From the start to the close, of those that completed: pauses and the wait for an acceptance are part of it. */
export interface Performance extends Ends {
  durationMs: Spans;
}

export interface HandoffCounts extends Performance {
  byType: Record<string, Performance>;
  byProcedure: Record<string, Performance>;
  /** How many sessions there are, and those with the most handoffs, at most 20. */
  sessions: { total: number; largest: (Ends & { session: string; meanMs: number })[] };
  /** Attempts of steps beyond the first, by step. */
  retries: { total: number; byStep: Record<string, number> };
  /** Effects that were taken back, by how that ended. */
  undone: { total: number; byResult: Partial<Record<UndoResult, number>> };
}

export interface RuleCount {
  passed: number;
  failed: number;
  severity: Severity;
  /** 0 to 1. */
  successRate: number;
}

export interface ValidationCounts {
  sessions: number;
  passed: number;
  /** Passed ÷ sessions, 0 to 1; null without any. */
  successRate: number | null;
  durationMs: { mean: number; max: number };
  rules: Record<string, RuleCount>;
  /** Rules that failed, also those that only warned. */
  failuresBySeverity: Record<Severity, number>;
}

export interface PipelineCounts {
  total: number;
  open: number;
  /** By status: completed, failed, cancelled. */
  closed: Record<string, number>;
  /** Completed ÷ closed, 0 to 1; null while none has closed. */
  successRate: number | null;
  durationMs: Spans;
  /** Of each phase: its steps that are done, their further attempts, and how long the attempt took that ended each. */
  phases: Record<string, { steps: number; retries: number; stepMs: Spans; phaseMs: Spans }>;
}

/** One reliability test in brief. */
export interface ReliabilityBrief extends Pick<
  ReliabilityReport,
  'testId' | 'status' | 'startedAt' | 'iterations' | 'successRate' | 'durationMs' | 'perSecond'
> {
  configuration: string;
  type: ReliabilityType;
}

export interface ReliabilityCounts {
  tests: number;
  passed: number;
  /** Passed ÷ ended, 0 to 1; null while none has ended. */
  successRate: number | null;
  /** Of each type its tests and all their iterations. */
  byType: Partial<
    Record<
      ReliabilityType,
      {
        tests: number;
        ended: number;
        passed: number;
        iterations: number;
        asTold: number;
        outcomes: Partial<Record<IterationOutcome, number>>;
      }
    >
  >;
  /** The newest, at most 20. */
  latest: ReliabilityBrief[];
}

/** A number of things that wait, and how long the oldest has, milliseconds; null where there are none. */
export interface Waiting {
  count: number;
  oldestMs: number | null;
}

/** How things stand at this moment, whatever the filter's times are. */
export interface PresentState {
  /** Open handoffs by what is shown, each with how long the oldest has been shown so. */
  open: Partial<Record<ShownStatus, Waiting>>;
  /** Handoffs that wait as an incident; the age is the oldest incident's. */
  incidents: Waiting;
  /** Offered, and not accepted yet; paused ones do not wait. */
  acceptance: Waiting;
  /** Handoffs of which a return is overdue. */
  returns: Waiting;
  /** What waits in inboxes, by agent: the 20 fullest, and the rest in one. */
  inbox: { agents: Record<string, number>; others: number };
  pipelines: Record<string, number>;
  /** Bytes on disk; null where the database is no file of ours. */
  database: { bytes: number; logBytes: number } | null;
}

export interface TaskQueueMetrics {
  name: string;
  kind: 'workflow' | 'activity';
  /** Tasks that no worker has taken yet, and how long the oldest has waited. */
  backlog: number;
  backlogAgeMs: number;
  /** Workers that asked for work in the last five minutes, as the server counts them. */
  pollers: number;
  /** When the last one asked. */
  lastPollAt: string | null;
}

/** What Temporal says. `up`: it answered within the time given. */
export interface ServerMetrics {
  up: boolean;
  /** Why it is not. */
  why?: string;
  taskQueues: TaskQueueMetrics[];
}

/** All numbers about handoffs, from the database, which outlives Temporal's retention; and how things stand now. */
export interface HandoffMetrics {
  at: string;
  filter: { since?: string; until?: string; session?: string; procedure?: string; type?: string };
  handoffs: HandoffCounts;
  validation: ValidationCounts;
  pipelines: PipelineCounts;
  reliability: ReliabilityCounts;
  now: PresentState;
  /** Absent where nobody asked it: `collectMetrics` reads the database alone. */
  server?: ServerMetrics;
}
