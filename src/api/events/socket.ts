import { setTimeout as sleep } from 'node:timers/promises';
import type { WebSocket } from 'ws';
import { mayHear, type Listener } from '../../core/events/audience.js';
import { messageOf, type EventType } from '../../core/events/event.js';
import type { EventFeed } from '../../client/events/feed.js';

/** Why the service closes a WebSocket, beyond those of the protocol. All but the first can connect again from their cursor. */
export const CLOSE = { keyEnded: 4401, tooSlow: 4408, goneAway: 1001 } as const;

/** Milliseconds and bytes; tests make them small. */
export interface SocketTiming {
  /** A peer that says nothing from one ping to the next is dead. */
  pingMs: number;
  /** What may wait to be sent. */
  bufferBytes: number;
  /** How long a peer may take until less waits. */
  patienceMs: number;
  /** How often it is asked whether a key is still good. */
  keyMs: number;
}

export const SOCKET: SocketTiming = { pingMs: 20_000, bufferBytes: 256 * 1024, patienceMs: 10_000, keyMs: 5000 };

export interface Stream {
  feed: EventFeed;
  listener: Listener;
  cursor: number;
  /** Undefined: all. */
  types?: readonly EventType[];
  timing: SocketTiming;
  /** Aborted when the service ends. */
  signal: AbortSignal;
  /** Whether the key is still good. */
  isGood: () => Promise<boolean>;
}

/**
 * Sends what a listener may hear until the socket closes. A slow peer is waited for, and what it lacks stays in the
 * database; one that does not take anything for too long is cut off. `{"type":"cursor"}` says how far it has come where
 * nothing was for it, so that it need not begin further back.
 */
export async function stream(socket: WebSocket, options: Stream): Promise<void> {
  const { feed, listener, cursor, types, timing, signal, isGood } = options;
  const ended = new AbortController();
  const end = (): void => ended.abort();
  socket.once('close', end);
  socket.on('error', end);
  const shut = (): void => socket.close(CLOSE.goneAway, 'the service ends');
  signal.addEventListener('abort', shut);
  let at = cursor;
  let said = cursor;
  const tellCursor = (): void => {
    if (at > said && socket.bufferedAmount === 0) socket.send(JSON.stringify({ type: 'cursor', cursor: (said = at) }));
  };
  let alive = true;
  const isAlive = (): void => void (alive = true);
  socket.on('pong', isAlive);
  socket.on('message', isAlive);
  const ping = setInterval(() => {
    if (!alive) return socket.terminate();
    alive = false;
    socket.ping();
    tellCursor();
  }, timing.pingMs);
  const check = setInterval(() => {
    // A database that does not answer now says nothing about the key.
    isGood().then(
      (good) => void (good || socket.close(CLOSE.keyEnded, 'the API key is revoked or expired')),
      () => {},
    );
  }, timing.keyMs);
  try {
    socket.send(JSON.stringify({ type: 'cursor', cursor }));
    for await (const page of feed.from(cursor, ended.signal)) {
      for (const event of page) {
        at = event.seq;
        if (!mayHear(event, listener) || (types && !types.includes(event.type))) continue;
        socket.send(JSON.stringify(messageOf(event)));
        said = at;
        if (socket.bufferedAmount > timing.bufferBytes && !(await drained(socket, timing, ended.signal))) return;
      }
    }
  } catch (error) {
    // The client comes again from its cursor.
    socket.close(1011, 'the events could not be read');
    throw error;
  } finally {
    clearInterval(ping);
    clearInterval(check);
    signal.removeEventListener('abort', shut);
    end();
  }
}

/** Waits until a peer has taken half of what may wait; false where it does not. */
async function drained(socket: WebSocket, timing: SocketTiming, signal: AbortSignal): Promise<boolean> {
  const until = Date.now() + timing.patienceMs;
  while (socket.bufferedAmount > timing.bufferBytes / 2) {
    if (signal.aborted) return false;
    if (Date.now() > until) {
      // It waits behind all that is not taken; `ws` cuts the line where even that does not come through.
      socket.close(CLOSE.tooSlow, 'too slow; connect again from your cursor');
      return false;
    }
    await sleep(20, undefined, { signal }).catch(() => {});
  }
  return true;
}
