import { z } from 'zod';
import { summaryOf } from '../../client/summary.js';
import type { OpenIncident } from '../../client/incidents.js';
import { invalid } from '../../core/errors.js';
import { AGENT_NAME } from '../../core/ids.js';
import { isAdmin, relationsTo } from '../access.js';
import { allow } from '../auth.js';
import type { Routes } from '../deps.js';
import { route } from '../route.js';
import type { PageEnd } from '../../storage/handoffs.js';
import * as shapes from '../shapes/handoffs.js';
import { whole } from '../shapes/parameters.js';

const PAGE = 50;

/** Lists of handoffs, of incidents, and of what waits in an inbox: each of what who asks may see. */
export const handoffListRoutes: Routes = (app, { client, storage }) => {
  app.get(
    '/handoffs',
    route({
      tag: 'handoffs',
      act: 'handoff.list',
      summary: 'Handoffs, newest first; an agent sees those of which it is source or target',
      querystring: shapes.listQuery,
      success: { 200: shapes.page },
      problems: ['INVALID_REQUEST'],
    }),
    async ({ actor, query }) => {
      const { limit = PAGE, cursor, ...filter } = query;
      const found = await storage.handoffs.page(shapes.filterOf(filter), {
        limit: limit + 1,
        ...(isAdmin(actor) ? {} : { party: actor.by }),
        ...(cursor === undefined ? {} : { after: pageEnd(cursor) }),
      });
      const handoffs = found.slice(0, limit).map(summaryOf);
      const last = handoffs.at(-1);
      return { handoffs, ...(found.length > limit && last ? { next_cursor: cursorOf(last) } : {}) };
    },
  );
  app.get(
    '/incidents',
    route({
      tag: 'handoffs',
      act: 'incident.list',
      summary: 'What waits for a person, over all handoffs that match, oldest first',
      querystring: shapes.incidentsQuery,
      success: { 200: shapes.incidents },
    }),
    async ({ actor, query }) => {
      const filter = shapes.filterOf(query);
      if (isAdmin(actor)) return { incidents: await client.incidents(filter) };
      // Only their own runs are asked.
      const { source, target } = filter;
      const own = await Promise.all([
        source === undefined || source === actor.by ? client.incidents({ ...filter, source: actor.by }) : [],
        target === undefined || target === actor.by ? client.incidents({ ...filter, target: actor.by }) : [],
      ]);
      return { incidents: mine(own.flat(), actor.by) };
    },
  );
  app.get(
    '/inbox/:agent',
    route({
      tag: 'handoffs',
      act: 'inbox.read',
      summary: 'What waits for an agent to accept: the most urgent first, then the oldest',
      params: z.strictObject({ agent: z.string().meta({ pattern: AGENT_NAME.source }) }),
      querystring: z.strictObject({ limit: whole(1, 1000).optional() }),
      success: { 200: shapes.inbox },
      problems: ['INVALID_ID', 'INVALID_REQUEST', 'AGENT_UNKNOWN'],
    }),
    async (request) => {
      const { actor, query } = request;
      const { agent } = request.params;
      allow(request, 'inbox.read', { relations: agent === actor.by ? ['self'] : [] });
      return { inbox: await client.inbox(agent, query) };
    },
  );
};

/** Each once, oldest first. A phase may be called like an agent, so that a filter by name is not enough. */
function mine(found: OpenIncident[], agent: string): OpenIncident[] {
  const own = found.filter((i) => relationsTo(agent, i.handoff).length > 0);
  const each = new Map(own.map((i) => [`${i.handoffId} ${i.incident.id}`, i]));
  return [...each.values()].toSorted((a, b) => a.incident.at - b.incident.at);
}

const cursorOf = ({ createdAt, handoffId }: PageEnd): string =>
  Buffer.from(`${createdAt} ${handoffId}`).toString('base64url');

function pageEnd(cursor: string): PageEnd {
  const [, at, handoffId] = /^(\d{1,15}) (\S{1,128})$/.exec(Buffer.from(cursor, 'base64url').toString('utf8')) ?? [];
  if (at !== undefined && handoffId !== undefined) return { createdAt: Number(at), handoffId };
  throw invalid('INVALID_REQUEST', [{ path: '/cursor', message: 'is none that a list has answered' }]);
}
