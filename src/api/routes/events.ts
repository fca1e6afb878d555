import { z } from 'zod';
import { mayHear } from '../../core/events/audience.js';
import { EVENT_TYPES, isEventType, messageOf, type EventMessage, type EventType } from '../../core/events/event.js';
import { invalid } from '../../core/errors.js';
import { openSockets } from '../events/sockets.js';
import type { Routes } from '../deps.js';
import { route } from '../route.js';

const EVENT = z.object({
  cursor: z.number().int(),
  type: z.enum(EVENT_TYPES),
  subject: z.string().describe('`handoff/<id>` or `report/<id>`.'),
  time: z.iso.datetime(),
  data: z.record(z.string(), z.unknown()),
});

const cursor = z
  .string()
  .regex(/^(latest|\d{1,15})$/, 'expected a number, or latest')
  .describe('Begins after this event; `0`: with all that are kept, `latest`: with what comes from now on.');
const types = z
  .string()
  .max(1000)
  .describe('Only these types, with commas between them.')
  .meta({ pattern: `^(${EVENT_TYPES.join('|')})(,(${EVENT_TYPES.join('|')}))*$` })
  .transform((text) => text.split(','));

/** Rows that one request looks at: of another's events many may come before one's own. */
const LOOKED_AT = 5000;
const PAGE = 500;

/** What is asked for by name. Throws INVALID_INPUT. */
function typesOf(given: readonly string[] | undefined): EventType[] | undefined {
  const unknown = given?.find((type) => !isEventType(type));
  if (unknown === undefined) return given as EventType[] | undefined;
  throw invalid('INVALID_INPUT', [
    { path: 'types', message: `"${unknown.slice(0, 100)}" is none of ${EVENT_TYPES.join(', ')}` },
  ]);
}

/** Events, as pages and over a WebSocket: those that who asks may hear of. */
export const eventRoutes: Routes = (app, deps) => {
  const { outbox } = deps.storage;
  const cursorOf = async (text: string | undefined, otherwise: () => Promise<number>): Promise<number> => {
    if (text === 'latest') return outbox.last();
    if (text === undefined) return otherwise();
    await outbox.checkCursor(Number(text));
    return Number(text);
  };
  app.get(
    '/events',
    route({
      summary: 'Events after a cursor, oldest first',
      details:
        'Those that name you or a role of yours; admins have all. Pass `next_cursor` on; `more` says whether there may be more at once.',
      tag: 'events',
      act: 'event.read',
      querystring: z.strictObject({
        cursor: cursor.optional(),
        types: types.optional(),
        limit: z.coerce.number().int().min(1).max(PAGE).default(100),
      }),
      success: { 200: z.object({ events: z.array(EVENT), next_cursor: z.number().int(), more: z.boolean() }) },
      problems: ['EVENTS_GONE'],
    }),
    async ({ query, actor }) => {
      const wanted = typesOf(query.types);
      const listener = { agent: actor.by, roles: actor.roles };
      let at = await cursorOf(query.cursor, () => Promise.resolve(0));
      const events: EventMessage[] = [];
      for (let looked = 0; looked < LOOKED_AT; looked += PAGE) {
        const page = await outbox.after(at, PAGE);
        for (const event of page) {
          if (events.length === query.limit) return { events, next_cursor: at, more: true };
          at = event.seq;
          if (mayHear(event, listener) && (wanted?.includes(event.type) ?? true)) events.push(messageOf(event));
        }
        if (page.length < PAGE) return { events, next_cursor: at, more: false };
      }
      return { events, next_cursor: at, more: true };
    },
  );

  const sockets = openSockets(app, deps);
  const spec = route({
    summary: 'Events as they come, over a WebSocket',
    details:
      'With an `Authorization` header; with the cookie, from the page of this service; or with the subprotocols `handoff.v1` and `bearer.<key>`. One text each, as of `GET /events`, and `{"type":"cursor","cursor":n}` of how far it has come. Closes with 4401 where the key ends, with 4408 where you are too slow: connect again from your cursor.',
    tag: 'events',
    act: 'event.read',
    querystring: z.strictObject({ cursor: cursor.optional(), types: types.optional() }),
    success: { 101: z.undefined().describe('From here on it is a WebSocket.') },
    problems: ['EVENTS_GONE', 'TOO_MANY_LISTENERS', 'FORBIDDEN'],
  });
  app.route({
    ...spec,
    method: 'GET',
    url: '/events/ws',
    exposeHeadRoute: false,
    preValidation: async (request) => {
      if (!request.ws) throw invalid('INVALID_INPUT', [{ path: 'upgrade', message: 'expected websocket' }]);
      sockets.admit(request);
    },
    // Before the WebSocket opens, so that what is wrong is answered with its status.
    preHandler: async (request) => {
      const { query } = request;
      const wanted = typesOf(query.types);
      sockets.prepare(request, await cursorOf(query.cursor, () => outbox.last()), wanted);
    },
    handler: () => undefined as never,
    wsHandler: (socket, request) => sockets.serve(socket, request),
  });
};
