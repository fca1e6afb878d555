import type {
  CheckerReport,
  FaultCount,
  IterationOutcome,
  IterationReport,
  Percentiles,
  ReliabilityDetail,
  ReliabilityReport,
  StrikeReport,
} from '../core/reliability/report.js';

/** Whole milliseconds; 0 of nothing. Nearest rank, so that each is a duration that was measured. */
export function percentiles(durations: readonly number[]): Percentiles {
  const sorted = durations.toSorted((a, b) => a - b);
  const at = (share: number): number => Math.round(sorted[Math.ceil(share * sorted.length) - 1] ?? 0);
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

export const NOTHING_CHECKED: CheckerReport = {
  applied: 0,
  absorbed: 0,
  undone: 0,
  twice: 0,
  missing: 0,
  leftBehind: 0,
  violations: [],
};

export const violationsOf = ({ twice, missing, leftBehind, violations }: CheckerReport): number =>
  Math.max(twice + missing + leftBehind, violations.length);

/** What an iteration came to, and how its rollback went, where there was one. */
export interface Ended {
  iteration: IterationReport;
  rollback?: 'undone' | 'incident' | 'left';
}

export interface Sums {
  ended: readonly Ended[];
  /** Milliseconds from the first start to now, or to the last end. */
  tookMs: number;
  strikes: readonly StrikeReport[];
  /** The faults that were asked for and can strike here. */
  faults: readonly string[];
  /** Firings of failpoints, by fault. */
  fired: readonly FaultCount[];
  checker: CheckerReport;
}

type Counted = Pick<
  ReliabilityReport,
  | 'iterations'
  | 'successRate'
  | 'outcomes'
  | 'stuck'
  | 'durationMs'
  | 'perSecond'
  | 'seconds'
  | 'rollbacks'
  | 'byType'
  | 'faults'
  | 'faultsFired'
  | 'checker'
>;

/** All figures of a report. `planned`: the iterations that the rate is of, once the test is over; while it runs, those that ended. */
export function count({ ended, tookMs, strikes, faults, fired, checker }: Sums, planned?: number): Counted {
  const iterations = ended.map((e) => e.iteration);
  const good = iterations.filter((i) => i.asTold).length;
  const outcomes: Partial<Record<IterationOutcome, number>> = {};
  for (const { outcome } of iterations) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  const rolledBack = ended.flatMap((e) => e.rollback ?? []);
  const all = [...strikeCounts(strikes, faults), ...fired];
  const of = planned ?? iterations.length;
  return {
    iterations: iterations.length,
    successRate: of === 0 ? 0 : good / of,
    outcomes,
    stuck: outcomes.stuck ?? 0,
    durationMs: percentiles(iterations.map((i) => i.durationMs)),
    perSecond: tookMs > 0 ? (iterations.length * 1000) / tookMs : 0,
    seconds: tookMs / 1000,
    rollbacks: {
      attempted: rolledBack.length,
      undone: rolledBack.filter((r) => r === 'undone').length,
      incidents: rolledBack.filter((r) => r === 'incident').length,
    },
    byType: Object.fromEntries(
      [...new Set(iterations.map((i) => i.type))].toSorted().map((type) => {
        const ofType = iterations.filter((i) => i.type === type);
        const asTold = ofType.filter((i) => i.asTold).length;
        const durationMs = percentiles(ofType.map((i) => i.durationMs));
        return [type, { iterations: ofType.length, asTold, durationMs }];
      }),
    ),
    faults: all,
    faultsFired: all.reduce((sum, f) => sum + f.fired, 0),
    checker,
  };
}

const strikeCounts = (strikes: readonly StrikeReport[], faults: readonly string[]): FaultCount[] =>
  faults.map((name) => {
    const of = strikes.filter((s) => s.fault === name);
    return { name, injected: of.length, fired: of.filter((s) => s.fired).length };
  });

/** Why a test did not pass, each reason a sentence; none where it did. `required`: faults that must have fired. */
export function reasonsOf(counted: Counted, planned: number, required: readonly string[]): string[] {
  const { iterations, successRate, stuck, faults, checker } = counted;
  const silent = required.filter((name) => !faults.some((f) => f.name === name && f.fired > 0));
  const notAsTold = planned - Math.round(successRate * planned);
  const violations = violationsOf(checker);
  return [
    ...(iterations < planned ? [`${planned - iterations} of ${planned} iterations were not started in time.`] : []),
    ...(notAsTold > planned - iterations
      ? [`${notAsTold - (planned - iterations)} of ${iterations} iterations did not end as told.`]
      : []),
    ...(stuck > 0 ? [`${stuck} ${stuck === 1 ? 'run is' : 'runs are'} stuck.`] : []),
    ...(violations > 0 ? [`The checker found ${violations} ${violations === 1 ? 'violation' : 'violations'}.`] : []),
    ...silent.map((name) => `The fault ${name} was asked for and never fired.`),
  ];
}

/** Iterations of a test that are kept: what a report needs, and no more than a row of the database should hold. */
const KEPT = 20_000;

/** What is kept of each iteration, in order. Of very many, those that ended as told give way. */
export function detailOf(ended: readonly Ended[], strikes: readonly StrikeReport[], kept = KEPT): ReliabilityDetail {
  const all = ended.map((e) => e.iteration).toSorted((a, b) => a.number - b.number);
  if (all.length <= kept) return { iterations: all, strikes: [...strikes] };
  const bad = all.filter((i) => !i.asTold).slice(0, kept);
  const good = all.filter((i) => i.asTold);
  const room = kept - bad.length;
  const sampled = good.filter(
    (_, n) => Math.floor((n * room) / good.length) !== Math.floor(((n + 1) * room) / good.length),
  );
  const iterations = [...bad, ...sampled].toSorted((a, b) => a.number - b.number);
  return { iterations, strikes: [...strikes], leftOut: all.length - iterations.length };
}
