import { ScheduleAlreadyRunning, ScheduleOverlapPolicy, type Client } from '@temporalio/client';
import { isGrpcServiceError } from '@temporalio/client';
import { RECONCILE_TYPE } from '../core/ids.js';

/**
 * Makes sure that handoffs whose run was terminated are looked for every so many seconds. Idempotent; one schedule for
 * each task queue. A server without schedules, such as the time-skipping one, is left alone.
 */
export async function ensureReconcileSchedule(client: Client, taskQueue: string, everySeconds: number): Promise<void> {
  try {
    await client.schedule.create({
      scheduleId: `handoff-reconcile/${taskQueue}`,
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
  } catch (error) {
    if (error instanceof ScheduleAlreadyRunning) return;
    // 12 = UNIMPLEMENTED
    const cause = error instanceof Error && isGrpcServiceError(error.cause) ? error.cause : error;
    if (isGrpcServiceError(cause) && Number(cause.code) === 12) return;
    throw error;
  }
}
