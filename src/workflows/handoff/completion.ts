import { CLOSE_WITHIN_MS } from '../../core/quick.js';
import { mayComplete } from '../../core/reducer.js';
import type { Projected, ProjectTask } from '../../core/task.js';
import { goRegular, isRegular, recordQuickly } from './activities.js';
import type { Run } from './run.js';

/** By how much the time grows that a record may take, each time that one was late: a slow machine is to come to its end too. */
const MORE_TIME = 4;

/** Whether something has come, such as a pause, while the record of a completion waited for other records. */
export const isOverruled = (run: Run): boolean => !mayComplete(run.state, run.input.expectsReturn);

/**
 * Puts on record that a handoff completed. Of what is sent from its call on the record does not know, so it is made soon
 * or not at all: undefined, where the run is to hear first what came meanwhile.
 */
export async function recordCompletion(run: Run, task: ProjectTask): Promise<Projected | undefined> {
  const isLocal = !isRegular();
  const within = CLOSE_WITHIN_MS * MORE_TIME ** run.lateRecords;
  const projected = await recordQuickly('projectHandoff', { ...task, within });
  if (!projected.late) return projected;
  run.lateRecords++;
  // The task of a local one is as old as its call. And what was too slow once may be so again.
  if (isLocal) {
    run.tookLong = true;
    goRegular();
  }
  return undefined;
}
