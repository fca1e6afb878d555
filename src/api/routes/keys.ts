import { z } from 'zod';
import { HandoffError } from '../../core/errors.js';
import { ROLES, rightsOf } from '../../core/service/policy.js';
import { issueKey, revokeKey } from '../../storage/audit/keys.js';
import type { ApiKey } from '../../storage/keys.js';
import type { Caller, Routes } from '../deps.js';
import { route } from '../route.js';

const AGENT = z.string().min(1).max(128);
const DAY_MS = 86_400_000;

const KEY = z.object({
  key_id: z.string(),
  agent: z.string(),
  roles: z.array(z.string()),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime().optional(),
  revoked_at: z.iso.datetime().optional(),
  last_used_at: z.iso.datetime().optional(),
});

const shown = (key: ApiKey): z.infer<typeof KEY> => {
  const { id, agent, roles, createdAt, expiresAt, revokedAt, lastUsedAt } = key;
  const at = (ms: number): string => new Date(ms).toISOString();
  return {
    key_id: id,
    agent,
    roles,
    created_at: at(createdAt),
    ...(expiresAt === undefined ? {} : { expires_at: at(expiresAt) }),
    ...(revokedAt === undefined ? {} : { revoked_at: at(revokedAt) }),
    ...(lastUsedAt === undefined ? {} : { last_used_at: at(lastUsedAt) }),
  };
};

/** The API keys of agents: for admins. */
export const keyRoutes: Routes = (app, { storage }) => {
  const who = ({ by, from }: Caller): { by: string; from?: string } => (from === undefined ? { by } : { by, from });
  const known = async (name: string): Promise<{ roles: string[] }> => {
    const agent = await storage.agents.find(name);
    if (!agent) throw new HandoffError('AGENT_UNKNOWN', { agent: name, where: 'the registry' });
    return agent;
  };
  const common = { tag: 'security', act: 'key.manage', params: z.object({ name: AGENT }) } as const;
  app.get(
    '/agents/:name/keys',
    route({
      ...common,
      summary: 'The API keys of an agent',
      success: { 200: z.object({ keys: z.array(KEY) }) },
      problems: ['AGENT_UNKNOWN'],
    }),
    async ({ params: { name } }) => {
      await known(name);
      return { keys: (await storage.keys.list(name)).map(shown) };
    },
  );
  app.post(
    '/agents/:name/keys',
    route({
      ...common,
      summary: 'A new API key; its secret is shown once',
      details: 'Without `roles` it has those of the agent that give rights.',
      // A secret is kept nowhere, not even as an answer to be repeated.
      notIdempotent: true,
      body: z.strictObject({
        roles: z.array(z.enum(ROLES)).max(ROLES.length).optional(),
        expires_days: z.number().positive().max(3650).optional(),
      }),
      success: { 201: KEY.extend({ api_key: z.string() }) },
      problems: ['AGENT_UNKNOWN'],
    }),
    async ({ params: { name }, body, actor }, reply) => {
      const agent = await known(name);
      const roles = body.roles ?? rightsOf(agent.roles);
      const days = body.expires_days;
      const expires = days === undefined ? {} : { expiresAt: Date.now() + days * DAY_MS };
      const { key, secret } = await issueKey(storage.db, { agent: name, roles, ...expires, ...who(actor) });
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send({ ...shown(key), api_key: secret });
    },
  );
  app.delete(
    '/agents/:name/keys/:key_id',
    route({
      ...common,
      params: z.object({ name: AGENT, key_id: z.string().max(64) }),
      summary: 'Revoke an API key',
      success: { 204: z.undefined() },
      problems: ['AGENT_UNKNOWN', 'KEY_NOT_FOUND'],
    }),
    async ({ params: { name, key_id: id }, actor }, reply) => {
      await known(name);
      await revokeKey(storage.db, { id, agent: name, ...who(actor) });
      return reply.code(204).send();
    },
  );
};
