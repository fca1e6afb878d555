import { sql, type RawBuilder } from 'kysely';
import type { Db } from '../storage/database.js';
import { between } from './spans.js';

/** Upper bounds of the buckets in seconds: from a run that only moves a file to one that waits for a person for days. */
export const BUCKETS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14_400, 86_400] as const;

/** Rows that share their labels: how many, and their spans in buckets, each of which holds those below it. */
export interface Bucketed {
  labels: Record<string, string>;
  count: number;
  sumSeconds: number;
  /** By {@link BUCKETS}. */
  buckets: number[];
  /** When the first of them began: what was there first keeps its name where names are bounded. */
  first: number;
  /** Attempts beyond the first, where they are counted. */
  retries?: number;
}

interface Rows {
  from: RawBuilder<unknown>;
  /** Columns that are labels, by the label's name. */
  labels: Record<string, string>;
  start: string;
  end: string;
  /** A column with the number of the attempt. */
  attempt?: string;
}

async function bucketed(db: Db, { from, labels, start, end, attempt }: Rows): Promise<Bucketed[]> {
  const names = Object.keys(labels);
  const keys = names.map((name) => sql`${sql.ref(labels[name]!)} as ${sql.ref(`l_${name}`)}`);
  const sums = BUCKETS.map(
    (bound, i) => sql`sum(case when d <= ${sql.lit(bound * 1000)} then 1 else 0 end) as ${sql.ref(`b${i}`)}`,
  );
  const { rows } = await sql<Record<string, string | number>>`
    select ${sql.join(names.map((name) => sql.ref(`l_${name}`)))}, count(*) as n, sum(d) as total, min(s) as first, sum(a - 1) as retries,
      ${sql.join(sums)}
    from (select ${sql.join(keys)}, ${sql.ref(start)} as s, ${between(start, end)} as d,
      ${attempt ? sql.ref(attempt) : sql`1`} as a ${from}) as spans
    group by ${sql.join(names.map((name) => sql.ref(`l_${name}`)))}`.execute(db);
  return rows
    .map((row) => ({
      labels: Object.fromEntries(names.map((name) => [name, String(row[`l_${name}`])])),
      count: Number(row['n']),
      sumSeconds: Number(row['total']) / 1000,
      buckets: BUCKETS.map((_, i) => Number(row[`b${i}`])),
      first: Number(row['first']),
      ...(attempt ? { retries: Number(row['retries']) } : {}),
    }))
    .toSorted((a, b) => a.first - b.first);
}

/** All that ever closed, by procedure, type and outcome. */
export const handoffHistory = (db: Db): Promise<Bucketed[]> =>
  bucketed(db, {
    from: sql`from handoffs where closed_at is not null`,
    labels: { procedure: 'procedure', type: 'type', outcome: 'status' },
    start: 'created_at',
    end: 'closed_at',
  });

/** Validation sessions by procedure. */
export const validationHistory = (db: Db): Promise<Bucketed[]> =>
  bucketed(db, {
    from: sql`from validations`,
    labels: { procedure: 'procedure' },
    start: 'started_at',
    end: 'ended_at',
  });

/** Pipelines that ended, by outcome. */
export const pipelineHistory = (db: Db): Promise<Bucketed[]> =>
  bucketed(db, {
    from: sql`from pipelines where closed_at is not null`,
    labels: { outcome: 'status' },
    start: 'created_at',
    end: 'closed_at',
  });

/** Steps of pipelines by phase. */
export const phaseHistory = (db: Db): Promise<Bucketed[]> =>
  bucketed(db, {
    from: sql`from pipeline_steps`,
    labels: { phase: 'phase' },
    start: 'started_at',
    end: 'done_at',
    attempt: 'attempt',
  });

/** Open handoffs by procedure and type: with those that closed, all that ever started. */
export async function openByLabels(db: Db): Promise<{ procedure: string; type: string; n: number; first: number }[]> {
  const { rows } = await sql<{ procedure: string; type: string; n: number; first: number }>`
    select procedure, type, count(*) as n, min(created_at) as first from handoffs
    where closed_at is null group by procedure, type`.execute(db);
  return rows.map((r) => ({ ...r, n: Number(r.n), first: Number(r.first) }));
}
