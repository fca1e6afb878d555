import { proxyActivities } from '@temporalio/workflow';
import type { ReportActivities } from '../../core/report/task.js';

// Regular activities only: a report hears messages at any time, and local ones do not go with them.

/** The activity wrapper beats every second; a dead worker is found in this time. */
const HEARTBEAT_TIMEOUT = '5s';

/** Work that must get done however long it takes. */
const lasting = (summary: string, startToCloseTimeout: '60s' | '10m'): ReportActivities =>
  proxyActivities<ReportActivities>({
    startToCloseTimeout,
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
    summary: summary.slice(0, 120),
  });

export const recordReport = (act: string): ReportActivities['recordReport'] =>
  lasting(`Puts on record: ${act}`, '60s').recordReport;
/** It reads what is attached, which may be much. */
export const { validateReport } = lasting('Validates what was handed in', '10m');
