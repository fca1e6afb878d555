import { statSync } from 'node:fs';
import path from 'node:path';
import { sql } from 'kysely';
import type { ShownStatus } from '../core/handoff.js';
import type { Db } from '../storage/database.js';
import type { Storage } from '../storage/storage.js';
import { all, ofHandoffs } from './filter.js';
import type { MetricsFilter, PresentState, Waiting } from './metrics.js';

/** Agents whose inbox is shown by name. */
const FULLEST = 20;

/** How things stand. The filter's times say nothing here: what is open is open now. */
export async function presentState(storage: Storage, f: MetricsFilter, now = Date.now()): Promise<PresentState> {
  const { db } = storage;
  const { since: _, until: __, ...names } = f;
  const meant = all(sql`closed_at is null`, ofHandoffs(names));
  const { rows: shown } = await sql<{ shown: ShownStatus; n: number; since: number }>`
    select shown, count(*) as n, min(shown_since) as since from handoffs where ${meant} group by shown`.execute(db);
  const waiting = (row: { n: number; since: number | null } | undefined): Waiting =>
    row && Number(row.n) > 0
      ? { count: Number(row.n), oldestMs: Math.max(0, now - Number(row.since)) }
      : { count: 0, oldestMs: null };
  const { rows: due } = await sql<{ n: number; since: number | null }>`
    select count(*) as n, min(returns_due) as since from handoffs
    where ${meant} and returns_due <= ${now}`.execute(db);
  const open = Object.fromEntries(shown.map((r) => [r.shown, waiting(r)])) as PresentState['open'];
  const { rows: pipelines } = await sql<{ shown: string; n: number }>`
    select shown, count(*) as n from pipelines
    where closed_at is null ${f.session === undefined ? sql`` : sql`and session = ${f.session}`}
    group by shown`.execute(db);
  return {
    open,
    incidents: open.incident ?? { count: 0, oldestMs: null },
    acceptance: open.awaiting_acceptance ?? { count: 0, oldestMs: null },
    returns: waiting(due[0]),
    inbox: await inboxes(storage, names),
    pipelines: Object.fromEntries(pipelines.map((r) => [r.shown, Number(r.n)])),
    database: sizeOf(storage.folder),
  };
}

async function inboxes({ db }: Storage, f: MetricsFilter): Promise<PresentState['inbox']> {
  const { rows } = await sql<{ agent: string; n: number; whole: number }>`
    select target_agent as agent, count(*) as n, sum(count(*)) over () as whole from handoffs
    where closed_at is null and status = 'awaiting_acceptance' and target_agent is not null and ${ofHandoffs(f)}
    group by target_agent order by n desc, target_agent limit ${FULLEST}`.execute(db);
  const agents = Object.fromEntries(rows.map((r) => [r.agent, Number(r.n)]));
  const named = rows.reduce((sum, r) => sum + Number(r.n), 0);
  return { agents, others: Number(rows[0]?.whole ?? 0) - named };
}

function sizeOf(folder: string): PresentState['database'] {
  const size = (name: string): number | undefined => statSync(path.join(folder, name), { throwIfNoEntry: false })?.size;
  const bytes = size('handoff.db');
  return bytes === undefined ? null : { bytes, logBytes: size('handoff.db-wal') ?? 0 };
}

/** Task queues whose state is asked for. */
const MOST_QUEUES = 10;

/** Where open pipelines run. */
export async function pipelineTaskQueues(db: Db): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select distinct task_queue as name from pipelines where closed_at is null
    order by task_queue limit ${MOST_QUEUES}`.execute(db);
  return rows.map((r) => r.name);
}
