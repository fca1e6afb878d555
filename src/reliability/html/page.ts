import type { IterationOutcome, ReliabilityDetail, ReliabilityReport } from '../../core/reliability/report.js';
import { violationsOf } from '../tally.js';
import { escaped as e, scriptJson } from './escape.js';
import { PLOTS } from './plots.js';
import { seriesOf, type Series } from './series.js';
import { STYLE } from './style.js';
import { uplot } from './uplot.js';

/** Iterations in the page's table: the rest is in the stored report. */
const ROWS = 500;

/** One file with all of a test in it: plots where there is a script, tables everywhere, and nothing from the network. */
export function htmlReport(report: ReliabilityReport, detail: ReliabilityDetail): string {
  const { script, style } = uplot();
  const series = seriesOf(detail);
  const { configuration: c, testId } = report;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${e(c.id)} ${e(testId)}: ${e(report.status)}</title>
<style>${style}${STYLE}</style>
<script>document.documentElement.classList.add('js')</script>
<style>.plots { display: none } .js .plots { display: grid }</style>
</head>
<body>
${headOf(report)}
${outcomesOf(report)}
${plotsOf(detail)}
${faultsOf(report, detail)}
${typesOf(report)}
${iterationsOf(detail)}
${numbersOf(series)}
<script type="application/json" id="series">${scriptJson(series)}</script>
<script>${script}</script>
<script>${PLOTS}</script>
</body>
</html>
`;
}

const ms = (n: number): string =>
  n >= 10_000 ? `${(n / 1000).toFixed(1)} s` : n >= 1000 ? `${(n / 1000).toFixed(2)} s` : `${n} ms`;
const percent = (share: number): string => `${+(share * 100).toFixed(2)} %`;
const row = (cells: unknown[], numbers: number[] = []): string =>
  `<tr>${cells.map((c, i) => `<td${numbers.includes(i) ? ' class="n"' : ''}>${e(c)}</td>`).join('')}</tr>`;
const tableOf = (head: string[], rows: string[], numbers: number[] = []): string =>
  `<div class="scroll"><table><thead><tr>${head.map((h, i) => `<th${numbers.includes(i) ? ' class="n"' : ''}>${e(h)}</th>`).join('')}</tr></thead><tbody>\n${rows.join('\n')}\n</tbody></table></div>`;
const facts = (pairs: [string, string][]): string =>
  `<dl class="facts">${pairs.map(([k, v]) => `<div><dt>${e(k)}</dt><dd>${e(v)}</dd></div>`).join('')}</dl>`;

function headOf(r: ReliabilityReport): string {
  const { configuration: c, durationMs: d, rollbacks, checker } = r;
  const lines = [
    ...r.reasons.map((why) => `<p class="bad">${e(why)}</p>`),
    ...r.notDone.map((what) => `<p class="warn">Not done: ${e(what)}</p>`),
    ...r.notes.map((note) => `<p class="soft">${e(note)}</p>`),
  ];
  return `<h1>${e(c.id)}: <span class="${r.status === 'passed' ? 'good' : 'bad'}">${e(r.status)}</span></h1>
<p class="soft">${e(r.testId)}, ${e(r.startedAt)} · ${c.iterations} iterations, at most ${e(c.concurrency)} at once${c.stressFactor ? `, stress factor ${e(c.stressFactor)}` : ''}${c.failureRate ? `, ${e(percent(c.failureRate))} of step attempts fail` : ''} · limit ${e(c.timeoutSeconds)} s, took ${e(r.seconds.toFixed(1))} s · seed ${e(r.seed)}</p>
${lines.join('\n')}
${facts([
  ['ended as told', percent(r.successRate)],
  ['iterations', `${r.iterations} of ${c.iterations}`],
  ['stuck', String(r.stuck)],
  ['lost, doubled or left', String(violationsOf(checker))],
  ['p50', ms(d.p50)],
  ['p95', ms(d.p95)],
  ['p99', ms(d.p99)],
  ['per second', r.perSecond.toFixed(1)],
  ['rolled back', `${rollbacks.undone} of ${rollbacks.attempted}`],
  ['faults fired', String(r.faultsFired)],
])}
<p>The same again: <code>${e(r.repeat)}</code></p>
<p class="soft">The checker, a process of its own that sees effects from their receivers' side: ${checker.applied} stand, ${checker.undone} were undone, ${checker.absorbed} came again and were known by their key; ${checker.twice} made twice, ${checker.missing} missing, ${checker.leftBehind} left behind.</p>
${checker.violations.length > 0 ? `<ul class="bad">${checker.violations.map((v) => `<li>${e(v)}</li>`).join('')}</ul>` : ''}`;
}

const KINDS: Record<IterationOutcome, string> = {
  completed: 'completed',
  rejected: 'undone',
  expired: 'undone',
  cancelled: 'undone',
  failed: 'undone',
  incident: 'waits',
  stuck: 'wrong',
  refused: 'wrong',
};

function outcomesOf({ outcomes, iterations }: ReliabilityReport): string {
  const all = Object.entries(outcomes) as [IterationOutcome, number][];
  if (all.length === 0) return '';
  const bar = all.map(([o, n]) => `<span class="${KINDS[o]}" style="flex:${n}" title="${e(o)}: ${n}"></span>`).join('');
  const meanings = { completed: '', undone: ', undone', waits: ', waits for a person', wrong: '' } as Record<
    string,
    string
  >;
  const rows = all.map(
    ([o, n]) =>
      `<tr><td><span class="key ${KINDS[o]}"></span>${e(o)}${meanings[KINDS[o]]!}</td><td class="n">${n}</td><td class="n">${e(percent(n / iterations))}</td></tr>`,
  );
  return `<h2>Outcomes</h2><div class="bar" aria-hidden="true">${bar}</div>${tableOf(['outcome', 'iterations', 'share'], rows, [1, 2])}`;
}

function plotsOf({ strikes }: ReliabilityDetail): string {
  const marked = strikes.length > 0 ? '; shaded where a fault struck' : '';
  return `<div class="plots">
<figure class="wide"><figcaption>How long each took, by when it ended${marked}</figcaption><div id="durations"></div></figure>
<figure><figcaption>Ended per second${marked}</figcaption><div id="throughput"></div></figure>
<figure><figcaption>How many took so long</figcaption><div id="histogram"></div></figure>
</div>
<noscript><p class="soft">The plots need a script; their numbers are in the tables below.</p></noscript>`;
}

function faultsOf({ faults, memory = [] }: ReliabilityReport, { strikes }: ReliabilityDetail): string {
  const counts = faults.map((f) => row([f.name, f.injected, f.fired], [1, 2]));
  const list = strikes.map((s) =>
    row([`${(s.startedMs / 1000).toFixed(1)} s`, s.fault, ms(s.tookMs), s.fired ? 'yes' : 'no', s.what], [0, 2]),
  );
  const mb = (n: number): string => `${(n / 1e6).toFixed(0)} MB`;
  const sizes = memory.map((m) => row([m.name, mb(m.early), mb(m.last), mb(m.peak)], [1, 2, 3]));
  return [
    counts.length > 0 ? `<h2>Faults</h2>${tableOf(['fault', 'injected', 'fired'], counts, [1, 2])}` : '',
    list.length > 0
      ? `<h2>Each strike</h2>${tableOf(['at', 'fault', 'held', 'fired', 'what happened'], list, [0, 2])}`
      : '',
    sizes.length > 0
      ? `<h2>Memory</h2>${tableOf(['process', 'at a tenth', 'at the end', 'most'], sizes, [1, 2, 3])}`
      : '',
  ].join('\n');
}

function typesOf({ byType }: ReliabilityReport): string {
  const rows = Object.entries(byType).map(([type, t]) =>
    row(
      [
        type,
        t.iterations,
        percent(t.asTold / t.iterations),
        ms(t.durationMs.p50),
        ms(t.durationMs.p95),
        ms(t.durationMs.p99),
      ],
      [1, 2, 3, 4, 5],
    ),
  );
  if (rows.length === 0) return '';
  return `<h2>By type</h2>${tableOf(['type', 'iterations', 'as told', 'p50', 'p95', 'p99'], rows, [1, 2, 3, 4, 5])}`;
}

function iterationsOf({ iterations, leftOut = 0 }: ReliabilityDetail): string {
  const bad = iterations.filter((i) => !i.asTold);
  const slow = iterations.filter((i) => i.asTold).toSorted((a, b) => b.durationMs - a.durationMs);
  const shown = [...bad, ...slow].slice(0, ROWS);
  const rest = iterations.length - shown.length + leftOut;
  const rows = shown.map((i) =>
    row([i.number, i.handoff, i.procedure, i.outcome, i.asTold ? 'yes' : 'no', ms(i.durationMs), i.why ?? ''], [0, 5]),
  );
  const more = rest > 0 ? `<p class="soft">And ${rest} more, all faster and as told.</p>` : '';
  return `<details${bad.length > 0 ? ' open' : ''}><summary><h2 style="display:inline">Iterations</h2> <span class="soft">those that went wrong, then the slowest</span></summary>
${tableOf(['no.', 'handoff', 'procedure', 'outcome', 'as told', 'took', 'why'], rows, [0, 5])}${more}</details>`;
}

function numbersOf({ histogram, throughput }: Series): string {
  const classes = histogram.upTo.flatMap((upTo, n) =>
    histogram.count[n] ? [row([`up to ${ms(upTo)}`, histogram.count[n]], [1])] : [],
  );
  const slices = throughput.at.map((at, n) => row([`${at} s`, throughput.perSecond[n]!.toFixed(1)], [1]));
  return `<details><summary><h2 style="display:inline">Numbers of the plots</h2></summary>
${tableOf(['took', 'iterations'], classes, [1])}${tableOf(['around', 'ended per second'], slices, [1])}</details>`;
}
