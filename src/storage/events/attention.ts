import type { Selectable } from 'kysely';
import type { NewEvent } from '../../core/events/event.js';
import type { Waiting } from '../../core/events/waiting.js';
import type { Db, Queries } from '../database.js';
import type { AttentionTable } from '../tables/events.js';
import { appendEvents } from './outbox.js';

type Row = Selectable<AttentionTable>;

/** Who was told what, and who has seen it: shared by all processes of a service. Times in milliseconds. */
export class Attention {
  constructor(private readonly db: Db) {}

  /**
   * Tells of all that waits at a subject and was not told yet, and forgets what waits no more. `remindMs`: when it is told
   * again. What two processes find at once is told once.
   */
  async settle(subject: string, waiting: readonly Waiting[], remindMs: number, now = Date.now()): Promise<void> {
    const rows = await this.db.selectFrom('attention').selectAll().where('subject', '=', subject).execute();
    const present = waiting.flatMap((w) => w.whom.map((whom) => ({ w, whom })));
    const isSame = (row: Row, p: (typeof present)[number]): boolean => row.whom === p.whom && row.mark === p.w.mark;
    const fresh = present.filter((p) => !rows.some((row) => isSame(row, p)));
    const over = rows.filter((row) => !present.some((p) => isSame(row, p)));
    if (fresh.length + over.length === 0) return;
    await this.db.transaction().execute(async (trx) => {
      for (const { whom, mark } of over) await keyed(trx.deleteFrom('attention'), { subject, whom, mark }).execute();
      for (const { w, whom } of fresh) {
        const row = { subject, whom, mark: w.mark, since: w.since, told: 1, next_at: now + remindMs };
        const { numInsertedOrUpdatedRows } = await trx
          .insertInto('attention')
          .values({ ...row, seen_at: null, seen_by: null })
          .onConflict((c) => c.doNothing())
          .executeTakeFirst();
        if (numInsertedOrUpdatedRows) await tell(trx, w, whom, 1, now);
      }
    });
  }

  /** Subjects with something that is to be told again. */
  async due(now: number, limit = 200): Promise<string[]> {
    const rows = await this.db
      .selectFrom('attention')
      .select('subject')
      .distinct()
      .where('next_at', '<=', now)
      .where('seen_at', 'is', null)
      .limit(limit)
      .execute();
    return rows.map((r) => r.subject);
  }

  /** Tells again what is due of what still waits at a subject; each time once, whoever else looks at it. */
  async remind(subject: string, waiting: readonly Waiting[], remindMs: number, now = Date.now()): Promise<void> {
    await this.db.transaction().execute(async (trx) => {
      const rows = await trx
        .selectFrom('attention')
        .selectAll()
        .where('subject', '=', subject)
        .where('next_at', '<=', now)
        .where('seen_at', 'is', null)
        .execute();
      for (const row of rows) {
        const w = waiting.find((one) => one.mark === row.mark && one.whom.includes(row.whom));
        if (!w) continue;
        const told = row.told + 1;
        await keyed(trx.updateTable('attention').set({ told, next_at: now + remindMs }), row).execute();
        await tell(trx, w, row.whom, told, now);
      }
    });
  }

  /** Nobody of these names is told of it again, this time. Says how many things that were. */
  async seen(subject: string, names: readonly string[], by: string, now = Date.now()): Promise<number> {
    const { numUpdatedRows } = await this.db
      .updateTable('attention')
      .set({ seen_at: now, seen_by: by })
      .where('subject', '=', subject)
      .where('whom', 'in', [...names])
      .where('seen_at', 'is', null)
      .executeTakeFirst();
    return Number(numUpdatedRows);
  }

  /** What these names have seen, as `subject mark`. */
  async seenBy(names: readonly string[]): Promise<Set<string>> {
    const rows = await this.db
      .selectFrom('attention')
      .select(['subject', 'mark'])
      .where('whom', 'in', [...names])
      .where('seen_at', 'is not', null)
      .execute();
    return new Set(rows.map((r) => `${r.subject} ${r.mark}`));
  }

  /** Of all that waits now, the subjects where somebody is to be told, or what waits no more is to be forgotten: one read. */
  async unsettled(waiting: readonly Waiting[]): Promise<string[]> {
    const rows = await this.db.selectFrom('attention').select(['subject', 'whom', 'mark']).execute();
    const told = new Map(rows.map((r) => [`${r.subject} ${r.whom} ${r.mark}`, r.subject]));
    const present = new Map(
      waiting.flatMap((w) => w.whom.map((whom) => [`${w.subject} ${whom} ${w.mark}`, w.subject])),
    );
    const apart = [...present, ...told].filter(([key]) => !(told.has(key) && present.has(key)));
    return [...new Set(apart.map(([, subject]) => subject))];
  }
}

function keyed<Q extends { where: (column: 'subject' | 'whom' | 'mark', op: '=', value: string) => Q }>(
  query: Q,
  { subject, whom, mark }: Pick<Row, 'subject' | 'whom' | 'mark'>,
): Q {
  return query.where('subject', '=', subject).where('whom', '=', whom).where('mark', '=', mark);
}

async function tell(trx: Queries, w: Waiting, whom: string, told: number, now: number): Promise<void> {
  const { subject, mark, since, words, todo } = w;
  const event: NewEvent = {
    type: 'handoff:waiting',
    subject,
    key: `waiting/${subject}/${mark}/${whom}/${told}`,
    audience: [whom],
    data: { whom, words, since: new Date(since).toISOString(), told, todo },
    at: now,
  };
  await appendEvents(trx, [event]);
}
