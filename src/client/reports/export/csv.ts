import { stringify } from 'csv-stringify/sync';
import { isFields } from '../../../core/fields.js';
import { pointerOf } from '../../../core/json/pointer.js';
import { COMPONENT_TYPES, type ReportState } from '../../../core/report/report.js';
import { componentStatuses, summaryOfReport } from '../../../core/report/present.js';
import { autoApproval } from '../../../core/report/verify.js';
import type { ReportView } from '../../../core/report/view.js';

type Cell = string | number | boolean;

/** RFC 4180. A text that a spreadsheet would take for a formula gets a `'` before it. */
const csvOf = (rows: readonly Cell[][]): string =>
  stringify(rows as Cell[][], {
    escape_formulas: true,
    record_delimiter: 'windows',
    quoted_match: /[\r\n]/,
    cast: { boolean: String },
  });

/** One report, a row for each of its values: the JSON pointer, and the value. */
export function reportCsv(report: ReportView): string {
  const rows: Cell[][] = [['path', 'value']];
  const walk = (value: unknown, path: readonly (string | number)[]): void => {
    if (Array.isArray(value)) value.forEach((v, i) => walk(v, [...path, i]));
    else if (isFields(value)) for (const [key, v] of Object.entries(value)) walk(v, [...path, key]);
    else if (value !== undefined) rows.push([pointerOf(...path), value as Cell]);
  };
  walk(report, []);
  return csvOf(rows);
}

const COLUMNS = [
  'report_id',
  'author',
  'pipeline_id',
  'task_id',
  'status',
  'version',
  'digest',
  'overall_progress',
  'sign_off_status',
  'created_at',
  'updated_at',
] as const;

/** Many reports, one a row. */
export function reportsCsv(reports: readonly { state: ReportState; summary: string }[], now: number): string {
  const header = [...COLUMNS, 'submissions', 'score', ...COMPONENT_TYPES, 'waits_for', 'waits_since', 'summary'];
  const rows = reports.map(({ state, summary }) => {
    const shown = summaryOfReport(state, summary, now);
    const statuses = componentStatuses(state);
    return [
      ...COLUMNS.map((c) => shown[c]),
      state.submissions,
      Math.round(autoApproval(state).score * 1000) / 1000,
      ...COMPONENT_TYPES.map((c) => statuses[c]),
      shown.waits_for?.whom.join(' ') ?? '',
      shown.waits_for?.since ?? '',
      shown.summary,
    ];
  });
  return csvOf([header, ...rows]);
}
