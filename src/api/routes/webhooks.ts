import { z } from 'zod';
import { EVENT_TYPES, messageOf } from '../../core/events/event.js';
import { HTTP_URL } from '../../core/fields-schema.js';
import { appendAudit } from '../../storage/audit/log.js';
import type { DeadLetter, Webhook } from '../../storage/events/webhooks.js';
import type { Caller, Routes } from '../deps.js';
import { route } from '../route.js';

const TYPES = z.array(z.enum(EVENT_TYPES)).max(EVENT_TYPES.length).describe('Empty: all.');
const URL_TEXT = z
  .string()
  .max(2000)
  .describe('http or https, and no address within this machine or its networks.')
  .meta({ pattern: HTTP_URL });
const NUMBER = z.number().int();
const TIME = z.iso.datetime();

const WEBHOOK = z.object({
  webhook_id: z.string(),
  url: z.string(),
  types: TYPES,
  owner: z.string(),
  active: z.boolean(),
  disabled_because: z.string().optional(),
  cursor: NUMBER.describe('Every event up to here is delivered, or a dead letter.'),
  failed_attempts: NUMBER.describe('At the next event.'),
  next_attempt_at: TIME.optional(),
  last_status: NUMBER.optional(),
  last_error: z.string().optional(),
  last_attempt_at: TIME.optional(),
  created_at: TIME,
});

const DEAD_LETTER = z.object({
  id: NUMBER,
  event: z.object({
    cursor: NUMBER,
    type: z.enum(EVENT_TYPES),
    subject: z.string(),
    time: TIME,
    data: z.record(z.string(), z.unknown()),
  }),
  attempts: NUMBER,
  error: z.string(),
  died_at: TIME,
  again: z.boolean().describe('It is about to be sent once more.'),
});

const iso = (ms: number): string => new Date(ms).toISOString();

const shown = (w: Webhook): z.infer<typeof WEBHOOK> => ({
  webhook_id: w.id,
  url: w.url,
  types: w.types,
  owner: w.owner,
  active: w.active,
  cursor: w.cursor,
  failed_attempts: w.attempts,
  created_at: iso(w.createdAt),
  ...(w.disabledBecause === undefined ? {} : { disabled_because: w.disabledBecause }),
  ...(w.nextAt === undefined ? {} : { next_attempt_at: iso(w.nextAt) }),
  ...(w.lastStatus === undefined ? {} : { last_status: w.lastStatus }),
  ...(w.lastError === undefined ? {} : { last_error: w.lastError }),
  ...(w.lastAt === undefined ? {} : { last_attempt_at: iso(w.lastAt) }),
});

const letterShown = ({ id, event, attempts, error, diedAt, again }: DeadLetter): z.infer<typeof DEAD_LETTER> => ({
  id,
  event: messageOf(event),
  attempts,
  error,
  died_at: iso(diedAt),
  again,
});

/** Who is told of events by HTTP: for admins. */
export const webhookRoutes: Routes = (app, { storage, settings: { webhookAllowPrivate } }) => {
  const { webhooks } = storage;
  const audit = (act: string, id: string, { by, from }: Caller, data: Record<string, unknown>): Promise<void> => {
    const entry = { at: Date.now(), actor: by, act, subject: `webhook/${id}`, outcome: 'done' as const, data };
    const where = from === undefined ? {} : { from };
    return storage.db.transaction().execute((trx) => appendAudit(trx, { ...entry, ...where }));
  };
  const common = { tag: 'events', act: 'webhook.manage' } as const;
  const one = {
    ...common,
    params: z.object({ webhook_id: z.string().max(64) }),
    problems: ['WEBHOOK_NOT_FOUND'],
  } as const;
  app.get(
    '/webhooks',
    route({
      ...common,
      summary: 'All webhooks, and how far each has come',
      success: { 200: z.object({ webhooks: z.array(WEBHOOK) }) },
    }),
    async () => ({ webhooks: (await webhooks.list()).map(shown) }),
  );
  app.post(
    '/webhooks',
    route({
      ...common,
      summary: 'A new webhook; its secret is shown once',
      details:
        'Events are posted as CloudEvents 1.0 (`application/cloudevents+json`), signed as Standard Webhooks has it, in their order, at least once.',
      notIdempotent: true,
      body: z.strictObject({
        url: URL_TEXT,
        types: TYPES.optional(),
        active: z.boolean().optional(),
        cursor: NUMBER.min(0).max(Number.MAX_SAFE_INTEGER).optional(),
      }),
      success: { 201: WEBHOOK.extend({ secret: z.string() }) },
      problems: ['INVALID_WEBHOOK', 'EVENTS_GONE'],
    }),
    async ({ body, actor }, reply) => {
      const { webhook, secret } = await webhooks.create(body, actor.by, webhookAllowPrivate);
      await audit('webhook.create', webhook.id, actor, { url: webhook.url, types: webhook.types });
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send({ ...shown(webhook), secret });
    },
  );
  app.get(
    '/webhooks/:webhook_id',
    route({ ...one, summary: 'One webhook', success: { 200: WEBHOOK } }),
    async ({ params }) => shown(await webhooks.get(params.webhook_id)),
  );
  app.patch(
    '/webhooks/:webhook_id',
    route({
      ...one,
      summary: 'Change the address, the types, or whether it is active',
      body: z.strictObject({
        url: URL_TEXT.optional(),
        types: TYPES.optional(),
        active: z.boolean().optional(),
      }),
      success: { 200: WEBHOOK },
      problems: ['WEBHOOK_NOT_FOUND', 'INVALID_WEBHOOK'],
    }),
    async ({ params: { webhook_id: id }, body, actor }) => {
      const changed = await webhooks.change(id, body, webhookAllowPrivate);
      await audit('webhook.change', id, actor, body);
      return shown(changed);
    },
  );
  app.delete(
    '/webhooks/:webhook_id',
    route({ ...one, summary: 'Remove a webhook and its dead letters', success: { 204: z.undefined() } }),
    async ({ params: { webhook_id: id }, actor }, reply) => {
      await webhooks.remove(id);
      await audit('webhook.remove', id, actor, {});
      return reply.code(204).send();
    },
  );
  app.get(
    '/webhooks/:webhook_id/dead-letters',
    route({
      ...one,
      summary: 'What could not be delivered, oldest first',
      success: { 200: z.object({ dead_letters: z.array(DEAD_LETTER) }) },
    }),
    async ({ params }) => ({ dead_letters: (await webhooks.deadLetters(params.webhook_id)).map(letterShown) }),
  );
  app.post(
    '/webhooks/:webhook_id/replay',
    route({
      ...one,
      summary: 'Send again: all after a cursor, or dead letters once',
      details:
        'With `cursor` all events after it, in their order. Without it each dead letter, or those named, once more.',
      body: z
        .strictObject({
          cursor: NUMBER.min(0).max(Number.MAX_SAFE_INTEGER).optional(),
          dead_letters: z.array(NUMBER).min(1).max(1000).optional(),
        })
        .refine(
          (b) => b.cursor === undefined || b.dead_letters === undefined,
          'give a cursor or dead letters, not both',
        )
        .meta({ not: { required: ['cursor', 'dead_letters'] } }),
      success: { 202: z.object({ dead_letters: NUMBER.describe('How many are sent again.') }) },
      problems: ['WEBHOOK_NOT_FOUND', 'EVENTS_GONE'],
    }),
    async ({ params: { webhook_id: id }, body: { cursor, dead_letters: letters }, actor }, reply) => {
      const count = await webhooks.replay(id, {
        ...(cursor === undefined ? {} : { cursor }),
        ...(letters ? { letters } : {}),
      });
      await audit('webhook.replay', id, actor, cursor === undefined ? { dead_letters: count } : { cursor });
      return reply.code(202).send({ dead_letters: count });
    },
  );
};
