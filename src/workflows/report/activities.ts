import { proxyActivities } from '@temporalio/workflow';
import type { RecordReportTask, ReportActivities, Validated, ValidateReportTask } from '../../core/report/task.js';

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

export const recordReport = (task: RecordReportTask): Promise<void> =>
  lasting(`Puts on record: ${task.change.act}`, '60s').recordReport(task);
/** It reads what is attached, which may be much. */
export const validateReport = (task: ValidateReportTask): Promise<Validated> =>
  lasting('Validates what was handed in', '10m').validateReport(task);
