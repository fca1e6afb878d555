import { setTimeout as sleep } from 'node:timers/promises';
import { HandoffError, type ErrorCode } from '../../core/errors.js';
import { checkSession } from '../../core/ids.js';
import type { MergeStrategy, PipelineHandoffPackage, RestoreConflict } from '../../core/package/package.js';
import { refusePipeline } from '../../core/pipeline/refusal.js';
import {
  isOpenPipeline,
  packedIn,
  placeAfter,
  resumePointOf,
  type PackedPipeline,
} from '../../core/pipeline/pipeline.js';
import { pipelineResumeUpdate, type PipelineResumeAnswer, type PipelineSnapshot } from '../../messages.js';
import type { StoredPipeline } from '../../storage/pipelines/pipelines.js';
import type { Storage } from '../../storage/storage.js';
import {
  askRun,
  checkPipelineMessage,
  describeRun,
  failureOfRun,
  handleOf,
  isPolled,
  pipelineStatus,
  storageOf,
  type PipelineDeps,
  type RunFacts,
} from './runs.js';
import { recoverPipeline, resumePipelineAnew, type StartedPipeline } from './start.js';
import { updateRun } from './steer.js';

export interface ResumePipeline {
  by: string;
  /** For entries that have changed since. Default `newest-wins`. */
  merge?: MergeStrategy;
  /** Where the rest is to run. Default: where it ran, if anybody is there, else the client's. */
  taskQueue?: string;
  note?: string;
}

export interface ResumedPipeline {
  session: string;
  pipelineId: string;
  /** The package that it goes on from; absent: from the records of its steps. */
  handoffId?: string;
  /** `<phase>/<step>`: where it goes on. */
  resumePoint: string;
  /** `running`; `transferring`: on its way to another task queue; `paused`: somebody else holds it as well. */
  status: string;
  taskQueue: string;
  /** A new run took over, because nobody answered for the one before. */
  anew: boolean;
  /** Entries that had changed, and which value stands now. */
  conflicts: RestoreConflict[];
  /** Nobody polls the task queue yet; it goes on once a worker does. */
  waitsForWorker?: true;
}

const LOOK_MS = 50;

const refused = (why: string, params: Record<string, string> = {}): HandoffError =>
  new HandoffError('PIPELINE_RESUME_FAILED', { why, ...params });

/** As HandoffManager says it. */
const TEXTS: Partial<Record<ErrorCode, string>> = {
  PACKAGE_NOT_FOUND: 'Handoff package not found',
  PACKAGE_DAMAGED: 'Integrity check failed',
  PACKAGE_EXPIRED: 'Handoff package expired',
};

/**
 * Goes on from a package, from exactly where it says: in its own run where that answers, else in a new one. Nothing
 * is touched where it cannot. Throws PIPELINE_RESUME_FAILED with why, DEADLINE_EXCEEDED.
 */
export async function resumePipeline(
  deps: PipelineDeps,
  handoffId: string,
  asked: ResumePipeline,
): Promise<ResumedPipeline> {
  const storage = storageOf(deps, 'A resume');
  const message = { ...asked, packageId: handoffId };
  checkPipelineMessage('resume', message);
  const { handoff, packed } = await opened(storage, handoffId);
  const { session, pipelineId } = packed.subject;
  const known = await storage.pipelines.find(pipelineId);
  checkPresent(handoffId, packed, known);
  const facts = await describeRun(deps, session);
  const isOpen = facts?.status === 'RUNNING';
  if (isOpen && facts.pipelineId !== undefined && facts.pipelineId !== pipelineId)
    throw refused(`session ${session} has another pipeline that is open, ${facts.pipelineId}`);
  const answer = isOpen ? await whoAnswers(deps, session, facts) : undefined;
  const { resumePoint } = handoff.checkpoint;
  if (answer) {
    const refusal = refusePipeline(session, answer.state, 'resume', message);
    if (refusal) throw new HandoffError(refusal.code, refusal.params);
    const { status, conflicts } = await askToResume(deps, session, answer.taskQueue, message);
    const taskQueue = status === 'transferring' && asked.taskQueue ? asked.taskQueue : answer.taskQueue;
    const waits = status === 'transferring' && !(await isPolled(deps, taskQueue));
    const told = { session, pipelineId, handoffId, resumePoint, status, taskQueue, anew: false, conflicts };
    return { ...told, ...(waits ? { waitsForWorker: true } : {}) };
  }
  const asOf = stoodStill(handoffId, known, facts);
  const { expiresAt } = handoff.metadata;
  if (expiresAt && expiresAt.getTime() < (asOf ?? Date.now())) throw refused('Handoff package expired');
  const taskQueue = asked.taskQueue ?? (await queueFor(deps, known, isOpen));
  const caller = { ...deps.caller, taskQueue };
  const source = { packageId: handoffId, ...from(asked), ...(asOf === undefined ? {} : { asOf }) };
  const started = await taking(resumePipelineAnew(caller, packed, source, isOpen ? facts.runId : undefined));
  const taken = await untilTaken(deps, storage, started, taskQueue);
  const conflicts = taken?.state?.conflicts ?? [];
  const told = { session, pipelineId, handoffId, resumePoint, status: taken?.shown ?? 'running', taskQueue, conflicts };
  return { ...told, anew: true, ...(taken ? {} : { waitsForWorker: true }) };
}

/**
 * Goes on with a session's pipeline: from its present package, if it waits with one; else, and where `fromRecords` says
 * so, after the last step on record, with the context as it is. The latter needs no package, so it is the way out where
 * that is damaged, expired or gone, and where a run was ended in Temporal. Throws PIPELINE_NOT_FOUND,
 * PIPELINE_RESUME_FAILED.
 */
export async function resumeSession(
  deps: PipelineDeps,
  session: string,
  { fromRecords = false, ...asked }: ResumePipeline & { fromRecords?: boolean },
): Promise<ResumedPipeline> {
  const storage = storageOf(deps, 'A resume');
  checkPipelineMessage('resume', asked);
  checkSession(session);
  // Asked first: a run that comes meanwhile is not ended for this one.
  const facts = await describeRun(deps, session);
  const { state, shown, gone, from: said, waitsForWorker, ...report } = await pipelineStatus(deps, session);
  const known = await storage.pipelines.ofSession(session);
  if (!known || !isOpenPipeline(state)) throw refused(`the pipeline of session ${session} is ${shown}`);
  // The record of a run that is gone may be older than what it did last.
  const { checkpoint, epoch, status } = state;
  if (checkpoint && epoch === known.epoch && !fromRecords) return resumePipeline(deps, checkpoint.packageId, asked);
  const { pipelineId } = known.subject;
  if (status === 'failed' && said === 'run' && !gone && epoch === known.epoch && !fromRecords) {
    const { conflicts, ...resumed } = await askToResume(deps, session, report.taskQueue, asked);
    const taskQueue = resumed.status === 'transferring' ? (asked.taskQueue ?? report.taskQueue) : report.taskQueue;
    const { resumePoint } = report;
    return { session, pipelineId, resumePoint, status: resumed.status, taskQueue, anew: false, conflicts };
  }
  if (!gone && status === 'running' && !waitsForWorker) throw refused(`the pipeline of session ${session} is ${shown}`);
  const isOpen = facts?.status === 'RUNNING' && !gone;
  const taskQueue = asked.taskQueue ?? (await queueFor(deps, known, isOpen && waitsForWorker !== undefined));
  const caller = { ...deps.caller, taskQueue };
  const started = await taking(recoverPipeline(caller, known, asked.by, isOpen ? facts.runId : undefined));
  const taken = await untilTaken(deps, storage, started, taskQueue);
  // The new run may be further by now; what it found done bears an older epoch than its own.
  const found = (await storage.pipelines.steps(pipelineId)).filter((s) => s.epoch <= known.epoch);
  const resumePoint = resumePointOf(placeAfter(found, known.phases), known.phases);
  const told = { session, pipelineId, resumePoint, taskQueue, conflicts: [] };
  return { ...told, status: taken?.shown ?? 'running', anew: true, ...(taken ? {} : { waitsForWorker: true }) };
}

/** A new run that another one has just come before. */
const taking = (launch: Promise<StartedPipeline>): Promise<StartedPipeline> =>
  launch.catch((error: unknown) => {
    const isSecond = error instanceof HandoffError && error.code === 'PIPELINE_RUNNING';
    throw isSecond ? refused('somebody resumes it at this moment') : error;
  });

const askToResume = (
  deps: PipelineDeps,
  session: string,
  taskQueue: string,
  message: ResumePipeline & { packageId?: string },
): Promise<PipelineResumeAnswer> =>
  updateRun<PipelineResumeAnswer>(deps, { session, taskQueue }, 'resume', () =>
    handleOf(deps, session).executeUpdate(pipelineResumeUpdate, { args: [message] }),
  );

const from = ({ by, merge }: ResumePipeline): { by: string; merge?: MergeStrategy } => ({
  by,
  ...(merge ? { merge } : {}),
});

/**
 * What the time is to a package with which its run waits, or waited until it was closed: its clock stood still for so
 * long. Undefined: no run of it is known, and it ages as any package.
 */
function stoodStill(id: string, known: StoredPipeline | undefined, run: RunFacts | undefined): number | undefined {
  const checkpoint = known?.state?.checkpoint;
  if (checkpoint?.packageId !== id || !run) return undefined;
  return checkpoint.at + (run.closedAt === undefined ? 0 : Date.now() - run.closedAt);
}

/** A package that is there, whole, and of a pipeline. */
async function opened(
  storage: Storage,
  id: string,
): Promise<{ handoff: PipelineHandoffPackage; packed: PackedPipeline }> {
  const handoff = await storage.packages.load(id).catch((error: unknown) => {
    if (!(error instanceof HandoffError)) throw error;
    throw refused(TEXTS[error.code] ?? error.message, { code: error.code, detail: error.message });
  });
  if (!handoff) throw refused(TEXTS.PACKAGE_NOT_FOUND!, { code: 'PACKAGE_NOT_FOUND' });
  const packed = packedIn(handoff);
  if (typeof packed?.subject?.pipelineId !== 'string' || !Array.isArray(packed.phases))
    throw refused(`package ${id} is of no pipeline`);
  return { handoff, packed };
}

/** Whether it is where its pipeline stands: an older one would have steps done twice, and what was written since lost. */
function checkPresent(id: string, { subject, epoch }: PackedPipeline, known: StoredPipeline | undefined): void {
  if (!known) return;
  const { session } = subject;
  if (known.closedAt !== undefined) throw refused(`the pipeline of session ${session} is ${known.shown}`);
  if (known.epoch <= epoch) return;
  const present = known.packageId ?? `what it did since (epoch ${known.epoch})`;
  throw refused(`Handoff package ${id} is not the present one: it is superseded by ${present}`);
}

/** What the open run says; undefined where nobody is there who could say it. */
async function whoAnswers(deps: PipelineDeps, session: string, facts: RunFacts): Promise<PipelineSnapshot | undefined> {
  // A worker that stopped a moment ago seems to be there still, and is known to be gone at the second look.
  for (let look = 1; ; look++) {
    try {
      return await askRun(deps, session, facts);
    } catch (error) {
      const code = error instanceof HandoffError ? error.code : undefined;
      if (code === 'NO_WORKER') return undefined;
      if (code !== 'DEADLINE_EXCEEDED' || look === 2) throw error;
    }
  }
}

/** Where its last worker was, if one is still there. */
async function queueFor(deps: PipelineDeps, known: StoredPipeline | undefined, isDeserted: boolean): Promise<string> {
  const { taskQueue: ours } = deps.caller;
  if (isDeserted || !known || known.taskQueue === ours) return ours;
  return (await isPolled(deps, known.taskQueue)) ? known.taskQueue : ours;
}

/** Waits until the new run has taken the package up; undefined where nobody is there who could. Throws why it did not. */
async function untilTaken(
  deps: PipelineDeps,
  storage: Storage,
  { session, pipelineId, runId }: StartedPipeline,
  taskQueue: string,
): Promise<StoredPipeline | undefined> {
  const { deadlineMs } = deps.caller;
  const began = Date.now();
  if (!(await isPolled(deps, taskQueue))) return undefined;
  while (Date.now() - began < deadlineMs) {
    const stored = await storage.pipelines.find(pipelineId);
    if (stored?.run === runId && stored.state?.epoch === stored.epoch) return stored;
    const facts = await describeRun(deps, session);
    if (facts?.runId === runId && facts.status === 'FAILED')
      throw (await failureOfRun(deps, session, runId)) ?? refused('its run failed');
    await sleep(LOOK_MS);
  }
  if (!(await isPolled(deps, taskQueue, began))) return undefined;
  const next = `It may still take effect: \`handoff pipeline status ${session}\` says whether it has.`;
  throw new HandoffError('DEADLINE_EXCEEDED', { what: 'The resume', seconds: deadlineMs / 1000, next });
}
