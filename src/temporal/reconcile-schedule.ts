import { ScheduleAlreadyRunning, ScheduleOverlapPolicy, type Client } from '@temporalio/client';
import { isGrpcServiceError } from '@temporalio/client';
import { RECONCILE_TYPE } from '../core/ids.js';

/** One schedule for each task queue. */
export const reconcileScheduleId = (taskQueue: string): string => `handoff-reconcile/${taskQueue}`;

/**
 * Makes sure that handoffs whose run was terminated are looked for every so many seconds. Idempotent; returns whether
 * it was made now. A server without schedules, such as the time-skipping one, is left alone.
 */
export async function ensureReconcileSchedule(
  client: Client,
  taskQueue: string,
  everySeconds: number,
): Promise<boolean> {
  try {
    await client.schedule.create({
      scheduleId: reconcileScheduleId(taskQueue),
      spec: { intervals: [{ every: everySeconds * 1000 }] },
      policies: { overlap: ScheduleOverlapPolicy.SKIP },
      action: {
        type: 'startWorkflow',
        workflowType: RECONCILE_TYPE,
        workflowId: `handoff-reconcile/${taskQueue}`,
        taskQueue,
        staticSummary: 'Looks for handoffs whose run was terminated',
      },
    });
    return true;
  } catch (error) {
    if (error instanceof ScheduleAlreadyRunning) return false;
    // 12 = UNIMPLEMENTED
    const cause = error instanceof Error && isGrpcServiceError(error.cause) ? error.cause : error;
    if (isGrpcServiceError(cause) && Number(cause.code) === 12) return false;
    throw error;
  }
}
