import { sql } from 'kysely';
import {
  COMPONENT_STATUSES,
  COMPONENT_TYPES,
  REPORT_STATUSES,
  type ComponentStatus,
  type ComponentType,
  type ReportStatus,
} from '../../core/report/report.js';
import type { ReportStatistics } from '../../core/report/view.js';
import type { Db } from '../../storage/database.js';
import type { StoredComponent } from '../../storage/reports/row.js';
import { spansOf } from '../spans.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const DAYS = 30;

/** What one look at all reports says; numbers only. */
export type ReportNumbers = Omit<ReportStatistics, 'cached'>;

interface Row {
  status: ReportStatus;
  quality: number | null;
  coverage: number | null;
  submissions: number;
  created: number;
  submitted: number | null;
  reviewed: number | null;
  approved: number | null;
  signed: number | null;
  waitsFor: string | null;
  since: number | null;
}

/** Reports whose components stand alike, in the very same words. */
interface Alike {
  components: string;
  n: number;
}

/** All numbers about reports, in one pass over their rows, and one over their components, most of which stand alike. */
export async function reportNumbers(db: Db, now = Date.now()): Promise<ReportNumbers> {
  const { rows } = await sql<Row>`
    select status, quality_score as quality, coverage, submissions, created_at as created,
      submitted_at as submitted, reviewed_at as reviewed, approved_at as approved, signed_off_at as signed,
      waits_for as "waitsFor", waits_since as since
    from reports`.execute(db);
  const { rows: alike } = await sql<Alike>`
    select components, count(*) as n from reports group by components`.execute(db);
  const quality = rows.flatMap((r) => r.quality ?? []);
  const coverage = rows.flatMap((r) => r.coverage ?? []);
  const cycles = rows.flatMap((r) => (r.submissions > 0 ? r.submissions - 1 : []));
  return {
    total: rows.length,
    by_status: counted(
      REPORT_STATUSES,
      rows.map((r) => r.status),
    ),
    component_completion: componentsOf(alike, rows.length),
    quality: {
      ...meanOf('mean_score', quality),
      scored: quality.length,
      ...meanOf('mean_coverage', coverage),
      covered: coverage.length,
    },
    review_hours: hours(rows.map((r) => [r.submitted, r.reviewed])),
    approval_hours: hours(rows.map((r) => [r.reviewed, r.signed])),
    amendment_cycles: { ...meanOf('mean', cycles), max: cycles.reduce((a, b) => Math.max(a, b), 0) },
    bottlenecks: bottlenecksOf(rows, now),
    by_day: daysOf(rows, now),
    computed_at: new Date(now).toISOString(),
  };
}

const rounded = (n: number): number => Math.round(n * 1000) / 1000;
const mean = (values: readonly number[]): number => rounded(values.reduce((a, b) => a + b, 0) / values.length);
const meanOf = <K extends string>(key: K, values: readonly number[]): Partial<Record<K, number>> =>
  values.length > 0 ? ({ [key]: mean(values) } as Record<K, number>) : {};

function counted<K extends string>(keys: readonly K[], found: readonly K[]): Record<K, number> {
  const counts = Object.fromEntries(keys.map((k) => [k, 0])) as Record<K, number>;
  for (const k of found) counts[k]++;
  return counts;
}

/** A report that was handed in again since its review has none of this submission yet. */
function hours(pairs: readonly (readonly [number | null, number | null])[]): ReportNumbers['review_hours'] {
  const spans = pairs.flatMap(([a, b]) => (a !== null && b !== null && b >= a ? b - a : []));
  const { count, mean: all, p95 } = spansOf(spans);
  return count === 0 ? { count } : { mean: rounded(all / HOUR), p95: rounded(p95 / HOUR), count };
}

function componentsOf(alike: readonly Alike[], total: number): ReportNumbers['component_completion'] {
  const sums = Object.fromEntries(
    COMPONENT_TYPES.map((c) => [c, { progress: 0, by: counted<ComponentStatus>(COMPONENT_STATUSES, []) }]),
  ) as Record<ComponentType, { progress: number; by: Record<ComponentStatus, number> }>;
  for (const { components: text, n: count } of alike) {
    const n = Number(count);
    const components = JSON.parse(text) as Record<ComponentType, StoredComponent>;
    for (const type of COMPONENT_TYPES) {
      sums[type].progress += n * components[type].progress;
      sums[type].by[components[type].status as ComponentStatus] += n;
    }
  }
  const of = (n: number): number => (total === 0 ? 0 : rounded(n / total));
  return Object.fromEntries(
    COMPONENT_TYPES.map((type) => {
      const { progress, by } = sums[type];
      return [type, { rate: of(by.completed + by.verified), mean_progress: of(progress), by_status: by }];
    }),
  ) as ReportNumbers['component_completion'];
}

/** What reports wait for; one that waits for several roles counts with each. */
function bottlenecksOf(rows: readonly Row[], now: number): ReportNumbers['bottlenecks'] {
  const waits = new Map<string, number[]>();
  for (const { status, waitsFor, since } of rows) {
    if (waitsFor === null || since === null) continue;
    const what =
      status === 'under_review'
        ? ['review']
        : status === 'approved'
          ? waitsFor
              .trim()
              .split(' ')
              .map((role) => `sign-off by ${role}`)
          : ['amendments'];
    for (const w of what) (waits.get(w) ?? waits.set(w, []).get(w)!).push(since);
  }
  return [...waits]
    .map(([what, since]) => ({
      what,
      count: since.length,
      oldest_since: new Date(since.reduce((a, b) => Math.min(a, b))).toISOString(),
      mean_hours: rounded(Math.max(0, now - mean(since)) / HOUR),
    }))
    .toSorted((a, b) => b.mean_hours - a.mean_hours || (a.what < b.what ? -1 : 1));
}

/** By the day (UTC) of what a report was last handed in and approved. */
function daysOf(rows: readonly Row[], now: number): ReportNumbers['by_day'] {
  const today = Math.floor(now / DAY);
  const days = Array.from({ length: DAYS }, (_, i) => ({
    day: new Date((today - DAYS + 1 + i) * DAY).toISOString().slice(0, 10),
    created: 0,
    submitted: 0,
    approved: 0,
  }));
  const add = (what: 'created' | 'submitted' | 'approved', at: number | null): void => {
    const day = at === null ? undefined : days[Math.floor(at / DAY) - today + DAYS - 1];
    if (day) day[what]++;
  };
  for (const r of rows) {
    add('created', r.created);
    add('submitted', r.submitted);
    add('approved', r.approved);
  }
  return days;
}
