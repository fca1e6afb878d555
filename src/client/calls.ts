import { setTimeout as sleep } from 'node:timers/promises';
import {
  QueryNotRegisteredError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
  isGrpcDeadlineError,
  isGrpcServiceError,
  type Client,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { HandoffError, errorMessage, isErrorCode, type ErrorParams } from '../core/errors.js';

/** What one connected client needs to make calls. */
export interface Caller {
  temporal: Client;
  taskQueue: string;
  /** Milliseconds that a call may take. */
  deadlineMs: number;
}

/** Milliseconds in which a server that is there tells what it is. */
const PROBE_MS = 500;
/** What the SDK gets, beyond a deadline, to say itself that it is over. */
const GRACE_MS = 200;

/** Runs one call with the caller's deadline. Throws DEADLINE_EXCEEDED, TEMPORAL_UNREACHABLE. */
export async function withDeadline<T>(
  caller: Caller,
  what: string,
  call: () => Promise<T>,
  ms = caller.deadlineMs,
): Promise<T> {
  try {
    return await inTime(caller, what, ms, call);
  } catch (error) {
    // The SDK repeats a call to a server that is not there until the deadline, and then speaks of the deadline only.
    if (isDeadline(error) && !(await answers(caller))) throw unreachable('it gave no answer in time', error);
    throw translated(error, what, ms, caller.temporal.options.namespace);
  }
}

/** The SDK sleeps past its own deadline before it calls a server that is not there once more; so the clock here counts. */
async function inTime<T>({ temporal }: Caller, what: string, ms: number, call: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new HandoffError('DEADLINE_EXCEEDED', { what, seconds: ms / 1000 });
    timer = setTimeout(() => reject(error), ms + GRACE_MS);
  });
  try {
    return await Promise.race([temporal.withDeadline(Date.now() + ms, call), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** How often a run is asked that was built anew instead of answering, and the pause before it is asked again. */
const ASKED = 7;
const ASK_AGAIN_MS = 25;

/**
 * Asks a run, again where it was built anew instead of answering (see `dropEarlyRuns`), and each time later: one that is
 * busy gets on meanwhile. A query that failed is all that the SDK tells of it. Throws QUERY_TOO_EARLY.
 */
export async function ask<T>(query: () => Promise<T>, asked = 1): Promise<T> {
  try {
    return await query();
  } catch (error) {
    if (!(error instanceof QueryNotRegisteredError)) throw error;
    if (asked < ASKED) {
      await sleep(ASK_AGAIN_MS * 2 ** (asked - 1));
      return ask(query, asked + 1);
    }
    const early = error.message.includes(errorMessage('QUERY_TOO_EARLY', {}));
    throw early ? new HandoffError('QUERY_TOO_EARLY', {}, { cause: error }) : error;
  }
}

/** Whether there is a server at all. */
async function answers(caller: Caller): Promise<boolean> {
  const { connection } = caller.temporal;
  try {
    await inTime(caller, 'The probe', PROBE_MS, () => connection.workflowService.getSystemInfo({}));
    return true;
  } catch {
    return false;
  }
}

const unreachable = (details: string, cause: unknown): HandoffError =>
  new HandoffError(
    'TEMPORAL_UNREACHABLE',
    {
      why: `The Temporal server does not answer: ${details}. Start one with \`handoff dev\`, or set TEMPORAL_ADDRESS.`,
    },
    { cause },
  );

/** Our error for one of Temporal's, where there is one. */
export function translated(error: unknown, what: string, ms: number, namespace: string): unknown {
  if (error instanceof HandoffError) return error;
  if (isDeadline(error)) return new HandoffError('DEADLINE_EXCEEDED', { what, seconds: ms / 1000 }, { cause: error });
  const failure = error instanceof WorkflowUpdateFailedError ? error.cause : error;
  if (failure instanceof ApplicationFailure && isErrorCode(failure.type)) {
    return new HandoffError(failure.type, (failure.details?.[0] as ErrorParams | undefined) ?? {}, { cause: error });
  }
  const grpc = grpcCause(error);
  // 14 = UNAVAILABLE
  if (grpc?.code === 14) return unreachable(grpc.details, error);
  // 3 = INVALID_ARGUMENT: the server has no mapping for a search attribute.
  if (grpc?.code === 3 && /search attribute/i.test(grpc.details)) {
    const names = [...grpc.details.matchAll(/Handoff[A-Za-z]+/g)].map((m) => m[0]).join(', ');
    return new HandoffError('SEARCH_ATTRIBUTES_MISSING', { namespace, names }, { cause: error });
  }
  if (grpc) return new HandoffError('TEMPORAL_REFUSED', { what, why: grpc.details }, { cause: error });
  return error;
}

function grpcCause(error: unknown): { code: number; details: string } | undefined {
  for (let e = error; e instanceof Error; e = e.cause) if (isGrpcServiceError(e)) return e;
  return undefined;
}

export const isDeadline = (error: unknown): boolean =>
  error instanceof HandoffError
    ? error.code === 'DEADLINE_EXCEEDED'
    : error instanceof WorkflowUpdateRPCTimeoutOrCancelledError ||
      isGrpcDeadlineError(error) ||
      // 1 = CANCELLED, 4 = DEADLINE_EXCEEDED: we cancel no call ourselves, so both say that its time was over.
      [1, 4].includes(grpcCause(error)?.code ?? 0);

/** Whether Temporal knows no such run, or one that is closed: which of the two, a description tells. */
export const isNotFound = (error: unknown): boolean =>
  error instanceof WorkflowNotFoundError || grpcCause(error)?.code === 5;

/**
 * Whether anybody has polled the task queue since `since`. A worker that takes a task polls again at once, so one that
 * did not come back since we called has not taken ours. Milliseconds.
 */
export async function hasWorker(caller: Caller, since: number): Promise<boolean> {
  const { connection, options } = caller.temporal;
  const answer = await caller.temporal.withDeadline(Date.now() + 2000, () =>
    connection.workflowService.describeTaskQueue({
      namespace: options.namespace,
      taskQueue: { name: caller.taskQueue },
      taskQueueType: 1,
    }),
  );
  const lastOf = (p: { lastAccessTime?: { seconds?: unknown; nanos?: number | null } | null }): number =>
    Number(p.lastAccessTime?.seconds ?? 0) * 1000 + (p.lastAccessTime?.nanos ?? 0) / 1e6;
  return (answer.pollers ?? []).some((p) => lastOf(p) >= since);
}
