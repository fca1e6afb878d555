import type { RecordReportTask } from '../../core/report/task.js';
import { failpoint } from '../../faults/failpoint.js';
import { getContent } from '../../storage/reports/content.js';
import { summaryTextOf } from '../../storage/reports/row.js';
import type { Storage } from '../../storage/storage.js';

/** Puts one change of a report on record, exactly once however often it is tried. */
export async function recordReport(storage: Storage, task: RecordReportTask): Promise<void> {
  // A digest that somebody made up in a bare update has no content; its report is there all the same.
  const content = await getContent(storage, task.state.version.digest).catch(() => undefined);
  await failpoint('report_record.before');
  await storage.reports.record(task, summaryTextOf(content));
  // What cannot be anchored now is so later: the worker tries again, and tells.
  await storage.audit.ensureAnchored().catch(() => undefined);
  await failpoint('report_record.after');
}
