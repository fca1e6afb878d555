import { sql, type RawBuilder } from 'kysely';
import type { Db } from '../storage/database.js';
import { all, within, type Condition } from './filter.js';
import type { MetricsFilter, PipelineCounts } from './metrics.js';
import { NO_SPANS, between, ratio, spansBy, spansOf } from './spans.js';

const meant = (f: MetricsFilter): Condition =>
  all(within(f, 'created_at'), f.session === undefined ? undefined : sql`session = ${f.session}`);

/** What pipelines, their phases and their steps came to. */
export async function pipelineCounts(db: Db, f: MetricsFilter): Promise<PipelineCounts> {
  const { rows } = await sql<{ d: number }>`
    select ${between('created_at', 'closed_at')} as d from pipelines
    where closed_at is not null and status = 'completed' and ${meant(f)}`.execute(db);
  const durationMs = spansOf(rows.map((r) => Number(r.d)));
  return { ...(await pipelineTotals(db, f)), durationMs, phases: await phasesOf(db, f) };
}

/** How many there are, and what became of them. */
export async function pipelineTotals(db: Db, f: MetricsFilter): Promise<Omit<PipelineCounts, 'durationMs' | 'phases'>> {
  const { rows } = await sql<{ status: string; closed: number; n: number }>`
    select status, case when closed_at is null then 0 else 1 end as closed, count(*) as n from pipelines
    where ${meant(f)} group by 1, 2`.execute(db);
  const closed = Object.fromEntries(rows.filter((r) => Number(r.closed) === 1).map((r) => [r.status, Number(r.n)]));
  const ended = Object.values(closed).reduce((sum, n) => sum + n, 0);
  const open = rows.filter((r) => Number(r.closed) === 0).reduce((sum, r) => sum + Number(r.n), 0);
  return {
    total: ended + open,
    open,
    closed,
    successRate: ratio(closed['completed'] ?? 0, ended),
  };
}

const mine = (f: MetricsFilter): RawBuilder<unknown> =>
  Object.keys(f).length === 0 ? sql`1 = 1` : sql`pipeline in (select id from pipelines where ${meant(f)})`;

async function phasesOf(db: Db, f: MetricsFilter): Promise<PipelineCounts['phases']> {
  const { rows } = await sql<{ phase: string; pipeline: string; attempt: number; started: number; done: number }>`
    select phase, pipeline, attempt, started_at as started, done_at as done from pipeline_steps
    where ${mine(f)} order by phase, pipeline`.execute(db);
  const steps = spansBy(rows.map((r) => [r.phase, Math.max(0, Number(r.done) - Number(r.started))]));
  const whole = new Map<string, { phase: string; from: number; to: number }>();
  const retries = new Map<string, number>();
  for (const { phase, pipeline, attempt, started, done } of rows) {
    const key = JSON.stringify([phase, pipeline]);
    const { from, to } = whole.get(key) ?? { from: Number(started), to: 0 };
    whole.set(key, { phase, from: Math.min(from, Number(started)), to: Math.max(to, Number(done)) });
    retries.set(phase, (retries.get(phase) ?? 0) + Number(attempt) - 1);
  }
  const phases = spansBy([...whole.values()].map((w) => [w.phase, Math.max(0, w.to - w.from)]));
  return Object.fromEntries(
    [...steps].map(([phase, stepMs]) => [
      phase,
      { steps: stepMs.count, retries: retries.get(phase) ?? 0, stepMs, phaseMs: phases.get(phase) ?? NO_SPANS },
    ]),
  );
}
