import { sql, type RawBuilder } from 'kysely';
import type { Spans } from './metrics.js';

export const NO_SPANS: Spans = { count: 0, mean: 0, p50: 0, p95: 0, p99: 0, max: 0 };

/** From one time column to another, milliseconds. A clock that was put back makes no span below 0. */
export const between = (from: string, to: string): RawBuilder<number> => {
  const [a, b] = [sql.ref(from), sql.ref(to)];
  return sql<number>`case when ${b} > ${a} then ${b} - ${a} else 0 end`;
};

/**
 * Count, mean and exact percentiles. The rank of a percentile is the nearest, ⌈p·n⌉, so that it is a span that occurred. Sorted
 * here: SQL's window functions took twice as long for it.
 */
export function spansOf(values: Iterable<number>): Spans {
  const sorted = Float64Array.from(values).toSorted();
  const count = sorted.length;
  if (count === 0) return NO_SPANS;
  const at = (percent: number): number => sorted[Math.ceil((count * percent) / 100) - 1]!;
  const mean = Math.round(sorted.reduce((sum, v) => sum + v, 0) / count);
  return { count, mean, p50: at(50), p95: at(95), p99: at(99), max: sorted[count - 1]! };
}

/** The same of values by a key. */
export function spansBy(rows: Iterable<readonly [key: string, value: number]>): Map<string, Spans> {
  const groups = new Map<string, number[]>();
  for (const [key, value] of rows) {
    const group = groups.get(key);
    if (group) group.push(value);
    else groups.set(key, [value]);
  }
  return new Map([...groups].map(([key, values]) => [key, spansOf(values)]));
}

/** Part ÷ whole, 0 to 1; null of nothing. */
export const ratio = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);
