import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { ParentClosePolicy, getExternalWorkflowHandle, log, startChild } from '@temporalio/workflow';
import { isPaused } from '../../core/handoff.js';
import type { StepTask } from '../../core/task.js';
import { childrenOf, type ChildFacts, type ChildStart } from '../../core/trigger.js';
import { pauseSignal, resumeSignal } from '../../messages.js';
import { record } from './activities.js';
import type { Run } from './run.js';

/** The child that a trigger step's activity has prepared, or undefined where there is none to start. */
export const prepared = (facts: Record<string, unknown>): ChildStart | undefined =>
  facts['start'] as ChildStart | undefined;

/**
 * Starts a trigger step's child, which goes on whatever becomes of this run. Its id is used once: what a retry or a reset
 * finds there is the same child.
 */
export async function startChildOf(task: StepTask, child: ChildStart): Promise<Record<string, unknown>> {
  const { type, workflowId, taskQueue, args, startedRunId } = child;
  const facts = (childRun: string): Record<string, unknown> =>
    ({ triggered: 'workflow', child: workflowId, childRun }) satisfies ChildFacts;
  if (startedRunId !== undefined) return facts(startedRunId);
  let runId: string | undefined;
  try {
    const handle = await startChild(type, {
      workflowId,
      args,
      ...(taskQueue === undefined ? {} : { taskQueue }),
      parentClosePolicy: ParentClosePolicy.ABANDON,
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      staticSummary: `Triggered by handoff ${task.subject.handoffId}`.slice(0, 200),
    });
    runId = handle.firstExecutionRunId;
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
  const { subject, step, epoch } = task;
  const named = { subject, step, epoch, workflowId };
  const started = await record('childStarted', { ...named, ...(runId === undefined ? {} : { runId }) });
  return facts(started.runId);
}

/**
 * Tells the children that run of a pause and of its end, each once. A child that has closed, or knows nothing of a pause,
 * is none the wiser. Called in each round of the main loop, before it may end.
 */
export function tellChildren(run: Run): void {
  const { state } = run;
  if (state.ending) return;
  const paused = isPaused(state);
  const told = state.toldToPause ?? [];
  const children = paused ? childrenOf(state.steps).filter((child) => !told.includes(child)) : told;
  for (const child of children) {
    run.dispatch({ type: 'child_told', child, paused });
    run.telling = (run.telling ?? Promise.resolve()).then(() => tell(run, child, paused));
  }
}

async function tell(run: Run, child: string, paused: boolean): Promise<void> {
  const handle = getExternalWorkflowHandle(child);
  const by = `handoff ${run.id}`;
  const { reason = 'its parent is paused' } = run.state.holds.operator ?? run.state.holds.parent ?? {};
  try {
    await (paused
      ? handle.signal(pauseSignal, { by, reason, holder: 'parent' })
      : handle.signal(resumeSignal, { by, holder: 'parent' }));
  } catch (error) {
    log.info(`child ${child} was not told that it is ${paused ? 'paused' : 'resumed'}`, { error: String(error) });
  }
}
