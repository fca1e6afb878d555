import type { NewEvent, StoredEvent } from '../../core/events/event.js';
import type { Db, Queries } from '../database.js';

/** Writes an event with the change that it tells of: called inside that change's transaction. The same key is one event. */
export async function appendEvent(trx: Queries, event: NewEvent): Promise<void> {
  await trx
    .insertInto('events')
    .values({ ...event, audience: JSON.stringify(event.audience), data: JSON.stringify(event.data) })
    .onConflict((c) => c.column('key').doNothing())
    .execute();
}

/** The outbox, read by whoever passes events on. */
export class Outbox {
  constructor(private readonly db: Db) {}

  /** Events after a cursor (0: all), oldest first. */
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

  /** The cursor of the newest event; 0 where there is none. */
  async last(): Promise<number> {
    const row = await this.db
      .selectFrom('events')
      .select((e) => e.fn.max('seq').as('seq'))
      .executeTakeFirst();
    return Number(row?.seq ?? 0);
  }
}
