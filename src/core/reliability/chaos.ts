import type { IterationOutcome, Percentiles } from './report.js';

/** What dies: the worker process, the Temporal server, or both at once. */
export const CHAOS_VICTIMS = ['worker', 'server', 'both'] as const;
export type ChaosVictim = (typeof CHAOS_VICTIMS)[number];

/** Where in a step or an undo: before it is dispatched, between the deed and its record, and after its record. */
export const CHAOS_MOMENTS = ['dispatched', 'acted', 'recorded'] as const;
export type ChaosMoment = (typeof CHAOS_MOMENTS)[number];

/** States in which a handoff waits, for the time, for somebody, or for its next attempt. */
export const CHAOS_STATES = [
  'pending',
  'awaiting_acceptance',
  'accepted',
  'paused',
  'retrying',
  'incident',
  'compensating',
] as const;
export type ChaosState = (typeof CHAOS_STATES)[number];

/** One place at which something is killed, with what is killed there. */
export type ChaosCell = { victim: ChaosVictim } & (
  | { kind: 'step' | 'undo'; step: string; moment: ChaosMoment }
  | { kind: 'state'; state: ChaosState }
);

/** One kill, and what came of its handoff. */
export interface ChaosRun {
  handoff: string;
  /** Whether there is evidence that the kill struck: the line of the failpoint, and a process that is gone. */
  fired: boolean;
  outcome: IterationOutcome;
  /**
   * Milliseconds from the death of the process (of both: of the first) to the first thing that the run did after it; of
   * one that waits for a time, from then on where that is later. By the server's history.
   */
  recoveryMs?: number;
  /** Milliseconds from the death to the run's end. */
  endedMs?: number;
  /** What is wrong, each a sentence; empty where all is as it must be. */
  faults: string[];
}

/**
 * `ok`: completed with every effect once, undone to the byte, or held as a visible incident, each time. `nothing`: the
 * step has no effect, so there is no undo to strike. `not_reached`: the handoff ended and never came by.
 */
export type ChaosVerdict = 'ok' | 'violation' | 'not_reached' | 'nothing';

export type ChaosCellReport = ChaosCell & { verdict: ChaosVerdict; runs: ChaosRun[] };

/** The crash matrix of one procedure. */
export interface ChaosReport {
  procedure: string;
  /** How often each cell was struck. */
  times: number;
  cells: ChaosCellReport[];
  /** Whether every cell is `ok`, or has nothing to strike. */
  ok: boolean;
  /** Kills that are proven to have struck. */
  fired: number;
  recoveryMs: Partial<Record<ChaosVictim, Percentiles & { max: number }>>;
  p95RecoveryMs: Partial<Record<ChaosVictim, number>>;
  /** Each in words, with the handoff that it happened to. */
  violations: string[];
  durationMs: number;
}

/** The name of a cell, for people and for files. */
export const cellName = (cell: ChaosCell): string =>
  cell.kind === 'state'
    ? `${cell.victim} while ${cell.state}`
    : `${cell.victim} at ${cell.kind}.${cell.moment} of ${cell.step}`;

/** Of numbers in any order; NaN where there are none. */
function percentile(values: readonly number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((p / 100) * sorted.length) - 1)] ?? NaN;
}

/** Sums the cells up. */
export function chaosReport(
  { procedure, times, durationMs }: Pick<ChaosReport, 'procedure' | 'times' | 'durationMs'>,
  cells: ChaosCellReport[],
): ChaosReport {
  const recoveryMs: ChaosReport['recoveryMs'] = {};
  for (const victim of CHAOS_VICTIMS) {
    const took = cells
      .filter((c) => c.victim === victim)
      .flatMap((c) => c.runs.flatMap((r) => (r.recoveryMs === undefined ? [] : [r.recoveryMs])));
    if (took.length === 0) continue;
    const at = (p: number): number => percentile(took, p);
    recoveryMs[victim] = { p50: at(50), p95: at(95), p99: at(99), max: at(100) };
  }
  return {
    procedure,
    times,
    cells,
    ok: cells.every((c) => c.verdict === 'ok' || c.verdict === 'nothing'),
    fired: cells.reduce((sum, c) => sum + c.runs.filter((r) => r.fired).length, 0),
    recoveryMs,
    p95RecoveryMs: Object.fromEntries(Object.entries(recoveryMs).map(([victim, { p95 }]) => [victim, p95])),
    violations: cells.flatMap((c) => c.runs.flatMap((r) => r.faults.map((f) => `${cellName(c)}: ${f}`))),
    durationMs,
  };
}
