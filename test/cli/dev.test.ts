import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { handoff, haveServer, json, launch, processesWith, type Running } from './rig.js';

let base: string;
let folder: string;
let dev: Running;
const at = (): string[] => ['--folder', folder];
const startDev = async (port = '0'): Promise<Running> => {
  const ports = ['--port', port, '--ui-port', '0'];
  const running = launch(['dev', ...ports, '--module', 'examples/05-own-action.mjs', ...at()]);
  await running.says('is ready');
  return running;
};
const untilOffered = async (id: string): Promise<void> => {
  const status = () => json(['status', id, ...at()]);
  await expect.poll(status, { timeout: 50_000 }).toMatchObject({ from: 'run', status: 'awaiting_acceptance' });
};
const gone = async (text: string): Promise<string[]> => {
  for (let tries = 0; tries < 300 && processesWith(text).length > 0; tries++) await sleep(100);
  return processesWith(text);
};

beforeAll(async () => {
  await haveServer();
  base = await mkdtemp(path.join(tmpdir(), 'handoff-cli-dev-'));
  folder = path.join(base, '.handoff');
  dev = await startDev();
  const agents = ['@code-architect', '@nodejs-specialist'];
  await handoff(['agents', 'add', ...agents, '--heartbeat-seconds', '3600', ...at()]);
  await handoff(['phases', 'set', 'blog', '8', 'completed', ...at()]);
}, 120_000);
afterAll(async () => {
  dev?.child.kill('SIGKILL');
  await gone(base);
  await rm(base, { recursive: true, force: true });
});

describe('handoff dev', () => {
  it('is found by the other verbs, which run a handoff and follow it to its end', async () => {
    const { code, stdout, stderr } = await handoff([
      'run',
      'examples/01-phase-transition.json',
      '--id',
      'one',
      ...at(),
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/Started: one\nhttp:.*handoff%2Fone\n/);
    expect(stdout).toMatch(/✓ Resource Handoff — 2 artifacts, 2\.0 kB( \(.* s\))?\n/);
    expect(stdout).toMatch(/✓ completed one \(.* s\)\n$/);
    expect(stdout).not.toContain('\u001b');
    const sent = readFileSync('examples/input/code-architecture.json');
    expect(readFileSync(path.join(folder, 'artifacts/phase_13/code-architecture.json'))).toEqual(sent);
    // The same request again is the same handoff, and a failed one exits with 1.
    const again = await handoff(['run', 'examples/01-phase-transition.json', '--id', 'one', ...at()]);
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('Was started before: one') as unknown });
    const failing = await handoff(['run', 'examples/03-stale-context.yaml', '--id', 'no', ...at()]);
    expect(failing.code).toBe(1);
    expect(failing.stdout).toMatch(/✗ failed no/);
    expect(failing.stdout).toMatch(
      /\)\n\nhandoff show no +what each .*\nhandoff run examples\/03-stale-context\.yaml --id <new id> +again, once .*\n$/,
    );
    expect(failing.stderr).toBe('');
    // What has no id of its own gets another by itself.
    const early = await handoff(['run', 'examples/01-phase-transition.json', '--session', 'nothing-done', ...at()]);
    expect(early.stdout).toMatch(
      /✗ failed .*VALIDATION_FAILED: .*\n\nhandoff show ho_\S+ +what .*\nhandoff run \S+\.json +again, .*\n$/,
    );
  });

  it('runs the parts of a module, and a procedure from a file', async () => {
    const request = {
      procedure: 'TICKET_HANDOFF',
      source: { agent: '@code-architect' },
      target: { agent: '@nodejs-specialist' },
      acceptance: 'auto',
    };
    const own = launch(['run', '-', '--id', 'ticket', ...at(), '--json'], { input: JSON.stringify(request) }).ended;
    expect(JSON.parse((await own).stdout)).toMatchObject({ outcome: 'completed' });
    expect(existsSync(path.join(folder, 'tickets', 'ticket_ticket_1_ticket.json'))).toBe(true);
    await handoff(['procedures', 'add', 'examples/04-own-procedure.yaml', ...at()]);
    const added = await json(['run', 'examples/04-own-procedure.request.yaml', ...at()]);
    expect(added).toMatchObject({ outcome: 'completed', procedure: 'DESIGN_REVIEW_HANDOFF' });
  });

  it('refuses a second one on the folder and names the process of the first', async () => {
    const { error } = await json<{ error: object }>(['dev', ...at()]);
    expect(error).toMatchObject({ code: 'ALREADY_RUNNING', params: { pid: dev.pid } });
  });

  it('refuses a port that is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const args = ['dev', '--port', String(port), '--folder', path.join(base, 'other')];
    const { code, stdout, stderr } = await handoff(args);
    server.close();
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^error PORT_IN_USE: .*--port/);
    const none = await handoff(['dev', '--port', '99999', '--folder', path.join(base, 'other')]);
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('a whole number from 0 to 65535')]);
  });

  describe('answers every verb with one JSON value', () => {
    const by = ['--by', '@nodejs-specialist'];
    // Each is a process of its own, which takes its time on a busy machine.
    const TIME_OUT_MS = 120_000;
    const answersTo = async (verbs: [string[], object][]): Promise<[string[], object][]> => {
      const answers: [string[], object][] = [];
      for (const [args] of verbs) answers.push([args, await json([...args, ...at()])]);
      return answers;
    };

    it('start, with a contract', { timeout: TIME_OUT_MS }, async () => {
      const contract = path.join(base, 'contract.json');
      await writeFile(contract, '{"sends": {}}');
      const args = ['start', 'examples/02-agent-handoff.yaml', '--id', 'j', '--contract', contract];
      expect(await json([...args, ...at()])).toMatchObject({ handoffId: 'j', existing: false });
      const wrong = await json(['start', 'examples/input/contract.json', ...at()]);
      expect(wrong).toMatchObject({ error: { code: 'INVALID_REQUEST' } });
      // What follows is about an offer that is there.
      await untilOffered('j');
    });
    it('while it is offered', { timeout: TIME_OUT_MS }, async () => {
      const verbs: [string[], object][] = [
        [['pause', 'j', '--reason', 'r'], { asked: 'pause' }],
        [['resume', 'j'], { asked: 'resume' }],
        [['extend', 'j', '--minutes', '5'], { expiresAt: expect.stringMatching(/Z$/) as unknown }],
        [['retry', 'j', '--reason', 'r'], { error: { code: 'INCIDENT_NOT_OPEN' } }],
        [['resolve', 'j', '--reason', 'r'], { error: { code: 'INCIDENT_NOT_OPEN' } }],
      ];
      expect(await answersTo(verbs)).toMatchObject(verbs);
    });
    it('when it is accepted', { timeout: TIME_OUT_MS }, async () => {
      const verbs: [string[], object][] = [
        [['accept', 'j', ...by, '--update-id', 'u1'], { epoch: 1 }],
        [['accept', 'j', ...by, '--update-id', 'u1'], { epoch: 1 }],
        [['accept', 'j', ...by, '--update-id', 'u2'], { error: { code: 'ALREADY_ACCEPTED' } }],
        [['reject', 'j', '--reason', 'r'], { error: { code: 'WRONG_STATE' } }],
        [['complete', 'j', ...by, '--epoch', '1'], { handoffId: 'j' }],
      ];
      expect(await answersTo(verbs)).toMatchObject(verbs);
    });
    it('when it is over', { timeout: TIME_OUT_MS }, async () => {
      const verbs: [string[], object][] = [
        [['result', 'j'], { outcome: 'completed' }],
        [['cancel', 'j', '--reason', 'r'], { error: { code: 'WRONG_STATE' } }],
        [['status', 'j'], { status: 'completed' }],
        [['show', 'j'], { outcome: { outcome: 'completed' }, effects: expect.any(Array) as unknown }],
        [['status', 'nobody'], { error: { code: 'HANDOFF_NOT_FOUND' } }],
      ];
      expect(await answersTo(verbs)).toMatchObject(verbs);
    });
  });

  it.concurrent.each<[string, string, 1 | 2]>([
    ['status nobody', 'HANDOFF_NOT_FOUND', 1],
    ['show nobody', 'HANDOFF_NOT_FOUND', 1],
    ['result nobody', 'HANDOFF_NOT_FOUND', 1],
    ['effects nobody', 'HANDOFF_NOT_FOUND', 1],
    ['watch nobody --once', 'HANDOFF_NOT_FOUND', 1],
    ['pause nobody --reason r', 'HANDOFF_NOT_FOUND', 1],
    ['accept nobody --by @x', 'HANDOFF_NOT_FOUND', 1],
    ['retry nobody --reason r', 'HANDOFF_NOT_FOUND', 1],
    ['resolve nobody --reason r --incident inc-1', 'HANDOFF_NOT_FOUND', 1],
    ['status ../up', 'INVALID_ID', 2],
    ['result ../up', 'INVALID_ID', 2],
    ['watch ../up --once', 'INVALID_ID', 2],
    ['effects ../up', 'INVALID_ID', 2],
    ['agents remove @nobody', 'AGENT_UNKNOWN', 2],
    ['procedures show NO_SUCH', 'PROCEDURE_UNKNOWN', 2],
    ['procedures check examples/input/contract.json', 'INVALID_PROCEDURE', 2],
    ['phases set blog 8 nonsense', 'INVALID_REQUEST', 2],
    ['extend one --minutes 5', 'WRONG_STATE', 1],
    ['resolve one --reason r --choice merge', 'USAGE', 2],
  ])('%s: %s, exit code %i', async (line, code, exitCode) => {
    const ended = await handoff([...line.split(' '), ...at()]);
    expect(ended).toMatchObject({ code: exitCode, stdout: '' });
    // One line, and the next step where there is one.
    expect(ended.stderr).toMatch(new RegExp(`^error ${code}: \\S[^\n]*\n$`));
  });

  it('answers every verb about the folder with one JSON value', async () => {
    const lists = ['list', 'effects one', 'agents list', 'phases list blog', 'context list blog', 'procedures list'];
    const others = [
      'agents heartbeat @code-architect',
      'agents add @x',
      'agents remove @x',
      'context set s k v',
      'phases set s 1 ready',
      'procedures show TICKET_HANDOFF',
      'procedures check examples/04-own-procedure.yaml',
    ];
    const values = await Promise.all(lists.map((args) => json<unknown[]>([...args.split(' '), ...at()])));
    expect(values.map((v) => Array.isArray(v) && v.length > 0)).toEqual(lists.map(() => true));
    for (const args of others) expect(await json([...args.split(' '), ...at()])).not.toHaveProperty('error');
  });

  it('has a worker beside it that says when it is ready and drains on SIGTERM', async () => {
    const worker = launch(['worker', '--task-queue', 'beside', ...at()]);
    await worker.says('worker ready on task queue beside, namespace default, at 127.0.0.1:');
    worker.child.kill('SIGTERM');
    const { code, stderr } = await worker.ended;
    expect(code).toBe(0);
    expect(stderr).toContain('state=DRAINED');
  });

  it('goes on after kill -9, and leaves nothing when it is stopped', async () => {
    const following = launch(['run', 'examples/02-agent-handoff.yaml', '--id', 'survivor', ...at()]);
    await following.says('waits for @nodejs-specialist to accept');
    const { address } = JSON.parse(readFileSync(path.join(folder, 'dev.json'), 'utf8')) as { address: string };
    dev.child.kill('SIGKILL');
    await dev.ended;
    dev = await startDev(address.split(':')[1]);
    expect(dev.stdout()).toContain('goes on where it was');
    await untilOffered('survivor');
    const { epoch } = await json<{ epoch: number }>(['accept', 'survivor', '--by', '@nodejs-specialist', ...at()]);
    const returns = ['--epoch', String(epoch), '--file', 'examples/input/returns.yaml'];
    expect(await json(['submit-return', 'survivor', ...returns, ...at()])).toMatchObject({ accepted: true });
    await json(['complete', 'survivor', '--by', '@nodejs-specialist', '--epoch', String(epoch), ...at()]);
    // Who followed it outlived server and worker, and saw its end.
    const followed = await following.ended;
    expect(followed).toMatchObject({ code: 0, stdout: expect.stringContaining('✓ completed survivor') as unknown });

    const busy = launch(['run', 'examples/02-agent-handoff.yaml', '--id', 'open', ...at()]);
    await busy.says('waits for @nodejs-specialist to accept');
    busy.child.kill('SIGINT');
    expect(await busy.ended).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('The handoff goes on') as unknown,
    });
    dev.child.kill('SIGINT');
    const { code, stdout, stderr } = await dev.ended;
    expect({ code, signal: null }).toEqual({ code: 0, signal: null });
    expect(stderr).toContain('work in flight ends first');
    expect(stdout).toMatch(/Stopped\..*\n$/);
    expect(processesWith(folder)).toEqual([]);
    expect(existsSync(path.join(folder, 'dev.json'))).toBe(false);
    expect(readFileSync(path.join(folder, 'worker.log'), 'utf8')).toContain('state=DRAINED');
    // What is in the folder can be read without a server.
    expect(await json(['list', '--open', ...at()])).toMatchObject([{ handoffId: 'open' }]);
  }, 180_000);
});
