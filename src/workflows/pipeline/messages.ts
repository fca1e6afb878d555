import { ApplicationFailure, CancellationScope, log, setHandler, workflowInfo } from '@temporalio/workflow';
import { parseDate } from '../../core/date.js';
import { errorMessage, type ErrorCode, type ErrorParams } from '../../core/errors.js';
import type { Holder } from '../../core/handoff.js';
import { packageIdOf } from '../../core/pipeline/ids.js';
import { refusePipeline } from '../../core/pipeline/refusal.js';
import { pipelineSnapshot } from '../../core/pipeline/snapshot.js';
import { DEFAULT_MERGE, resumePointOf, shownPipeline, type PipelineMessageName } from '../../core/pipeline/pipeline.js';
import {
  pipelineCancelSignal,
  pipelinePauseSignal,
  pipelineResumeUpdate,
  pipelineStatusQuery,
  pipelineTransferUpdate,
  type PipelineResumeAnswer,
  type PipelineResumeMessage,
} from '../../messages.js';
import { detailsOf, failureOf } from '../handoff/activities.js';
import { attachSignals, signal } from '../signals.js';
import { receive } from './receive.js';
import type { PipelineRun } from './run.js';

const time = (iso: string | null | undefined): number | undefined => (iso ? parseDate(iso) : undefined);

const refused = (code: ErrorCode, params: ErrorParams): ApplicationFailure =>
  ApplicationFailure.create({ type: code, message: errorMessage(code, params), nonRetryable: true, details: [params] });

/**
 * Attaches every message. Updates that do not fit are refused by a synchronous validator and leave no trace in history;
 * signals that do not fit change nothing.
 */
export function attachPipelineMessages(run: PipelineRun): void {
  const { session } = run.input.subject;
  const refusalOf = (name: PipelineMessageName, message: unknown) => refusePipeline(session, run.state, name, message);
  const validator = (name: PipelineMessageName) => (message: unknown) => {
    const refusal = refusalOf(name, message);
    if (refusal) throw refused(refusal.code, refusal.params);
    if (run.receiving) throw refused('PIPELINE_RESUME_FAILED', { why: 'somebody resumes it at this moment' });
  };
  const onSignal =
    <M>(name: PipelineMessageName, handle: (message: M) => void) =>
    (message: M): void => {
      const refusal = refusalOf(name, message);
      if (!refusal) return handle(message);
      log.warn(`signal ${name} changes nothing: ${errorMessage(refusal.code, refusal.params)}`);
    };

  attachSignals([
    signal(
      pipelinePauseSignal,
      onSignal('pause', (m) =>
        run.dispatch({
          type: 'pause',
          by: m.by,
          ...(m.reason ? { reason: m.reason } : {}),
          ...(m.holder ? { holder: m.holder } : {}),
          until: time(m.until),
          at: time(m.at),
        }),
      ),
      'Pauses at the next step boundary: {"by": "you", "reason": "optional", "until": "2026-01-13T11:30:00Z" (optional)}',
    ),
    signal(
      pipelineCancelSignal,
      onSignal('cancel', (m) => cancelPipeline(run, m.by, m.reason)),
      'Stops it for good; what its steps did stays: {"by": "you", "reason": "why"}',
    ),
  ]);
  setHandler(pipelineResumeUpdate, (m) => resume(run, m), {
    validator: validator('resume'),
    description:
      'Goes on from its package: {"by": "you", "packageId": "hof-… (optional)", "merge": "newest-wins (optional)", "taskQueue": "where (optional)"}',
  });
  setHandler(
    pipelineTransferUpdate,
    (m) => {
      run.dispatch({ type: 'transfer', by: m.by, taskQueue: m.taskQueue, ...(m.merge ? { merge: m.merge } : {}) });
      return { packageId: packageIdOf(run.input.subject.pipelineId, run.state.epoch) };
    },
    {
      validator: validator('transfer'),
      description: 'Has the rest run elsewhere, from the next step on: {"by": "you", "taskQueue": "where"}',
    },
  );
  setHandler(pipelineStatusQuery, () => pipelineSnapshot(run.input, run.state, workflowInfo().taskQueue, Date.now()), {
    description: 'Everything about this pipeline at this moment',
  });
}

/** Asks it to stop: a step at work hears of it by its signal. */
export function cancelPipeline(run: PipelineRun, by: string, reason: string): void {
  run.dispatch({ type: 'cancel', by, reason });
  run.working?.cancel();
}

async function resume(run: PipelineRun, m: PipelineResumeMessage): Promise<PipelineResumeAnswer> {
  const holder: Holder = m.holder ?? 'operator';
  const { checkpoint } = run.state;
  const merge = m.merge ?? DEFAULT_MERGE;
  const answer = (): PipelineResumeAnswer => ({
    status: shownPipeline(run.state),
    ...(checkpoint ? { packageId: checkpoint.packageId } : {}),
    resumePoint: resumePointOf(run.state.at, run.phases),
    conflicts: run.state.conflicts,
  });
  const others = (Object.keys(run.state.holds) as Holder[]).filter((h) => h !== holder);
  if (run.state.status === 'paused' && others.length > 0) {
    run.dispatch({ type: 'unhold', holder });
    return answer();
  }
  if (m.taskQueue && m.taskQueue !== workflowInfo().taskQueue) {
    run.dispatch({ type: 'transfer', by: m.by, taskQueue: m.taskQueue, merge });
    return { ...answer(), status: 'transferring' };
  }
  try {
    await CancellationScope.nonCancellable(() => receive(run, { by: m.by, merge, lifts: [holder] }));
  } catch (error) {
    const { code, message } = failureOf(error);
    throw refused('PIPELINE_RESUME_FAILED', { why: message, code, ...detailsOf(error) });
  }
  return answer();
}
