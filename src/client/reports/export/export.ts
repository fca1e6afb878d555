import { HandoffError, invalid } from '../../../core/errors.js';
import { presentReport, summaryOfReport } from '../../../core/report/present.js';
import type { ExportFormat, ReportFilter } from '../../../core/report/view.js';
import type { StoredReport } from '../../../storage/reports/reports.js';
import { contentOf, readable, viewOf, type ReportDeps } from '../deps.js';
import { queryOf } from '../read.js';
import { reportCsv, reportsCsv } from './csv.js';
import { reportMarkdown, reportsMarkdown } from './markdown.js';

/** What an export comes as. */
export interface Exported {
  mediaType: string;
  text: string;
}

const MEDIA_TYPES: Record<ExportFormat, string> = {
  json: 'application/json',
  csv: 'text/csv; charset=utf-8; header=present',
  markdown: 'text/markdown; charset=utf-8',
};
/** Reports of one export, those that are read at a time, and characters of JSON. */
const REPORTS = 10_000;
const AT_A_TIME = 200;
const CHARACTERS = 128 * 1024 * 1024;

const checked = (format: ExportFormat): ExportFormat => {
  if (Object.hasOwn(MEDIA_TYPES, format)) return format;
  const known = Object.keys(MEDIA_TYPES).join(', ');
  throw invalid('INVALID_REPORT', [{ path: '/format', message: `must be one of ${known}` }]);
};
const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

/** One report whole. Throws REPORT_NOT_FOUND, INVALID_REPORT. */
export async function exportReport(deps: ReportDeps, id: string, format: ExportFormat): Promise<Exported> {
  const mediaType = MEDIA_TYPES[checked(format)];
  const view = await viewOf(deps, (await readable(deps, id)).state);
  const text = { json, csv: reportCsv, markdown: reportMarkdown }[format](view);
  return { mediaType, text };
}

/**
 * All reports that a filter finds, newest first, or as many as its `limit` says: JSON has them whole, CSV and Markdown one
 * a row. Throws INVALID_REPORT where that would be more than 10,000, INPUT_TOO_LARGE where JSON would be over 128 MB.
 */
export async function exportReports(deps: ReportDeps, filter: ReportFilter, format: ExportFormat): Promise<Exported> {
  const mediaType = MEDIA_TYPES[checked(format)];
  const found = await foundBy(deps, filter);
  const now = Date.now();
  if (format === 'csv') return { mediaType, text: reportsCsv(found, now) };
  if (format === 'markdown')
    return {
      mediaType,
      text: reportsMarkdown(found.map(({ state, summary }) => summaryOfReport(state, summary, now))),
    };
  const texts: string[] = [];
  let size = 0;
  for (const { state } of found) {
    const text = JSON.stringify(presentReport(state, await contentOf(deps, state), now));
    if ((size += text.length) > CHARACTERS)
      throw new HandoffError('INPUT_TOO_LARGE', { what: 'The export', size, limit: CHARACTERS });
    texts.push(text);
  }
  return { mediaType, text: `{"reports":[${texts.map((t) => `\n${t}`).join(',')}\n]}\n` };
}

async function foundBy(deps: ReportDeps, filter: ReportFilter): Promise<StoredReport[]> {
  const { limit: _page, ...query } = queryOf(deps, filter);
  const most = filter.limit ?? REPORTS;
  const found: StoredReport[] = [];
  for (;;) {
    const limit = Math.min(AT_A_TIME, most + 1 - found.length);
    const page = await deps.storage.reports.list({ ...query, limit });
    found.push(...page);
    const last = page.at(-1);
    if (!last || page.length < limit) return found;
    if (found.length > most) break;
    query.before = { createdAt: last.state.createdAt, id: last.state.reportId };
  }
  if (filter.limit !== undefined) return found.slice(0, most);
  throw invalid('INVALID_REPORT', [{ path: '', message: `fits more than ${REPORTS} reports: filter, or set a limit` }]);
}
