import { z } from 'zod';
import type { Trace } from '../../client/manifest.js';
import type { ManifestArtifact, ManifestDocument } from '../../core/manifest-document.js';
import type { Verification } from '../../core/verification.js';
import { isAdmin, relationsTo } from '../access.js';
import { allow } from '../auth.js';
import type { ApiDeps, Caller, Routes } from '../deps.js';
import { route } from '../route.js';
import { answer, flag, name } from '../shapes/parameters.js';

const manifest = answer<ManifestDocument>(
  z.object({ artifacts: z.array(z.looseObject({ id: z.string(), name: z.string(), checksum: z.string() })) }),
);
const trace = answer<Trace>(
  z.looseObject({ artifact: z.looseObject({ id: z.string() }), now: z.array(z.looseObject({ path: z.string() })) }),
);
const verification = answer<Verification>(
  z.looseObject({ ok: z.boolean(), checked: z.int(), differences: z.array(z.looseObject({ kind: z.string() })) }),
);

/** What was handed over, where it came from, and whether it is still as it was. */
export const manifestRoutes: Routes = (app, deps) => {
  const { client } = deps;
  app.get(
    '/manifest',
    route({
      tag: 'artifacts',
      act: 'manifest.read',
      summary: 'The manifest; who is no admin names a handoff of which it is source or target',
      querystring: z.strictObject({
        artifact: name.optional(),
        phase: name.optional(),
        handoff: name.optional(),
        session: name.optional(),
        digest: z
          .string()
          .regex(/^[0-9a-fA-F]{1,64}$/, 'must be the beginning of a hex SHA-256')
          .optional(),
      }),
      success: { 200: manifest },
      problems: ['INVALID_REQUEST'],
    }),
    async (request) => {
      const { actor, query } = request;
      const { handoff } = query;
      allow(request, 'manifest.read', {
        relations: await relationsToAll(deps, actor, handoff === undefined ? [] : [handoff]),
      });
      const found = await client.manifest(query);
      return isAdmin(actor) ? found : { artifacts: found.artifacts.map((a) => withinOf(a, handoff!)) };
    },
  );
  app.get(
    '/trace',
    route({
      tag: 'artifacts',
      act: 'manifest.trace',
      summary: 'The whole way of one artifact',
      querystring: z.strictObject({
        artifact: z.string().min(1).max(4096).describe('Its id, a path, a name, or the beginning of its digest.'),
        verify: flag.optional().describe('Hash where it lies.'),
      }),
      success: { 200: trace },
      problems: ['ARTIFACT_UNKNOWN', 'ARTIFACT_AMBIGUOUS'],
    }),
    ({ query: { artifact, verify } }) => client.trace(artifact, { verify }),
  );
  app.post(
    '/verify',
    route({
      tag: 'artifacts',
      act: 'manifest.read',
      summary: 'Hash anew what handoffs and artifacts have put on disk; who is no admin names its own handoffs',
      body: z.strictObject({ names: z.array(z.string().min(1).max(4096)).max(1000).optional() }),
      success: { 200: verification },
      problems: ['ARTIFACT_UNKNOWN', 'ARTIFACT_AMBIGUOUS'],
    }),
    async (request) => {
      const { names } = request.body;
      allow(request, 'manifest.read', { relations: await relationsToAll(deps, request.actor, names ?? []) });
      return client.verify(names);
    },
  );
};

/** `party` of one that is of all of these, and there are any. */
async function relationsToAll(
  { storage }: ApiDeps,
  { by }: Caller,
  handoffs: readonly string[],
): Promise<['party'] | []> {
  for (const id of handoffs) {
    const known = await storage.handoffs.find(id);
    if (!known || relationsTo(by, known.subject).length === 0) return [];
  }
  return handoffs.length > 0 ? ['party'] : [];
}

/** What a handoff's parties see of an artifact: not where else it went. */
function withinOf(artifact: ManifestArtifact, handoff: string): ManifestArtifact {
  const transfers = artifact.transferred_to.filter((t) => t.handoff === handoff);
  const there = transfers.filter((t) => t.status === 'success');
  return {
    ...artifact,
    destination_phases: [...new Set(there.flatMap((t) => t.phase ?? []))],
    destination_agents: [...new Set(there.flatMap((t) => t.agent ?? []))],
    transferred_to: transfers,
  };
}
