import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { connectClient, type ConnectedClient } from '../../src/temporal/connect.js';
import { handoff, json, launch, type Running } from './rig.js';

let folder = '';
let connected: ConnectedClient;
const workers: Running[] = [];
const queue = `deployed-${process.pid}`;
const scheduleId = `handoff-reconcile/${queue}`;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'handoff-deployed-'));
  connected = await connectClient({ address: inject('address') });
});
afterAll(async () => {
  for (const { child } of workers) child.kill('SIGKILL');
  await connected.client.schedule.getHandle(scheduleId).delete();
  await connected.connection.close();
  rmSync(folder, { recursive: true, force: true });
});
const at = (): string[] => ['--address', inject('address'), '--task-queue', queue, '--folder', folder];
function worker(buildId: string): Running {
  const running = launch(['worker', ...at(), '--deployment', queue, '--build-id', buildId]);
  workers.push(running);
  return running;
}

test(
  'a worker of a deployment says how its build becomes the current one, and then gets handoffs',
  { timeout: 120_000 },
  async () => {
    const first = worker('one');
    await first.says(`build ${queue}:one`);
    await first.says('New handoffs go to workers without a deployment. To make this build the current one: temporal ');
    const [, command] = /current one: temporal (.+)/.exec(first.stderr())!;
    await expect.poll(() => run(command!.split(' ')), { timeout: 20_000 }).toContain('Successfully set');

    await handoff(['agents', 'add', '@a', '@b', '--heartbeat-seconds', '3600', '--folder', folder]);
    const file = path.join(folder, 'request.json');
    const parties = { source: { agent: '@a' }, target: { agent: '@b' } };
    writeFileSync(
      file,
      JSON.stringify({ procedure: 'AGENT_HANDOFF_STANDARD', handoffId: queue, acceptance: 'auto', ...parties }),
    );
    expect(await json(['run', file, ...at()])).toMatchObject({ outcome: 'completed' });

    // What the worker does by itself runs on its build as well.
    const schedule = connected.client.schedule.getHandle(scheduleId);
    await schedule.trigger();
    await expect
      .poll(async () => (await schedule.describe()).info.recentActions.length, { timeout: 20_000 })
      .toBeGreaterThan(0);
    const [{ action } = { action: undefined }] = (await schedule.describe()).info.recentActions;
    expect(await connected.client.workflow.getHandle(action!.workflow.workflowId).result()).toMatchObject({
      repairs: [],
    });

    const second = worker('two');
    await second.says('New handoffs go to build one. To make this build the current one');
    const again = worker('one');
    await again.says('worker ready');
    for (const { child } of workers) child.kill('SIGTERM');
    await Promise.all(workers.map(({ ended }) => ended));
    expect(again.stderr()).not.toContain('New handoffs go to');
  },
);

test.each([
  [['--deployment', 'x'], '--deployment and --build-id go together'],
  [['--build-id', 'x'], '--deployment and --build-id go together'],
  [['--deployment', 'a.b', '--build-id', '1'], 'Deployment "a.b" is not a valid id'],
  [['--deployment', 'a', '--build-id', ''], 'Build "" is not a valid id'],
])('%j is wrong usage', async (args, why) => {
  const { code, stderr } = await handoff(['worker', ...at(), ...args]);
  expect(stderr).toContain(why);
  expect(code).toBe(2);
});

function run(args: string[]): string {
  const env = { ...process.env, TEMPORAL_CONFIG_FILE: '/nonexistent' };
  try {
    return execFileSync(inject('serverPath'), [...args, '--yes'], { encoding: 'utf8', env, stdio: 'pipe' });
  } catch (error) {
    return String((error as Error).message);
  }
}
