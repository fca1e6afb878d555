import type { z } from 'zod';
import type { ErrorCode } from '../../core/errors.js';
import { allowOn, spokenBy } from '../access.js';
import type { Routes } from '../deps.js';
import { idempotencyKeyOf } from '../idempotency.js';
import { route } from '../route.js';
import { MESSAGES } from '../shapes/messages.js';
import { handoffId } from '../shapes/parameters.js';
import type { HandoffClient } from '../../client.js';

type Say = (
  client: HandoffClient,
  id: string,
  message: never,
  options: { updateId?: string | undefined },
) => Promise<unknown>;

/** What each message is to the client. Signals answer nothing: that they were sent is all that is known. */
const SAY: Record<keyof typeof MESSAGES, Say> = {
  pause: (client, id, message) => client.pause(id, message),
  resume: (client, id, message) => client.resume(id, message),
  cancel: (client, id, message) => client.cancel(id, message),
  accept: (client, id, message, options) => client.accept(id, message, options),
  reject: (client, id, message, options) => client.reject(id, message, options),
  complete: (client, id, message, options) => client.complete(id, message, options),
  return: (client, id, message, options) => client.submitReturn(id, message, options),
  extend: (client, id, message, options) => client.extend(id, message, options),
  retry: (client, id, message, options) => client.retry(id, message, options),
  skip: (client, id, message, options) => client.skip(id, message, options),
  resolve: (client, id, message, options) => client.resolve(id, message, options),
  rollback: (client, id, message, options) => client.rollback(id, message, options),
};

const PROBLEMS: readonly ErrorCode[] = [
  'INVALID_ID',
  'INVALID_MESSAGE',
  'HANDOFF_NOT_FOUND',
  'WRONG_STATE',
  'ALREADY_ACCEPTED',
  'STALE_ACCEPTANCE',
  'EXPIRED',
  'INCIDENT_NOT_OPEN',
  'WRONG_INCIDENT',
  'RETURN_UNKNOWN',
  'RETURN_RECEIVED',
  'RETURN_OUTSTANDING',
  'PATH_NOT_ALLOWED',
  'CHECKSUM_MISMATCH',
  'NO_WORKER',
];

/** The messages to one handoff. */
export const steerRoutes: Routes = (app, deps) => {
  for (const [verb, { act, body, answer, summary }] of Object.entries(MESSAGES)) {
    const say = SAY[verb as keyof typeof MESSAGES];
    const isSignal = 'sent' in answer.shape;
    app.post(
      `/handoffs/:handoff_id/${verb}`,
      route({
        tag: 'handoffs',
        act,
        summary,
        params: handoffId,
        body: body as z.ZodType<{ by?: string }>,
        success: { [isSignal ? 202 : 200]: answer as z.ZodType },
        problems: PROBLEMS,
      }),
      async (request, reply) => {
        const { handoff_id: id } = request.params;
        const { actor } = request;
        await allowOn(deps, request, act, id);
        const message = spokenBy(actor, request.body);
        const key = idempotencyKeyOf(request);
        // Temporal knows it per handoff: what another agent has sent under the same key is not this.
        const updateId = key === undefined ? undefined : `${actor.by}/${verb}/${key}`;
        const said = await say(deps.client, id, message as never, { updateId });
        return reply.code(isSignal ? 202 : 200).send(isSignal ? { handoffId: id, sent: verb } : said);
      },
    );
  }
};
