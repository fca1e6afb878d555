import { html, useState } from './dom.js';
import { get, problemOf, urlOf } from './api.js';
import { Filters } from './filters.js';
import { useData } from './live.js';
import { to, useTitle } from './route.js';
import { REPORT_STATUSES } from './terms.js';
import { Ago, Badge, Fault, Heading, Progress, Said, Shown, Table } from './ui.js';
import { plain } from './words.js';

/** @typedef {import('../../core/report/view.js').ReportPage} Page */
/** @typedef {import('../../core/report/view.js').ReportSummary} Summary */

/** @param {{ query: Record<string, string> }} props */
export function ReportsPage({ query }) {
  useTitle('Reports');
  const of = JSON.stringify(query);
  const from = useData((signal) => get('/reports', query, signal), [of]);
  return html`<${Heading}>Reports<//>
    <p class="buttons">
      <a class="button primary" href=${to('reports', 'new')}>Write a report</a>
      ${['markdown', 'csv', 'json'].map((format) => html`<a class="button" href=${urlOf('/reports/export', { ...query, format })} download="reports.${format === 'markdown' ? 'md' : format}">${format}</a>`)}
    </p>
    <${Filters}
      query=${query}
      fields=${[
        { name: 'status', label: 'Status', kind: 'select', options: REPORT_STATUSES },
        { name: 'author', label: 'Author' },
        { name: 'pipeline_id', label: 'Pipeline' },
        { name: 'task_id', label: 'Task' },
        { name: 'waits_for', label: 'Waits for' },
      ]}
    />
    <${Shown} from=${from}
      >${(/** @type {Page} */ page) => html`<${List} key=${of} page=${page} query=${query} />`}<//
    >`;
}

/** @param {{ page: Page, query: Record<string, string> }} props */
function List({ page, query }) {
  const [more, setMore] = useState(/** @type {Page | undefined} */ (undefined));
  const [problem, setProblem] = useState(/** @type {import('./api.js').Problem | undefined} */ (undefined));
  const first = new Set(page.reports.map((r) => r.report_id));
  const reports = [...page.reports, ...(more?.reports ?? []).filter((r) => !first.has(r.report_id))];
  const cursor = more ? more.next_cursor : page.next_cursor;
  const fetchMore = () =>
    get('/reports', { ...query, cursor }).then(
      (next) => setMore((old) => ({ ...next, reports: [...(old?.reports ?? []), ...next.reports] })),
      (error) => setProblem(problemOf(error)),
    );
  const empty =
    Object.keys(query).length > 0
      ? 'No report fits. Take a filter away.'
      : html`No reports yet. <a href=${to('reports', 'new')}>Write the first</a>, about a handoff of yours.`;
  return html`<${ReportTable} reports=${reports} empty=${empty} />
    <${Fault} problem=${problem} />
    ${cursor ? html`<p class="buttons"><button type="button" onClick=${fetchMore}>More</button></p>` : null}`;
}

/** @param {{ reports: Summary[], empty: unknown }} props */
function ReportTable({ reports, empty }) {
  const rows = reports.map((r) => ({
    key: r.report_id,
    cells: [
      html`<a href=${to('reports', r.report_id)}>${r.report_id}</a><br /><small class="one-line">${r.summary}</small>`,
      html`<${Badge} of=${r.status} />`,
      r.waits_for
        ? html`<${Said} inline text=${r.waits_for.words} />
            <small>since <${Ago} at=${r.waits_for.since} bare /></small>`
        : r.status === 'approved'
          ? `sign-offs ${plain(r.sign_off_status)}`
          : '–',
      r.author,
      html`<${Progress} value=${r.overall_progress} label="Progress of ${r.report_id}" />`,
      html`<${Ago} at=${r.updated_at} />`,
    ],
  }));
  return html`<${Table}
    caption="Reports"
    head=${['Report', 'Status', 'Waits', 'Author', 'Progress', 'Changed']}
    rows=${rows}
    empty=${empty}
  />`;
}
