import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { HandoffError, isErrorCode, type ErrorParams } from '../../core/errors.js';
import { checkSession } from '../../core/ids.js';
import { pipelineWorkflowIdOf } from '../../core/pipeline/ids.js';
import { faultOfPipelineMessage } from '../../core/pipeline/message.js';
import { isOpenPipeline, type PipelineMessageName } from '../../core/pipeline/pipeline.js';
import { pipelineStatusQuery, type PipelineSnapshot } from '../../messages.js';
import type { Storage } from '../../storage/storage.js';
import { ask, hasWorker, isNotFound, withDeadline, type Caller } from '../calls.js';
import type { Catalogue } from '../start.js';
import { reportOf, type PipelineReport } from './report.js';

/** What all calls about pipelines need. */
export interface PipelineDeps {
  caller: Caller;
  storage: Storage | undefined;
  catalogue: Catalogue;
}

/** What the server itself knows of a session's newest run. */
export interface RunFacts {
  runId: string;
  /** As the server has it: `RUNNING`, `TERMINATED`, … */
  status: string;
  taskQueue: string;
  pipelineId?: string;
  closedAt?: number;
}

/** How long a run may be silent before we look whether there is anybody who could answer for it. */
const SILENCE_MS = 300;
/** An idle worker's poll ends and is asked anew once a minute; who did not come back in this time is gone. */
const POLL_MS = 70_000;
/** What the server's clock may be behind ours. */
const CLOCK_SKEW_MS = 1000;

export const handleOf = ({ caller }: PipelineDeps, session: string, runId?: string): WorkflowHandle =>
  caller.temporal.workflow.getHandle(pipelineWorkflowIdOf(session), runId);

export function storageOf({ storage }: PipelineDeps, what: string): Storage {
  if (!storage) throw new HandoffError('STORAGE_REQUIRED', { what });
  return storage;
}

/** Throws INVALID_MESSAGE. */
export function checkPipelineMessage(name: PipelineMessageName, message: unknown): void {
  const why = faultOfPipelineMessage(name, message);
  if (why) throw new HandoffError('INVALID_MESSAGE', { message: name, why });
}

export async function describeRun(deps: PipelineDeps, session: string): Promise<RunFacts | undefined> {
  try {
    const what = `The look at the pipeline of session ${session}`;
    const { runId, status, taskQueue, memo, closeTime } = await withDeadline(deps.caller, what, () =>
      handleOf(deps, session).describe(),
    );
    const { pipelineId } = (memo?.['pipeline'] ?? {}) as { pipelineId?: string };
    return {
      runId,
      status: status.name,
      taskQueue,
      ...(pipelineId === undefined ? {} : { pipelineId }),
      ...(closeTime ? { closedAt: closeTime.getTime() } : {}),
    };
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Whether anybody polls a task queue; where that cannot be found out, we do not say that nobody does. */
export const isPolled = ({ caller }: PipelineDeps, taskQueue: string, since = Date.now() - POLL_MS): Promise<boolean> =>
  hasWorker({ ...caller, taskQueue }, since - CLOCK_SKEW_MS).catch(() => true);

export const noWorker = ({ caller }: PipelineDeps, queue: string, next: string, cause?: unknown): HandoffError =>
  new HandoffError('NO_WORKER', { queue, namespace: caller.temporal.options.namespace, next }, { cause });

/**
 * What a run says of itself, within half the deadline, so that there is time to look elsewhere. Throws NO_WORKER as soon
 * as it is known that nobody can answer, and DEADLINE_EXCEEDED.
 */
export async function askRun(deps: PipelineDeps, session: string, facts: RunFacts): Promise<PipelineSnapshot> {
  const { caller } = deps;
  const ms = Math.min(caller.deadlineMs, Math.max(caller.deadlineMs / 2, 500));
  const began = Date.now();
  const next = 'Then ask again.';
  const query = withDeadline(
    caller,
    `The status of the pipeline of session ${session}`,
    () => ask(() => handleOf(deps, session, facts.runId).query(pipelineStatusQuery)),
    ms,
  );
  const nobody = (async (): Promise<never> => {
    await sleep(SILENCE_MS, undefined, { ref: false });
    if (!(await isPolled(deps, facts.taskQueue))) throw noWorker(deps, facts.taskQueue, next);
    return query as Promise<never>;
  })();
  nobody.catch(() => {});
  try {
    return await Promise.race([query, nobody]);
  } catch (error) {
    query.catch(() => {});
    const isLate = error instanceof HandoffError && error.code === 'DEADLINE_EXCEEDED';
    if (isLate && !(await isPolled(deps, facts.taskQueue, began))) throw noWorker(deps, facts.taskQueue, next, error);
    throw error;
  }
}

/**
 * Where a session's pipeline stands. Falls back to the stored record where nobody answers, and says so. Throws
 * PIPELINE_NOT_FOUND, and without storage NO_WORKER.
 */
export async function pipelineStatus(deps: PipelineDeps, session: string): Promise<PipelineReport> {
  checkSession(session);
  const stored = (): Promise<PipelineReport | undefined> | undefined =>
    deps.storage?.pipelines.ofSession(session).then((found) => found && reportOf(found));
  let facts: RunFacts | undefined;
  try {
    facts = await describeRun(deps, session);
    if (!facts) {
      const record = await stored();
      if (!record) throw new HandoffError('PIPELINE_NOT_FOUND', { session });
      // Temporal has forgotten a run that closed long ago; one that is open it never forgets.
      return isOpenPipeline(record.state) ? { ...record, shown: 'gone', gone: { how: 'gone' } } : record;
    }
    return await withEnd(deps, session, facts, { session, from: 'run', ...(await askRun(deps, session, facts)) });
  } catch (error) {
    const record = await stored();
    if (!record) throw error;
    if (!facts) return record;
    const waits = error instanceof HandoffError && error.code === 'NO_WORKER';
    const report = await withEnd(deps, session, facts, record);
    return waits && facts.status === 'RUNNING' ? { ...report, waitsForWorker: facts.taskQueue } : report;
  }
}

/** A run that Temporal has closed, and that has not said how it ended, is shown as Temporal closed it. */
async function withEnd(
  deps: PipelineDeps,
  session: string,
  { status, runId }: RunFacts,
  report: PipelineReport,
): Promise<PipelineReport> {
  if (status === 'RUNNING' || !isOpenPipeline(report.state)) return report;
  const how = status.toLowerCase();
  const failure = status === 'FAILED' ? await failureOfRun(deps, session, runId) : undefined;
  return { ...report, shown: how, gone: { how, ...(failure ? { why: failure.message } : {}) } };
}

/** Why a run failed, which it does only where it could not begin. */
export async function failureOfRun(
  deps: PipelineDeps,
  session: string,
  runId: string,
): Promise<HandoffError | undefined> {
  try {
    await withDeadline(deps.caller, 'The result', () => handleOf(deps, session, runId).result());
    return undefined;
  } catch (error) {
    return codedCause(error);
  }
}

/** The error of ours that lies under one of Temporal's; a run that fails has its text, and not its params. */
export function codedCause(error: unknown): HandoffError | undefined {
  for (let e = error; e instanceof Error; e = e.cause) {
    if (e instanceof HandoffError) return e;
    const { type } = e as { type?: unknown };
    if (typeof type !== 'string' || !isErrorCode(type)) continue;
    const details = (e as { details?: unknown[] }).details?.[0] as ErrorParams | undefined;
    if (details) return new HandoffError(type, details, { cause: error });
    const why = e.message.replace(/^Failed to receive handoff: /, '');
    if (type === 'PIPELINE_RESUME_FAILED') return new HandoffError(type, { why }, { cause: error });
    const named = new HandoffError(type, {}, { cause: error });
    named.message = e.message;
    return named;
  }
  return undefined;
}
