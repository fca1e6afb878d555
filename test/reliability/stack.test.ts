import { fork } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { firings } from '../../src/faults/fired.js';
import { startStack } from '../../src/reliability/stack-start.js';
import type { Stack } from '../../src/reliability/stack.js';
import { Traffic } from './traffic.js';

const HERE = path.dirname(fileURLToPath(import.meta.url));

let stack: Stack;
let traffic: Traffic;
beforeAll(async () => {
  stack = await startStack({
    workers: 2,
    proxy: true,
    failpoints: 'step.recorded=delay:1%0.5',
    seed: 11,
    parts: { modules: [path.join(HERE, '../cli/parts/gate.mjs')] },
  });
  traffic = await Traffic.on(stack);
});
afterAll(async () => {
  await traffic.close();
  await stack.close();
});

const isThere = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

test('handoffs run on processes of its own, and failpoints of all workers are in one log', async () => {
  traffic.start(3);
  expect(await traffic.outcomes()).toEqual(Array(6).fill('completed'));
  expect(new Set([...stack.workers.map((w) => w.pid), stack.server!.pid, process.pid]).size).toBe(4);
  for (const { upMs } of stack.workers) expect(upMs).toBeGreaterThan(0);
  expect(firings(stack.failpointLog).length).toBeGreaterThan(2);
  expect(stack.proxy!.open()).toBeGreaterThan(0);
});

test('a worker that was killed or drained is another process when it is back, with other failpoints', async () => {
  const [first, second] = stack.workers as [(typeof stack.workers)[0], (typeof stack.workers)[0]];
  const before = [first.pid, second.pid];
  await first.kill();
  expect(await first.gone()).toBe('SIGKILL');
  await second.drain();
  expect(await second.gone()).toBe(0);
  expect(before.map(isThere)).toEqual([false, false]);
  await Promise.all([first.restart('close.after=delay:1'), second.restart()]);
  expect([first.pid, second.pid].map(isThere)).toEqual([true, true]);
  await stack.rearm('');
  const count = firings(stack.failpointLog).length;
  traffic.start(1);
  expect(await traffic.outcomes()).toEqual(['completed', 'completed']);
  expect(firings(stack.failpointLog).length).toBe(count);
});

test('the server that was killed is back at its address, and what was started goes on', async () => {
  const { pid } = stack.server!;
  traffic.start(2);
  await stack.server!.kill();
  expect(isThere(pid)).toBe(false);
  await stack.server!.restart();
  expect(stack.server!.pid).not.toBe(pid);
  expect(await traffic.outcomes()).toEqual(Array(4).fill('completed'));
});

test('a worker that cannot start says why, and leaves nothing', async () => {
  const parts = { modules: [path.join(HERE, 'no-such-module.mjs')] };
  await expect(startStack({ workers: 1, address: stack.address, parts })).rejects.toThrow('could not be loaded');
  await expect(startStack({ workers: 1, failpoints: 'open.aftre=kill' })).rejects.toMatchObject({
    code: 'INVALID_FAILPOINTS',
  });
});

test('nothing is left of it when the program that started it is killed with -9, stopped workers included', async () => {
  const folder = path.join(path.dirname(stack.failpointLog), 'of-harness');
  const harness = fork(path.join(HERE, 'harness.mjs'), [stack.address, folder], { execArgv: [], stdio: 'ignore' });
  const { pids } = await new Promise<{ pids: number[] }>((resolve, reject) => {
    harness.once('message', (m) => resolve(m as { pids: number[] }));
    harness.once('exit', () => reject(new Error('the harness ended')));
  });
  expect(pids.map(isThere)).toEqual([true, true]);
  harness.kill('SIGKILL');
  await expect.poll(() => pids.some(isThere), { timeout: 20_000 }).toBe(false);
});

test('close leaves no process and no folder', async () => {
  const one = await startStack({ workers: 1 });
  const pids = [one.workers[0]!.pid, one.server!.pid];
  const folder = path.dirname(one.failpointLog);
  expect(readdirSync(folder)).toContain('temporal.db');
  one.workers[0]!.stop();
  await one.close();
  expect(pids.map(isThere)).toEqual([false, false]);
  expect(existsSync(folder)).toBe(false);
});
