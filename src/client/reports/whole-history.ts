import type { ReportHistory } from '../../core/report/view.js';
import type { Reports } from './port.js';

/** All that happened to a report, page by page. */
export async function wholeHistory(reports: Pick<Reports, 'history'>, id: string): Promise<ReportHistory> {
  const { next_cursor: more, ...all } = await reports.history(id);
  for (let cursor = more; cursor !== undefined;) {
    const page = await reports.history(id, { cursor });
    all.versions.push(...page.versions);
    all.entries.push(...page.entries);
    cursor = page.next_cursor;
  }
  return all;
}
