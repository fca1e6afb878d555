import { HandoffError, invalid } from '../../core/errors.js';
import type { NewEvent, StoredEvent } from '../../core/events/event.js';
import type { Db, Queries } from '../database.js';
import type { EventTable } from '../tables/service.js';

/** Writes an event with the change that it tells of: called inside that change's transaction. The same key is one event. */
export async function appendEvent(trx: Queries, event: NewEvent): Promise<void> {
  await appendEvents(trx, [event]);
}

/** The same of several, in their order; of none it is nothing. One statement. */
export async function appendEvents(trx: Queries, events: readonly NewEvent[]): Promise<void> {
  if (events.length === 0) return;
  await trx
    .insertInto('events')
    .values(events.map(rowOf))
    .onConflict((c) => c.column('key').doNothing())
    .execute();
}

const rowOf = (event: NewEvent): Omit<EventTable, 'seq'> => ({
  ...event,
  audience: JSON.stringify(event.audience),
  data: JSON.stringify(event.data),
});

/** The name of the mark up to which events were removed. */
const FLOOR = 'events.floor';

/**
 * The outbox, read by whoever passes events on. `seq` is a cursor without gaps that fill up later: SQLite lets one process
 * write at a time, and numbers the row within the transaction that holds the lock, so the order of the numbers is the order
 * of the commits. On PostgreSQL numbers are drawn before the commit, and a smaller one can show after a larger: an adapter
 * there has to take a lock in `appendEvents` (`pg_advisory_xact_lock`), or read only below the oldest open transaction.
 */
export class Outbox {
  constructor(private readonly db: Db) {}

  /** Events after a cursor (0: all that there are), oldest first. */
  async after(cursor: number, limit = 500): Promise<StoredEvent[]> {
    const rows = await this.db
      .selectFrom('events')
      .selectAll()
      .where('seq', '>', cursor)
      .orderBy('seq')
      .limit(limit)
      .execute();
    return rows.map((r) => ({
      ...r,
      type: r.type as StoredEvent['type'],
      audience: JSON.parse(r.audience) as string[],
      data: JSON.parse(r.data) as Record<string, unknown>,
    }));
  }

  /**
   * 0 asks for what there is. Throws EVENTS_GONE where events after this cursor were removed since, and INVALID_INPUT of
   * one that lies ahead, as of another database: who waits there would miss what comes before it.
   */
  async checkCursor(cursor: number): Promise<void> {
    const floor = await this.floor();
    if (cursor !== 0 && cursor < floor) throw new HandoffError('EVENTS_GONE', { cursor, floor });
    const last = await this.last();
    if (cursor > last)
      throw invalid('INVALID_INPUT', [{ path: 'cursor', message: `must not be over ${last}, the newest` }]);
  }

  /** The cursor of the newest event; 0 where there is none. */
  async last(): Promise<number> {
    const row = await this.db
      .selectFrom('events')
      .select((e) => e.fn.max('seq').as('seq'))
      .executeTakeFirst();
    return Math.max(Number(row?.seq ?? 0), await this.floor());
  }

  /**
   * Removes events from before `before` (milliseconds) that every active webhook has had, at most `limit` of them, and
   * says how many. Whoever asks for one of them later hears that it is gone.
   */
  async prune(before: number, limit = 1000): Promise<number> {
    return this.db.transaction().execute(async (trx) => {
      const { behind } = await trx
        .selectFrom('webhooks')
        .select((e) => e.fn.min('cursor').as('behind'))
        .where('active', '=', 1)
        .executeTakeFirstOrThrow();
      const old = await trx
        .selectFrom('events')
        .select(['seq', 'at'])
        .$if(behind !== null, (q) => q.where('seq', '<=', behind))
        .orderBy('seq')
        .limit(limit)
        .execute();
      // Of a row of numbers, so that none before the floor is left.
      const end = old.findIndex((e) => e.at >= before);
      const gone = end === -1 ? old : old.slice(0, end);
      const last = gone.at(-1);
      if (!last) return 0;
      await trx.deleteFrom('events').where('seq', '<=', last.seq).execute();
      await trx
        .insertInto('marks')
        .values({ name: FLOOR, value: last.seq })
        .onConflict((c) => c.column('name').doUpdateSet({ value: last.seq }))
        .execute();
      return gone.length;
    });
  }

  private async floor(): Promise<number> {
    const row = await this.db.selectFrom('marks').select('value').where('name', '=', FLOOR).executeTakeFirst();
    return row?.value ?? 0;
  }
}
