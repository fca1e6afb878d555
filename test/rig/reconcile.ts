import type { Reconciled } from '../../src/core/task.js';
import type { Rig } from './rig.js';

/** One round of what the schedule does. */
export const reconcile = async (rig: Rig): Promise<Reconciled> =>
  (await rig.temporal.workflow.execute('reconcileHandoffs', {
    taskQueue: rig.taskQueue,
    workflowId: `rec-${Math.random()}`,
  })) as Reconciled;

/**
 * Has a record be a minute old. What happened a moment ago is left alone, so that a run that just closes is not taken for
 * a lost one. What its worker was about to record as it was ended comes later still.
 */
export const settle = (rig: Rig, table: 'handoffs' | 'pipelines', id: string): Promise<unknown> =>
  rig.storage.db
    .updateTable(table)
    .set({ updated_at: Date.now() - 60_000 })
    .where('id', '=', id)
    .execute();
