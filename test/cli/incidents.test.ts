import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HandoffClient } from '../../src/client.js';
import type { OpenIncident } from '../../src/client/incidents.js';
import { repairWorkflowIdOf, workflowIdOf } from '../../src/core/ids.js';
import { Parts, startWork } from '../rig/parts.js';
import { AGENTS, Rig } from '../rig/rig.js';
import { handoff, json } from './rig.js';

const session = `incidents-${process.pid}`;
const idOf = (name: string): string => `i-${process.pid}-${name}`;
const nameOf = (id: string): string => id.split('-').at(-1)!;
const parts = new Parts();
let rig: Rig;
const at = (): string[] => ['--folder', rig.storage.folder, '--address', rig.address, '--task-queue', rig.taskQueue];
const untilIncident = (name: string) => rig.until(idOf(name), (s) => (s.state?.incidents.length ?? 0) > 0);

beforeAll(async () => {
  rig = await Rig.create({ ...parts.options, deadlineMs: 4000 });
  const start = (name: string, procedure: Parameters<typeof startWork>[1]): Promise<string> =>
    startWork(rig, procedure, { session, handoffId: idOf(name) });
  await start('lost', 'WORK_AND_ASK');
  await rig.untilStatus(idOf('lost'), 'awaiting_acceptance');
  await rig.temporal.workflow.getHandle(workflowIdOf(idOf('lost'))).terminate('by hand');
  parts.fail(idOf('step'), 'act');
  await start('step', 'WORK_OR_HOLD');
  await untilIncident('step');
  parts.fail(idOf('undo'), 'undo');
  await start('undo', 'WORK_AND_ASK');
  await rig.untilStatus(idOf('undo'), 'awaiting_acceptance');
  await rig.client.cancel(idOf('undo'), { by: 'op', reason: 'no' });
  await untilIncident('undo');
  await rig.client.sessions.setPhase(session, 8, 'completed', 'test');
  const expectsReturn = { expects_in_return: { report: { type: 'file' as const } } };
  await rig.start('PHASE_TRANSITION_STANDARD', { session, handoffId: idOf('conflict'), contract: expectsReturn });
  await rig.untilStatus(idOf('conflict'), 'accepted');
  await rig.client.sessions.set(session, 'architecture', 'theirs\u001b[2J', 'somebody');
  await rig.client.cancel(idOf('conflict'), { by: 'op', reason: 'no' });
  await untilIncident('conflict');
  for (let tries = 0; tries < 60; tries++, await sleep(500)) {
    const options = { taskQueue: rig.taskQueue, workflowId: `reconcile-${session}` };
    await rig.temporal.workflow.execute('reconcileHandoffs', options);
    if ((await rig.storage.handoffs.find(idOf('lost')))?.shown === 'incident') break;
  }
}, 90_000);
afterAll(() => rig.close());

const facts = (list: OpenIncident[]): unknown[] =>
  list.map(({ handoffId, workflowId, incident: { id, kind, error } }) => [
    nameOf(handoffId),
    id,
    kind,
    error.code,
    workflowId === repairWorkflowIdOf(handoffId),
  ]);
const EXPECTED = [
  ['step', 'inc-1', 'step', 'STATE_CONFLICT', false],
  ['undo', 'inc-1', 'undo', 'STATE_CONFLICT', false],
  ['conflict', 'inc-1', 'undo', 'UNDO_CONFLICT', false],
  ['lost', 'inc-1', 'terminated', 'HANDOFF_TERMINATED', true],
];

test('are listed oldest first, with storage and without', async () => {
  const bare = new HandoffClient({ temporal: rig.temporal, taskQueue: rig.taskQueue });
  const list = await rig.client.incidents({ session });
  expect(facts(list)).toEqual(EXPECTED);
  expect(list.every((i) => i.from === 'run')).toBe(true);
  await expect.poll(async () => facts(await bare.incidents({ session })), { timeout: 10_000 }).toEqual(EXPECTED);
  expect(facts(await rig.client.incidents({ session, procedure: 'WORK_OR_HOLD' }))).toEqual([EXPECTED[0]]);
});

test('are blocks that say what to do, and safe for a terminal', async () => {
  const { code, stdout, stderr } = await handoff(['incidents', '--session', session, ...at()]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).not.toContain('\u001b');
  expect(stdout).toContain(`! ${idOf('step')} inc-1: step Work — `);
  expect(stdout).toContain(`  handoff retry ${idOf('step')} --incident inc-1 --reason "…"\n    try the step again`);
  expect(stdout).toContain(`  handoff skip ${idOf('step')} --incident inc-1 --reason "…"`);
  expect(stdout).toContain(`! ${idOf('undo')} inc-1: undo of Work: `);
  expect(stdout).toContain(`--choice merge --value '…' --reason "…"`);
  expect(stdout).toContain(`${AGENTS.source} → ${AGENTS.target}, session ${session}, WORK_OR_HOLD`);
  expect(stdout).toMatch(/\n\n4 open incidents\.\n$/);
  const none = await handoff(['incidents', '--session', `${session}-none`, ...at()]);
  expect(none).toMatchObject({ code: 0, stdout: 'No open incidents.\n' });
  expect(await handoff(['incidents', '--priority', 'x', ...at()])).toMatchObject({ code: 2 });
});

test('are there while no worker is, and while no server is', { timeout: 120_000 }, async () => {
  await rig.stopWorker();
  const began = Date.now();
  const list = await rig.client.incidents({ session });
  expect(facts(list)).toEqual(EXPECTED);
  expect(list.every((i) => i.from === 'storage')).toBe(true);
  const bare = new HandoffClient({ temporal: rig.temporal, taskQueue: rig.taskQueue, deadlineMs: 4000 });
  const seen = await bare.incidents({ session });
  // Nobody knows since when, so that the order is that of their handoffs.
  expect(facts(seen)).toEqual(expect.arrayContaining(EXPECTED));
  expect(seen).toHaveLength(4);
  expect(seen.every((i) => i.from === 'visibility')).toBe(true);
  expect(Date.now() - began).toBeLessThan(12_000);
  const nowhere = ['--folder', rig.storage.folder, '--address', '127.0.0.1:1'];
  const alone = await handoff(['incidents', '--session', session, ...nowhere]);
  expect(alone.code).toBe(0);
  expect(alone.stderr).toContain('The Temporal server cannot be reached; these are the last records.');
  expect(alone.stdout).toContain('4 open incidents.');
  // What is known of one stands in its record, too; of one that has none, nobody can say.
  for (const verb of ['status', 'show']) {
    const one = await handoff([verb, idOf('step'), ...nowhere]);
    expect(one.code).toBe(0);
    expect(one.stderr).toContain('The Temporal server cannot be reached; these are the last records.');
    expect(one.stdout).toMatch(/incident/i);
  }
  expect(await handoff(['status', 'nobody-knows-it', ...nowhere])).toMatchObject({ code: 3, stdout: '' });
  await rig.startWorker();
});

test('end by the commands that are printed', async () => {
  parts.mend(idOf('step'), 'act');
  parts.mend(idOf('undo'), 'undo');
  const list = await json<{ handoffId: string; commands: string[] }[]>(['incidents', '--session', session, ...at()]);
  const wanted: Record<string, RegExp> = {
    step: / retry /,
    undo: / resolve /,
    conflict: /keep_theirs/,
    lost: / rollback /,
  };
  expect(list).toHaveLength(4);
  for (const { handoffId, commands } of list) {
    const command = commands.find((c) => wanted[nameOf(handoffId)]!.test(c))!;
    const args = command.replace('"…"', 'mended').split(' ').slice(1);
    expect(await handoff([...args, ...at()])).toMatchObject({ code: 0, stderr: '' });
  }
  await rig.untilStatus(idOf('step'), 'awaiting_acceptance');
  await rig.client.cancel(idOf('step'), { by: 'op', reason: 'end of test' });
  for (const name of ['step', 'undo', 'conflict']) {
    expect(await rig.client.result(idOf(name))).toMatchObject({ outcome: 'cancelled' });
  }
  await rig.untilStatus(idOf('lost'), 'failed');
  expect(await rig.client.result(idOf('lost'))).toMatchObject({ undone: [{ result: 'undone' }] });
  expect(await rig.client.incidents({ session })).toEqual([]);
}, 90_000);
