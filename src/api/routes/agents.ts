import { z } from 'zod';
import { agentSchema, type AgentSpec } from '../../core/agent-schema.js';
import type { Agent } from '../../core/agent.js';
import { allow } from '../auth.js';
import type { Routes } from '../deps.js';
import { route } from '../route.js';
import { answer, documentOf } from '../shapes/parameters.js';

const agent = answer<Agent>(
  z.looseObject({
    name: z.string(),
    roles: z.array(z.string()),
    capabilities: z.array(z.string()),
    capacity: z.number(),
    heartbeatSeconds: z.number(),
    heartbeats: z.array(z.number()).describe('The last ones, newest first, in milliseconds since 1970.'),
  }),
);
const params = z.strictObject({ name: z.string().min(1).max(129) });

/** The registry of agents. */
export const agentRoutes: Routes = (app, { client }) => {
  app.get(
    '/agents',
    route({
      tag: 'registry',
      act: 'registry.read',
      summary: 'All agents',
      success: { 200: z.object({ agents: z.array(agent) }) },
    }),
    async () => ({ agents: await client.agents.list() }),
  );
  app.post(
    '/agents',
    route({
      tag: 'registry',
      act: 'registry.write',
      summary: 'Register an agent, or change what is known of it',
      body: documentOf(agentSchema, 'The same document as in a file for `handoff agents add`.'),
      success: { 201: agent },
      problems: ['INVALID_REQUEST'],
    }),
    async ({ body }, reply) => reply.code(201).send(await client.agents.add(body as AgentSpec)),
  );
  app.delete(
    '/agents/:name',
    route({
      tag: 'registry',
      act: 'registry.write',
      summary: 'Take an agent out of the registry',
      params,
      success: { 200: z.object({ removed: z.boolean() }) },
    }),
    async ({ params: { name } }) => ({ removed: await client.agents.remove(name) }),
  );
  app.post(
    '/agents/:name/heartbeat',
    route({
      tag: 'registry',
      act: 'agent.heartbeat',
      summary: 'An agent says that it is up',
      params,
      success: { 200: agent },
      problems: ['AGENT_UNKNOWN'],
    }),
    async (request) => {
      const { name } = request.params;
      allow(request, 'agent.heartbeat', { relations: name === request.actor.by ? ['self'] : [] });
      return client.agents.heartbeat(name);
    },
  );
};
