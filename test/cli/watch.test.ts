import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HandoffClient } from '../../src/client.js';
import { withPlace } from '../../src/cli/place.js';
import { shownStatus } from '../../src/core/handoff.js';
import { handoff, haveServer, json, launch, processesWith, type Running } from './rig.js';
import { inTerminal, noTerminal } from './terminal.js';

let base: string;
let folder: string;
let dev: Running;
const at = (): string[] => ['--folder', folder];
const gate = (id: string, what: 'hold' | 'fail'): string => path.join(folder, `${id}.${what}`);
const by = '@nodejs-specialist';
/** Asks the handoffs themselves: a process for each look would take most of the time. */
const withClient = <T>(work: (client: HandoffClient) => Promise<T>): Promise<T> => {
  const { address } = JSON.parse(readFileSync(path.join(folder, 'dev.json'), 'utf8')) as { address: string };
  return withPlace({ folder, address, namespace: 'default' }, ({ client }) => work(client));
};
const start = (handoffId: string, procedure = 'GATED_WORK_AND_ASK'): Promise<unknown> => {
  const parties = { source: { agent: '@code-architect' }, target: { agent: by } };
  return withClient((client) => client.start({ handoffId, procedure, session: 'blog', ...parties }));
};
const until = async (id: string, status: string): Promise<void> =>
  withClient(async (client) => {
    const look = async (): Promise<unknown> => {
      const { state } = await client.status(id);
      return state && shownStatus(state);
    };
    await expect.poll(look, { timeout: 20_000 }).toBe(status);
  });
const complete = async (id: string): Promise<void> => {
  await until(id, 'awaiting_acceptance');
  await withClient(async (client) => {
    const { epoch } = await client.accept(id, { by });
    await client.complete(id, { by, epoch });
    await client.result(id);
  });
};

const startDev = async (): Promise<Running> => {
  const running = launch(['dev', '--port', '0', '--ui-port', '0', '--module', 'test/cli/parts/gate.mjs', ...at()]);
  await running.says('is ready');
  return running;
};

beforeAll(async () => {
  await haveServer();
  base = await mkdtemp(path.join(tmpdir(), 'handoff-cli-watch-'));
  folder = path.join(base, '.handoff');
  dev = await startDev();
  await handoff(['agents', 'add', '@code-architect', '@nodejs-specialist', '--capacity', '99', ...at()]);
}, 120_000);
afterAll(async () => {
  dev?.child.kill('SIGTERM');
  await dev?.ended;
  await rm(base, { recursive: true, force: true });
});

describe('handoff watch', () => {
  it('shows handoffs in several states, what needs a person first, with what the past says', async () => {
    await Promise.all(['p1', 'p2', 'p3'].map((id) => start(id).then(() => complete(id))));
    await writeFile(gate('running', 'hold'), '');
    await writeFile(gate('broken', 'fail'), '');
    await Promise.all(['running', 'paused', 'offered', 'broken'].map((id) => start(id)));
    await start('elsewhere', 'GATED_WORK').then(() => until('elsewhere', 'completed'));
    await until('paused', 'awaiting_acceptance');
    await withClient((client) => client.pause('paused', { by: 'me', reason: 'legal' }));
    const states = Object.entries({ broken: 'incident', offered: 'awaiting_acceptance', paused: 'paused' });
    await Promise.all(states.map(([id, shown]) => until(id, shown)));

    interface Listed {
      note?: string;
      handoffs: { handoffId: string; shown: string; forecast?: object }[];
    }
    const all = await json<Listed>(['watch', ...at()]);
    expect(all.handoffs).toMatchObject([
      { handoffId: 'broken', shown: 'incident', done: 0, waitsFor: 'a person: inc-1, Work (ACTION_FAILED)' },
      { handoffId: 'offered', shown: 'awaiting_acceptance', done: 33, forecast: { until: 'acceptance', samples: 3 } },
      { handoffId: 'paused', shown: 'paused', waitsFor: expect.stringMatching(/^resume \(.*: legal\)$/) as unknown },
      // The record of a run at work is as old as its status; this is what the run says.
      { handoffId: 'running', shown: 'running', steps: ['Work'], done: 0, forecast: { until: 'offer', samples: 3 } },
    ]);
    expect(all.note).toBeUndefined();
    expect(all.handoffs[2]).not.toHaveProperty('forecast');

    const { code, stdout, stderr } = await handoff(['watch', '--once', ...at()]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/4 in flight: 1 incident, 1 awaiting acceptance, 1 paused, 1 running/);
    expect(stdout).toMatch(/\nbroken +incident +0 % .*\noffered .*\npaused .*\nrunning +running +0 % +Work/);
    expect(stdout).not.toContain('\u001b');
    const none = await json<Listed>(['watch', '--session', 'nowhere', ...at()]);
    expect(none.handoffs).toEqual([]);
    expect(await json<Listed>(['watch', '--to', '@code-architect', ...at()])).toMatchObject({ handoffs: [] });
  }, 120_000);

  it('shows one in depth: steps, attempts, what to press, what a cancel would undo', async () => {
    const { code, stdout } = await handoff(['watch', 'broken', '--once', ...at()]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/✗ Work .* ACTION_FAILED: .*the gate is shut/);
    expect(stdout).toContain('$ handoff retry broken --reason "…"\n');
    expect(stdout).toContain('A cancel now would undo 1 effect.');
    expect(stdout).toMatch(/http:.*\/namespaces\/default\/workflows\/handoff%2Fbroken\n/);
    expect(await json(['watch', 'broken', ...at()])).toMatchObject({
      cancelWouldUndo: { undo: 1, irreversible: 0 },
      attempts: { work: { epoch: 1, attempts: 1 } },
    });
    const unknown = await handoff(['watch', 'nobody', '--once', ...at()]);
    expect(unknown).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^error HANDOFF_NOT_FOUND/) as unknown,
    });
    const closed = await handoff(['watch', 'p1', ...at()]);
    expect(closed.stdout).toMatch(/completed {2}█{20} 100 %[^]*✓ completed p1/);
  });

  it('needs no server where there is a folder, and says that it has only records', async () => {
    const { handoffs, note } = await json<{ handoffs: object[]; note: string }>([
      'watch',
      '--address',
      '127.0.0.1:1',
      ...at(),
    ]);
    expect(note).toMatch(/^No Temporal server answers/);
    expect(handoffs).toHaveLength(4);
    const nowhere = await handoff(['watch', '--once', '--address', '127.0.0.1:1', '--folder', path.join(base, 'none')]);
    expect(nowhere).toMatchObject({ code: 3, stderr: expect.stringMatching(/^error TEMPORAL_UNREACHABLE/) as unknown });
  });

  it.for(['SIGINT', 'SIGTERM', 'q', '\u0003'])(
    'is live on a terminal, and gives it back after %j',
    async (how, ctx) => {
      ctx.skip(noTerminal() !== undefined, noTerminal());
      const terminal = inTerminal(['watch', ...at()]);
      await terminal.says('4 in flight');
      expect(terminal.output()).toContain('\u001b[?1049h\u001b[?25l\u001b[?7l');
      if (how.startsWith('SIG')) {
        const [line] = processesWith(folder).filter((p) => / watch --folder/.test(p) && !p.includes('stty'));
        process.kill(Number(/^\s*(\d+)/.exec(line!)![1]), how);
      } else terminal.type(how);
      const output = await terminal.ended;
      const [, after] = output.split('\u001b[?7h\u001b[?25h\u001b[?1049l');
      expect(after).toMatch(/^code 0\r\n/);
      expect(after).toMatch(/ icanon /);
      expect(after).toMatch(/ echo /);
    },
  );

  it('gives the terminal back when it fails in the middle', async (ctx) => {
    ctx.skip(noTerminal() !== undefined, noTerminal());
    const fault = 'setTimeout(()=>{throw(Error(77))},2500)';
    const terminal = inTerminal(['watch', ...at()], { NODE_OPTIONS: `--import=data:text/javascript,${fault}` });
    await terminal.says('4 in flight');
    const [, after] = (await terminal.ended).split('\u001b[?7h\u001b[?25h\u001b[?1049l');
    expect(after).toMatch(/^error INTERNAL: 77\r\ncode 1\r\n[^]* icanon /);
  });

  it('follows what happens, and ends with the handoff that it watches', async (ctx) => {
    ctx.skip(noTerminal() !== undefined, noTerminal());
    const all = inTerminal(['watch', '--interval', '0.2', ...at()]);
    const one = inTerminal(['watch', 'running', '--interval', '0.2', ...at()]);
    await Promise.all([all.says('1 running'), one.says('▶ Work')]);
    await rm(gate('running', 'hold'));
    await Promise.all([all.says('2 awaiting acceptance'), one.says('✓ Work')]);
    const epoch = await withClient(async (client) => (await client.accept('running', { by })).epoch);
    await all.says('1 accepted');
    await withClient((client) => client.complete('running', { by, epoch }));
    await all.says('3 in flight');
    all.type('q');
    await all.ended;
    // What it was stays on the terminal.
    const [, after] = (await one.ended).split('\u001b[?1049l');
    expect(after).toMatch(/✓ completed running by @nodejs-specialist\r\n[^]*code 0\r\n/);
  });

  it('outlives a server that is killed, says so, and goes on with the one that comes back', async (ctx) => {
    ctx.skip(noTerminal() !== undefined, noTerminal());
    await writeFile(gate('survivor', 'hold'), '');
    await start('survivor');
    const all = inTerminal(['watch', '--interval', '0.2', ...at()]);
    await all.says('1 running');
    dev.child.kill('SIGKILL');
    await dev.ended;
    await all.says('this is from the last records');
    // At another port. The step that was killed had one attempt.
    dev = await startDev();
    await all.says('2 incident', 60_000);
    all.type('q');
    expect(await all.ended).toContain('code 0\r\n');
  }, 180_000);
});
