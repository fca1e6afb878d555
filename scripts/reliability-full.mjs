// `npm run reliability:full`: the whole proof, which takes hours. It runs the six reliability tests at ten times their
// iterations, ten thousand handoffs with a tenth of their steps failing, and the crash matrices, and writes
// docs/reliability/report.md. Each part is kept in docs/reliability/data when it ends, so that what was stopped goes on.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { RELIABILITY_CONFIGURATIONS } from '../dist/core/reliability/configuration.js';
import { render } from './reliability-report.mjs';

const HELP = `npm run reliability:full [-- OPTIONS]

  --only matrix|configurations|ten-thousand   only these parts (repeatable)
  --parallel <n>   stacks at once for the matrix (default: 2)
  --times <n>      how often each cell of the matrix is struck (default: 3)
  --seed <n>       of the tests (default: a new one for each, in the report)
  --again          also what is there already of this commit
  --render         only write the report from what is there`;

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    parallel: { type: 'string', default: '2' },
    times: { type: 'string', default: '3' },
    seed: { type: 'string' },
    again: { type: 'boolean', default: false },
    render: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log(HELP);
  process.exit(0);
}
const KINDS = ['configurations', 'ten-thousand', 'matrix'];
const kinds = options.only ?? KINDS;
const strange = kinds.find((k) => !KINDS.includes(k));
if (strange !== undefined) {
  console.error(`--only ${strange}: there is ${KINDS.join(', ')}`);
  process.exit(2);
}

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = path.join(root, 'docs', 'reliability');
const data = path.join(folder, 'data');
mkdirSync(data, { recursive: true });
const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
const commit = git('rev-parse', '--short=10', 'HEAD');
// A report that its own run has written makes no other build.
const changed = git('status', '--porcelain', '--', 'src', 'package.json') !== '';

const seed = options.seed === undefined ? [] : ['--seed', options.seed];
const reliability = (id, iterations) => ['reliability', 'run', id, '--iterations', String(iterations), ...seed];
const parts = [
  ...RELIABILITY_CONFIGURATIONS.map(({ id, iterations }) => ({
    kind: 'configurations',
    name: id,
    args: reliability(id, iterations * 10),
  })),
  {
    kind: 'ten-thousand',
    name: 'TEN_THOUSAND',
    args: [
      ...reliability('FAILURE_INJECTION_STANDARD', 10_000),
      '--failure-rate',
      '0.1',
      '--no-faults',
      '--concurrency',
      '20',
    ],
  },
  ...['PHASE_TRANSITION_STANDARD', 'AGENT_HANDOFF_STANDARD'].map((id) => ({
    kind: 'matrix',
    name: `MATRIX_${id}`,
    args: ['chaos', id, '--times', options.times, '--parallel', options.parallel],
  })),
];
const fileOf = ({ name }) => path.join(data, `${name}.json`);
const known = (part) => (existsSync(fileOf(part)) ? JSON.parse(readFileSync(fileOf(part), 'utf8')) : undefined);

/** Runs one verb with --json, its progress shown; the report is the last line that it prints. */
async function run({ args }) {
  const child = spawn(process.execPath, [path.join(root, 'bin', 'handoff.js'), ...args, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.on('data', (chunk) => (out += chunk));
  const exitCode = await new Promise((resolve) => child.once('close', resolve));
  const report = JSON.parse(out.trim().split('\n').at(-1) || 'null');
  return { exitCode, report };
}

function write() {
  const found = parts.flatMap((part) => known(part) ?? []);
  writeFileSync(path.join(folder, 'report.md'), render(found));
}

let failed = 0;
for (const part of options.render ? [] : parts.filter((p) => kinds.includes(p.kind))) {
  const before = known(part);
  if (!options.again && before?.commit === commit && before.exitCode === 0) {
    console.error(`== ${part.name}: there already, of ${commit}`);
    continue;
  }
  console.error(`== ${part.name}: handoff ${part.args.join(' ')}`);
  const began = new Date();
  const { exitCode, report } = await run(part);
  if (exitCode !== 0) failed++;
  if (report === null || report.error) {
    console.error(`== ${part.name} gave no report: ${report?.error?.message ?? `exit code ${exitCode}`}`);
    continue;
  }
  const machine = {
    cores: os.availableParallelism(),
    cpu: os.cpus()[0]?.model ?? '',
    memoryGb: Math.round(os.totalmem() / 1e9),
    load: Number(os.loadavg()[1].toFixed(1)),
    node: process.version,
    system: `${os.type()} ${os.release().split('-')[0]}`,
  };
  const entry = { ...part, commit, changed, date: began.toISOString(), seconds: (Date.now() - began) / 1000, machine };
  writeFileSync(fileOf(part), `${JSON.stringify({ ...entry, exitCode, report })}\n`);
  write();
}
write();
console.error(`== docs/reliability/report.md; ${failed} parts failed`);
process.exitCode = failed > 0 ? 1 : 0;
