import websocket from '@fastify/websocket';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { setMaxListeners } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WebSocket } from 'ws';
import type { EventType } from '../../core/events/event.js';
import { HandoffError } from '../../core/errors.js';
import { feedOf } from '../../client/events/feed.js';
import { isSameOrigin } from '../auth.js';
import { PREFIX, type Api, type ApiDeps } from '../deps.js';
import { CLOSE, SOCKET, stream } from './socket.js';

/** WebSockets of one key at a time. */
const PER_KEY = 10;
/** How long the service waits for its listeners to part, milliseconds. */
const GOODBYE_MS = 1000;
/** What one may send: nothing is expected. */
const MESSAGE_BYTES = 4096;

const PROTOCOL = 'handoff.v1';
const BEARER = 'bearer.';

/** Has an application take WebSockets. A user's own may do so already. */
export async function takeWebSockets(app: FastifyInstance): Promise<void> {
  if (app.hasDecorator('websocketServer')) return;
  await app.register(websocket, {
    options: {
      maxPayload: MESSAGE_BYTES,
      handleProtocols: (offered: Set<string>) => (offered.has(PROTOCOL) ? PROTOCOL : false),
    },
    // The plugin's own would wait for whoever does not answer.
    preClose: (done) => done(),
  });
}

/** All WebSockets of a service. */
export interface Sockets {
  /** Throws FORBIDDEN of one by cookie from another site, TOO_MANY_LISTENERS. */
  admit: (request: FastifyRequest) => void;
  /** What a request will be served. */
  prepare: (request: FastifyRequest, cursor: number, types: readonly EventType[] | undefined) => void;
  serve: (socket: WebSocket, request: FastifyRequest) => void;
}

/** What listens to the events of a service; it ends with it. */
export function openSockets(app: Api, { storage, socketTiming: timing = SOCKET }: ApiDeps): Sockets {
  const ending = new AbortController();
  const open = new Map<string, number>();
  const prepared = new WeakMap<FastifyRequest, { cursor: number; types: readonly EventType[] | undefined }>();
  const sockets = new Set<WebSocket>();
  // Each that is open waits for the end.
  setMaxListeners(0, ending.signal);
  app.server.prependListener('upgrade', takeBearer);
  app.addHook('preClose', async () => {
    ending.abort();
    for (const end = Date.now() + GOODBYE_MS; sockets.size > 0 && Date.now() < end;) await sleep(20);
    for (const socket of sockets) socket.terminate();
    app.server.removeListener('upgrade', takeBearer);
  });
  return {
    admit: (request) => {
      const { actor } = request;
      // A browser sends its cookie along with every handshake, whatever page began it.
      if (request.headers.authorization === undefined && !isSameOrigin(request)) {
        const why = 'the page of this service may, others send an API key';
        throw new HandoffError('FORBIDDEN', { actor: actor.by, act: 'listen by cookie from another site', why });
      }
      const count = open.get(actor.keyId) ?? 0;
      if (count >= PER_KEY) throw new HandoffError('TOO_MANY_LISTENERS', { count, limit: PER_KEY });
    },
    prepare: (request, cursor, types) => void prepared.set(request, { cursor, types }),
    serve: (socket, request) => {
      const { by: agent, roles, keyId } = request.actor;
      const asked = prepared.get(request);
      if (!asked || ending.signal.aborted) return socket.close(CLOSE.goneAway);
      open.set(keyId, (open.get(keyId) ?? 0) + 1);
      sockets.add(socket);
      socket.once('close', () => {
        sockets.delete(socket);
        const left = (open.get(keyId) ?? 1) - 1;
        if (left > 0) open.set(keyId, left);
        else open.delete(keyId);
      });
      const isGood = async (): Promise<boolean> => (await storage.keys.find(keyId)) !== undefined;
      stream(socket, {
        feed: feedOf(storage),
        listener: { agent, roles },
        ...asked,
        timing,
        signal: ending.signal,
        isGood,
      }).catch((error: unknown) => request.log.error({ err: error }, 'a WebSocket of events ended'));
    },
  };
}

/**
 * A browser cannot send a header with a WebSocket, so it may say its key as a subprotocol: here it becomes the header that
 * all other requests have, before anything looks at it. It is never said back.
 */
function takeBearer(request: IncomingMessage): void {
  const { headers, url = '' } = request;
  const offered = headers['sec-websocket-protocol'];
  if (offered === undefined || headers.authorization !== undefined || !url.includes(`${PREFIX}/events/ws`)) return;
  const names = offered.split(',').map((name) => name.trim());
  const bearer = names.find((name) => name.startsWith(BEARER));
  if (bearer === undefined || !names.includes(PROTOCOL)) return;
  headers.authorization = `Bearer ${bearer.slice(BEARER.length)}`;
  headers['sec-websocket-protocol'] = names.filter((name) => !name.startsWith(BEARER)).join(', ');
}
