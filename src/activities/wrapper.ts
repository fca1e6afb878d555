import { Context, activityInfo } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { HandoffError } from '../core/errors.js';
import { CLOSE_WITHIN_MS } from '../core/quick.js';
import { duringAttempt } from '../faults/failpoint.js';

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

/** What an error may weigh that Temporal is told of, and what is left of the text of one that weighs more. Characters. */
const ERROR_LIMIT = 100_000;
const LONGEST_TEXT = 4000;

/** A server takes no failure of megabytes: without a word, the attempt would count as lost, and be made again and again. */
function short(error: unknown): unknown {
  if (weightOf(error) <= ERROR_LIMIT) return error;
  const text = error instanceof Error ? error.message : String(error);
  const message = text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text;
  if (error instanceof CancelledFailure) return new CancelledFailure(message);
  const { type, nonRetryable } = error instanceof ApplicationFailure ? error : {};
  return ApplicationFailure.create({ message, type: type ?? 'Error', nonRetryable: nonRetryable ?? false });
}

function weightOf(error: unknown): number {
  if (!(error instanceof Error)) return typeof error === 'string' ? error.length : 0;
  const { message, stack = '', cause } = error;
  const details = error instanceof ApplicationFailure ? (JSON.stringify(error.details ?? []) ?? '').length : 0;
  return message.length + stack.length + details + (cause === error ? 0 : weightOf(cause));
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

/** The run id of the execution that called it: a reset, and continuing as new, give another. */
export const execution = (): string => activityInfo().workflowExecution?.runId ?? '';

export const isLocal = (): boolean => activityInfo().isLocal;

/** How long ago the activity that calls it was asked for, its earlier attempts included. Milliseconds. */
export const sinceAsked = (): number => Date.now() - activityInfo().scheduledTimestampMs;

/** Whether a local activity took so long that its run is to hear what came meanwhile, before it starts a step or completes. */
export const tookLong = (): boolean => isLocal() && sinceAsked() > CLOSE_WITHIN_MS;

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
    const timer = isLocal() ? undefined : setInterval(beat, BEAT_MS);
    try {
      return await duringAttempt(context.cancellationSignal, () => run(...args));
    } catch (error) {
      throw short(asFailure(error));
    } finally {
      clearInterval(timer);
    }
  };
}
