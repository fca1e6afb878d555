import { hasTakenHold } from '../../core/handoff.js';
import { checkpointOf, type PauseCheckpoint } from '../../core/package/pause-checkpoint.js';
import { callCheckpoint, failureOf } from './activities.js';
import type { Run } from './run.js';

/**
 * Writes a package of a pause that has taken hold, once for each pause. Nothing waits for it: the run goes on from its own
 * state, and a package that could not be written is only said.
 */
export function writeCheckpoint(run: Run): void {
  const { state } = run;
  const pause = state.pauses ?? 0;
  if (!hasTakenHold(state) || (run.checkpointed ?? state.checkpoint?.pause ?? 0) >= pause) return;
  run.checkpointed = pause;
  void write(run, checkpointOf(run.input.subject, run.procedure, state));
}

async function write(run: Run, task: PauseCheckpoint): Promise<void> {
  const { pause } = task;
  try {
    const { packageId } = await callCheckpoint(task);
    run.dispatch({ type: 'checkpoint', checkpoint: { pause, packageId } });
  } catch (error) {
    run.dispatch({ type: 'checkpoint', checkpoint: { pause, error: failureOf(error) } });
  }
}
