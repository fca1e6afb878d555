import { HandoffError } from '../../core/errors.js';
import { checkSession } from '../../core/ids.js';
import type { PipelineHandoffPackage } from '../../core/package/package.js';
import type { PipelineResult } from '../../core/pipeline/task.js';
import type { CancelMessage } from '../../messages.js';
import { pipelineSummary, type PipelineReport, type PipelineSummary } from './report.js';
import { followPipeline, pipelineResult, type FollowPipeline } from './result.js';
import { resumePipeline, resumeSession, type ResumePipeline, type ResumedPipeline } from './resume.js';
import { pipelineStatus, storageOf, type PipelineDeps } from './runs.js';
import { startPipeline, type PipelineRequest, type StartedPipeline } from './start.js';
import {
  cancelPipeline,
  pausePipeline,
  transferPipeline,
  type PausePipeline,
  type TransferPipeline,
  type TransferResult,
  type WaitOptions,
} from './steer.js';

export interface PipelineFilter {
  session?: string;
  /** Only those that are not over. */
  open?: boolean;
  /** As it is shown: `running`, `paused`, `failed`, … */
  shown?: string;
  /** Default 100. */
  limit?: number;
}

/** Pipelines, by session: `client.pipelines`. Every call but `result` and `follow` ends within its deadline. */
export class LocalPipelines {
  constructor(private readonly deps: PipelineDeps) {}

  /** Throws INVALID_ID, INVALID_REQUEST, PHASE_UNKNOWN, PIPELINE_RUNNING, STORAGE_REQUIRED. */
  async start(request: PipelineRequest): Promise<StartedPipeline> {
    const { caller, catalogue } = this.deps;
    return startPipeline(caller, storageOf(this.deps, 'A pipeline'), catalogue, request);
  }

  /** Where it stands. Falls back to the stored record where nobody answers, and says so. Throws PIPELINE_NOT_FOUND. */
  status(session: string): Promise<PipelineReport> {
    return pipelineStatus(this.deps, session);
  }

  /** By their last records, newest first. Throws STORAGE_REQUIRED. */
  async list({ shown, limit = 100, ...filter }: PipelineFilter = {}): Promise<PipelineSummary[]> {
    const { pipelines } = storageOf(this.deps, 'A list of pipelines');
    if (!(Number.isInteger(limit) && limit > 0))
      throw new HandoffError('INVALID_REQUEST', { issues: '/limit: must be a whole number over 0' });
    const all = await pipelines.list({ ...filter, limit: shown === undefined ? limit : Number.MAX_SAFE_INTEGER });
    return all
      .filter((p) => shown === undefined || p.shown === shown)
      .slice(0, limit)
      .map(pipelineSummary);
  }

  /**
   * Pauses at the next step boundary, and returns the package that is then written; where the step at work fails for
   * good meanwhile, the one that the failure leaves. Throws PIPELINE_NOT_RUNNING; NO_WORKER and DEADLINE_EXCEEDED where
   * the pause stands, but has not taken hold in time.
   */
  async pause(session: string, pause: PausePipeline, options?: WaitOptions): Promise<PipelineHandoffPackage> {
    return pausePipeline(this.deps, session, pause, options);
  }

  /**
   * Goes on from a package, from exactly where it says: in its own run where that answers, else in a new one. Nothing
   * is touched where it cannot. Throws PIPELINE_RESUME_FAILED with why.
   */
  async resume(handoffId: string, resume: ResumePipeline): Promise<ResumedPipeline> {
    return resumePipeline(this.deps, handoffId, resume);
  }

  /**
   * The same for a session's pipeline: from its present package, if it waits with one; else, and with `fromRecords`, after
   * the last step on record, with the context as it is. The latter is the way out where the package is damaged, expired
   * or gone, and where the run was ended in Temporal. Throws PIPELINE_NOT_FOUND, PIPELINE_RESUME_FAILED.
   */
  async resumeSession(session: string, resume: ResumePipeline & { fromRecords?: boolean }): Promise<ResumedPipeline> {
    return resumeSession(this.deps, session, resume);
  }

  /**
   * Has the rest run at another task queue, from the next step on, whether anybody polls it yet or not. Throws
   * PIPELINE_NOT_RUNNING, NO_WORKER, DEADLINE_EXCEEDED.
   */
  async transfer(
    session: string,
    targetProcess: string,
    transfer: TransferPipeline,
    options?: WaitOptions,
  ): Promise<TransferResult> {
    return transferPipeline(this.deps, session, targetProcess, transfer, options);
  }

  /** Stops it for good; what its steps did stays. Throws PIPELINE_NOT_RUNNING. */
  async cancel(session: string, message: CancelMessage): Promise<void> {
    checkSession(session);
    return cancelPipeline(this.deps, session, message);
  }

  /** Waits for the end, without a deadline, whichever runs and pauses it takes. */
  result(session: string): Promise<PipelineResult> {
    return pipelineResult(this.deps, session);
  }

  /** Where it stands, now and whenever that changes, until it is over. */
  follow(session: string, options?: FollowPipeline): AsyncGenerator<PipelineReport, void, void> {
    return followPipeline(this.deps, session, options);
  }
}

/** The same over Temporal and over HTTP. */
export type PipelineClient = Pick<LocalPipelines, keyof LocalPipelines>;
