import { span } from '../../core/words.js';
import type { Ends, HandoffMetrics, Performance, Spans } from '../../metrics/metrics.js';
import { section } from './layout.js';
import { bytes, safe, table, took, type Paint } from './text.js';

/** Columns of a bar. */
const BAR = 12;
/** Rows of a list; the rest is in the JSON. */
const ROWS = 8;
/** No line is wider: the screen is to be taken in at one glance. */
const WIDTH = 78;

const bar = (part: number): string => {
  const full = Math.round(Math.min(1, Math.max(0, part)) * BAR);
  return '█'.repeat(full) + '░'.repeat(BAR - full);
};
/** 99.96 % is not 100 %. */
const percent = (part: number): string =>
  `${part < 1 && part > 0.99 ? (Math.floor(part * 1000) / 10).toFixed(1) : Math.round(part * 100)} %`;
const rate = (part: number | null): string => (part === null ? '–' : percent(part));
const barred = (part: number | null): string => (part === null ? '–' : `${bar(part)} ${percent(part)}`);
const duration = (s: Spans): [string, string] => (s.count === 0 ? ['–', '–'] : [took(s.mean), took(s.p95)]);

/** All numbers on one screen. */
export function metricsText(paint: Paint, m: HandoffMetrics): string {
  const { since, until, ...names } = m.filter;
  const of = [
    ...Object.entries(names).map(([key, value]) => `${key} ${value}`),
    ...(since ? [`since ${since}`] : []),
    ...(until ? [`until ${until}`] : []),
  ];
  return [
    ...(of.length > 0 ? [paint.dim(safe(of.join(', ')))] : []),
    section(paint, 'Handoffs', handoffsText(paint, m)),
    section(paint, 'Now', nowText(paint, m)),
    section(paint, 'Validation', validationText(paint, m)),
    ...(m.pipelines.total > 0 ? [section(paint, 'Pipelines', pipelinesText(paint, m))] : []),
    ...(m.reliability.tests > 0 ? [section(paint, 'Reliability tests', reliabilityText(paint, m))] : []),
  ].join('\n\n');
}

const outcomesText = ({ outcomes, open }: Ends): string =>
  [...Object.entries(outcomes), ['open', open] as const]
    .filter(([, n]) => n > 0)
    .map(([name, n]) => `${n} ${name}`)
    .join(', ');

function handoffsText(paint: Paint, { handoffs: h }: HandoffMetrics): string {
  if (h.total === 0) return 'none';
  const [mean, p95] = duration(h.durationMs);
  const lines = [
    `${h.total} in ${h.sessions.total} ${h.sessions.total === 1 ? 'session' : 'sessions'}: ${outcomesText(h)}`,
    `success ${barred(h.successRate)}   mean ${mean}   p95 ${p95}   retries ${h.retries.total}   undone ${h.undone.total}`,
  ];
  const row = ([name, p]: [string, Performance]) => [
    name,
    p.total,
    p.open,
    barred(p.successRate),
    ...duration(p.durationMs),
  ];
  const head = (what: string): string[] => [what, 'TOTAL', 'OPEN', 'SUCCESS', 'MEAN', 'P95'];
  const list = (what: string, rows: Record<string, Performance>): string =>
    table(paint, head(what), Object.entries(rows).slice(0, ROWS).map(row), '', WIDTH);
  const sessions = h.sessions.largest
    .slice(0, 3)
    .map((s) => [s.session, s.total, s.open, barred(s.successRate), s.outcomes.completed ? took(s.meanMs) : '–', '']);
  return [
    ...lines,
    '',
    list('BY TYPE', h.byType),
    '',
    list('BY PROCEDURE', h.byProcedure),
    ...(h.sessions.total > 1 ? ['', table(paint, head('LARGEST SESSIONS'), sessions, '', WIDTH)] : []),
  ].join('\n');
}

function nowText(paint: Paint, { now, server }: HandoffMetrics): string {
  const old = (ms: number | null): string => (ms === null ? '' : `, the oldest for ${span(ms)}`);
  const shown = Object.entries(now.open).map(([status, w]) => `${w.count} ${status}`);
  const inbox = Object.entries(now.inbox.agents).slice(0, 4);
  const warn = (n: number, text: string): string => (n > 0 ? paint.yellow(text) : text);
  const lines = [
    `open       ${shown.join(', ') || 'none'}`,
    `incidents  ${warn(now.incidents.count, `${now.incidents.count}${old(now.incidents.oldestMs)}`)}`,
    `offered    ${now.acceptance.count}${old(now.acceptance.oldestMs)}`,
    ...(now.returns.count > 0
      ? [paint.yellow(`overdue    returns of ${now.returns.count}${old(now.returns.oldestMs)}`)]
      : []),
    ...(inbox.length > 0 ? [`inboxes    ${safe(inbox.map(([agent, n]) => `${agent} ${n}`).join(', '))}`] : []),
    ...(now.database ? [`database   ${bytes(now.database.bytes)}, log ${bytes(now.database.logBytes)}`] : []),
  ];
  if (server && !server.up)
    lines.push(paint.yellow('Temporal   does not answer: task queues and workers are not known'));
  for (const q of server?.taskQueues ?? []) {
    const wait = q.backlog > 0 ? `${q.backlog} wait${old(q.backlogAgeMs)}` : 'nothing waits';
    const text = `${q.kind.padEnd(10)} ${safe(q.name)}: ${wait}, ${q.pollers} ${q.pollers === 1 ? 'worker polls' : 'workers poll'}`;
    lines.push(q.pollers === 0 ? paint.yellow(text) : text);
  }
  return lines.join('\n');
}

function validationText(paint: Paint, { validation: v }: HandoffMetrics): string {
  if (v.sessions === 0) return 'no sessions';
  const failed = Object.entries(v.failuresBySeverity)
    .filter(([, n]) => n > 0)
    .map(([severity, n]) => `${n} ${severity}`);
  const worst = Object.entries(v.rules)
    .toSorted(([, a], [, b]) => a.successRate - b.successRate)
    .slice(0, ROWS)
    .map(([rule, r]) => [rule, r.severity, r.passed + r.failed, r.failed, barred(r.successRate)]);
  return [
    `${v.sessions} ${v.sessions === 1 ? 'session' : 'sessions'}   success ${barred(v.successRate)}   mean ${took(v.durationMs.mean)}`,
    `failed rules: ${failed.join(', ') || 'none'}`,
    '',
    table(paint, ['RULE', 'SEVERITY', 'RUN', 'FAILED', 'SUCCESS'], worst, '', WIDTH),
  ].join('\n');
}

function pipelinesText(paint: Paint, { pipelines: p }: HandoffMetrics): string {
  const [mean, p95] = duration(p.durationMs);
  const closed = Object.entries(p.closed).map(([status, n]) => `${n} ${status}`);
  const rows = Object.entries(p.phases)
    .slice(0, ROWS)
    .map(([phase, s]) => [phase, s.steps, s.retries, ...duration(s.stepMs), ...duration(s.phaseMs)]);
  const head = ['PHASE', 'STEPS', 'RETRIES', 'STEP MEAN', 'P95', 'PHASE MEAN', 'P95'];
  return [
    `${p.total}: ${[...closed, `${p.open} open`].join(', ')}   success ${rate(p.successRate)}   mean ${mean}   p95 ${p95}`,
    ...(rows.length > 0 ? ['', table(paint, head, rows, '', WIDTH)] : []),
  ].join('\n');
}

function reliabilityText(paint: Paint, { reliability: r }: HandoffMetrics): string {
  const rows = Object.entries(r.byType).map(([type, t]) => [
    type,
    t.tests,
    t.passed,
    t.iterations,
    barred(t.iterations === 0 ? null : t.asTold / t.iterations),
  ]);
  return [
    `${r.tests}: ${r.passed} passed   success ${barred(r.successRate)}`,
    '',
    table(paint, ['TYPE', 'TESTS', 'PASSED', 'ITERATIONS', 'AS TOLD'], rows, '', WIDTH),
  ].join('\n');
}
