import { z } from 'zod';
import { parseDate } from '../../core/date.js';
import { ARTIFACT_NAME } from '../../core/ids.js';
import type { Act } from '../../core/service/policy.js';

const words = (max: number) => z.string().max(max).regex(/\S/, 'must be a text that is not empty');
const by = words(256).optional().describe('Default: the agent of the key. Only an admin names another.');
const reason = words(4000);
const note = words(4000).optional();
const date = z
  .string()
  .refine((v) => parseDate(v) !== undefined, 'must be a date (ISO 8601, such as 2026-01-13T11:30:00Z)')
  .meta({ format: 'date-time' });
const holder = z.enum(['operator', 'parent']).optional();
const minutes = z.number().gt(0).max(5_256_000);
const epoch = z.int().min(1).describe('What `accept` answered.');
const repair = { by, reason, incidentId: words(64) };
const artifact = z.strictObject({
  name: z.string().min(1).max(255).meta({ pattern: ARTIFACT_NAME.source }),
  path: words(4096),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  format: words(64).optional(),
  transformTo: words(64).optional(),
});

export const pauseMessage = z.strictObject({ by, reason, until: date.optional(), at: date.optional(), holder });
export const resumeMessage = z.strictObject({ by, note, at: date.optional(), holder });
export const cancelMessage = z.strictObject({ by, reason });
/** `retry` of many: every open incident of each. */
export const retryAllMessage = z.strictObject({ by, reason });

const sent = z.object({ handoffId: z.string(), sent: z.string() });
const incident = z.object({ incidentId: z.string() });
const closed = z.object({ status: z.string() });

interface Message {
  act: Act;
  body: z.ZodObject;
  answer: z.ZodType;
  summary: string;
}

/** The messages to one handoff, by their paths: what each is, who may, what it brings and answers. */
export const MESSAGES = {
  pause: { act: 'handoff.pause', body: pauseMessage, answer: sent, summary: 'Pause at the next step boundary' },
  resume: { act: 'handoff.pause', body: resumeMessage, answer: sent, summary: 'Go on after a pause' },
  cancel: { act: 'handoff.cancel', body: cancelMessage, answer: sent, summary: 'Undo what was done, and close' },
  accept: {
    act: 'handoff.accept',
    body: z.strictObject({ by, leaseMinutes: minutes.optional() }),
    answer: z.object({ epoch: z.int() }),
    summary: 'Take an offered handoff',
  },
  reject: { act: 'handoff.accept', body: cancelMessage, answer: closed, summary: 'Refuse an offered handoff' },
  complete: {
    act: 'handoff.accept',
    body: z.strictObject({ by, epoch, note }),
    answer: closed,
    summary: 'Say that an accepted handoff is done',
  },
  return: {
    act: 'handoff.accept',
    body: z.strictObject({ by, epoch, artifacts: z.array(artifact).min(1).max(200) }),
    answer: z.looseObject({
      accepted: z.boolean(),
      received: z.array(z.string()),
      outstanding: z.array(z.string()),
      faults: z.array(z.looseObject({})),
      roundsLeft: z.int(),
    }),
    summary: 'Hand in what the contract expects back, all of it or none',
  },
  extend: {
    act: 'handoff.extend',
    body: z.strictObject({ by, minutes }),
    answer: z.object({ expiresAt: z.string() }),
    summary: 'Move the expiry by so many minutes',
  },
  retry: {
    act: 'handoff.repair',
    body: z.strictObject({ ...repair, input: z.record(z.string(), z.unknown()).optional() }),
    answer: incident,
    summary: 'Try the step of an incident again',
  },
  skip: {
    act: 'handoff.repair',
    body: z.strictObject(repair),
    answer: incident,
    summary: 'Go on without a failed step',
  },
  resolve: {
    act: 'handoff.repair',
    body: z.strictObject({
      ...repair,
      choice: z.enum(['keep_theirs', 'restore_before', 'merge']).optional(),
      value: z.unknown().optional(),
    }),
    answer: incident,
    summary: 'Close an incident: by hand, or with a choice for an undo that met another change',
  },
  rollback: {
    act: 'handoff.repair',
    body: z.strictObject({ ...repair, toStep: words(64).optional() }),
    answer: incident,
    summary: 'Undo the whole handoff, or what came from one step on',
  },
} as const satisfies Record<string, Message>;
