import { z } from 'zod';
import { digestOf } from '../../core/digest.js';
import { HandoffError } from '../../core/errors.js';
import type { Actor } from '../../core/report/report.js';
import { parseRequest, requestFields } from '../../core/request-schema.js';
import type { HandoffRequest } from '../../core/request.js';
import { pinContract } from '../../client/pin-contract.js';
import { isAdmin, permit, relationsTo } from '../access.js';
import type { ApiDeps, Routes } from '../deps.js';
import * as shapes from '../shapes/handoffs.js';
import { documentOf } from '../shapes/parameters.js';

const tags = ['handoffs'];
const body = documentOf(requestFields, 'The same document as in a file for `handoff run`.');
/** Stands where a request has no id of its own. */
const NEW = 'new';

/** Start a handoff; and what would become of it, without or before starting it. */
export const handoffRoutes: Routes = (app, deps) => {
  const { client } = deps;
  app.post(
    '/handoffs',
    {
      schema: {
        tags,
        summary: 'Start a handoff, or find the one that the same request started',
        body,
        response: { 200: shapes.started, 201: shapes.started },
      },
    },
    async (request, reply) => {
      await permitRequest(deps, request.actor, request.body);
      const started = await client.start(request.body as HandoffRequest);
      return reply.code(started.existing ? 200 : 201).send(started);
    },
  );
  app.post(
    '/plan',
    {
      schema: {
        tags,
        summary: 'What a handoff would do, without doing any of it',
        body,
        response: { 200: shapes.plan },
      },
    },
    async (request) => {
      await permitRequest(deps, request.actor, request.body);
      return client.plan(request.body as HandoffRequest);
    },
  );
  app.post(
    '/validate',
    {
      schema: {
        tags,
        summary: 'Run rules against a request, or the handoff that it started',
        body,
        querystring: z.strictObject({
          rules: z.string().max(2000).optional().describe('Only these, with commas between.'),
          procedure: z.string().max(128).optional().describe("In place of the request's own."),
        }),
        response: { 200: shapes.validation },
      },
    },
    async (request) => {
      const { rules, procedure } = request.query;
      await permitRequest(deps, request.actor, request.body);
      const only = rules === undefined ? {} : { rules: rules.split(',').filter((rule) => rule !== '') };
      return client.validate(request.body as HandoffRequest, { ...only, procedure });
    },
  );
};

/**
 * Whether who asks may hand this over: as the agent that the request, or its contract, names as its source. An id that a
 * handoff of others has is taken, and nothing more is told of it. Throws what is wrong with the request, FORBIDDEN.
 */
async function permitRequest({ storage }: ApiDeps, actor: Actor, input: unknown): Promise<void> {
  const request = parseRequest(input, Date.now(), () => NEW);
  if (isAdmin(actor)) return permit(actor, 'handoff.start');
  const { handoffId: handoff, source, contract } = request;
  const known = (await storage.handoffs.find(handoff))?.subject;
  if (known && relationsTo(actor.by, known).length === 0) {
    const existing = 'not yours to see';
    throw new HandoffError('HANDOFF_ID_CONFLICT', { handoff, existing, digest: digestOf(request) });
  }
  const named =
    source.agent !== undefined || contract === undefined
      ? request
      : (known ?? (await pinContract(request, storage)).request);
  permit(actor, 'handoff.start', relationsTo(actor.by, { source: named.source }));
}
