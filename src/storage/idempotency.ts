import type { Db } from './database.js';

/** How long an answer is kept, milliseconds. */
const KEPT_MS = 24 * 60 * 60 * 1000;
/** After so long a request that was never answered is taken for one whose process died. */
const IN_FLIGHT_MS = 60_000;

/** An answer that was given, to be given again. */
export interface KeptAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** What a key stands for when it is sent: a new request, one that is at work, the answer to the same, or another one. */
export type Begun = { is: 'new' } | { is: 'in_flight' } | { is: 'other' } | { is: 'answered'; answer: KeptAnswer };

/** Answers to requests that named themselves, so that the same one, sent again, is not done again. */
export class IdempotencyKeys {
  constructor(private readonly db: Db) {}

  /** Takes a key of an agent for a request, which `fingerprint` tells from others. */
  async begin(agent: string, key: string, fingerprint: string, now = Date.now()): Promise<Begun> {
    return this.db.transaction().execute(async (trx) => {
      const row = await trx
        .selectFrom('idempotency')
        .selectAll()
        .where('agent', '=', agent)
        .where('key', '=', key)
        .executeTakeFirst();
      const open = row !== undefined && row.status === null;
      const over = row && row.created_at <= now - (open ? IN_FLIGHT_MS : KEPT_MS);
      if (row && !over) {
        if (row.fingerprint !== fingerprint) return { is: 'other' };
        if (row.status === null) return { is: 'in_flight' };
        const headers = JSON.parse(row.headers ?? '{}') as Record<string, string>;
        return { is: 'answered', answer: { status: row.status, headers, body: row.body ?? '' } };
      }
      await trx
        .deleteFrom('idempotency')
        .where('created_at', '<=', now - KEPT_MS)
        .execute();
      const fresh = { fingerprint, status: null, headers: null, body: null, created_at: now };
      await trx
        .insertInto('idempotency')
        .values({ agent, key, ...fresh })
        .onConflict((c) => c.columns(['agent', 'key']).doUpdateSet(fresh))
        .execute();
      return { is: 'new' };
    });
  }

  async answered(agent: string, key: string, { status, headers, body }: KeptAnswer): Promise<void> {
    await this.db
      .updateTable('idempotency')
      .set({ status, headers: JSON.stringify(headers), body })
      .where('agent', '=', agent)
      .where('key', '=', key)
      .execute();
  }

  /** Gives a key back: what came of the request is worth no repetition. */
  async forget(agent: string, key: string): Promise<void> {
    await this.db.deleteFrom('idempotency').where('agent', '=', agent).where('key', '=', key).execute();
  }
}
