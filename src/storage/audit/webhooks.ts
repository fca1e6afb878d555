import type { Db } from '../database.js';
import { Webhooks, type NewWebhook, type Webhook } from '../events/webhooks.js';
import { appendAudit } from './log.js';

/** Who changes a webhook, and from where: for the audit log. */
export interface Changing {
  by: string;
  from?: string | undefined;
}

/** Makes a change of webhooks, and puts it on record with it: both or neither. */
function recorded<T>(
  db: Db,
  { by, from }: Changing,
  act: string,
  change: (webhooks: Webhooks) => Promise<{ id: string; data: Record<string, unknown>; answer: T }>,
): Promise<T> {
  return db.transaction().execute(async (trx) => {
    const { id, data, answer } = await change(new Webhooks(trx));
    const entry = { at: Date.now(), actor: by, act, subject: `webhook/${id}`, outcome: 'done' as const, data };
    await appendAudit(trx, { ...entry, ...(from === undefined ? {} : { from }) });
    return answer;
  });
}

/** As {@link Webhooks.create}, on record. The log never has the secret. */
export const createWebhook = (
  db: Db,
  given: NewWebhook,
  owner: string,
  allowPrivate: boolean,
  who: Changing,
): Promise<{ webhook: Webhook; secret: string }> =>
  recorded(db, who, 'webhook.create', async (webhooks) => {
    const answer = await webhooks.create(given, owner, allowPrivate);
    const { id, url, types } = answer.webhook;
    return { id, data: { url, types, owner }, answer };
  });

/** As {@link Webhooks.change}, on record. */
export const changeWebhook = (
  db: Db,
  id: string,
  given: Pick<Partial<NewWebhook>, 'url' | 'types' | 'active'>,
  allowPrivate: boolean,
  who: Changing,
): Promise<Webhook> =>
  recorded(db, who, 'webhook.change', async (webhooks) => ({
    id,
    answer: await webhooks.change(id, given, allowPrivate),
    data: given,
  }));

/** As {@link Webhooks.remove}, on record. */
export const removeWebhook = (db: Db, id: string, who: Changing): Promise<void> =>
  recorded(db, who, 'webhook.remove', async (webhooks) => ({ id, answer: await webhooks.remove(id), data: {} }));

/** As {@link Webhooks.replay}, on record. */
export const replayWebhook = (
  db: Db,
  id: string,
  what: { cursor?: number | undefined; letters?: readonly number[] | undefined },
  who: Changing,
): Promise<number> =>
  recorded(db, who, 'webhook.replay', async (webhooks) => {
    const answer = await webhooks.replay(id, what);
    const { cursor } = what;
    return { id, answer, data: cursor === undefined ? { dead_letters: answer } : { cursor } };
  });
