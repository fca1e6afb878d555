import { setTimeout as sleep } from 'node:timers/promises';
import type { HandoffClient, RunStatus } from '../client.js';
import { HandoffError } from '../core/errors.js';
import type { HandoffOutcome, HandoffState } from '../core/handoff.js';
import { changes } from './text/changes.js';
import { clock, type Paint } from './text/text.js';

const POLL_MS = 150;
/** How long nobody may answer before we stop waiting for them to come back. */
const PATIENCE_MS = 20_000;
const AWAY = new Set(['NO_WORKER', 'TEMPORAL_UNREACHABLE', 'DEADLINE_EXCEEDED']);

const isAway = (error: unknown): boolean => error instanceof HandoffError && AWAY.has(error.code);

export interface FollowOptions {
  paint: Paint;
  say: (line: string) => void;
  /** Aborting stops the following, not the handoff. */
  signal: AbortSignal;
  /** Without what to type next, where somebody else types it. */
  hints?: boolean;
  /** Called after each look, when what it shows has been said. */
  onState?: (state: HandoffState) => void;
}

/**
 * Tells what happens to a handoff until it is closed, and returns its outcome. Outlives a worker or server that is
 * away for a while. Throws what the signal was aborted with; NO_WORKER or TEMPORAL_UNREACHABLE where nobody comes back.
 */
export async function follow(client: HandoffClient, id: string, options: FollowOptions): Promise<HandoffOutcome> {
  const { paint, say, signal, hints = true, onState } = options;
  const announced = new Set<string>();
  const stopped = aborted(signal);
  let before: HandoffState | undefined;
  let awaySince: number | undefined;
  let outcome: HandoffOutcome | undefined;
  let fault: unknown;
  let waiting = false;
  const wait = (): void => {
    waiting = true;
    client.result(id).then(
      (o) => void (outcome = o),
      (error: unknown) => {
        waiting = false;
        if (!isAway(error) && !isBroken(error)) fault = error;
      },
    );
  };
  const tell = ({ state, subject }: RunStatus): void => {
    if (!state || !subject) return;
    for (const line of changes(paint, subject, before, state, announced)) {
      if (hints || !line.startsWith('  next:')) say(`${paint.dim(clock(Date.now()))}  ${line}`);
    }
    before = state;
    onState?.(state);
  };
  for (;;) {
    signal.throwIfAborted();
    if (fault) throw fault instanceof Error ? fault : new Error(JSON.stringify(fault));
    const over = outcome;
    if (!over && !waiting) wait();
    try {
      const status = await client.status(id);
      // A record is older than what a run told before.
      if (status.from === 'run' || over) tell(status);
      if (status.from === 'run' && awaySince !== undefined) say('A worker answers again.');
      awaySince = status.from === 'run' ? undefined : (awaySince ?? missing(say, 'worker'));
    } catch (error) {
      if (!isAway(error)) throw error;
      const what = (error as HandoffError).code === 'NO_WORKER' ? 'worker' : 'server';
      awaySince ??= missing(say, what);
      if (Date.now() - awaySince > PATIENCE_MS) throw error;
    }
    if (over) return over;
    await Promise.race([sleep(POLL_MS), stopped]);
  }
}

function missing(say: (line: string) => void, what: 'worker' | 'server'): number {
  say(`No ${what} answers; waiting for one. Nothing is lost.`);
  return Date.now();
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

/** A connection that broke under a long poll, in gRPC's words. */
const isBroken = (error: unknown): boolean =>
  /UNAVAILABLE|CANCELLED|ECONNRESET|ECONNREFUSED|DEADLINE_EXCEEDED/.test(
    `${(error as Error).message} ${String(((error as Error).cause as Error | undefined)?.message)}`,
  );
