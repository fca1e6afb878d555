import { afterAll, beforeAll, expect, test } from 'vitest';
import { createHandoffWorker } from '../../src/worker.js';
import { Parts, newId, startWork } from '../rig/parts.js';
import { Rig } from '../rig/rig.js';
import { handoff, json, launch } from './rig.js';

const parts = new Parts();
let rig: Rig;
const session = `bulk-cli-${process.pid}`;
const at = (): string[] => ['--folder', rig.storage.folder, '--address', rig.address, '--task-queue', rig.taskQueue];
const run = (line: string, ...more: string[]) => handoff([...line.split(' '), ...more, ...at()]);
let ids: [string, string, string];
const holds = async (): Promise<number> => {
  const states = await Promise.all(ids.map((id) => rig.client.status(id)));
  return states.filter((s) => s.state!.holds.operator).length;
};

beforeAll(async () => {
  rig = await Rig.create(parts.options);
  const start = () => startWork(rig, 'WORK_AND_ASK', { session });
  ids = [await start(), await start(), await start()];
  for (const id of ids) await rig.untilStatus(id, 'awaiting_acceptance');
}, 60_000);
afterAll(() => rig.close());

test('who is meant is said first, and nothing is sent before somebody agrees', async () => {
  const dry = await run(`pause --session ${session} --reason x --dry-run`);
  expect(dry).toMatchObject({ code: 0, stderr: '' });
  const lines = dry.stdout.trimEnd().split('\n');
  expect(lines.pop()).toBe('3 open handoffs match; nothing was sent.');
  expect(lines.toSorted()).toEqual(ids.toSorted());
  expect(await run(`pause --session ${session} --reason x`)).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringMatching(
      /^error USAGE: 3 open handoffs match\. Pause\? Nobody is there to answer: say --yes/,
    ) as unknown,
  });
  for (const line of ['pause --reason x', 'cancel --reason x --yes', `pause ${ids[0]} --session ${session} --reason x`])
    expect(await run(line)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('error USAGE: Name ') as unknown,
    });
  expect(await run(`retry --session ${session} --reason x --input {} --yes`)).toMatchObject({ code: 2 });
  expect(await run('pause --status foo --reason x --yes')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('/filter/status: "foo" is unknown') as unknown,
  });
  expect(await holds()).toBe(0);
}, 120_000);

test('each gets a line, and the last line sums up', async () => {
  const paused = await run(`pause --session ${session} --reason audit --yes --rate 100`);
  expect(paused).toMatchObject({ code: 0, stderr: '' });
  const lines = paused.stdout.trimEnd().split('\n');
  expect(lines.pop()).toBe('3 matched: 3 asked to pause.');
  expect(lines.toSorted()).toEqual(ids.map((id) => `✓ ${id} asked to pause`).toSorted());
  await expect.poll(holds).toBe(3);
  // One by its id alone, as ever.
  expect(await run(`resume ${ids[0]}`)).toMatchObject({ code: 0, stdout: `Asked ${ids[0]} to go on.\n` });
  await expect.poll(holds).toBe(2);
  const resumed = await run(`resume ${ids.join(' ')}`);
  expect(resumed.code).toBe(1);
  expect(resumed.stdout).toContain(`! ${ids[0]} refused WRONG_STATE: Handoff ${ids[0]} is `);
  expect(resumed.stdout).toContain(`✓ ${ids[1]} asked to go on\n`);
  expect(resumed.stdout).toMatch(/3 matched: 2 asked to go on, 1 refused\.\n$/);
  await expect.poll(holds).toBe(0);
}, 60_000);

test('as JSON it is one value', async () => {
  const args = ['cancel', '--session', session, '--reason', 'over', '--yes', ...at()];
  const cancelled = await json<{ results: { handoffId: string; result: string }[] }>(args);
  expect(cancelled).toMatchObject({ verb: 'cancel', matched: 3, done: 3, sent: 0, refused: 0, failed: 0, left: 0 });
  expect(cancelled.results.map((r) => r.handoffId).toSorted()).toEqual(ids.toSorted());
  for (const id of ids) expect(await rig.client.result(id)).toMatchObject({ outcome: 'cancelled', reason: 'over' });
  expect(await json(args)).toMatchObject({ matched: 0 });
});

test('retry is for every incident', async () => {
  const held = newId();
  parts.fail(held, 'act');
  await startWork(rig, 'WORK_OR_HOLD', { session, handoffId: held });
  await rig.until(held, (s) => (s.state?.incidents.length ?? 0) > 0);
  parts.mend(held, 'act');
  await expect.poll(() => rig.storage.handoffs.ids({ session, status: 'incident' })).toEqual([held]);
  const { code, stdout } = await run(`retry --session ${session} --status incident --reason mended --yes`);
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: `✓ ${held} trying again: inc-1\n1 matched: 1 trying again.\n`,
  });
  await rig.untilStatus(held, 'awaiting_acceptance');
  await rig.client.cancel(held, { by: 'op', reason: 'end of test' });
  await rig.client.result(held);
});

test('pause: it says whether it was heard, came too late, or has yet to be heard', async () => {
  const alone = await Rig.create({ ...parts.options, start: false });
  const of = ['--folder', alone.storage.folder, '--address', alone.address, '--task-queue', alone.taskQueue];
  const pause = (id: string) => launch(['pause', id, '--reason', 'audit', ...of]);
  const reason = { by: 'op', reason: 'over' };
  const worker = await createHandoffWorker({
    connect: { address: alone.address },
    taskQueue: alone.taskQueue,
    storage: alone.storage,
    reconcileSeconds: 0,
    ...parts.options,
  });
  const [waits, over] = [await startWork(alone, 'WORK_AND_ASK'), await startWork(alone, 'WORK_AND_ASK')];
  // Nobody is there to hear it.
  expect(await pause(waits).ended).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(`^Asked ${waits} to pause, but it has not heard it yet: no worker`) as unknown,
  });
  await alone.client.cancel(over, reason);
  const late = pause(over);
  const signals = async (): Promise<number> =>
    (await alone.history(over)).events!.filter((e) => e.workflowExecutionSignaledEventAttributes).length;
  await expect.poll(signals, { timeout: 20_000, interval: 20 }).toBe(2);
  const running = worker.run();
  try {
    const { code, stdout, stderr } = await late.ended;
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(
      new RegExp(
        `^error WRONG_STATE: Handoff ${over} is c\\w+; pause is possible only .* The pause came too late\\.\n$`,
      ),
    );
    await alone.until(waits, (s) => s.state?.holds.operator !== undefined);
    const heard = `${waits} is paused. It goes on by: handoff resume ${waits}\n`;
    expect(await pause(waits).ended).toMatchObject({ code: 0, stdout: heard });
    await alone.client.cancel(waits, reason);
    await alone.client.result(waits);
    await alone.client.result(over);
    await alone.replayAll();
  } finally {
    worker.shutdown();
    await running;
    await alone.close();
  }
}, 120_000);
