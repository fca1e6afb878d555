import { spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { environment, handoff, haveServer, json, launch, type Ended, type Running } from '../cli/rig.js';
import { words } from '../docs/pages.js';

// Each example, by the commands that examples/README.md gives for it, on a `handoff dev` of this test's own.
const README = readFileSync('examples/README.md', 'utf8');
const ROWS = README.split('\n').filter((line) => /^\| (?!Shows|---)/.test(line));
const commandsOf = (number: string): string[] => {
  const row = ROWS.find((line) => line.includes(`examples/${number}-`));
  return [...(row ?? '').matchAll(/`((?:npx|node) [^`]+)`/g)].map((m) => m[1]!);
};

let folder: string;
let address: string;
let dev: Running;

/** Runs one line of the README, in the repository as its reader does. */
async function type(line: string, more: string[] = []): Promise<Ended> {
  const [program, ...args] = words(line);
  if (program === 'npx') return handoff([...args.slice(1), ...more, '--folder', folder]);
  const env = { ...environment(), TEMPORAL_ADDRESS: address };
  const child = spawn(process.execPath, [...args, folder], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, signal: null, stdout, stderr };
}

/** Plays an example, and gives what its last command said. */
async function play(number: string, more: string[] = []): Promise<Ended> {
  const lines = commandsOf(number);
  expect(lines).not.toEqual([]);
  for (const line of lines.slice(0, -1)) expect(await type(line)).toMatchObject({ code: 0, stderr: '' });
  return type(lines.at(-1)!, more);
}

const effects = async (id: string): Promise<string[]> =>
  (await json<{ step: string; effect: string; status: string; undoResult?: string }[]>(['effects', id, ...at()])).map(
    (e) => [e.step, e.effect, e.undoResult ?? e.status].join(' '),
  );
const at = (): string[] => ['--folder', folder];
const arrived = (file: string): Buffer => readFileSync(path.join(folder, 'artifacts', file));
const input = (file: string): Buffer => readFileSync(path.join('examples/input', file));
async function untilOffered(id: string): Promise<void> {
  const status = () => json(['status', id, ...at()]);
  await expect.poll(status, { timeout: 20_000 }).toMatchObject({ status: 'awaiting_acceptance' });
}

beforeAll(async () => {
  await haveServer();
  folder = path.join(await mkdtemp(path.join(tmpdir(), 'handoff-examples-')), '.handoff');
  const blocks = [...README.matchAll(/```(\w+)\n([^`]+)```/g)].map(([, , body]) => body!.trim().split('\n'));
  const [start = [], prepare = []] = blocks;
  dev = launch([...words(start.join(' ')).slice(2), '--port', '0', '--ui-port', '0', '--json', ...at()]);
  await dev.says('"uiUrl"');
  ({ address } = JSON.parse(dev.stdout()) as { address: string });
  for (const line of prepare)
    if ((await type(line)).code !== 0) throw new Error(`this line of the README failed: ${line}`);
}, 120_000);
afterAll(async () => {
  dev?.child.kill('SIGTERM');
  await dev?.ended;
  await rm(path.dirname(folder), { recursive: true, force: true });
});

describe('examples', { timeout: 90_000 }, () => {
  it('are all in their README, and it names no others', () => {
    const files = readdirSync('examples').filter((f) => /^\d\d-/.test(f));
    const named = [...README.matchAll(/\d\d-[\w.-]+\.(?:json|ya?ml|mjs)/g)].map(([name]) => name);
    expect(files.toSorted()).toEqual([...new Set(named)].toSorted());
    const numbers = [...new Set(files.map((f) => f.slice(0, 2)))];
    expect(numbers).toEqual(['01', '02', '03', '04', '05', '06', '07', '08', '09', '10', '11', '12', '13', '14']);
    expect(ROWS).toHaveLength(numbers.length);
    for (const file of files.filter((f) => !f.endsWith('.json'))) {
      expect([file, readFileSync(path.join('examples', file), 'utf8')]).toEqual([
        file,
        expect.stringMatching(/^(#|\/\/) [A-Z]/),
      ]);
    }
  });

  it('01: files and state pass from phase to phase', async () => {
    const { code, stdout } = await play('01', ['--id', 'e01']);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/✓ completed e01/)]);
    for (const file of ['code-architecture.json', 'module-structure.json'])
      expect(arrived(`phase_13/${file}`)).toEqual(input(file));
    const phases = await json<{ phase: string; status: string }[]>(['phases', 'list', 'blog', ...at()]);
    expect(phases.map((p) => `${p.phase} ${p.status}`)).toEqual(['13 ready', '8 handed_off']);
    expect(await effects('e01')).toEqual([
      'resource_handoff code-architecture.json applied',
      'resource_handoff module-structure.json applied',
      'state_synchronization context:api_structure applied',
      'state_synchronization context:modules applied',
      'state_synchronization phase:8 applied',
      'state_synchronization phase:13 applied',
    ]);
  });

  it('02: it is accepted and completed as its header says', async () => {
    const running = play('02', ['--id', 'e02']);
    await untilOffered('e02');
    const header = readFileSync('examples/02-agent-handoff.yaml', 'utf8').split('\n');
    const lines = header.filter((l) => l.startsWith('#   handoff ')).map((l) => l.slice(2).replace('ID', 'e02'));
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(await type(`npx ${line.trim()}`)).toMatchObject({ code: 0, stderr: '' });
    const { code, stdout } = await running;
    expect([code, stdout]).toEqual([0, expect.stringMatching(/✓ completed e02 by @nodejs-specialist/)]);
    expect(stdout).toContain('! not returned: tests: not there when @nodejs-specialist completed');
    expect(arrived('agent_nodejs-specialist/code-architecture.json')).toEqual(input('code-architecture.json'));
    expect(arrived('agent_code-architect/express-app.json')).toEqual(input('express-app.json'));
  });

  it('03: the third step fails, and the second is undone to the byte', async () => {
    const { code, stdout } = await play('03', ['--id', 'e03']);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /✓ Resource Handoff[\s\S]*✗ State Synchronization[\s\S]*expected version 1, found version 2/,
    );
    expect(arrived('phase_13/code-architecture.json')).toEqual(input('code-architecture.json'));
    expect(await effects('e03')).toEqual([
      'resource_handoff code-architecture.json undone',
      'resource_handoff module-structure.json undone',
    ]);
  });

  it('04: a procedure from a file, with two steps side by side', async () => {
    const { code, stdout } = await play('04', ['--id', 'e04']);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/✓ completed e04/)]);
    expect(await effects('e04')).toHaveLength(2);
    const { subject } = await json<{ subject: object }>(['show', 'e04', ...at()]);
    expect(subject).toMatchObject({ procedure: { id: 'DESIGN_REVIEW_HANDOFF', version: '1.0.0' } });
  });

  it('05: an action of your own leaves a ticket, a rule of your own is recorded', async () => {
    expect(await play('05', ['--id', 'e05'])).toMatchObject({ code: 0 });
    const ticket = JSON.parse(readFileSync(path.join(folder, 'tickets', 'e05_ticket_1_ticket.json'), 'utf8')) as object;
    expect(ticket).toEqual({ title: 'Work for @nodejs-specialist', state: 'open' });
    const { validations } = await json<{ validations: { results: { rule: string }[] }[] }>(['show', 'e05', ...at()]);
    expect(validations.flatMap((v) => v.results.map((r) => r.rule))).toEqual(['OWN001']);
  });

  it('06: what cannot be undone is told beforehand, and stays', async () => {
    const plan = await handoff(['plan', 'examples/06-no-way-back.request.yaml', ...at()]);
    expect(plan.stdout).toMatch(/Cannot be undone\n {2}Announce it \(announce\)/);
    const running = play('06', ['--id', 'e06']);
    await untilOffered('e06');
    expect((await handoff(['status', 'e06', ...at()])).stdout).toContain('It could not undo: Announce it.');
    const refusal = ['reject', 'e06', '--by', '@nodejs-specialist', '--reason', 'not now'];
    expect(await handoff([...refusal, ...at()])).toMatchObject({ code: 0 });
    expect(await running).toMatchObject({ code: 1, stdout: expect.stringMatching(/✗ rejected e06/) as unknown });
    expect(await effects('e06')).toEqual(['files module-structure.json undone', 'announcement announcement applied']);
    const log = readFileSync(path.join(folder, 'announcements.log'), 'utf8');
    expect(log).toBe('{"key":"e06/announcement/1/announcement","text":"e06 is on its way to @nodejs-specialist"}\n');
  });

  it('07: three ways to end an incident', async () => {
    const { code, stdout, stderr } = await play('07');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n')).toEqual([
      expect.stringMatching(/^able: VALIDATION_FAILED .*lacks the capabilities german/),
      expect.stringMatching(/^steady: VALIDATION_FAILED .*only 1 of three heartbeats came/),
      'first: completed, text: "Hello"',
      expect.stringMatching(/^able: /),
      expect.stringMatching(/^steady: /),
      'meanwhile, text: "Goodbye"',
      'second: failed, text: "Hello"',
      '',
    ]);
    expect(await json(['incidents', ...at()])).toEqual([]);
  });

  it('08: worker and client in one program; what the rule refuses does nothing', async () => {
    const { code, stdout, stderr } = await play('08');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^news: completed\nuntitled: failed: .*PAGE001 Title Check: the page has no title\n$/);
    expect(readFileSync(path.join(folder, 'site', 'news.html'), 'utf8')).toBe('<h1>News</h1>\n');
    expect(existsSync(path.join(folder, 'site', 'untitled.html'))).toBe(false);
    expect(await json(['list', '--open', ...at()])).toEqual([]);
  });

  it('12: a pipeline is paused, resumed and moved; each step is done once', async () => {
    const { code, stdout, stderr } = await play('12');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.trim().split('\n');
    const steps = lines.filter((line) => line.includes(', on reports'));
    expect(steps.map((line) => line.split(':')[0])).toEqual([
      'extraction 1/2',
      'extraction 2/2',
      'analysis 1/2',
      'analysis 2/2',
      'synthesis 1/2',
      'synthesis 2/2',
    ]);
    expect(steps.at(-1)).toMatch(/on reports-2$/);
    expect(lines.filter((line) => !steps.includes(line))).toEqual([
      expect.stringMatching(/^paused: the package keeps \d entries and goes on at \w+\/\w+$/),
      'moved to reports-2',
      'completed: 6 steps',
    ]);
  });

  it('09: what the contract promises has moved, the child is started, and it is late', async () => {
    const plan = await handoff(['plan', 'examples/09-contract.yaml', ...at()]);
    expect(plan.stdout).toMatch(
      /starts workflow buildExpressApp as\s+handoff\/<id>\/next\/1\s+on\s+task\s+queue\s+phase-13/,
    );
    const { code, stdout } = await play('09', ['--id', 'e09']);
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/! late: phase 8 was expected to end by[\s\S]*✓ completed e09/),
    ]);
    expect(arrived('phase_13/code-architecture.json')).toEqual(input('code-architecture.json'));
    expect((await effects('e09')).at(-1)).toBe('phase_trigger trigger applied');
    const { steps } = await json<{ steps: Record<string, { facts?: object }> }>(['result', 'e09', ...at()]);
    expect(steps['phase_trigger']).toMatchObject({ facts: { triggered: 'workflow', child: 'handoff/e09/next/1' } });
  });

  it('11: one agent prepares a document, the other reads, accepts and completes it', async () => {
    const { code, stdout, stderr } = await play('11');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [started, ...markdown] = stdout.split('\n');
    const id = /^handed over (\S+): nothing is missing$/.exec(started!)![1]!;
    expect(markdown).toEqual(
      expect.arrayContaining([
        '# Agent Handoff: speckit-generator → code-reviewer',
        '**Status**: accepted  ',
        '**Expected Output**: A list of gaps, each with its section',
        '- every requirement has an acceptance criterion',
        '- **Scope**: OAuth2 only (alternatives: SAML, both)',
        '- **Operation**: write-spec',
      ]),
    );
    expect(markdown.slice(-2)).toEqual(['completed by code-reviewer: 2 gaps found', '']);
    const shown = await handoff(['show', id, '--markdown', ...at()]);
    expect(shown.stdout).toContain('# Agent Handoff: speckit-generator → code-reviewer\n');
    expect(shown.stdout).toContain('**Status**: completed');
  });

  it('10: a context is packed, and restored beside what somebody has changed', async () => {
    const { code, stdout, stderr } = await play('10');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n')).toEqual([
      'packed: analysis/language, analysis/pages, read',
      'fail: PACKAGE_CONFLICT, entries: 3',
      'keep-existing: analysis/language stays the existing one, restored: analysis/pages',
      'analysis/language = "en" by @editor',
      'analysis/pages = 214 by @analyst',
      expect.stringMatching(/^read = \["(home","basket|basket","home)"\] by @analyst$/),
      'it goes on at analysis:3',
      'an hour later: Handoff package expired',
      '',
    ]);
  });

  it('14: each sees over HTTP what is theirs', async () => {
    const { code, stdout, stderr } = await play('14');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.trim().split('\n')).toEqual([
      'started: new',
      'the same request again: the same handoff',
      'a stranger reads it: HANDOFF_NOT_FOUND',
      'its source accepts it: FORBIDDEN',
      'outcome: completed',
    ]);
  });

  it('13: one trace from the start to the undo', async () => {
    const { code, stdout, stderr } = await play('13');
    expect(stderr).toBe('');
    const lines = stdout.split('\n');
    expect(lines.slice(0, 4)).toEqual([
      'StartWorkflow:TRACED_HANDOFF',
      '  RunWorkflow:TRACED_HANDOFF (failed)',
      '    StartActivity:openHandoff',
      '      RunActivity:openHandoff',
    ]);
    for (const span of ['RunActivity:write_note', 'RunActivity:refuse (failed)', 'RunActivity:undo'])
      expect(lines).toContain(`      ${span}`);
    expect(code).toBe(0);
  });
});
