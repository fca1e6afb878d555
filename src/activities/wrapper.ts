import { Context, activityInfo } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { HandoffError } from '../core/errors.js';

/** Well below the heartbeat time-out of 5 s and the 2 s within which an interruptible step hears of a pause. */
const BEAT_MS = 1000;

/** Thrown by an action that a pause or a cancellation stopped midway; what it had done stands in the ledger. */
export class Interrupted extends Error {}

/** Throws {@link Interrupted} once the attempt is asked to stop. */
export function throwIfInterrupted(signal: AbortSignal): void {
  if (signal.aborted) throw new Interrupted('asked to stop');
}

/** Our errors as Temporal's: the code is the type, and whether it is retried follows from the code. */
function asFailure(error: unknown): unknown {
  if (error instanceof ApplicationFailure || error instanceof CancelledFailure) return error;
  if (error instanceof Interrupted) return new CancelledFailure('interrupted');
  if (error instanceof HandoffError) {
    return ApplicationFailure.create({
      type: error.code,
      message: error.message,
      nonRetryable: !error.retryable,
      details: [error.params],
      ...(error.cause instanceof Error ? { cause: error.cause } : {}),
    });
  }
  if (['ENOSPC', 'EDQUOT', 'SQLITE_FULL'].includes((error as NodeJS.ErrnoException)?.code ?? '')) {
    return asFailure(
      new HandoffError('DISK_FULL', { path: (error as NodeJS.ErrnoException).path ?? 'a file' }, { cause: error }),
    );
  }
  return error;
}

/** What the next beat of an activity says, by activity. */
const details = new WeakMap<Context, unknown>();

/** What an attempt is given beside its task. */
export interface Attempt {
  /** Has the next heartbeat say how far it is. */
  progress: (details: Record<string, unknown>) => void;
  /** When one that can go on later should stop, so that its time-out does not. Milliseconds. */
  stopBy: number;
}

/** Of an attempt's time-out, the part after which it stops by itself. */
const SLICE_OF_TIMEOUT = 0.6;

/** Of the activity that calls it. */
export function attemptOf(): Attempt {
  const context = Context.current();
  return {
    progress: (d) => void details.set(context, d),
    stopBy: Date.now() + activityInfo().startToCloseTimeoutMs * SLICE_OF_TIMEOUT,
  };
}

/** Which call of an activity it is that calls it: the number rises within a run. */
export function callOf(): { run: string; number: number } {
  const { activityId, workflowExecution } = activityInfo();
  return { run: workflowExecution?.runId ?? '', number: Number(activityId) };
}

/**
 * What every activity of ours runs in: it beats, so that a dead worker is found in 5 s and a cancellation is heard, and
 * it turns our errors into Temporal's.
 */
export function activity<A extends unknown[], R>(run: (...args: A) => Promise<R>): (...args: A) => Promise<R> {
  return async (...args) => {
    const context = Context.current();
    const beat = (): void => context.heartbeat(details.get(context));
    const timer = activityInfo().isLocal ? undefined : setInterval(beat, BEAT_MS);
    try {
      return await run(...args);
    } catch (error) {
      throw asFailure(error);
    } finally {
      clearInterval(timer);
    }
  };
}
