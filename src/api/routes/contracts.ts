import { z } from 'zod';
import { documentSchema } from '../../core/contract-schema.js';
import { HandoffError } from '../../core/errors.js';
import type { StoredContract } from '../../storage/contracts.js';
import type { Routes } from '../deps.js';
import { route } from '../route.js';
import { answer, documentOf, name } from '../shapes/parameters.js';

const contract = answer<StoredContract>(
  z.looseObject({
    id: z.string(),
    version: z.string(),
    digest: z.string(),
    document: z.looseObject({}),
    addedAt: z.number(),
  }),
);

/** The registry of contracts. */
export const contractRoutes: Routes = (app, { client }) => {
  app.get(
    '/contracts',
    route({
      tag: 'registry',
      act: 'registry.read',
      summary: 'The newest version of each contract, and the names of all versions',
      success: { 200: z.object({ contracts: z.array(contract), names: z.array(z.string()) }) },
    }),
    async () => ({ contracts: await client.contracts.list(), names: await client.contracts.names() }),
  );
  app.post(
    '/contracts',
    route({
      tag: 'registry',
      act: 'registry.write',
      summary: 'Add a version of a contract',
      body: documentOf(documentSchema, 'The same document as in a file for `handoff contract add`.'),
      success: { 201: contract },
      problems: ['INVALID_CONTRACT', 'INVALID_REQUEST'],
    }),
    async ({ body }, reply) => reply.code(201).send(await client.contracts.add(body)),
  );
  app.get(
    '/contracts/:contract_id',
    route({
      tag: 'registry',
      act: 'registry.read',
      summary: 'One contract; without `version` the newest',
      params: z.strictObject({ contract_id: z.string() }),
      querystring: z.strictObject({ version: name.optional() }),
      success: { 200: contract },
      problems: ['CONTRACT_UNKNOWN'],
    }),
    async ({ params: { contract_id: id }, query: { version } }) => {
      const found = await client.contracts.find(id, version);
      if (found) return found;
      const known = (await client.contracts.names()).join(', ') || 'none';
      const wanted = version === undefined ? id : `${id}@${version}`;
      throw new HandoffError('CONTRACT_UNKNOWN', { contract: wanted, where: 'the registry', known });
    },
  );
};
