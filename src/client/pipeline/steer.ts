import { setTimeout as sleep } from 'node:timers/promises';
import { parseDate } from '../../core/date.js';
import { HandoffError } from '../../core/errors.js';
import type { MergeStrategy, PipelineHandoffPackage } from '../../core/package/package.js';
import { packageIdOf } from '../../core/pipeline/ids.js';
import { refusePipeline } from '../../core/pipeline/refusal.js';
import { resumePointOf, type PipelineMessageName } from '../../core/pipeline/pipeline.js';
import {
  pipelineCancelSignal,
  pipelinePauseSignal,
  pipelineTransferUpdate,
  type CancelMessage,
  type PipelineTransferAnswer,
} from '../../messages.js';
import type { StoredPipeline } from '../../storage/pipelines/pipelines.js';
import { isDeadline, withDeadline } from '../calls.js';
import { isOver, type PipelineReport } from './report.js';
import {
  checkPipelineMessage,
  codedCause,
  handleOf,
  isPolled,
  noWorker,
  pipelineStatus,
  storageOf,
  type PipelineDeps,
} from './runs.js';

export interface PausePipeline {
  by: string;
  /** Default `user-requested`. */
  reason?: string;
  /** When it resumes by itself; ISO 8601. */
  until?: string;
}

export interface TransferPipeline {
  by: string;
  /** For entries of the context that change on the way. Default `newest-wins`. */
  merge?: MergeStrategy;
}

export interface WaitOptions {
  /** Milliseconds to wait for the step at work to end. Default: the client's deadline. */
  waitMs?: number;
}

export interface TransferResult {
  /** The package that the rest goes on from. */
  handoffId: string;
  /** The task queue of the other process. */
  targetProcess: string;
  transferredAt: Date;
  /** Nobody polls that task queue yet; the rest waits for a worker there. */
  waitsForWorker?: true;
}

/** Between two looks at the record. */
const LOOK_MS = 50;

/**
 * Pauses at the next step boundary, and returns the package that is then written; where the step at work fails for good
 * meanwhile, the one that the failure leaves. Throws PIPELINE_NOT_RUNNING; NO_WORKER and DEADLINE_EXCEEDED where the
 * pause stands, but has not taken hold in time.
 */
export async function pausePipeline(
  deps: PipelineDeps,
  session: string,
  asked: PausePipeline,
  options: WaitOptions = {},
): Promise<PipelineHandoffPackage> {
  const storage = storageOf(deps, 'The package of a pause');
  checkPipelineMessage('pause', asked);
  if (asked.until !== undefined && parseDate(asked.until)! <= Date.now())
    throw new HandoffError('INVALID_MESSAGE', { message: 'pause', why: '`until` is past: it would resume at once' });
  const message = { at: new Date().toISOString(), ...asked };
  const report = await fitting(deps, session, 'pause', message);
  await withDeadline(deps.caller, 'The signal pause', () =>
    handleOf(deps, session).signal(pipelinePauseSignal, message),
  );
  const { packageId } = await recorded(deps, 'pause', report, options, (s, id) =>
    s.packageId === id && (s.status === 'paused' || s.status === 'failed') ? { packageId: id } : undefined,
  );
  const handoff = await storage.packages.load(packageId);
  if (!handoff) throw new HandoffError('PACKAGE_NOT_FOUND', { package: packageId });
  return handoff;
}

/**
 * Has the rest run at another task queue, from the next step on. Throws PIPELINE_NOT_RUNNING, NO_WORKER, and
 * DEADLINE_EXCEEDED where it stands, but has not taken hold in time.
 */
export async function transferPipeline(
  deps: PipelineDeps,
  session: string,
  targetProcess: string,
  asked: TransferPipeline,
  options: WaitOptions = {},
): Promise<TransferResult> {
  storageOf(deps, 'The package of a transfer');
  const message = { ...asked, taskQueue: targetProcess };
  checkPipelineMessage('transfer', message);
  const report = await fitting(deps, session, 'transfer', message);
  const { packageId: handoffId } = await updateRun<PipelineTransferAnswer>(deps, report, 'transfer', () =>
    handleOf(deps, session).executeUpdate(pipelineTransferUpdate, { args: [message] }),
  );
  const { at } = await recorded(deps, 'transfer', report, options, ({ state }) =>
    state?.moves.find((m) => m.packageId === handoffId),
  );
  const waits = (await isPolled(deps, targetProcess)) ? {} : { waitsForWorker: true as const };
  return { handoffId, targetProcess, transferredAt: new Date(at), ...waits };
}

/** Stops a pipeline for good; what its steps did stays. Throws PIPELINE_NOT_RUNNING. */
export async function cancelPipeline(deps: PipelineDeps, session: string, message: CancelMessage): Promise<void> {
  checkPipelineMessage('cancel', message);
  await fitting(deps, session, 'cancel', message);
  await withDeadline(deps.caller, 'The signal cancel', () =>
    handleOf(deps, session).signal(pipelineCancelSignal, message),
  );
}

/** Where it stands, if the message fits that: a signal that does not is swallowed without a word. */
async function fitting(
  deps: PipelineDeps,
  session: string,
  name: PipelineMessageName,
  message: object,
): Promise<PipelineReport> {
  const end = Date.now() + deps.caller.deadlineMs;
  for (;;) {
    const report = await pipelineStatus(deps, session);
    if (report.gone) throw new HandoffError('PIPELINE_NOT_RUNNING', { session, status: report.shown });
    const refusal = refusePipeline(session, report.state, name, message);
    if (refusal) throw new HandoffError(refusal.code, refusal.params);
    // One that has only just been started gets its epoch, and with it the name of its package, in a moment.
    if (report.state.epoch > 0 || report.from === 'storage' || Date.now() > end) return report;
    await sleep(LOOK_MS);
  }
}

/** Sends an update. Throws what its run refuses it with, NO_WORKER, DEADLINE_EXCEEDED. */
export async function updateRun<R>(
  deps: PipelineDeps,
  { session, taskQueue }: Pick<PipelineReport, 'session' | 'taskQueue'>,
  name: PipelineMessageName,
  send: () => Promise<R>,
): Promise<R> {
  const began = Date.now();
  try {
    return await withDeadline(deps.caller, `The update ${name}`, send);
  } catch (error) {
    const next = `It may still take effect: \`handoff pipeline status ${session}\` says whether it has.`;
    if (!isDeadline(error)) throw codedCause(error) ?? error;
    if (!(await isPolled(deps, taskQueue, began))) throw noWorker(deps, taskQueue, next, error);
    const seconds = deps.caller.deadlineMs / 1000;
    throw new HandoffError('DEADLINE_EXCEEDED', { what: `The update ${name}`, seconds, next }, { cause: error });
  }
}

/** Waits until the record says what was asked for; nobody but the step at work can keep it waiting. */
async function recorded<T>(
  deps: PipelineDeps,
  name: 'pause' | 'transfer',
  { session, subject: { pipelineId }, state, phases, taskQueue }: PipelineReport,
  { waitMs = deps.caller.deadlineMs }: WaitOptions,
  found: (stored: StoredPipeline, packageId: string) => T | undefined,
): Promise<T> {
  const { pipelines } = storageOf(deps, `A ${name}`);
  const packageId = packageIdOf(pipelineId, Math.max(1, state.epoch));
  const began = Date.now();
  while (Date.now() - began < waitMs) {
    const stored = await pipelines.find(pipelineId);
    const seen = stored && found(stored, packageId);
    if (seen !== undefined) return seen;
    const stopped = stored?.state?.unwritten ? 'failed: its package could not be written' : undefined;
    if (stored?.closedAt !== undefined || stopped !== undefined)
      throw new HandoffError('PIPELINE_NOT_RUNNING', { session, status: stopped ?? stored!.shown });
    await sleep(LOOK_MS);
  }
  // It may have been ended in Temporal meanwhile, or have ended in another way.
  const now = await pipelineStatus(deps, session);
  if (isOver(now)) throw new HandoffError('PIPELINE_NOT_RUNNING', { session, status: now.shown });
  const asks = `\`handoff pipeline status ${session}\` then names its package.`;
  if (!(await isPolled(deps, taskQueue)) || now.from === 'storage')
    throw noWorker(deps, taskQueue, `The ${name} stands, and takes hold once one is there; ${asks}`);
  const next = `It stands, and takes hold when ${resumePointOf(now.state.at, phases)} has ended; ${asks}`;
  const what = `The ${name} of the pipeline of session ${session}`;
  throw new HandoffError('DEADLINE_EXCEEDED', { what, seconds: waitMs / 1000, next });
}
