// Fuzzes the HTTP API with schemathesis, by its own OpenAPI document: a whole stack on a temporary folder, something of
// everything in it, then all checks in all phases; as an admin, and as an agent without roles. No 5xx, no status and no body
// that the document does not have, nothing valid refused and nothing invalid taken. At the end the service must be up, with
// nothing bad in its log, and its audit log as it was written.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const USAGE = `npm run fuzz:api [-- --short] [--max-examples N] [--seed N] [--keep] [--json]
  --short           a few hundred requests in about a minute: no phase "coverage", and few examples
  --max-examples N  for each operation (of 86) and phase; default 12, with --short 2
  --seed N          of the random numbers; default 1
  --keep            keeps the temporary folder with the data, the log and what schemathesis has printed
  --json            one object at the end instead of a table
Exit codes: 0 nothing was found; 1 something was; 2 wrong usage; 3 it could not be run here, and why.`;
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const bin = path.join(root, 'bin', 'handoff.js');
const fuzz = path.join(root, 'test', 'fuzz');
/** What one run may take at most, milliseconds. */
const MOST_MS = { short: 5 * 60_000, long: 60 * 60_000 };

const options = optionsOf();
const say = (line) => void process.stderr.write(`${line}\n`);
if (!existsSync(path.join(root, 'dist', 'index.js'))) stop(2, 'npm run build comes first');
const { NotHere, pythonWith } = await import('./fuzz/python.mjs');
const { startStack } = await import('./fuzz/stack.mjs');
const { AGENT, seed } = await import('./fuzz/seed.mjs');

const began = Date.now();
const python = await pythonWith(path.join(fuzz, 'requirements.txt'), say).catch((error) => {
  if (error instanceof NotHere) stop(3, `not run: ${error.message}`);
  throw error;
});
const work = mkdtempSync(path.join(tmpdir(), 'handoff-fuzz-'));
const source = path.join(work, 'source');
mkdirSync(source);
const faults = [];
const runs = [];
let stack;
let child;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    child?.kill('SIGKILL');
    void (stack?.stop() ?? Promise.resolve()).then(() => process.exit(130));
  });
}
try {
  stack = await startStack(bin, path.join(work, 'data'), source);
  const keys = await seed(stack, source);
  say(`${stack.apiUrl} is up and has something of everything (${seconds(began)} s)`);
  runs.push(await schemathesis('admin', keys.admin, options.examples));
  if (stack.alive()) runs.push(await schemathesis(AGENT, keys.agent, Math.ceil(options.examples / 4)));
  await lookAfterwards();
} finally {
  await stack?.stop();
  if (options.keep) say(`Kept: ${work}`);
  else rmSync(work, { recursive: true, force: true });
}
report();

/** One run of schemathesis, as somebody. */
async function schemathesis(as, key, examples) {
  const from = Date.now();
  const counts = path.join(work, `${runs.length}.json`);
  const phases = options.short ? 'examples,fuzzing,stateful' : 'examples,coverage,fuzzing,stateful';
  const args = ['-m', 'schemathesis.cli', '--config-file', path.join(fuzz, 'schemathesis.toml'), 'run'];
  args.push(`${stack.apiUrl}/openapi.json`, '--phases', phases, '--checks', 'all', '--no-color');
  args.push('--max-examples', String(examples), '--seed', String(options.seed));
  if (options.keep) args.push('--report', 'ndjson', '--report-ndjson-path', path.join(work, `${runs.length}.ndjson`));
  const { status, output } = await runPython(args, {
    FUZZ_KEY: key,
    FUZZ_COUNTS: counts,
    SCHEMATHESIS_HOOKS: path.join(fuzz, 'hooks.py'),
  });
  const { statuses, operations } = existsSync(counts)
    ? JSON.parse(readFileSync(counts, 'utf8'))
    : { statuses: {}, operations: {} };
  const requests = Object.values(statuses).reduce((sum, n) => sum + n, 0);
  if (status !== 0) {
    const [, found] = output.split(/^=+ (?:ERRORS|FAILURES) =+$/m, 2);
    faults.push(`as ${as}, schemathesis says (exit code ${status}):\n${(found ?? output).slice(0, 20_000)}`);
  }
  if (requests === 0) faults.push(`as ${as}, nothing was asked`);
  const run = { as, requests, statuses, operations: Object.keys(operations).length, seconds: seconds(from) };
  say(`as ${as}: ${requests} requests to ${run.operations} operations in ${run.seconds} s`);
  return run;
}

function runPython(args, env) {
  return new Promise((resolve, reject) => {
    child = spawn(python, args, {
      cwd: work,
      env: { ...process.env, ...env, PYTHONDONTWRITEBYTECODE: '1', NO_PROXY: '127.0.0.1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    const timer = setTimeout(() => child.kill('SIGKILL'), options.short ? MOST_MS.short : MOST_MS.long);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ status: code ?? signal, output });
    });
  });
}

/** What must hold once all has been asked. */
async function lookAfterwards() {
  if (!stack.alive()) return void faults.push(`the service has ended:\n${stack.log().slice(-3000)}`);
  const { status } = await stack.ask('GET', '/health/ready').catch((error) => ({ status: String(error) }));
  if (status !== 200) faults.push(`the service is not ready afterwards: ${status}`);
  // The service writes down what is its own fault, and nothing else.
  const bad = stack
    .log()
    .split('\n')
    .filter((line) => /"level":(50|60)\b|unhandled|uncaught/i.test(line));
  if (bad.length > 0) faults.push(`${bad.length} errors in the log of the service, such as\n${bad[0].slice(0, 2000)}`);
  await stack.stop();
  const { status: code, stdout, stderr } = stack.verify();
  if (code !== 0) faults.push(`handoff audit verify: ${stdout}${stderr}`);
}

function report() {
  const requests = runs.reduce((sum, r) => sum + r.requests, 0);
  const whole = { requests, seconds: seconds(began), seed: options.seed, examples: options.examples, runs, faults };
  if (options.json) console.log(JSON.stringify(whole));
  else {
    for (const { as, requests: n, statuses } of runs) {
      const each = Object.entries(statuses).map(([status, count]) => `${status}: ${count}`);
      console.log(`${as.padEnd(12)} ${String(n).padStart(6)} requests   ${each.join('  ')}`);
    }
    for (const fault of faults) console.log(`\n${fault}`);
    const result = faults.length === 0 ? 'nothing found' : `${faults.length} FAULTS`;
    console.log(`${requests} requests in ${whole.seconds} s, seed ${options.seed}: ${result}`);
  }
  process.exitCode = faults.length === 0 ? 0 : 1;
}

function seconds(since) {
  return Math.round((Date.now() - since) / 1000);
}

function optionsOf() {
  const whole = (text, name) =>
    /^[1-9]\d{0,6}$/.test(text) ? Number(text) : stop(2, `--${name} must be a whole number`);
  try {
    const { values } = parseArgs({
      options: {
        short: { type: 'boolean', default: false },
        'max-examples': { type: 'string' },
        seed: { type: 'string', default: '1' },
        keep: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    });
    const { short, keep, json, seed: given } = values;
    const examples = whole(values['max-examples'] ?? (short ? '2' : '12'), 'max-examples');
    return { short, keep, json, examples, seed: whole(given, 'seed') };
  } catch (error) {
    return stop(2, error.message);
  }
}

function stop(code, why) {
  process.stderr.write(`${why}\n${code === 2 ? `${USAGE}\n` : ''}`);
  process.exit(code);
}
