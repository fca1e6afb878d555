import { WebSocket, type RawData } from 'ws';
import { HandoffError } from '../../core/errors.js';
import { ACT_WORDS } from '../../core/service/policy.js';
import { isEventType, type EventMessage, type EventType } from '../../core/events/event.js';

export interface EventConnection {
  /** Default: from now on. */
  cursor?: number;
  /** Default: all that may be heard. */
  types?: readonly EventType[];
  /** A promise is waited for before the next. */
  onEvent: (event: EventMessage) => Promise<void>;
  /** It is over: the key is not good, or the events after the cursor are gone. All else is mended by connecting again. */
  onEnd: (error: HandoffError) => void;
}

/** Milliseconds. */
const FIRST_MS = 250;
const MOST_MS = 10_000;
/** The service pings every 20 s; who hears nothing for so long has a dead connection. */
const SILENCE_MS = 60_000;
/** Events that wait for their handler before no more are taken. */
const AHEAD = 200;

const PATH = '/api/v1/agent-handoff/events/ws';

/**
 * Hears of events over a WebSocket, one after the other, and connects again from its cursor whenever it breaks: none is
 * lost and none comes twice, as long as they are kept. Returns what ends it.
 */
export function connectEvents(url: string, apiKey: string, connection: EventConnection): () => void {
  const { types, onEvent, onEnd } = connection;
  let { cursor } = connection;
  let ended = false;
  let failures = 0;
  let socket: WebSocket | undefined;
  let timer: NodeJS.Timeout | undefined;
  let silence: NodeJS.Timeout | undefined;
  let handed = Promise.resolve();
  let ahead = 0;

  const stop = (): void => {
    ended = true;
    clearTimeout(timer);
    clearTimeout(silence);
    socket?.terminate();
  };
  const over = (error: HandoffError): void => {
    if (ended) return;
    stop();
    onEnd(error);
  };
  const again = (): void => {
    clearTimeout(silence);
    if (ended) return;
    const wait = Math.min(MOST_MS, FIRST_MS * 2 ** failures++) * (0.75 + Math.random() / 2);
    timer = setTimeout(open, wait);
  };

  const hand = async (before: Promise<void>, from: WebSocket, event: EventMessage): Promise<void> => {
    await before;
    if (!ended) await onEvent(event);
    if (--ahead < AHEAD && from.isPaused) from.resume();
  };

  const take = (from: WebSocket, raw: RawData): void => {
    const message = parsed(raw);
    if (ended || !message) return;
    cursor = message.cursor;
    failures = 0;
    if (!isEventType(message.type)) return;
    if (++ahead >= AHEAD) from.pause();
    handed = hand(handed, from, message as EventMessage);
  };

  function open(): void {
    const one = (socket = new WebSocket(addressOf(url, cursor, types), {
      headers: { authorization: `Bearer ${apiKey}` },
      handshakeTimeout: 10_000,
      maxPayload: 4 * 1024 * 1024,
    }));
    const heard = (): void => {
      clearTimeout(silence);
      // Who does not read hears no ping.
      silence = setTimeout(() => (one.isPaused ? heard() : one.terminate()), SILENCE_MS);
    };
    one.on('open', heard);
    one.on('ping', heard);
    one.on('message', (raw: RawData) => {
      heard();
      take(one, raw);
    });
    one.on('unexpected-response', (_, response) => {
      const { statusCode = 0 } = response;
      response.resume();
      one.terminate();
      const error = FINAL[statusCode]?.(url, cursor);
      if (error) over(error);
    });
    one.on('error', () => {});
    one.on('close', (code) => (code === 4401 ? over(FINAL[401]!(url, cursor)) : again()));
  }
  open();
  return stop;
}

/** What does not get better by trying again. */
const FINAL: Record<number, (url: string, cursor: number | undefined) => HandoffError> = {
  400: (_, cursor) =>
    new HandoffError('INVALID_REQUEST', { issues: `/cursor: ${cursor ?? '?'} is none of this service` }),
  401: () => new HandoffError('UNAUTHENTICATED', { why: 'The one that was sent is not good (any more).' }),
  403: () =>
    new HandoffError('FORBIDDEN', { actor: 'This key', act: ACT_WORDS['event.read'], why: 'the service says so' }),
  404: (url) => new HandoffError('API_UNREACHABLE', { url, why: 'it has no events' }),
  410: (_, cursor) => new HandoffError('EVENTS_GONE', { cursor, floor: 'a later one' }),
};

function addressOf(url: string, cursor: number | undefined, types: readonly EventType[] | undefined): string {
  const to = new URL(url);
  to.protocol = to.protocol === 'https:' ? 'wss:' : 'ws:';
  to.pathname = to.pathname.replace(/\/+$/, '') + PATH;
  if (cursor !== undefined) to.searchParams.set('cursor', String(cursor));
  if (types) to.searchParams.set('types', types.join(','));
  return to.href;
}

function parsed(raw: RawData): { type: string; cursor: number } | undefined {
  try {
    // `ws` gives one buffer of a text, unless it is told otherwise.
    const value = JSON.parse((raw as Buffer).toString('utf8')) as { type?: unknown; cursor?: unknown };
    return typeof value.type === 'string' && typeof value.cursor === 'number'
      ? (value as { type: string; cursor: number })
      : undefined;
  } catch {
    return undefined;
  }
}
