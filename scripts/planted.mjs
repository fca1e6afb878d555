// The tests of the tests. Each patch in test/planted is a bug; planted in a copy of this tree, built and run, some test
// must fail. A patch names itself above its diff: `Bug:` what is wrong, `Tests:` the files that must notice, and where
// one file is long, `Only:` a pattern for the names of its tests.
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const USAGE = `npm run planted -- [--only 03,17] [--parallel N] [--skip-clean] [--check] [--json]
  --only        these bugs alone, by number
  --parallel    so many at once, each in a copy of its own; default 1
  --skip-clean  does not run the tests without a bug first
  --check       only looks whether each patch still applies and its tests are there; runs nothing
  --json        one object at the end instead of a table`;
const MOST_MS = 10 * 60_000;
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const patches = path.join(root, 'test', 'planted');

const options = optionsOf();
const bugs = bugsOf(options.only);
const faults = bugs.flatMap((bug) => faultsOf(bug).map((why) => `${bug.patch}: ${why}`));
if (bugs.length === 0) faults.push('no patch is there');
if (faults.length > 0) stop(faults.join('\n'));
if (options.check) {
  console.log(`${bugs.length} bugs: each patch applies, and its tests are there`);
  process.exit(0);
}

const work = mkdtempSync(path.join(tmpdir(), 'handoff-planted-'));
process.on('exit', () => rmSync(work, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));

const say = (text) => void process.stderr.write(`${text}\n`);
const copies = Array.from({ length: Math.min(options.parallel, bugs.length) }, (_, i) => copyTo(`${i}`));
if (!options.skipClean) await withoutBugs(copies[0]);
const results = [];
const queue = [...bugs];
await Promise.all(
  copies.map(async (copy) => {
    for (let bug = queue.shift(); bug; bug = queue.shift()) {
      const result = await plant(copy, bug);
      results.push(result);
      say(`${bug.number} ${result.caught ? 'caught' : 'SURVIVED'} in ${result.seconds} s: ${bug.bug}`);
    }
  }),
);
results.sort((a, b) => (a.number < b.number ? -1 : 1));
const survived = results.filter((r) => !r.caught);
if (options.json) console.log(JSON.stringify({ bugs: results.length, survived: survived.length, results }));
else {
  const width = Math.max(...results.map((r) => r.bug.length));
  for (const r of results) console.log(`${r.number}  ${r.bug.padEnd(width)}  ${r.by}  ${r.seconds} s`);
  console.log(`${results.length - survived.length} of ${results.length} bugs caught`);
}
process.exitCode = survived.length > 0 ? 1 : 0;

function optionsOf() {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: 'string' },
        parallel: { type: 'string', default: '1' },
        'skip-clean': { type: 'boolean' },
        check: { type: 'boolean' },
        json: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    });
    if (values.help) stop(USAGE, 0);
    const parallel = Number(values.parallel);
    if (!Number.isInteger(parallel) || parallel < 1) throw new Error('--parallel must be a whole number from 1');
    return { ...values, parallel, only: values.only?.split(','), skipClean: values['skip-clean'] };
  } catch (error) {
    return stop(`${error.message}\n${USAGE}`, 2);
  }
}

function stop(text, code = 1) {
  console[code === 0 ? 'log' : 'error'](text);
  process.exit(code);
}

function bugsOf(only) {
  const all = readdirSync(patches)
    .filter((name) => name.endsWith('.patch'))
    .toSorted()
    .map((patch) => {
      const [head] = readFileSync(path.join(patches, patch), 'utf8').split(/^diff --git/m, 1);
      const said = (what) => new RegExp(`^${what}: (.+)$`, 'm').exec(head)?.[1].trim();
      const tests = said('Tests')?.split(/\s+/) ?? [];
      return { number: patch.slice(0, 2), patch, bug: said('Bug'), tests, only: said('Only') };
    });
  const unknown = only?.find((number) => !all.some((b) => b.number === number));
  if (unknown !== undefined)
    stop(`--only: there is no bug ${unknown}; known: ${all.map((b) => b.number).join(', ')}`, 2);
  return only ? all.filter((b) => only.includes(b.number)) : all;
}

function faultsOf({ number, patch, bug, tests }) {
  const sameNumber = readdirSync(patches).filter((name) => name.startsWith(number) && name.endsWith('.patch'));
  const applied = apply(root, patch, '--check');
  return [
    ...(/^\d\d-/.test(patch) ? [] : ['its name must begin with two digits']),
    ...(sameNumber.length > 1 ? [`${sameNumber.length} patches have its number`] : []),
    ...(bug ? [] : ['it does not say `Bug:`']),
    ...(tests.length > 0 ? [] : ['it does not say `Tests:`']),
    ...tests.filter((test) => !existsSync(path.join(root, test))).map((test) => `there is no ${test}`),
    ...(applied.status === 0 ? [] : [`it does not apply: ${applied.stderr.trim()}`]),
  ];
}

/** One line of context is enough: what others change beside it is no matter. */
function apply(folder, patch, ...how) {
  // Below somebody else's repository git would pass over all files of ours.
  const env = { ...process.env, GIT_CEILING_DIRECTORIES: path.dirname(folder) };
  delete env.GIT_DIR;
  const args = ['apply', '-C1', ...how, path.join(patches, patch)];
  return spawnSync('git', args, { cwd: folder, env, encoding: 'utf8' });
}

/** The tree as it is now, what is not committed included; its packages are links. */
function copyTo(name) {
  const copy = path.join(work, name);
  const left = new Set(['node_modules', 'dist']);
  const isCopied = (from) => {
    const [top = ''] = path.relative(root, from).split(path.sep);
    return !left.has(top) && !top.startsWith('.');
  };
  cpSync(root, copy, { recursive: true, filter: isCopied });
  // A folder of its own: what tools keep in there is not to be in ours.
  mkdirSync(path.join(copy, 'node_modules'));
  for (const entry of readdirSync(path.join(root, 'node_modules')))
    if (!entry.startsWith('.vite'))
      symlinkSync(path.join(root, 'node_modules', entry), path.join(copy, 'node_modules', entry));
  return copy;
}

async function withoutBugs(copy) {
  const began = Date.now();
  const files = [...new Set(bugs.flatMap((b) => b.tests))];
  say(`${files.length} test files without a bug`);
  if ((await run(copy, ['scripts/build.mjs'])).status !== 0) stop('the tree does not build');
  const { failed, ran, output } = await test(copy, files, []);
  if (failed.length > 0 || !ran) stop(`without a bug a test fails: ${failed.join('; ') || output}`);
  say(`they pass, in ${seconds(began)} s`);
}

async function plant(copy, { number, patch, bug, tests, only }) {
  const began = Date.now();
  const told = (caught, by) => ({ number, bug, caught, by, seconds: seconds(began) });
  const applied = apply(copy, patch);
  if (applied.status !== 0) return told(false, `does not apply: ${applied.stderr.trim()}`);
  try {
    const built = await run(copy, ['scripts/build.mjs']);
    if (built.status !== 0) return told(false, `does not compile: ${built.output.trim().split('\n')[0]}`);
    const { failed, ran, output } = await test(copy, tests, ['--bail=1', ...(only ? ['-t', only] : [])]);
    if (!ran) return told(false, `no test ran: ${output.trim().slice(-300)}`);
    return failed.length > 0 ? told(true, failed[0]) : told(false, `nobody noticed: ${tests.join(' ')}`);
  } finally {
    apply(copy, patch, '-R');
  }
}

function seconds(began) {
  return Math.round((Date.now() - began) / 1000);
}

/** Runs test files: which tests failed, and whether any ran at all. What cannot be loaded catches nothing. */
async function test(copy, files, more) {
  const report = path.join(copy, '.planted.json');
  rmSync(report, { force: true });
  const vitest = path.join('node_modules', 'vitest', 'vitest.mjs');
  const args = [vitest, 'run', ...files, '--retry=0', '--reporter=json', `--outputFile=${report}`, ...more];
  const { output } = await run(copy, args);
  if (!existsSync(report)) return { failed: [], ran: false, output };
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
  const failed = testResults.flatMap(({ name, status, assertionResults: all, message }) => {
    const file = path.relative(copy, name);
    const named = all.filter((t) => t.status === 'failed').map((t) => `${file} > ${t.title}`);
    const atTheEnd = status === 'failed' && named.length === 0 && all.some((t) => t.status === 'passed');
    return atTheEnd ? [`${file}, at its end: ${message.split('\n')[0]}`] : named;
  });
  const ran = testResults.some((r) => r.assertionResults.some((t) => t.status === 'passed' || t.status === 'failed'));
  return { failed, ran, output };
}

function run(cwd, args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd, timeout: MOST_MS, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
    child.on('error', (error) => resolve({ status: 1, output: error.message }));
    child.on('close', (status) => resolve({ status, output }));
  });
}
