import type { Selectable } from 'kysely';
import type { StoredEvent } from '../../core/events/event.js';
import type { Db } from '../database.js';
import type { WebhookTable } from '../tables/events.js';

/** What a delivery came to. */
export interface Attempt {
  status?: number;
  error?: string;
}

export interface DueLetter {
  id: number;
  event: StoredEvent;
}

/** What the deliverer of one process writes. Every write asks whether the webhook is still its own. */
export class Deliveries {
  constructor(
    private readonly db: Db,
    /** Names this process, and nobody else. */
    private readonly owner: string,
    private readonly leaseMs: number,
  ) {}

  /** Webhooks that have something to be sent now, and that no other process holds. */
  async due(now: number): Promise<string[]> {
    const rows = await this.db
      .selectFrom('webhooks as w')
      .select('w.id')
      .where('w.active', '=', 1)
      .where((e) => e.or([e('w.lease_until', '<=', now), e('w.lease', '=', this.owner)]))
      .where((e) =>
        e.or([
          e.and([
            e('w.next_at', '<=', now),
            e(
              'w.cursor',
              '<',
              e.selectFrom('events').select((f) => f.fn.max('seq').as('last')),
            ),
          ]),
          e.exists(
            e
              .selectFrom('dead_letters as d')
              .select('d.id')
              .whereRef('d.webhook', '=', 'w.id')
              .where('d.again', '=', 1),
          ),
        ]),
      )
      .execute();
    return rows.map((r) => r.id);
  }

  /** Takes a webhook, or keeps it: undefined where another process has it, or it is gone or not active. */
  async take(id: string, now = Date.now()): Promise<Selectable<WebhookTable> | undefined> {
    return this.db
      .updateTable('webhooks')
      .set({ lease: this.owner, lease_until: now + this.leaseMs })
      .where('id', '=', id)
      .where('active', '=', 1)
      .where((e) => e.or([e('lease_until', '<=', now), e('lease', '=', this.owner)]))
      .returningAll()
      .executeTakeFirst();
  }

  async release(id: string): Promise<void> {
    await this.held(id).set({ lease: null, lease_until: 0 }).execute();
  }

  /** Everything up to `seq` is delivered, or was not for this one. */
  async advance(id: string, from: number, seq: number, attempt?: Attempt): Promise<boolean> {
    const said = attempt ? { attempts: 0, next_at: 0, ...lastOf(attempt) } : {};
    const { numUpdatedRows } = await this.held(id)
      .set({ cursor: seq, ...said })
      .where('cursor', '=', from)
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /** It failed, and is tried again at `nextAt`. */
  async postpone(id: string, from: number, attempt: Attempt, nextAt: number): Promise<void> {
    await this.held(id)
      .set((e) => ({ attempts: e('attempts', '+', 1), next_at: nextAt, ...lastOf(attempt) }))
      .where('cursor', '=', from)
      .execute();
  }

  /** It failed too often: the event goes to the dead letters, and the next one has its turn. */
  async bury(id: string, from: number, event: StoredEvent, attempts: number, attempt: Attempt): Promise<void> {
    await this.db.transaction().execute(async (trx) => {
      const own = new Deliveries(trx, this.owner, this.leaseMs);
      if (!(await own.advance(id, from, event.seq, attempt))) return;
      const error = attempt.error ?? '';
      await trx
        .insertInto('dead_letters')
        .values({
          webhook: id,
          seq: event.seq,
          event: JSON.stringify(event),
          attempts,
          error,
          died_at: Date.now(),
          again: 0,
        })
        .onConflict((c) =>
          c.columns(['webhook', 'seq']).doUpdateSet({ attempts, error, died_at: Date.now(), again: 0 }),
        )
        .execute();
    });
  }

  async disable(id: string, because: string, attempt: Attempt): Promise<void> {
    await this.held(id)
      .set({ active: 0, disabled_because: because, attempts: 0, next_at: 0, ...lastOf(attempt) })
      .execute();
  }

  /** Dead letters that are to be sent once more, oldest first. */
  async letters(id: string): Promise<DueLetter[]> {
    const rows = await this.db
      .selectFrom('dead_letters')
      .select(['id', 'event'])
      .where('webhook', '=', id)
      .where('again', '=', 1)
      .orderBy('seq')
      .limit(100)
      .execute();
    return rows.map((r) => ({ id: r.id, event: JSON.parse(r.event) as StoredEvent }));
  }

  /** What became of a letter that was sent once more: it is gone, or stays as it was. */
  async settle(letter: number, attempt: Attempt): Promise<void> {
    if (attempt.error === undefined) {
      await this.db.deleteFrom('dead_letters').where('id', '=', letter).execute();
      return;
    }
    await this.db
      .updateTable('dead_letters')
      .set((e) => ({ again: 0, attempts: e('attempts', '+', 1), error: attempt.error! }))
      .where('id', '=', letter)
      .execute();
  }

  private held(id: string) {
    return this.db.updateTable('webhooks').where('id', '=', id).where('lease', '=', this.owner);
  }
}

const lastOf = ({ status, error }: Attempt): Pick<WebhookTable, 'last_status' | 'last_error' | 'last_at'> => ({
  last_status: status ?? null,
  last_error: error ?? null,
  last_at: Date.now(),
});
