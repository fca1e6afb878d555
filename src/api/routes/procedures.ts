import { z } from 'zod';
import { procedureSchema } from '../../core/procedure-schema.js';
import type { Procedure } from '../../core/procedure.js';
import type { Routes } from '../deps.js';
import { route } from '../route.js';
import { answer, documentOf } from '../shapes/parameters.js';

const procedure = answer<Procedure>(
  z.looseObject({
    procedure_id: z.string(),
    version: z.string(),
    name: z.string(),
    steps: z.array(z.looseObject({ step_id: z.string(), action: z.string() })),
  }),
);

/** The procedures that handoffs run by. */
export const procedureRoutes: Routes = (app, { client }) => {
  app.get(
    '/procedures',
    route({
      tag: 'registry',
      act: 'registry.read',
      summary: 'The newest version of each procedure that can be started here',
      success: { 200: z.object({ procedures: z.array(procedure) }) },
    }),
    async () => ({ procedures: await client.procedures() }),
  );
  app.post(
    '/procedures',
    route({
      tag: 'registry',
      act: 'registry.write',
      summary: 'Check a procedure, and make it known',
      body: documentOf(procedureSchema, 'The same document as in a file for `handoff procedures add`.'),
      success: { 201: procedure },
      problems: ['INVALID_PROCEDURE', 'INVALID_REQUEST'],
    }),
    async ({ body }, reply) => reply.code(201).send(await client.addProcedure(body)),
  );
};
