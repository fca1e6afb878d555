import type { ReportHistory, ReportSummary, ReportView } from '../../core/report/view.js';
import { ago, safe, table, when, type Paint } from './text.js';

const since = (iso: string): string => ago(Date.parse(iso));
const at = (iso: string): string => when(Date.parse(iso));

export function reportsTable(paint: Paint, reports: readonly ReportSummary[]): string {
  const rows = reports.map((r) => [
    r.report_id,
    r.status,
    `${r.overall_progress} %`,
    r.author,
    since(r.created_at),
    r.waits_for?.whom.join(', '),
  ]);
  return table(paint, ['ID', 'STATUS', 'DONE', 'AUTHOR', 'MADE', 'WAITS FOR'], rows, 'No reports.');
}

/** A report as lines: where it stands, its components, who has looked at it, what can be typed now. */
export function reportText(paint: Paint, r: ReportView): string {
  const waits = r.waits_for ? `: ${r.waits_for.words}, since ${at(r.waits_for.since)}` : '';
  const components = Object.entries(r.components).map(([type, c]) => [
    type,
    c.status,
    `${c.progress_percentage} %`,
    c.blockers?.join('; '),
  ]);
  const reviews = r.reviews.map((v) => {
    const past = v.current ? '' : ' (of an earlier version)';
    return `${v.review_status} by ${v.by} at ${at(v.at)}${past}: ${v.review_comments}`;
  });
  const signOffs = r.sign_offs.map((g) => {
    const ended = g.ended ? ` (${g.ended.why})` : '';
    const conditions = g.conditions.map((c) => `; ${c.met ? 'met' : 'open'}: ${c.text}`).join('');
    return `${g.sign_off_role} by ${g.by}: ${g.status} until ${at(g.expires_at)}${ended}${conditions}`;
  });
  const lines = [
    `${paint.bold(r.status)}${waits}`,
    `${r.report_id}, version ${r.version} of ${r.author}, on handoff ${r.task_id} in session ${r.pipeline_id}`,
    `${r.overall_progress} % done; verified by facts: ${Math.round(r.verified.score * 100)} %; sign-off: ${r.sign_off_status}`,
    table(paint, ['COMPONENT', 'STATUS', 'DONE', 'BLOCKED BY'], components, ''),
    ...r.missing.map((m) => `lacks ${m.path}: ${m.message}`),
    ...r.findings.map((f) => `found by validation: ${f}`),
    ...r.attachments.map((a) => `attached: ${a.name} (${a.size} bytes, sha256 ${a.sha256.slice(0, 12)}…)`),
    ...reviews,
    ...signOffs,
    ...nextLines(r),
  ];
  return lines.map((line) => (line.includes('\n') ? line : safeLine(line))).join('\n');
}

/** Keeps our own colours, which only the first line has. */
const safeLine = (line: string): string => (line.startsWith('\u001b[') ? line : safe(line));

function nextLines({ report_id: id, status, waits_for: waits }: ReportView): string[] {
  if (status === 'draft' || status === 'amendments_required') return [`Next: handoff report submit ${id} --as @author`];
  if (status === 'under_review')
    return [`Next: handoff report review ${id} approved --comments "…" --as @reviewer --role reviewer`];
  const [role] = waits?.whom ?? [];
  return role ? [`Next: handoff report sign-off ${id} ${role} --as @name --role ${role}`] : [];
}

export function historyText(paint: Paint, { entries }: ReportHistory): string {
  const rows = entries.map((e) => [
    e.seq,
    at(e.at),
    e.by,
    e.act.replace(/^report\./, ''),
    e.status,
    e.version,
    [e.note, ...e.changes.map((c) => c.path)].filter(Boolean).join(' '),
  ]);
  return table(paint, ['#', 'AT', 'BY', 'ACT', 'STATUS', 'VERSION', 'WHAT'], rows, 'Nothing has happened.');
}
