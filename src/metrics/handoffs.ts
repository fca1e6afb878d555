import { sql, type RawBuilder } from 'kysely';
import type { Outcome, UndoResult } from '../core/handoff.js';
import type { Db } from '../storage/database.js';
import { belongsEach, ofHandoffs } from './filter.js';
import type { Ends, HandoffCounts, MetricsFilter, Performance, Spans } from './metrics.js';
import { NO_SPANS, between, ratio, spansBy, spansOf } from './spans.js';

/** Groups with the most handoffs that are shown by name. */
const LARGEST = 20;

const OUTCOMES: readonly Outcome[] = ['completed', 'rejected', 'expired', 'cancelled', 'failed'];

/** How many of one procedure and type ended so. `outcome` null: they are open. */
interface Count {
  procedure: string;
  type: string;
  outcome: Outcome | null;
  n: number;
}

/** What handoffs came to. */
export async function handoffCounts(db: Db, f: MetricsFilter): Promise<HandoffCounts> {
  const counts = await countsOf(db, f);
  const spans = await completedSpans(db, f);
  return {
    ...performance(counts, spansOf(spans.map((s) => s.d))),
    byType: grouped(counts, 'type', spansBy(spans.map((s) => [s.type, s.d]))),
    byProcedure: grouped(counts, 'procedure', spansBy(spans.map((s) => [s.procedure, s.d]))),
    sessions: await sessionsOf(db, f),
    retries: await retriesOf(db, f),
    undone: await undoneOf(db, f),
  };
}

// The literal words `closed_at is not null` let the index answer that has nothing but these.
async function completedSpans(db: Db, f: MetricsFilter): Promise<{ type: string; procedure: string; d: number }[]> {
  const { rows } = await sql<{ type: string; procedure: string; d: number }>`
    select type, procedure, ${between('created_at', 'closed_at')} as d from handoffs
    where closed_at is not null and status = 'completed' and ${ofHandoffs(f)}`.execute(db);
  return rows.map((r) => ({ ...r, d: Number(r.d) }));
}

async function countsOf(db: Db, f: MetricsFilter): Promise<Count[]> {
  const { rows } = await sql<Count>`
    select procedure, type, status as outcome, count(*) as n from handoffs
    where closed_at is not null and ${ofHandoffs(f)} group by type, procedure, status
    union all
    select procedure, type, null as outcome, count(*) as n from handoffs
    where closed_at is null and ${ofHandoffs(f)} group by type, procedure`.execute(db);
  return rows.map((r) => ({ ...r, n: Number(r.n) }));
}

function endsOf(counts: readonly Pick<Count, 'outcome' | 'n'>[]): Ends {
  const outcomes: Ends['outcomes'] = { completed: 0, rejected: 0, expired: 0, cancelled: 0, failed: 0 };
  let open = 0;
  for (const { outcome, n } of counts) {
    if (outcome === null) open += n;
    else outcomes[outcome] += n;
  }
  const closed = Object.values(outcomes).reduce((sum, n) => sum + n, 0);
  return { total: closed + open, open, outcomes, successRate: ratio(outcomes.completed, closed) };
}

const performance = (counts: readonly Count[], durationMs: Spans = NO_SPANS): Performance => ({
  ...endsOf(counts),
  durationMs,
});

function grouped(
  counts: readonly Count[],
  by: 'type' | 'procedure',
  spans: ReadonlyMap<string, Spans>,
): Record<string, Performance> {
  const keys = [...new Set(counts.map((c) => c[by]))];
  const rows = keys.map((key) => {
    const list = counts.filter((c) => c[by] === key);
    return [key, performance(list, spans.get(key))] as const;
  });
  return Object.fromEntries(rows.toSorted((a, b) => b[1].total - a[1].total || (a[0] < b[0] ? -1 : 1)));
}

/** By the index that has all of it, in its order. */
async function sessionsOf(db: Db, f: MetricsFilter): Promise<HandoffCounts['sessions']> {
  const is = (outcome: RawBuilder<unknown>): RawBuilder<number> =>
    sql<number>`sum(case when ${outcome} then 1 else 0 end)`;
  const ended = (outcome: Outcome): RawBuilder<number> =>
    is(sql`closed_at is not null and status = ${sql.lit(outcome)}`);
  const spanOfCompleted = sql`case when closed_at is not null and status = 'completed' then ${between('created_at', 'closed_at')} end`;
  const { rows } = await sql<Record<Outcome | 'open' | 'total', number> & { session: string; mean: number | null }>`
    select session, count(*) over () as total, ${is(sql`closed_at is null`)} as open,
      ${ended('completed')} as completed, ${ended('rejected')} as rejected, ${ended('expired')} as expired,
      ${ended('cancelled')} as cancelled, ${ended('failed')} as failed, avg(${spanOfCompleted}) as mean
    from handoffs where ${ofHandoffs(f)}
    group by session order by count(*) desc, session limit ${LARGEST}`.execute(db);
  return {
    total: Number(rows[0]?.total ?? 0),
    largest: rows.map((r) => {
      const closed = OUTCOMES.map((outcome) => ({ outcome, n: Number(r[outcome]) }));
      const ends = endsOf([...closed, { outcome: null, n: Number(r.open) }]);
      return { session: r.session, ...ends, meanMs: Math.round(Number(r.mean ?? 0)) };
    }),
  };
}

/** Attempts beyond the first. */
export async function retriesOf(db: Db, f: MetricsFilter): Promise<HandoffCounts['retries']> {
  const mine = belongsEach(f, 'steps.handoff');
  const { rows } = await sql<{ step: string; n: number }>`
    select step, sum(tries - 1) as n from steps where tries > 1 ${mine ? sql`and ${mine}` : sql``}
    group by step order by n desc, step`.execute(db);
  const byStep = Object.fromEntries(rows.map((r) => [r.step, Number(r.n)]));
  return { total: Object.values(byStep).reduce((sum, n) => sum + n, 0), byStep };
}

/** Effects that were taken back. */
export async function undoneOf(db: Db, f: MetricsFilter): Promise<HandoffCounts['undone']> {
  const mine = belongsEach(f, 'effects.handoff');
  const { rows } = await sql<{ result: UndoResult | null; n: number }>`
    select undo_result as result, count(*) as n from effects
    where status = 'undone' ${mine ? sql`and ${mine}` : sql``} group by undo_result`.execute(db);
  const byResult = Object.fromEntries(rows.map((r) => [r.result ?? 'undone', Number(r.n)]));
  return { total: Object.values(byResult).reduce((sum, n) => sum + n, 0), byResult };
}
