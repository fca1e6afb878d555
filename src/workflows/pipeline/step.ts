import { CancellationScope } from '@temporalio/workflow';
import { DEFAULT_ATTEMPTS, placeAt } from '../../core/pipeline/pipeline.js';
import { wasStopped } from '../handoff/activities.js';
import { callStep, faultOfStep } from './activities.js';
import type { PipelineRun } from './run.js';

/** Attempts that a dying worker may take from one step, before somebody has to look why it dies. */
const MAX_LOST = 30;
const MAX_BACKOFF_MS = 60_000;

/** One attempt of the step that is due; what it comes to is dispatched. */
export async function runStep(run: PipelineRun): Promise<void> {
  const { at } = run.state;
  const { phase, total } = placeAt(at, run.phases);
  const terms = run.phases[at.phase]!.steps[at.step]!;
  run.dispatch({ type: 'step_started' });
  const { attempt, lost = 0 } = run.state.running!;
  const scope = new CancellationScope({ cancellable: true });
  run.working = scope;
  try {
    const task = { ...run.ref, phase, step: terms.name, number: at.step + 1, totalSteps: total, attempt };
    await scope.run(() => callStep(terms, task));
    run.dispatch({ type: 'step_done' });
  } catch (error) {
    if (run.state.ending && wasStopped(error)) return;
    const { failure, counts, final } = faultOfStep(error);
    const left = counts ? attempt < (terms.maxAttempts ?? DEFAULT_ATTEMPTS) : lost < MAX_LOST;
    if (final || !left) run.dispatch({ type: 'failed', failure });
    else
      run.dispatch({ type: 'attempt_failed', failure, counts, retryAt: Date.now() + (counts ? backoff(attempt) : 0) });
  } finally {
    run.working = undefined;
  }
}

const backoff = (attempt: number): number => Math.min(1000 * 2 ** (attempt - 1), MAX_BACKOFF_MS);
