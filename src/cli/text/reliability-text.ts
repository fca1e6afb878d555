import { RELIABILITY_CONFIGURATIONS } from '../../core/reliability/configuration.js';
import type { ReliabilityDetail, ReliabilityReport } from '../../core/reliability/report.js';
import { safe, table, took, when, type Paint } from './text.js';
import { fit } from './width.js';

/** What a report is read in: a terminal of the usual width. */
const WIDTH = 80;
const LISTED = 5;

const percent = (share: number): string => `${+(share * 100).toFixed(2)} %`;

/** The six, with their numbers, for the help. */
export function configurationsText(): string {
  const head = `  ${'NAME'.padEnd(28)}${'ITERATIONS'.padStart(10)}${'AT ONCE'.padStart(9)}${'LIMIT'.padStart(8)}  MORE`;
  const rows = RELIABILITY_CONFIGURATIONS.map((c) => {
    const more = c.failureRate
      ? `${percent(c.failureRate)} of steps fail`
      : c.stressFactor
        ? `load × ${c.stressFactor}`
        : c.type === 'endurance'
          ? 'evenly paced'
          : '';
    const numbers = [
      String(c.iterations).padStart(10),
      String(c.concurrency).padStart(9),
      `${c.timeoutSeconds} s`.padStart(8),
    ];
    return `  ${c.id.padEnd(28)}${numbers.join('')}  ${more}`.trimEnd();
  });
  return [head, ...rows].join('\n');
}

/** One line while a test runs: `37/75  4.1/s  35 completed, 2 failed  12 faults  9 s left`. */
export function progressLine(paint: Paint, r: ReliabilityReport): string {
  const { configuration: c, iterations: done, seconds } = r;
  if (r.doing !== 'iterations') return paint.dim(`${r.doing ?? 'starting'} …`);
  const left = done > 0 ? Math.max(0, Math.round((seconds / done) * (c.iterations - done))) : undefined;
  const parts = [
    `${done}/${c.iterations}`,
    `${r.perSecond.toFixed(1)}/s`,
    outcomesText(r) || 'none has ended yet',
    `${r.faultsFired} faults fired`,
    left === undefined ? '' : `about ${left} s left`,
  ];
  return parts.filter(Boolean).join('  ');
}

const outcomesText = ({ outcomes }: ReliabilityReport): string =>
  Object.entries(outcomes)
    .map(([outcome, n]) => `${n} ${outcome}`)
    .join(', ');

const verdict = (paint: Paint, { status }: Pick<ReliabilityReport, 'status'>): string =>
  status === 'passed' ? paint.green(status) : status === 'failed' ? paint.red(status) : paint.yellow(status);

const line = (name: string, value: string): string => `  ${name.padEnd(13)}${value}`;

/** All of a test that a person wants to know, in 80 columns. */
export function reportText(paint: Paint, r: ReliabilityReport, detail?: ReliabilityDetail): string {
  const { configuration: c, durationMs: d, rollbacks, checker } = r;
  const good = Object.values(r.byType).reduce((sum, t) => sum + t.asTold, 0);
  const rolled =
    rollbacks.attempted === 0
      ? 'none was needed'
      : `${rollbacks.undone} of ${rollbacks.attempted} undone${rollbacks.incidents > 0 ? `, ${rollbacks.incidents} wait as incidents` : ''}`;
  const head = [
    `${paint.bold(c.id)}  ${verdict(paint, r)}  ${paint.dim(r.testId)}`,
    ...r.reasons.map((why) => paint.red(`  ${safe(why)}`)),
    line(
      'as told',
      `${percent(r.successRate)} of ${c.iterations} (${good} of the ${r.iterations} that ended; ${r.stuck} stuck)`,
    ),
    line('outcomes', outcomesText(r) || 'none'),
    line('took', `${r.seconds.toFixed(1)} s of ${c.timeoutSeconds} s, ${r.perSecond.toFixed(1)} per second`),
    line('durations', `p50 ${took(d.p50)}, p95 ${took(d.p95)}, p99 ${took(d.p99)}`),
    line('rollbacks', rolled),
    line('receivers', `${checker.applied} effects stand, ${checker.undone} undone, ${checker.absorbed} known repeats`),
    line('', `${checker.twice} made twice, ${checker.missing} missing, ${checker.leftBehind} left behind`),
  ];
  const sections = [
    head.join('\n'),
    bullets(paint, 'Violations', checker.violations),
    typesTable(paint, r),
    faultsTable(paint, r),
    memoryTable(paint, r),
    detail ? iterationsTable(paint, detail) : '',
    bullets(paint, 'Not done', r.notDone),
    bullets(paint, 'Notes', r.notes),
    `The same again:\n  ${safe(r.repeat)}${r.kept ? `\nIts files are kept in ${safe(r.kept)}` : ''}`,
  ];
  return sections.filter(Boolean).join('\n\n');
}

const bullets = (paint: Paint, title: string, lines: readonly string[]): string =>
  lines.length === 0 ? '' : [paint.bold(title), ...lines.slice(0, LISTED * 2).map((l) => wrapped(safe(l)))].join('\n');

/** Set in, and broken between words. */
function wrapped(text: string): string {
  const lines = [''];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1)!;
    if (last !== '' && last.length + word.length > WIDTH - 5) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines.map((l, n) => `${n === 0 ? '  ' : '    '}${fit(l, WIDTH - 4)}`).join('\n');
}

function typesTable(paint: Paint, { byType }: ReliabilityReport): string {
  const rows = Object.entries(byType).map(([type, t]) => [
    type,
    t.iterations,
    percent(t.asTold / t.iterations),
    took(t.durationMs.p50),
    took(t.durationMs.p95),
    took(t.durationMs.p99),
  ]);
  return rows.length === 0 ? '' : table(paint, ['TYPE', 'ITERATIONS', 'AS TOLD', 'P50', 'P95', 'P99'], rows, '', WIDTH);
}

function faultsTable(paint: Paint, { faults }: ReliabilityReport): string {
  const rows = faults.map((f) => [f.name, f.injected, f.fired]);
  return rows.length === 0 ? '' : table(paint, ['FAULT', 'INJECTED', 'FIRED'], rows, '', WIDTH);
}

function memoryTable(paint: Paint, { memory = [] }: ReliabilityReport): string {
  const mb = (n: number): string => `${(n / 1e6).toFixed(0)} MB`;
  const rows = memory.map((m) => [m.name, mb(m.early), mb(m.last), mb(m.peak)]);
  return rows.length === 0 ? '' : table(paint, ['MEMORY', 'AT A TENTH', 'AT THE END', 'MOST'], rows, '', WIDTH);
}

/** Those that did not end as told, then the slowest. */
function iterationsTable(paint: Paint, { iterations }: ReliabilityDetail): string {
  const bad = iterations.filter((i) => !i.asTold);
  const slow = iterations
    .filter((i) => i.asTold)
    .toSorted((a, b) => b.durationMs - a.durationMs)
    .slice(0, LISTED);
  const rows = [...bad.slice(0, 2 * LISTED), ...slow].map((i) => [
    i.handoff,
    i.asTold ? i.outcome : `${i.outcome}, WRONG`,
    took(i.durationMs),
    (i.why ?? '').replaceAll('\n', ' '),
  ]);
  const title = bad.length > 0 ? `${bad.length} NOT AS TOLD, AND THE SLOWEST` : 'THE SLOWEST';
  return rows.length === 0 ? '' : table(paint, [title, 'OUTCOME', 'TOOK', 'WHY'], rows, '', WIDTH);
}

export function testsTable(paint: Paint, tests: readonly ReliabilityReport[], width: number): string {
  const rows = tests.map((r) => [
    r.testId,
    r.status,
    r.configuration.id.replace(/_STANDARD$/, ''),
    when(Date.parse(r.startedAt)).slice(5, 16),
    `${r.iterations}/${r.configuration.iterations}`,
    percent(r.successRate),
    took(r.durationMs.p95),
  ]);
  const head = ['TEST', 'STATUS', 'CONFIGURATION', 'STARTED', 'ENDED', 'AS TOLD', 'P95'];
  return table(
    paint,
    head,
    rows,
    'No reliability test was run here. `handoff reliability --help` names the six.',
    width,
  );
}

/** Two tests beside each other, and what the second is of the first. */
export function comparison(
  a: ReliabilityReport,
  b: ReliabilityReport,
): { name: string; a: number; b: number; ratio?: number }[] {
  const of = (
    name: string,
    value: (r: ReliabilityReport) => number,
  ): { name: string; a: number; b: number; ratio?: number } => {
    const [va, vb] = [value(a), value(b)];
    return { name, a: va, b: vb, ...(va === 0 ? {} : { ratio: vb / va }) };
  };
  return [
    of('iterations', (r) => r.iterations),
    of('as told, %', (r) => r.successRate * 100),
    of('stuck', (r) => r.stuck),
    of('violations', (r) => r.checker.violations.length),
    of('per second', (r) => r.perSecond),
    of('seconds', (r) => r.seconds),
    of('p50, ms', (r) => r.durationMs.p50),
    of('p95, ms', (r) => r.durationMs.p95),
    of('p99, ms', (r) => r.durationMs.p99),
    of('rolled back', (r) => r.rollbacks.attempted),
    of('faults fired', (r) => r.faultsFired),
  ];
}

export function comparisonText(paint: Paint, a: ReliabilityReport, b: ReliabilityReport): string {
  const number = (n: number): string => String(+n.toFixed(2));
  const rows = comparison(a, b).map((c) => [
    c.name,
    number(c.a),
    number(c.b),
    c.ratio === undefined ? '' : `× ${number(c.ratio)}`,
  ]);
  const about = (r: ReliabilityReport): string =>
    `${r.testId}  ${r.configuration.id}  ${r.status}  ${when(Date.parse(r.startedAt)).slice(0, 16)}`;
  return `A  ${about(a)}\nB  ${about(b)}\n\n${table(paint, ['', 'A', 'B', 'B ÷ A'], rows, '', WIDTH)}`;
}
