import type { Db } from '../database.js';
import { Webhooks, type NewWebhook, type Webhook } from '../events/webhooks.js';
import { appendAudit } from './log.js';

/** Who changes a webhook, and from where. */
interface Changing {
  by: string;
  from?: string | undefined;
}

/**
 * Changes webhooks, and puts that on record with it, all or none. `work` says which one it was, what the log keeps of it,
 * and what comes of it.
 */
export async function changeWebhooks<T>(
  db: Db,
  act: 'webhook.create' | 'webhook.change' | 'webhook.remove' | 'webhook.replay',
  { by, from }: Changing,
  work: (webhooks: Webhooks) => Promise<{ id: string; data: Record<string, unknown>; answer: T }>,
): Promise<T> {
  return db.transaction().execute(async (trx) => {
    const { id, data, answer } = await work(new Webhooks(trx));
    const entry = { at: Date.now(), actor: by, act, subject: `webhook/${id}`, outcome: 'done' as const, data };
    await appendAudit(trx, { ...entry, ...(from === undefined ? {} : { from }) });
    return answer;
  });
}

export const createWebhook = (
  db: Db,
  who: Changing,
  given: NewWebhook,
  owner: string,
  allowPrivate: boolean,
): Promise<{ webhook: Webhook; secret: string }> =>
  changeWebhooks(db, 'webhook.create', who, async (webhooks) => {
    const answer = await webhooks.create(given, owner, allowPrivate);
    const { id, url, types } = answer.webhook;
    return { id, data: { url, types, owner }, answer };
  });

export const removeWebhook = (db: Db, who: Changing, id: string): Promise<void> =>
  changeWebhooks(db, 'webhook.remove', who, async (webhooks) => ({
    id,
    data: {},
    answer: await webhooks.remove(id),
  }));

export const replayWebhook = (
  db: Db,
  who: Changing,
  id: string,
  what: { cursor?: number; letters?: readonly number[] },
): Promise<number> =>
  changeWebhooks(db, 'webhook.replay', who, async (webhooks) => {
    const answer = await webhooks.replay(id, what);
    return { id, data: what.cursor === undefined ? { dead_letters: answer } : { cursor: what.cursor }, answer };
  });
