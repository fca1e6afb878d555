import { setTimeout as sleep } from 'node:timers/promises';
import { WorkflowFailedError } from '@temporalio/client';
import { CancelledFailure, TerminatedFailure } from '@temporalio/common';
import { HandoffError } from '../../core/errors.js';
import { checkSession } from '../../core/ids.js';
import type { PipelineResult } from '../../core/pipeline/task.js';
import { progressOfPipeline } from '../../core/pipeline/pipeline.js';
import { isNotFound, translated } from '../calls.js';
import { isOver, type PipelineReport } from './report.js';
import { codedCause, describeRun, handleOf, pipelineStatus, type PipelineDeps } from './runs.js';

const FOLLOW_MS = 250;

/** Waits for the end, whichever runs it takes. Throws PIPELINE_NOT_FOUND, and PIPELINE_NOT_RUNNING of one that was terminated. */
export async function pipelineResult(deps: PipelineDeps, session: string): Promise<PipelineResult> {
  checkSession(session);
  for (;;) {
    try {
      return (await handleOf(deps, session).result()) as PipelineResult;
    } catch (error) {
      const cause = error instanceof WorkflowFailedError ? error.cause : undefined;
      if (isNotFound(error) || cause instanceof CancelledFailure) return recordedResult(deps, session);
      if (!(cause instanceof TerminatedFailure))
        throw codedCause(error) ?? translated(error, 'The result', 0, deps.caller.temporal.options.namespace);
      // Where another run took over, that one has the result.
      if ((await describeRun(deps, session))?.status === 'TERMINATED')
        throw new HandoffError('PIPELINE_NOT_RUNNING', { session, status: 'terminated' }, { cause: error });
    }
  }
}

async function recordedResult(deps: PipelineDeps, session: string): Promise<PipelineResult> {
  const { state, phases, subject, shown, gone } = await pipelineStatus(deps, session);
  const { status, ending, since } = state;
  if (gone && gone.how !== 'cancelled') throw new HandoffError('PIPELINE_NOT_RUNNING', { session, status: shown });
  return {
    pipelineId: subject.pipelineId,
    session,
    status: status === 'completed' ? 'completed' : 'cancelled',
    phases: phases.map((p) => p.phase),
    steps: progressOfPipeline(state.at, phases).stepsDone,
    ...ending,
    at: new Date(since).toISOString(),
  };
}

export interface FollowPipeline {
  /** Ends the following, not the pipeline. */
  signal?: AbortSignal;
  /** Between two looks, milliseconds. Default 250. */
  intervalMs?: number;
}

/** Where a pipeline stands, now and whenever that changes, until it is over or `signal` is aborted. */
export async function* followPipeline(
  deps: PipelineDeps,
  session: string,
  { signal, intervalMs = FOLLOW_MS }: FollowPipeline = {},
): AsyncGenerator<PipelineReport, void, void> {
  let before = '';
  const isStopped = (): boolean => signal?.aborted ?? false;
  while (!isStopped()) {
    const report = await pipelineStatus(deps, session);
    const now = lookOf(report);
    if (now !== before) yield report;
    if (isOver(report)) return;
    before = now;
    await sleep(intervalMs, undefined, signal ? { signal } : {}).catch(() => {});
  }
}

/** All of it that a reader would notice. */
const lookOf = ({ at: _now, words: _said, state, ...report }: PipelineReport): string => {
  const { lastEventAt: _when, ...seen } = state;
  return JSON.stringify([report, seen]);
};
