import { execFile, execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SHELLS } from '../../src/cli/completion/scripts.js';
import { program } from '../../src/cli/program.js';
import { initialState } from '../../src/core/handoff.js';
import { openStorage } from '../../src/storage/storage.js';
import { arrivalOf } from '../storage/place.js';
import { installFromDebian } from '../rig/debian.js';
import { handoff } from './rig.js';

const ROOT = path.resolve(import.meta.dirname, '..', '..');
let base: string;
let folder: string;

beforeAll(async () => {
  base = await mkdtemp(path.join(tmpdir(), 'handoff-cli-completion-'));
  folder = path.join(base, 'data');
  await mkdir(path.join(base, 'bin'));
  await symlink(path.join(ROOT, 'bin', 'handoff.js'), path.join(base, 'bin', 'handoff'));
  await writeFile(path.join(base, 'a request.json'), '{}');
  const storage = await openStorage({ folder });
  await storage.agents.add({ name: '@code-architect' });
  await storage.sessions.setPhase('team:blog', '8', 'ready', 'me');
  const error = { code: 'DISK_FULL', message: 'full' };
  for (const id of ['ho_open', 'ho_done', "o'dd"] as const) {
    const subject = {
      handoffId: id,
      session: 'blog',
      type: 'T',
      priority: 'normal' as const,
      source: {},
      target: {},
      procedure: { id: 'P_Q', version: '1.0.0', digest: 'd' },
      requestDigest: 'r',
    };
    await storage.handoffs.register(subject, 'run', 'running');
    const fresh = initialState({ now: Date.now(), expiresInMs: 1000, clockWhilePaused: 'stop' });
    const incidents = [{ id: 'inc-4', kind: 'step' as const, at: 0, error }];
    const name = { ho_open: 'design.json', ho_done: 'design.json', "o'dd": 'a plan.md' }[id];
    await storage.db.transaction().execute((trx) => storage.manifest.arrived(trx, arrivalOf(id, { name })));
    await storage.handoffs.project(subject, { ...fresh, status: id === 'ho_done' ? 'failed' : 'running', incidents });
  }
  const unique = arrivalOf('ho_open', { name: 'unique.json', originalPath: '/in/unique' });
  await storage.db.transaction().execute((trx) => storage.manifest.arrived(trx, unique));
  await storage.close();
});
afterAll(() => rm(base, { recursive: true, force: true }));

const environment = (): NodeJS.ProcessEnv => ({
  ...process.env,
  PATH: `${path.join(base, 'bin')}:${process.env['PATH'] ?? ''}`,
});
const has = (shell: string): boolean => {
  try {
    execFileSync(shell, ['-c', 'exit 0']);
    return true;
  } catch {
    return false;
  }
};
// A shell that cannot be had here is not this program's fault: its tests are skipped, and counted so.
const missing = SHELLS.filter((shell) => !has(shell));
if (missing.length > 0) await installFromDebian(missing, (line) => console.log(`[completion] ${line}`));

/** What `handoff __complete` offers for these words. */
async function offered(...words: string[]): Promise<string[]> {
  const { stdout, stderr } = await handoff(['__complete', '--', ...words]);
  expect(stderr).toBe('');
  return stdout.split('\n').flatMap((line) => line.split('\t')[0] || []);
}

describe('what is offered', () => {
  it('is every verb, sub-verb and option of the tree, and no hidden one', async () => {
    const whole = program();
    const visible = (names: string[]): string[] => names.filter((n) => n !== '__complete');
    expect(await offered('')).toEqual([...visible(whole.commands.map((c) => c.name())), 'help']);
    const groups = whole.commands.filter((c) => c.commands.length > 0);
    for (const group of groups) {
      expect(await offered(group.name(), '')).toEqual([...group.commands.map((c) => c.name()), 'help']);
    }
    const leaves = whole.commands.flatMap((c) => (c.commands.length > 0 ? c.commands : [c]));
    await Promise.all(
      leaves
        .filter((c) => c.name() !== '__complete')
        .map(async (c) => {
          const words = c.parent === whole ? [c.name()] : [c.parent!.name(), c.name()];
          expect([c.name(), await offered(...words, '--')]).toEqual([
            c.name(),
            [...c.options.map((o) => o.long), '--help'],
          ]);
        }),
    );
  }, 120_000);

  it.each<[string, string[], string[]]>([
    ['the rest of a verb', ['pau'], ['pause']],
    ['verbs after help', ['help', 'proc'], ['procedures']],
    ['ids that a verb can steer', ['pause', '--folder', 'FOLDER', ''], ["o'dd", 'ho_open']],
    ['ids that can be looked at', ['show', '--folder=FOLDER', 'ho_'], ['ho_done', 'ho_open']],
    ['no second id', ['show', 'ho_open', '--folder', 'FOLDER', 'h'], []],
    ['choices', ['resolve', 'x', '--choice', 'k'], ['keep_theirs']],
    ['choices after =', ['resolve', 'x', '--choice=k'], ['--choice=keep_theirs']],
    ['shells', ['completion', ''], [...SHELLS]],
    ['artifacts by name where that is enough', ['trace', '--folder', 'FOLDER', 'un'], ['unique.json']],
    [
      'artifacts by id where several have the name, or a shell would break it',
      ['trace', '--folder', 'FOLDER', ''],
      ['artifact_001', 'artifact_002', 'artifact_003', 'unique.json'],
    ],
    ['the id of any artifact', ['manifest', '--folder', 'FOLDER', '--artifact', 'artifact_004'], ['artifact_004']],
    ['handoffs and artifacts to verify', ['verify', '--folder', 'FOLDER', 'ho_open', 'u'], ['unique.json']],
    ['handoffs whose artifacts are meant', ['manifest', '--folder', 'FOLDER', '--handoff', 'ho_o'], ['ho_open']],
    ['incidents of the handoff named', ['retry', 'ho_open', '--folder', 'FOLDER', '--incident', ''], ['inc-4']],
    ['agents', ['accept', 'x', '--folder', 'FOLDER', '--by', '@c'], ['@code-architect']],
    ['sessions', ['list', '--folder', 'FOLDER', '--session', ''], ['blog', 'team:blog']],
    ['procedures', ['procedures', 'show', 'AG'], ['AGENT_HANDOFF_STANDARD']],
    ['files', ['run', ''], [':files']],
    ['files for options', ['worker', '--log', ''], [':files']],
    ['folders', ['list', '--folder', ''], [':dirs']],
    ['nothing for a free text', ['pause', 'x', '--reason', ''], []],
    ['nothing after --', ['pause', '--', '--f'], []],
    ['nothing where there is no data', ['show', '--folder', '/no/such', ''], []],
    ['nothing for a verb that is none', ['nonsense', '--x', 'p'], []],
  ])('%s', async (_, words, expected) => {
    expect((await offered(...words.map((w) => w.replace('FOLDER', folder)))).toSorted()).toEqual(expected.toSorted());
    expect(await readdir(base)).toHaveLength(3);
  });

  it('an option only once, unless it is repeatable', async () => {
    expect(await offered('worker', '--log', 'x', '--source', 'y', '--')).not.toContain('--log');
    expect(await offered('worker', '--log', 'x', '--source', 'y', '--')).toContain('--source');
  });

  it('without what makes other verbs slow to begin, also with the ids of a folder', async () => {
    const log = path.join(base, 'loaded.txt');
    const hook = pathToFileURL(path.join(ROOT, 'test', 'cli', 'loaded.mjs')).href;
    const args = [
      '--import',
      hook,
      path.join(ROOT, 'bin', 'handoff.js'),
      '__complete',
      '--',
      'show',
      '--folder',
      folder,
      '',
    ];
    const { stdout } = await promisify(execFile)(process.execPath, args, { env: { ...process.env, LOADED_LOG: log } });
    expect(stdout).toContain('ho_open');
    const loaded = (await readFile(log, 'utf8')).trim().split('\n');
    expect(loaded.filter((url) => url.includes('/libsql/'))).not.toEqual([]);
    expect(loaded.filter((url) => /node_modules\/(zod|kysely|ajv|@temporalio)\//.test(url))).toEqual([]);
  });
});

/** Sources the script in bash and completes a line whose words are as bash breaks them. */
function inBash(words: string[], current = words.at(-1)!): string[] {
  const script = `
    source <(handoff completion bash)
    COMP_WORDS=("$@"); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
    complete -p handoff >&2
    _handoff handoff "$CURRENT" ''
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const env = { ...environment(), CURRENT: current };
  const out = execFileSync('bash', ['--norc', '-c', script, 'bash', 'handoff', ...words], {
    encoding: 'utf8',
    env,
    cwd: base,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return out.split('\n').filter((line) => line !== '');
}

describe.skipIf(!has('bash'))('bash', () => {
  it.for<[string[], string[], string?]>([
    [['pau'], ['pause']],
    [
      ['agents', 'h'],
      ['heartbeat', 'help'],
    ],
    [['show', '--folder', 'data', 'ho_d'], ['ho_done']],
    [['run', 'a'], ['a request.json']],
    [
      ['list', '--folder', ''],
      ['bin', 'data'],
    ],
    // As bash breaks --by @c, --by=@c, --session team:b and --folder=d; the last is the part that it replaces.
    [['accept', 'x', '--folder', 'data', '--by', '@', 'c'], ['@code-architect'], '@c'],
    [['accept', 'x', '--folder', 'data', '--by', '=@', 'c'], ['code-architect'], 'c'],
    [['accept', 'x', '--folder', 'data', '--by', '='], ['@code-architect'], '='],
    [['list', '--folder', 'data', '--session', 'team', ':', 'b'], ['blog'], 'b'],
    [['list', '--folder', '=', 'd'], ['data'], 'd'],
  ])('completes %j', ([words, expected, current]) => {
    expect(inBash(words, current).toSorted()).toEqual(expected);
  });
});

describe('the script', () => {
  for (const shell of SHELLS)
    it.skipIf(!has(shell))(`of ${shell} is one that the shell can read`, async () => {
      const { code, stdout } = await handoff(['completion', shell]);
      expect(code).toBe(0);
      const file = path.join(folder, `script.${shell}`);
      await writeFile(file, stdout);
      execFileSync(shell, ['-n', file], { stdio: 'pipe' });
    });

  const fish = SHELLS[2];
  it.skipIf(!has(fish))('of fish completes verbs and ids', () => {
    const line = (text: string): string[] =>
      execFileSync(fish, ['-N', '-c', `handoff completion fish | source; complete -C '${text}'`], {
        encoding: 'utf8',
        env: environment(),
        cwd: base,
      })
        .split('\n')
        .flatMap((l) => l.split('\t')[0] || []);
    expect(line('handoff pau')).toEqual(['pause']);
    expect(line('handoff show --folder data ho_d')).toEqual(['ho_done']);
    expect(line('handoff accept x --folder data --by @c')).toEqual(['@code-architect']);
  });
});
