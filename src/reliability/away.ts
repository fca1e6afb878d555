import { setTimeout as sleep } from 'node:timers/promises';
import { HandoffError } from '../core/errors.js';

const AWAY = new Set(['NO_WORKER', 'TEMPORAL_UNREACHABLE', 'DEADLINE_EXCEEDED', 'DISK_FULL', 'TEMPORAL_REFUSED']);
const WORDS =
  /UNAVAILABLE|CANCELLED|ECONNRESET|ECONNREFUSED|DEADLINE_EXCEEDED|SQLITE_|database is locked|ENOSPC|Unexpected error while making gRPC request/;

/** Whether an error says no more than that somebody is away for a while, as while a fault strikes. */
function isAway(error: unknown): boolean {
  if (error instanceof HandoffError && AWAY.has(error.code)) return true;
  for (let e = error; e instanceof Error; e = e.cause) {
    if (WORDS.test(`${(e as { code?: unknown }).code?.toString() ?? ''} ${e.message}`)) return true;
  }
  return false;
}

const BETWEEN_MS = 250;

/**
 * Makes a call until it is answered: what is away comes back. Throws what else it throws, and after `until` (milliseconds
 * since the epoch) whatever it threw last.
 */
export async function persist<T>(call: () => Promise<T>, signal: AbortSignal, until = Infinity): Promise<T> {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await call();
    } catch (error) {
      if (!isAway(error) || Date.now() > until) throw error;
    }
    await sleep(BETWEEN_MS, undefined, { signal });
  }
}
