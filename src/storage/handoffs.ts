import { sql, type Selectable } from 'kysely';
import { checkedFilter, type HandoffFilter } from '../core/filter.js';
import { dueAt, type Countdown } from '../core/clock.js';
import { handoffEvents, startedEvents } from '../core/events/handoff-events.js';
import { isClosed, shownStatus, type HandoffOutcome, type HandoffState, type ShownStatus } from '../core/handoff.js';
import type { Subject } from '../core/request.js';
import type { Completed } from '../core/task.js';
import { blockedBecause } from '../core/words.js';
import type { Db, Queries } from './database.js';
import { appendEvents } from './events/outbox.js';
import type { HandoffTable } from './tables/handoffs.js';

/** What the database knows of a handoff. Times in milliseconds. */
export interface StoredHandoff {
  subject: Subject;
  run: string;
  status: string;
  /** What is shown over the status. */
  shown: ShownStatus;
  /** Why it does not move, if it does not. */
  blocked?: string;
  state?: HandoffState;
  outcome?: HandoffOutcome;
  createdAt: number;
  updatedAt: number;
  closedAt?: number;
  /** The execution that recorded it as completed. */
  completedBy?: string;
}

/** A handoff that waits for its target to accept. */
export interface Offer {
  subject: Subject;
  state: HandoffState;
  /** Milliseconds. */
  createdAt: number;
}

/** The last handoff of a page. */
export interface PageEnd {
  /** Milliseconds. */
  createdAt: number;
  handoffId: string;
}

interface Snapshot {
  subject: Subject;
  state?: HandoffState;
}

/** Since when it is shown as it is. */
function shownSince(s: HandoffState): number {
  const shown = shownStatus(s);
  if (shown === 'incident') return Math.min(...s.incidents.map((i) => i.at));
  if (shown === 'paused' || shown === 'draining') return s.pausedSince ?? s.since;
  return shown === 'awaiting_acceptance' ? (s.acceptance.offeredAt ?? s.since) : s.since;
}

/** When the first return that is still expected is late, or was. A clock that stands still says nothing. */
function returnsDue({ returns = {} }: HandoffState): number | undefined {
  const due = (c: Countdown | undefined): number | undefined => c && dueAt(c);
  const times = Object.values(returns)
    .filter((r) => r.status === 'expected')
    .flatMap((r) => r.lateSince ?? due(r.expected) ?? due(r.deadline) ?? []);
  return times.length > 0 ? Math.min(...times) : undefined;
}

const storedOf = (r: Selectable<HandoffTable>): StoredHandoff => {
  const { subject, state } = JSON.parse(r.snapshot) as Snapshot;
  return {
    subject,
    run: r.run,
    status: r.status,
    shown: r.shown as ShownStatus,
    ...(r.blocked === null ? {} : { blocked: r.blocked }),
    createdAt: r.created_at,
    updatedAt: r.updated_at,
    ...(state ? { state } : {}),
    ...(r.outcome === null ? {} : { outcome: JSON.parse(r.outcome) as HandoffOutcome }),
    ...(r.closed_at === null ? {} : { closedAt: r.closed_at }),
    ...(r.completed_by === null ? {} : { completedBy: r.completed_by }),
  };
};

/** What stands there as completed, if this execution recorded it. */
export function completedBy(execution: string, known: StoredHandoff | undefined): Completed | undefined {
  if (known?.completedBy !== execution || !known.state || !known.outcome) return undefined;
  return { state: known.state, outcome: known.outcome };
}

/** Whether it was written. The record that it replaces says what is new, and so what is told. */
async function write(
  trx: Queries,
  subject: Subject,
  state: HandoffState,
  outcome?: HandoffOutcome,
  execution?: string,
): Promise<boolean> {
  const now = Date.now();
  const { handoffId } = subject;
  const before = await trx.selectFrom('handoffs').select('snapshot').where('id', '=', handoffId).executeTakeFirst();
  const { numUpdatedRows } = await trx
    .updateTable('handoffs')
    .set({
      status: state.status,
      shown: shownStatus(state),
      blocked: blockedBecause(state) ?? null,
      shown_since: shownSince(state),
      returns_due: returnsDue(state) ?? null,
      snapshot: JSON.stringify({ subject, state } satisfies Snapshot),
      outcome: outcome ? JSON.stringify(outcome) : null,
      updated_at: now,
      closed_at: isClosed(state.status) ? now : null,
      completed_by: outcome?.outcome === 'completed' ? (execution ?? null) : null,
      as_of: state.lastEventAt,
    })
    .where('id', '=', handoffId)
    .$if(execution !== undefined, (q) => q.where(sql<boolean>`completed_by is not ${execution!}`))
    .$if(!outcome, (q) => q.where('as_of', '<=', state.lastEventAt))
    .executeTakeFirst();
  if (!before || numUpdatedRows === 0n) return false;
  const known = (JSON.parse(before.snapshot) as Snapshot).state;
  await appendEvents(trx, handoffEvents(subject, known, state, now));
  return true;
}

/** The projection of all handoffs: what is known of them without asking their runs, and after Temporal has forgotten them. */
export class Handoffs {
  constructor(private readonly db: Db) {}

  /** Registers a handoff for the run `run` (its first execution's id); returns what stood there before, if anything did. */
  async register(subject: Subject, run: string, status: 'pending' | 'running'): Promise<StoredHandoff | undefined> {
    return this.db.transaction().execute(async (trx) => {
      const known = await trx.selectFrom('handoffs').selectAll().where('id', '=', subject.handoffId).executeTakeFirst();
      if (known) return storedOf(known);
      const now = Date.now();
      await trx
        .insertInto('handoffs')
        .values({
          id: subject.handoffId,
          run,
          procedure: subject.procedure.id,
          procedure_digest: subject.procedure.digest,
          request_digest: subject.requestDigest,
          session: subject.session,
          type: subject.type,
          priority: subject.priority,
          source_agent: subject.source.agent ?? null,
          source_phase: subject.source.phase ?? null,
          target_agent: subject.target.agent ?? null,
          target_phase: subject.target.phase ?? null,
          status,
          shown: status,
          blocked: null,
          shown_since: now,
          returns_due: null,
          snapshot: JSON.stringify({ subject } satisfies Snapshot),
          outcome: null,
          created_at: now,
          updated_at: now,
          closed_at: null,
          completed_by: null,
          as_of: 0,
        })
        .execute();
      await appendEvents(trx, startedEvents(subject, now));
      return undefined;
    });
  }

  /**
   * Writes the present state, and what it tells others of; with `outcome` it is closed. One that is older than what is
   * written changes nothing. Nor does what `execution` writes after it recorded the handoff as completed: that is returned then.
   */
  async project(
    subject: Subject,
    state: HandoffState,
    outcome?: HandoffOutcome,
    execution?: string,
  ): Promise<Completed | undefined> {
    const { db } = this;
    const isWritten = await (db.isTransaction
      ? write(db, subject, state, outcome, execution)
      : db.transaction().execute((trx) => write(trx, subject, state, outcome, execution)));
    if (execution === undefined || isWritten) return undefined;
    return completedBy(execution, await this.find(subject.handoffId));
  }

  async find(id: string): Promise<StoredHandoff | undefined> {
    const row = await this.db.selectFrom('handoffs').selectAll().where('id', '=', id).executeTakeFirst();
    return row && storedOf(row);
  }

  /** Newest first; 100 without a limit. Throws INVALID_REQUEST. */
  async list(filter: HandoffFilter = {}): Promise<StoredHandoff[]> {
    const rows = await this.matching(filter)
      .selectAll()
      .limit(filter.limit ?? 100)
      .execute();
    return rows.map(storedOf);
  }

  /** The ids of all that match at this moment, newest first. Throws INVALID_REQUEST. */
  async ids(filter: HandoffFilter): Promise<string[]> {
    const q = this.matching(filter).select('id');
    const rows = await (filter.limit === undefined ? q : q.limit(filter.limit)).execute();
    return rows.map((r) => r.id);
  }

  /**
   * One page of a list, newest first: of those that `party` is the source's or the target's agent of, and that come after
   * `after`. Throws INVALID_REQUEST.
   */
  async page(
    filter: HandoffFilter,
    { party, after, limit }: { party?: string; after?: PageEnd; limit: number },
  ): Promise<StoredHandoff[]> {
    let q = this.matching(filter).selectAll().limit(limit);
    if (party !== undefined) q = q.where((e) => e.or([e('source_agent', '=', party), e('target_agent', '=', party)]));
    if (after)
      q = q.where((e) =>
        e.or([
          e('created_at', '<', after.createdAt),
          e.and([e('created_at', '=', after.createdAt), e('id', '>', after.handoffId)]),
        ]),
      );
    return (await q.execute()).map(storedOf);
  }

  private matching(given: HandoffFilter) {
    const f = checkedFilter(given);
    let q = this.db.selectFrom('handoffs');
    if (f.status) q = q.where('shown', '=', f.status);
    if (f.session) q = q.where('session', '=', f.session);
    if (f.procedure) q = q.where('procedure', '=', f.procedure);
    if (f.priority) q = q.where('priority', '=', f.priority);
    const { source, target, blocked } = f;
    if (source) q = q.where((e) => e.or([e('source_agent', '=', source), e('source_phase', '=', source)]));
    if (target) q = q.where((e) => e.or([e('target_agent', '=', target), e('target_phase', '=', target)]));
    // LIKE would take `_` and `%` for more than themselves, and does not tell cases apart.
    if (blocked) q = q.where(sql<string>`substr(blocked, 1, length(${blocked}))`, '=', blocked);
    if (f.startedAfter !== undefined) q = q.where('created_at', '>=', f.startedAfter);
    if (f.startedBefore !== undefined) q = q.where('created_at', '<', f.startedBefore);
    if (f.open) q = q.where('closed_at', 'is', null);
    return q.orderBy('created_at', 'desc').orderBy('id');
  }

  /** What waits for an agent to accept: by priority, then the oldest first. Each is parsed as it is asked for. */
  async offersTo(agent: string): Promise<Iterable<Offer>> {
    const rows = await this.db
      .selectFrom('handoffs')
      .select(['snapshot', 'created_at'])
      .where('target_agent', '=', agent)
      .where('status', '=', sql.lit('awaiting_acceptance'))
      .orderBy(sql`case priority when 'immediate' then 0 when 'normal' then 1 else 2 end`)
      .orderBy('created_at')
      .orderBy('id')
      .execute();
    return (function* () {
      for (const r of rows) {
        const { subject, state } = JSON.parse(r.snapshot) as Snapshot;
        if (state) yield { subject, state, createdAt: r.created_at };
      }
    })();
  }

  /**
   * Open handoffs that lie with an agent, have begun, and came before `before`: of several that come together, each
   * counts only those that were there first.
   */
  async loadOf(agent: string, before: string): Promise<number> {
    const mine = await this.db.selectFrom('handoffs').select('created_at').where('id', '=', before).executeTakeFirst();
    const { n } = await this.db
      .selectFrom('handoffs')
      .select((e) => e.fn.countAll<number>().as('n'))
      .where('target_agent', '=', agent)
      .where('closed_at', 'is', null)
      .where('status', '!=', 'pending')
      .where('id', '!=', before)
      .$if(mine !== undefined, (q) =>
        q.where((e) =>
          e.or([
            e('created_at', '<', mine!.created_at),
            e.and([e('created_at', '=', mine!.created_at), e('id', '<', before)]),
          ]),
        ),
      )
      .executeTakeFirstOrThrow();
    return Number(n);
  }

  /** The last states of the newest completed handoffs of a procedure, for estimates. */
  async completedStates(procedure: string, limit = 50): Promise<HandoffState[]> {
    const rows = await this.db
      .selectFrom('handoffs')
      .select('snapshot')
      .where('procedure', '=', procedure)
      .where('status', '=', 'completed')
      .orderBy('closed_at', 'desc')
      .limit(limit)
      .execute();
    return rows.flatMap((r) => (JSON.parse(r.snapshot) as Snapshot).state ?? []);
  }

  /** Which of these procedures have completed in a session. */
  async completedIn(session: string, procedures: readonly string[]): Promise<string[]> {
    if (procedures.length === 0) return [];
    const rows = await this.db
      .selectFrom('handoffs')
      .select('procedure')
      .distinct()
      .where('session', '=', session)
      .where('status', '=', 'completed')
      .where('procedure', 'in', [...procedures])
      .execute();
    return rows.map((r) => r.procedure);
  }
}
