// What `npm run reliability:full` writes: the parts that there are, as one page.
import { createColors } from 'picocolors';
import { chaosText } from '../dist/cli/text/chaos-text.js';

const plain = createColors(false);
const seconds = (ms) => (ms === undefined ? '–' : `${(ms / 1000).toFixed(1)} s`);
const row = (...cells) => `| ${cells.join(' | ')} |`;
const table = (head, rows) => [row(...head), row(...head.map(() => '---')), ...rows].join('\n');
const many = (n) => Number(n).toLocaleString('en');

/** What a recovery may take, seconds: after the death of a worker; of the server, alone or with its worker. */
const LIMITS = { worker: 15, server: 30, both: 30 };

/** @param {object[]} parts what stands in docs/reliability/data, in order */
export function render(parts) {
  const tests = parts.filter((p) => p.kind !== 'matrix');
  const matrices = parts.filter((p) => p.kind === 'matrix');
  return [
    '# What was proven, and where',
    '',
    'Written by `npm run reliability:full` ([how to read it](../chaos.md)). Every part names the commit that it ran on, and can be run again alone.',
    '',
    table(
      ['Part', 'Passed', 'Commit', 'Date', 'Took', 'Machine'],
      parts.map(({ name, exitCode, commit, changed, date, seconds: took, machine: m }) =>
        row(
          name,
          exitCode === 0 ? 'yes' : '**no**',
          `${commit}${changed ? ', with changes' : ''}`,
          date.slice(0, 16).replace('T', ' '),
          `${Math.round(took / 60)} min`,
          `${m.cores} cores (${m.cpu}), ${m.memoryGb} GB, load ${m.load}, Node ${m.node}, ${m.system}`,
        ),
      ),
    ),
    ...(tests.length > 0 ? ['', '## Handoffs under faults', '', testTable(tests), ...tests.flatMap(faults)] : []),
    ...(matrices.length > 0 ? ['', '## The crash matrix', '', recovery(matrices), ...matrices.flatMap(matrix)] : []),
    '',
  ].join('\n');
}

const testTable = (tests) =>
  table(
    [
      'Test',
      'Handoffs',
      'As told',
      'Stuck',
      'Doubled',
      'Lost',
      'Left behind',
      'Absorbed',
      'Undone',
      'Incidents',
      'p50',
      'p95',
      'p99',
      'Seed',
      'Faults fired',
    ],
    tests.map(({ name, report: r }) => {
      const { checker: c, rollbacks: b, durationMs: d } = r;
      const told = `${(r.successRate * 100).toFixed(2)} %`;
      const undone = `${many(b.undone)} of ${many(b.attempted)}`;
      const checked = [r.stuck, c.twice, c.missing, c.leftBehind, many(c.absorbed), undone, b.incidents];
      const times = [d.p50, d.p95, d.p99].map(seconds);
      return row(name, many(r.iterations), told, ...checked, ...times, r.seed, many(r.faultsFired));
    }),
  );

const faults = ({ name, report: { faults: all = [], reasons = [], notDone = [] } }) => [
  ...(all.length > 0
    ? ['', `${name}: ${all.map((f) => `${f.name} ${many(f.fired)} of ${many(f.injected)}`).join(', ')}.`]
    : []),
  ...[...reasons, ...notDone].flatMap((line) => ['', `${name}: ${line}`]),
];

const recovery = (matrices) =>
  table(
    ['Procedure', 'Victim', 'Kills', 'p50', 'p95', 'max', 'p95 at most'],
    matrices.flatMap(({ report: r }) =>
      Object.entries(r.recoveryMs).map(([victim, took]) => {
        const kills = r.cells
          .filter((c) => c.victim === victim)
          .flatMap((c) => c.runs)
          .filter((run) => run.fired);
        const limit = LIMITS[victim];
        const said = `${limit} s${took.p95 > limit * 1000 ? ', **missed**' : ''}`;
        return row(
          r.procedure,
          victim,
          many(kills.length),
          seconds(took.p50),
          seconds(took.p95),
          seconds(took.max),
          said,
        );
      }),
    ),
  );

const matrix = ({ report }) => ['', `### ${report.procedure}`, '', '```text', chaosText(plain, report, 80), '```'];
