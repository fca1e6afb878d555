import { HandoffError } from '../../core/errors.js';
import { REPORT_TYPE } from '../../core/report/ids.js';
import { reportStatusQuery } from '../../messages/report.js';
import { getContent } from '../../storage/reports/content.js';
import { summaryTextOf } from '../../storage/reports/row.js';
import { quoted } from '../../core/search-keys.js';
import type { Storage } from '../../storage/storage.js';
import { ask, hasWorker, isDeadline, withDeadline, type Caller } from '../calls.js';

/** What the server's clock may be behind ours. */
const CLOCK_SKEW_MS = 1000;

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
 * stays as it stands. Throws NO_WORKER where nobody can answer.
 */
export async function rebuildReports(storage: Storage, caller: Caller): Promise<Rebuilt> {
  const { temporal, taskQueue } = caller;
  const rebuilt: Rebuilt = { written: [], newer: [], failed: [] };
  // Those of another task queue are of another storage.
  const query = `WorkflowType = '${REPORT_TYPE}' AND TaskQueue = ${quoted(taskQueue)} AND ExecutionStatus != 'ContinuedAsNew'`;
  for await (const { workflowId, runId } of temporal.workflow.list({ query })) {
    const handle = temporal.workflow.getHandle(workflowId, runId);
    const began = Date.now() - CLOCK_SKEW_MS;
    try {
      const { state } = await withDeadline(caller, `The state of ${workflowId}`, () =>
        ask(() => handle.query(reportStatusQuery)),
      );
      const content = await getContent(storage, state.version.digest).catch(() => undefined);
      const isWritten = await storage.reports.rebuild(state, summaryTextOf(content));
      (isWritten ? rebuilt.written : rebuilt.newer).push(state.reportId);
    } catch (error) {
      if (isDeadline(error) && !(await hasWorker(caller, began).catch(() => true)))
        throw new HandoffError(
          'NO_WORKER',
          { queue: taskQueue, namespace: temporal.options.namespace },
          { cause: error },
        );
      rebuilt.failed.push({ report_id: workflowId.replace(/^report\//, ''), why: (error as Error).message });
    }
  }
  return rebuilt;
}
