import { proxyActivities } from '@temporalio/workflow';
import type { EngineActivities, Reconciled } from '../../core/task.js';

const { reconcile } = proxyActivities<EngineActivities>({
  startToCloseTimeout: '5m',
  heartbeatTimeout: '10s',
  summary: 'Compares the database with Temporal',
  retry: { maximumAttempts: 3 },
});

/** One reconciliation, started by a schedule. */
export const reconcileHandoffs = (): Promise<Reconciled> => reconcile();
