import {
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  allHandlersFinished,
  condition,
  makeContinueAsNewFunc,
  workflowInfo,
} from '@temporalio/workflow';
import { errorMessage } from '../../core/errors.js';
import {
  DEFAULT_MERGE,
  atEnd,
  isOpenPipeline,
  progressOfPipeline,
  type PipelineInput,
} from '../../core/pipeline/pipeline.js';
import { holdThatEnds } from '../../core/pipeline/reducer.js';
import type { PipelineResult } from '../../core/pipeline/task.js';
import { failureOf, requestCancel } from '../handoff/activities.js';
import { openPipeline } from './activities.js';
import { attachPipelineMessages, cancelPipeline } from './messages.js';
import { mustStop, receive, writeCheckpoint } from './receive.js';
import { PipelineRun } from './run.js';
import { runStep } from './step.js';
import { passOver, tell, transitionDue } from './transition.js';
import { PipelineView } from './view.js';

const STEPS_PER_RUN = 400;

/** One pipeline: its phases in turn, each step once, with pauses, moves and repairs between them. */
export async function handoffPipeline(input: PipelineInput): Promise<PipelineResult> {
  const run = new PipelineRun(input);
  attachPipelineMessages(run);
  let cancelled = false;
  CancellationScope.current().cancelRequested.catch(() => {
    cancelled = true;
    if (isOpenPipeline(run.state)) cancelPipeline(run, 'temporal', 'cancelled in Temporal');
  });
  // A cancellation is an event like any other.
  return CancellationScope.nonCancellable(async () => {
    await begin(run);
    const view = new PipelineView(run);
    while (!run.state.ending && !atEnd(run.state, run.phases)) await advance(run, view);
    if (run.receiving) await condition(() => !run.receiving);
    const { transition } = run.state;
    if (transition) await tell(run, transition.handoffId, 'cancel');
    run.dispatch({ type: 'closed', status: run.state.ending ? 'cancelled' : 'completed' });
    await view.written();
    await condition(allHandlersFinished);
    const { ending } = run.state;
    if (!ending) return resultOf(run);
    // A run closes as Canceled only if the server was asked.
    if (!cancelled) {
      await requestCancel();
      await condition(() => cancelled);
    }
    const { session } = input.subject;
    throw new CancelledFailure(errorMessage('HANDOFF_CANCELLED', { handoff: `pipeline/${session}`, ...ending }));
  });
}

/** Registers the pipeline, or takes it over from another run. What cannot begin here fails before it did anything. */
async function begin(run: PipelineRun): Promise<void> {
  const { subject, phases, terms, from, carried } = run.input;
  if (carried) return run.dispatch({ type: 'continued' });
  try {
    if (from) await receive(run, { ...from, lifts: [] });
    else {
      const taken = { subject, phases, terms, run: run.chain, taskQueue: workflowInfo().taskQueue };
      run.dispatch({ type: 'opened', ...(await openPipeline(taken)) });
    }
  } catch (error) {
    const { code, message } = failureOf(error);
    throw ApplicationFailure.create({ type: code, message, nonRetryable: true });
  }
}

/** One round: does what is due at this boundary, or waits for something to happen. */
async function advance(run: PipelineRun, view: PipelineView): Promise<void> {
  const { state } = run;
  const ends = holdThatEnds(state, Date.now());
  if (state.status === 'running') {
    if (ends) return run.dispatch({ type: 'unhold', holder: ends });
    if (mustStop(run)) return stopHere(run);
    if (run.state.stepsInRun >= (run.input.terms.stepsPerRun ?? STEPS_PER_RUN) || workflowInfo().continueAsNewSuggested)
      return goOn(run, view);
    if (transitionDue(run)) return passOver(run);
    const { retryAt } = run.state.running ?? {};
    if (retryAt !== undefined && retryAt > Date.now()) return run.change(retryAt, 'Tries the step again');
    return runStep(run);
  }
  if (state.status === 'failed' && !state.checkpoint && !state.unwritten) return stopHere(run);
  if (run.receiving) return run.change();
  if (state.status === 'transferring') return arrive(run);
  if (state.moveTo && state.checkpoint) return move(run, view);
  if (ends) return endHold(run, ends);
  const until = Math.min(...Object.values(state.holds).map((h) => h.until ?? Infinity));
  return run.change(until === Infinity ? undefined : until, 'Resumes by itself');
}

/** Writes the package that a pause, a move or a failure leaves. */
async function stopHere(run: PipelineRun): Promise<void> {
  const { transition } = run.state;
  if (transition) await tell(run, transition.handoffId, 'pause');
  try {
    await writeCheckpoint(run);
  } catch (error) {
    run.dispatch({ type: 'unwritten', failure: failureOf(error) });
  }
}

/** A pause whose time is over. */
async function endHold(run: PipelineRun, ends: 'operator' | 'parent'): Promise<void> {
  if (Object.keys(run.state.holds).length > 1) return run.dispatch({ type: 'unhold', holder: ends });
  await receiveOr(run, { by: 'clock', merge: DEFAULT_MERGE, lifts: [ends] });
}

/** The rest goes on at another task queue, whose worker takes up the package. */
async function move(run: PipelineRun, view: PipelineView): Promise<void> {
  const { taskQueue } = run.state.moveTo!;
  run.dispatch({ type: 'moving' });
  await goOn(run, view, taskQueue);
}

const arrive = (run: PipelineRun): Promise<void> =>
  receiveOr(run, {
    by: run.state.moveTo?.by ?? 'system',
    merge: run.state.moveTo?.merge ?? DEFAULT_MERGE,
    lifts: ['operator'],
  });

/** Goes on from the present package by itself; where that fails, it waits for somebody. */
async function receiveOr(run: PipelineRun, how: Parameters<typeof receive>[1]): Promise<void> {
  try {
    await receive(run, how);
  } catch (error) {
    run.dispatch({ type: 'receive_failed', failure: failureOf(error) });
  }
}

/** A run ends where its history has grown long, or where the rest goes elsewhere; the next one takes the state along. */
async function goOn(run: PipelineRun, view: PipelineView, taskQueue?: string): Promise<never> {
  await view.written();
  await condition(allHandlersFinished);
  const { from: _taken, ...input } = run.input;
  const next = makeContinueAsNewFunc<typeof handoffPipeline>(taskQueue === undefined ? {} : { taskQueue });
  return next({ ...input, carried: run.state });
}

function resultOf(run: PipelineRun): PipelineResult {
  const { session, pipelineId } = run.input.subject;
  const { stepsDone } = progressOfPipeline(run.state.at, run.phases);
  return {
    pipelineId,
    session,
    status: 'completed',
    phases: run.phases.map((p) => p.phase),
    steps: stepsDone,
    at: new Date(Date.now()).toISOString(),
  };
}
