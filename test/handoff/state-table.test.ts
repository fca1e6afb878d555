import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LIFE, STATUSES } from '../../src/core/handoff.js';
import { workflowIdOf } from '../../src/core/ids.js';
import { Parts, newId, startWork } from '../rig/parts.js';
import { AGENTS, Rig } from '../rig/rig.js';
import { OwnActions, note, procedure } from './own-actions.js';

const parts = new Parts();
const folder = mkdtempSync(path.join(tmpdir(), 'handoff-table-'));
const own = new OwnActions(folder);
let rig: Rig;
beforeAll(async () => {
  rig = await Rig.create({ ...parts.options, actions: [...parts.options.actions!, ...own.actions] });
});
afterAll(async () => {
  await rig.close();
  rmSync(folder, { recursive: true, force: true });
});

const by = AGENTS.target;
const closesAs = async (id: string): Promise<[string, string | undefined]> => {
  const handle = rig.temporal.workflow.getHandle(workflowIdOf(id));
  const type = await handle.result().then(
    () => undefined,
    (e: unknown) =>
      e instanceof WorkflowFailedError && e.cause instanceof ApplicationFailure ? (e.cause.type ?? '') : '',
  );
  return [(await handle.describe()).status.name, type];
};
const stored = async (id: string): Promise<string | undefined> => (await rig.storage.handoffs.find(id))?.status;
const offered = async (over: Parameters<typeof startWork>[2] = {}): Promise<string> => {
  const id = await startWork(rig, 'WORK_AND_ASK', over);
  await rig.untilStatus(id, 'awaiting_acceptance');
  return id;
};
/** One that has begun and stands in its only effect. */
const running = async (procedure: 'WORK_AND_ASK' | 'WORK_ONLY', over = {}): Promise<string> => {
  const id = newId();
  parts.hold(id, 'act');
  await startWork(rig, procedure, { handoffId: id, ...over });
  await rig.until(id, (s) => s.state?.steps['work']?.status === 'running');
  return id;
};
/** Passes through `compensating`, seen there, and gives what was undone. */
const undoneThrough = async (id: string, end: () => Promise<unknown>): Promise<string[]> => {
  parts.hold(id, 'undo');
  await end();
  await rig.untilStatus(id, 'compensating');
  parts.open(id, 'undo');
  return (await rig.client.result(id)).undone.map((u) => `${u.key} ${u.result}`);
};

/** One whose last step has failed, `after` its offer or `beside` it. */
const broken = async (where: 'after' | 'beside'): Promise<string> => {
  const last = note('last', { with: { fail: 1 }, on_failure: 'hold', retry: { maximum_attempts: 1 } });
  const ask = { step_id: 'ask', name: 'Ask', action: 'confirm' };
  const steps = [note('one'), ask, { ...last, depends_on: [where === 'after' ? 'ask' : 'one'] }];
  const { procedure_id } = await rig.client.addProcedure(procedure(`BROKEN_${where.toUpperCase()}`, steps));
  const id = await rig.start(procedure_id, { artifacts: [], context: {} });
  await rig.untilStatus(id, 'awaiting_acceptance');
  if (where === 'after') await rig.client.accept(id, { by });
  await rig.until(id, (s) => s.state?.incidents.length === 1);
  return id;
};
/** Goes back to a step, and from there on to its end. */
const expectBack = async (id: string, toStep: string): Promise<void> => {
  const op = { by: 'op', reason: 'a wrong revision' };
  await rig.client.rollback(id, { ...op, incidentId: 'inc-1', toStep });
  const { state } = await rig.untilStatus(id, 'running');
  expect(state!.acceptance).toMatchObject({ epoch: 1, lapses: 0 });
  expect(state!.acceptance.by).toBeUndefined();
  await rig.until(id, (s) => s.state?.incidents[0]?.id === 'inc-2');
  await rig.client.rollback(id, { ...op, incidentId: 'inc-2' });
  expect((await rig.client.result(id)).outcome).toBe('failed');
};

describe.concurrent('each move of the state table, made for real', () => {
  test('pending → running: its start time has come', async () => {
    const id = await startWork(rig, 'WORK_ONLY', { startAfter: new Date(Date.now() + 2500) });
    const waiting = await rig.until(id, (s) => s.state?.waitsFor !== undefined);
    expect(waiting.status).toBe('pending');
    expect(waiting.words).toContain('waits for its start time');
    expect(parts.happened).not.toContain(`act ${id}`);
    expect((await rig.client.result(id)).outcome).toBe('completed');
  });

  test('pending → compensating: cancelled before anything was done', async () => {
    const id = await startWork(rig, 'WORK_ONLY', { startAfter: new Date(Date.now() + 3_600_000) });
    await rig.untilStatus(id, 'pending');
    await rig.client.cancel(id, { by: 'op', reason: 'no need' });
    expect(await rig.client.result(id)).toMatchObject({
      outcome: 'cancelled',
      undone: [],
      by: 'op',
      reason: 'no need',
    });
    expect(await rig.client.effects(id)).toEqual([]);
  });

  test('running → awaiting_acceptance: a confirm step is reached', async () => {
    const id = await running('WORK_AND_ASK');
    parts.open(id, 'act');
    const { state } = await rig.untilStatus(id, 'awaiting_acceptance');
    expect(state?.acceptance).toMatchObject({ epoch: 1 });
    await rig.client.reject(id, { by, reason: 'seen enough' });
    await rig.client.result(id);
  });

  test('running → accepted: the last step is over and a return is expected', async () => {
    const id = await running('WORK_ONLY', { contract: { expects_in_return: { report: {} } }, expiresInMinutes: 0.05 });
    parts.open(id, 'act');
    const { state } = await rig.untilStatus(id, 'accepted');
    expect(state?.acceptance).toMatchObject({ epoch: 1, by: 'procedure' });
    // The expiry ran until here; a second after it the work is still with the target.
    await new Promise((resolve) => setTimeout(resolve, 4000));
    expect((await rig.client.status(id)).status).toBe('accepted');
    await rig.client.complete(id, { by, epoch: 1 });
    expect((await rig.client.result(id)).outcome).toBe('completed');
  });

  test('running → completed: the last step is over', async () => {
    const id = await running('WORK_ONLY');
    parts.open(id, 'act');
    expect(await rig.client.result(id)).toMatchObject({ outcome: 'completed', undone: [] });
    expect(await closesAs(id)).toEqual(['COMPLETED', undefined]);
    expect(await stored(id)).toBe('completed');
  });

  test('running → compensating: a step failed for good', async () => {
    const id = await running('WORK_AND_ASK');
    parts.fail(id, 'act');
    const undone = await undoneThrough(id, async () => parts.open(id, 'act'));
    expect(undone).toEqual([`${id}/work/1/it undone`]);
  });

  test('awaiting_acceptance → accepted: the target accepts', async () => {
    const id = await offered();
    expect(await rig.client.accept(id, { by })).toEqual({ epoch: 1 });
    const { state } = await rig.untilStatus(id, 'accepted');
    expect(state?.acceptance).toMatchObject({ by, epoch: 1 });
    expect(state?.steps['ask']).toMatchObject({ status: 'finished', facts: { acceptedBy: by, epoch: 1 } });
    await rig.client.complete(id, { by, epoch: 1 });
    await rig.client.result(id);
  });

  test('awaiting_acceptance → compensating: the target rejects', async () => {
    const id = await offered();
    const undone = await undoneThrough(id, () => rig.client.reject(id, { by, reason: 'no time' }));
    expect(undone).toEqual([`${id}/work/1/it undone`]);
  });

  test('accepted → completed: the target completes', async () => {
    const id = await offered();
    const { epoch } = await rig.client.accept(id, { by });
    await rig.client.complete(id, { by, epoch, note: 'done' });
    expect(await rig.client.result(id)).toMatchObject({ outcome: 'completed', by, undone: [] });
  });

  test('accepted → awaiting_acceptance: the lease lapsed', async () => {
    const id = await offered();
    await rig.client.accept(id, { by, leaseMinutes: 0.02 });
    const { state } = await rig.until(id, (s) => s.state?.acceptance.epoch === 2);
    expect(state).toMatchObject({ status: 'awaiting_acceptance', acceptance: { epoch: 2, lapses: 1 } });
    await rig.client.reject(id, { by, reason: 'seen enough' });
    await rig.client.result(id);
  });

  test('awaiting_acceptance → running: what is offered is rolled back to a step before it', async () => {
    await expectBack(await broken('beside'), 'one');
  });

  test('accepted → running: the acceptance is rolled back', async () => {
    await expectBack(await broken('after'), 'ask');
  });

  test('accepted → compensating: cancelled while the target works', async () => {
    const id = await offered();
    await rig.client.accept(id, { by });
    const undone = await undoneThrough(id, () => rig.client.cancel(id, { by: 'op', reason: 'no need' }));
    expect(undone).toEqual([`${id}/work/1/it undone`]);
  });

  test('compensating → rejected: all is undone', async () => {
    const id = await offered();
    await rig.client.reject(id, { by, reason: 'no time' });
    expect(await rig.client.result(id)).toMatchObject({ outcome: 'rejected', by, reason: 'no time' });
    expect(await closesAs(id)).toEqual(['FAILED', 'HANDOFF_REJECTED']);
    expect(await stored(id)).toBe('rejected');
  });

  test('compensating → expired: all is undone', async () => {
    const id = await startWork(rig, 'WORK_AND_ASK', { expiresInMinutes: 0.02 });
    expect(await rig.client.result(id)).toMatchObject({ outcome: 'expired', by: 'clock', code: 'HANDOFF_EXPIRED' });
    expect(await closesAs(id)).toEqual(['FAILED', 'HANDOFF_EXPIRED']);
    expect(await stored(id)).toBe('expired');
  });

  test('compensating → cancelled: all is undone', async () => {
    const id = await offered();
    await rig.temporal.workflow.getHandle(workflowIdOf(id)).cancel();
    expect(await rig.client.result(id)).toMatchObject({ outcome: 'cancelled', by: 'temporal' });
    expect((await closesAs(id))[0]).toBe('CANCELLED');
    expect(await stored(id)).toBe('cancelled');
  });

  test('compensating → failed: all is undone', async () => {
    const id = newId();
    parts.fail(id, 'act');
    await startWork(rig, 'WORK_ONLY', { handoffId: id });
    expect(await rig.client.result(id)).toMatchObject({ outcome: 'failed', code: 'STATE_CONFLICT' });
    expect(await closesAs(id)).toEqual(['FAILED', 'HANDOFF_FAILED']);
    expect(await stored(id)).toBe('failed');
  });

  test('and no move of the table is left out', ({ task }) => {
    const made = task.suite!.tasks.map((t) => t.name.split(': ')[0]!).filter((name) => name.includes(' → '));
    expect(made.toSorted()).toEqual(
      STATUSES.flatMap((from) => LIFE[from].next.map((to) => `${from} → ${to}`)).toSorted(),
    );
  });
});

test('a handoff that is accepted by policy and has nothing left to do completes by itself', async () => {
  const id = await startWork(rig, 'WORK_AND_ASK', { acceptance: 'auto' });
  expect(await rig.client.result(id)).toMatchObject({ outcome: 'completed', by: `${by} (by policy)` });
});
