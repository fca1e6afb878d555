import { z } from 'zod';
import { HTTP_URL } from './fields-schema.js';
import { WORKFLOW_PREFIX } from './ids.js';
import { TRIGGER_KINDS, type TriggerSpec } from './trigger.js';

/** Characters of JSON that a request may send along as arguments: they stand in two histories. */
const ARGS_LIMIT = 8 * 1024;
/** A field's name, as RFC 9110 has it. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;
/** Headers that are ours to set, or the connection's. */
const TAKEN = new Set([
  'content-type',
  'content-length',
  'idempotency-key',
  'host',
  'connection',
  'transfer-encoding',
  'expect',
  'upgrade',
  'keep-alive',
]);

const text = (most = 200) =>
  z
    .string()
    .min(1)
    .max(most)
    .refine((v) => !/\p{Cc}/u.test(v), 'must not contain control characters')
    .meta({ pattern: String.raw`^[^\x00-\x1f\x7f-\x9f]+$` });
const args = z
  .array(z.json())
  .max(20)
  .refine((v) => (JSON.stringify(v) ?? '').length <= ARGS_LIMIT, `is longer than ${ARGS_LIMIT} characters as JSON`)
  .optional();

const headers = z
  .record(
    z
      .string()
      .regex(TOKEN, 'is not the name of a header')
      .refine((name) => !TAKEN.has(name.toLowerCase()), 'is set by the engine'),
    // What is no visible ASCII a server may read otherwise than it was meant, and a line break adds a header.
    z
      .string()
      .max(4096)
      .regex(/^[\x20-\x7e]*$/, 'must be visible ASCII without control characters'),
  )
  .refine((h) => Object.keys(h).length <= 50, 'must be 50 at most')
  .optional();

const url = z
  .string()
  .max(2048)
  .superRefine((v, ctx) => {
    const why = faultOfUrl(v);
    if (why) ctx.addIssue({ code: 'custom', message: why });
  })
  .meta({ pattern: HTTP_URL });

function faultOfUrl(v: string): string | undefined {
  if (!URL.canParse(v)) return 'is not a URL';
  const { protocol, username, password } = new URL(v);
  if (protocol !== 'http:' && protocol !== 'https:') return 'must begin with http:// or https://';
  return username || password ? 'must not contain a user name or a password; use `headers`' : undefined;
}

/** What is to be triggered. An absent or empty one triggers nothing. */
export const triggerSchema: z.ZodType<TriggerSpec> = z
  .strictObject({
    signal: z.strictObject({ workflowId: text(), signalName: text(), runId: text(64).optional(), args }).optional(),
    workflow: z
      .strictObject({
        type: text(),
        taskQueue: text()
          .refine((q) => !q.startsWith('/_sys/'), 'must not begin with /_sys/')
          .optional(),
        workflowId: text()
          .refine((id) => !id.startsWith(WORKFLOW_PREFIX), `must not begin with ${WORKFLOW_PREFIX}`)
          .optional(),
        args,
      })
      .optional(),
    webhook: z.strictObject({ url, headers }).optional(),
  })
  .superRefine((t, ctx) => {
    const named = TRIGGER_KINDS.filter((kind) => t[kind] !== undefined);
    if (named.length > 1)
      ctx.addIssue({ code: 'custom', path: [named[1]!], message: `give ${named.join(' or ')}, not both` });
  })
  .meta({ maxProperties: 1 });
