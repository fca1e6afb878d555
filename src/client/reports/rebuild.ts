import type { Client } from '@temporalio/client';
import { REPORT_TYPE } from '../../core/report/ids.js';
import { reportStatusQuery } from '../../messages/report.js';
import { getContent } from '../../storage/reports/content.js';
import { summaryTextOf } from '../../storage/reports/row.js';
import type { Storage } from '../../storage/storage.js';
import { ask } from '../calls.js';

/** What became of a rebuild. */
export interface Rebuilt {
  /** Reports whose projection was written anew. */
  written: string[];
  /** Those whose run went on meanwhile, and whose projection is newer. */
  newer: string[];
  /** Those whose run could not be asked, each with why. */
  failed: { report_id: string; why: string }[];
}

/**
 * Asks every run of a report, open and closed, and writes its projection anew: for a database that was damaged or put
 * back from a copy. It says nothing to anybody, and leaves the history of changes as it is. What Temporal has forgotten
 * stays as it stands. A worker must be there to answer.
 */
export async function rebuildReports(storage: Storage, temporal: Client): Promise<Rebuilt> {
  const rebuilt: Rebuilt = { written: [], newer: [], failed: [] };
  const query = `WorkflowType = '${REPORT_TYPE}' AND ExecutionStatus != 'ContinuedAsNew'`;
  for await (const { workflowId, runId } of temporal.workflow.list({ query })) {
    const handle = temporal.workflow.getHandle(workflowId, runId);
    try {
      const { state } = await temporal.withDeadline(Date.now() + 10_000, () =>
        ask(() => handle.query(reportStatusQuery)),
      );
      const content = await getContent(storage, state.version.digest).catch(() => undefined);
      const isWritten = await storage.reports.rebuild(state, summaryTextOf(content));
      (isWritten ? rebuilt.written : rebuilt.newer).push(state.reportId);
    } catch (error) {
      rebuilt.failed.push({ report_id: workflowId.replace(/^report\//, ''), why: (error as Error).message });
    }
  }
  return rebuilt;
}
