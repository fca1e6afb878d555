import type { IterationReport, ReliabilityDetail } from '../../core/reliability/report.js';

/** What the plots are drawn from. Seconds, and milliseconds where it says so. */
export interface Series {
  /** One point an iteration, by its end: when, how long in ms, and whether it ended as told. */
  durations: { at: number[]; asTold: (number | null)[]; other: (number | null)[] };
  /** How many iterations took so long: the upper end of each class in ms. */
  histogram: { upTo: number[]; count: number[] };
  /** Iterations that ended in each slice of time, per second. */
  throughput: { at: number[]; perSecond: number[] };
  strikes: { fault: string; at: number; to: number; fired: boolean }[];
}

/** Points in a plot: what more than this shows, nobody can see. */
const POINTS = 4000;
const SLICES = 60;

export function seriesOf({ iterations, strikes }: ReliabilityDetail): Series {
  const byEnd = iterations.toSorted((a, b) => endOf(a) - endOf(b));
  const step = Math.max(1, Math.ceil(byEnd.length / POINTS));
  // Those that did not end as told are all shown.
  const shown = byEnd.filter((one, n) => n % step === 0 || !one.asTold);
  return {
    durations: {
      at: shown.map((one) => endOf(one) / 1000),
      asTold: shown.map((one) => (one.asTold ? one.durationMs : null)),
      other: shown.map((one) => (one.asTold ? null : one.durationMs)),
    },
    histogram: histogramOf(iterations.map((one) => one.durationMs)),
    throughput: throughputOf(byEnd),
    strikes: strikes.map(({ fault, startedMs, tookMs, fired }) => ({
      fault,
      at: startedMs / 1000,
      to: (startedMs + tookMs) / 1000,
      fired,
    })),
  };
}

const endOf = ({ startedMs, durationMs }: IterationReport): number => startedMs + durationMs;

/** Classes that grow by a constant factor: what is slow is far from what is usual. */
function histogramOf(durations: readonly number[]): Series['histogram'] {
  if (durations.length === 0) return { upTo: [], count: [] };
  const GROWTH = 1.35;
  const [shortest, longest] = minMax(durations);
  const least = Math.max(1, shortest);
  const most = Math.max(least, longest);
  const upTo: number[] = [];
  for (let edge = least * GROWTH; ; edge *= GROWTH) {
    upTo.push(Math.round(edge));
    if (edge >= most) break;
  }
  const count = upTo.map(() => 0);
  for (const ms of durations)
    count[
      Math.max(
        0,
        upTo.findIndex((edge) => ms <= edge),
      )
    ]!++;
  return { upTo, count };
}

function minMax(values: readonly number[]): [least: number, most: number] {
  let least = Infinity;
  let most = -Infinity;
  for (const v of values) {
    least = Math.min(least, v);
    most = Math.max(most, v);
  }
  return [least, most];
}

function throughputOf(byEnd: readonly IterationReport[]): Series['throughput'] {
  const last = byEnd.at(-1);
  if (!last) return { at: [], perSecond: [] };
  const slice = Math.max(1, Math.ceil(endOf(last) / 1000 / SLICES));
  const slices = Math.max(1, Math.ceil(endOf(last) / 1000 / slice));
  const counts = Array.from({ length: slices }, () => 0);
  for (const one of byEnd) counts[Math.min(slices - 1, Math.floor(endOf(one) / 1000 / slice))]!++;
  return { at: counts.map((_, n) => (n + 0.5) * slice), perSecond: counts.map((n) => n / slice) };
}
