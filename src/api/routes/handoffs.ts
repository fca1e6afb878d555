import { randomUUID } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { digestOf } from '../../core/digest.js';
import { HandoffError } from '../../core/errors.js';
import { PROCEDURE_ID } from '../../core/ids.js';
import { parseRequest, requestFields } from '../../core/request-schema.js';
import type { HandoffRequest } from '../../core/request.js';
import { triggerKindOf } from '../../core/trigger.js';
import { pinContract } from '../../client/pin-contract.js';
import { isAdmin, relationsTo } from '../access.js';
import { allow } from '../auth.js';
import type { ApiDeps, Routes } from '../deps.js';
import { idempotencyKeyOf } from '../idempotency.js';
import { route } from '../route.js';
import * as shapes from '../shapes/handoffs.js';
import { documentOf } from '../shapes/parameters.js';

const common = {
  tag: 'handoffs',
  act: 'handoff.start',
  body: documentOf(
    requestFields.meta({
      anyOf: [{ required: ['source', 'target'] }, { required: ['contract'] }],
      not: { required: ['expiresAt', 'expiresInMinutes'] },
    }),
    'The same document as in a file for `handoff run`.',
  ),
  problems: [
    'INVALID_REQUEST',
    'INVALID_CONTRACT',
    'INVALID_PROCEDURE',
    'PROCEDURE_UNKNOWN',
    'CONTRACT_UNKNOWN',
    'AGENT_UNKNOWN',
    'HANDOFF_ID_CONFLICT',
    'TRIGGER_REFUSED',
    'NO_WORKER',
  ],
} as const;

/** Start a handoff; and what would become of it, without or before starting it. */
export const handoffRoutes: Routes = (app, deps) => {
  const { client } = deps;
  app.post(
    '/handoffs',
    route({
      ...common,
      summary: 'Start a handoff, or find the one that the same request started',
      success: { 200: shapes.started, 201: shapes.started },
    }),
    async (request, reply) => {
      await allowRequest(deps, request);
      const started = await client.start(identified(request));
      return reply.code(started.existing ? 200 : 201).send(started);
    },
  );
  app.post(
    '/plan',
    route({
      ...common,
      summary: 'What a handoff would do, without doing any of it',
      looks: true,
      success: { 200: shapes.plan },
    }),
    async (request) => {
      await allowRequest(deps, request);
      return client.plan(request.body as HandoffRequest);
    },
  );
  app.post(
    '/validate',
    route({
      ...common,
      summary: 'Run rules against a request, or the handoff that it started',
      looks: true,
      querystring: z.strictObject({
        rules: z.string().max(2000).optional().describe('Only these, with commas between.'),
        procedure: z
          .string()
          .max(128)
          .meta({ pattern: PROCEDURE_ID.source })
          .optional()
          .describe("In place of the request's own."),
      }),
      success: { 200: shapes.validation },
      problems: [...common.problems, 'RULE_UNKNOWN', 'INVALID_ID'],
    }),
    async (request) => {
      const { rules, procedure } = request.query;
      await allowRequest(deps, request);
      const only = rules === undefined ? {} : { rules: rules.split(',').filter((rule) => rule !== '') };
      return client.validate(request.body as HandoffRequest, { ...only, procedure });
    },
  );
};

/**
 * The request, with an id that follows from the key that it was sent with where it names none: sent again after the
 * process died that started it, it is the same handoff.
 */
function identified(request: FastifyRequest): HandoffRequest {
  const given = request.body as HandoffRequest;
  const key = idempotencyKeyOf(request);
  if (given.handoffId !== undefined || key === undefined) return given;
  return { ...given, handoffId: `ho_${digestOf([request.actor.by, key]).slice(0, 32)}` };
}

/**
 * Whether who asks may hand this over: as the agent that the request, or its contract, names as its source. An id that a
 * handoff of others has is taken, and nothing more is told of it. Throws what is wrong with the request, FORBIDDEN.
 */
async function allowRequest({ storage }: ApiDeps, request: FastifyRequest): Promise<void> {
  const { actor, body } = request;
  const written = parseRequest(body, Date.now(), randomUUID);
  if (isAdmin(actor)) return allow(request, 'handoff.start');
  if (triggerKindOf(written.trigger)) allow(request, 'handoff.trigger');
  const { handoffId: handoff, source, contract } = written;
  const known = (await storage.handoffs.find(handoff))?.subject;
  if (known && relationsTo(actor.by, known).length === 0) {
    const existing = 'not yours to see';
    throw new HandoffError('HANDOFF_ID_CONFLICT', { handoff, existing, digest: digestOf(written) });
  }
  const isNamed = source.agent !== undefined || contract === undefined;
  const from = isNamed ? source : (known ?? (await pinContract(written, storage)).request).source;
  allow(request, 'handoff.start', { relations: relationsTo(actor.by, { source: from }) });
}
