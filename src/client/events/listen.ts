import { invalid, type Issue } from '../../core/errors.js';
import { EVENT_TYPES, isEventType, messageOf, type EventMessage, type EventType } from '../../core/events/event.js';
import type { Storage } from '../../storage/storage.js';
import { feedOf } from './feed.js';

/** Called for one event after the other; a promise is waited for before the next. */
export type EventHandler = (event: EventMessage) => unknown;

export interface ListenOptions {
  /** Begins after this one, which an earlier event had as its `cursor`; 0: with all that are kept. Default: from now on. */
  cursor?: number;
  /**
   * What a handler threw, and what ended the listening: a key that is revoked, events that are gone. Default: a warning of
   * the process.
   */
  onError?: (error: unknown) => void;
}

/** Types by their names; undefined: all. Throws INVALID_INPUT. */
export function eventTypes(names: readonly string[] | undefined): EventType[] | undefined {
  const unknown = names?.find((name) => !isEventType(name));
  if (unknown === undefined) return names as EventType[] | undefined;
  throw invalid('INVALID_INPUT', [{ path: '/type', message: `must be one of ${EVENT_TYPES.join(', ')}` }]);
}

/** Throws INVALID_INPUT. */
export function checkListening(event: EventType | '*', handler: EventHandler, { cursor }: ListenOptions): void {
  const issues: Issue[] = [];
  if (event !== '*' && !isEventType(event))
    issues.push({ path: '/event', message: `must be "*" or one of ${EVENT_TYPES.join(', ')}` });
  if (typeof handler !== 'function') issues.push({ path: '/handler', message: 'must be a function' });
  if (cursor !== undefined && !(Number.isSafeInteger(cursor) && cursor >= 0))
    issues.push({ path: '/cursor', message: 'must be a whole number from 0' });
  if (issues.length > 0) throw invalid('INVALID_INPUT', issues);
}

/** One handler, which gets its events in order; what it throws goes to `onError`, and the next event to it all the same. */
export function handing(
  handler: EventHandler,
  { onError = warn }: ListenOptions,
): (event: EventMessage) => Promise<void> {
  return async (event) => {
    try {
      await handler(event);
    } catch (error) {
      tell(onError, error);
    }
  };
}

/** Nobody is there to hear of what goes wrong in saying what went wrong. */
export function tell(onError: (error: unknown) => void, error: unknown): void {
  try {
    onError(error);
  } catch {
    // It is told what it is told.
  }
}

export const warn = (error: unknown): void =>
  process.emitWarning(error instanceof Error ? error : new Error(String(error)), 'HandoffEvents');

/** Hears of all events of a storage: who has it is an operator. Returns what ends it. */
export function listenLocally(
  storage: Storage,
  event: EventType | '*',
  handler: EventHandler,
  options: ListenOptions = {},
): () => void {
  checkListening(event, handler, options);
  const ended = new AbortController();
  const hand = handing(handler, options);
  const run = async (): Promise<void> => {
    if (options.cursor !== undefined) await storage.outbox.checkCursor(options.cursor);
    const from = options.cursor ?? (await storage.outbox.last());
    for await (const page of feedOf(storage).from(from, ended.signal))
      for (const one of page)
        if (!ended.signal.aborted && (event === '*' || one.type === event)) await hand(messageOf(one));
  };
  run().catch((error: unknown) => {
    if (!ended.signal.aborted) tell(options.onError ?? warn, error);
  });
  return () => ended.abort();
}
