import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { reconcile as reconcileHandoffs } from '../../src/activities/reconcile.js';
import { repairWorkflowIdOf, workflowIdOf } from '../../src/core/ids.js';
import { workflowBundle } from '../../src/temporal/bundle.js';
import { reconcile, settle } from '../rig/reconcile.js';
import { Rig } from '../rig/rig.js';

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.create();
});
afterAll(() => rig.close());

/** A handoff that waits for its target and is then ended behind our back. */
async function terminated(): Promise<string> {
  const id = await rig.start('AGENT_HANDOFF_STANDARD');
  await rig.untilStatus(id, 'awaiting_acceptance');
  await rig.temporal.workflow.getHandle(workflowIdOf(id)).terminate('somebody by hand');
  return id;
}

/** Until it is found: Temporal's list, by which the lost are told, still has the run for a moment after it was ended. */
const found = async (id: string): Promise<void> => {
  const repairs = async (): Promise<string[]> => {
    await settle(rig, 'handoffs', id);
    return (await reconcile(rig)).repairs;
  };
  await expect.poll(repairs, { timeout: 30_000, interval: 200 }).toEqual([id]);
};

async function replayRepair(id: string): Promise<void> {
  const workflowId = repairWorkflowIdOf(id);
  const history = await rig.temporal.workflow.getHandle(workflowId).fetchHistory();
  await Worker.runReplayHistory({ workflowBundle: workflowBundle() }, history, workflowId);
}

test('a terminated run is found, shown as an incident, and undone by rollback', async () => {
  const id = await terminated();
  expect(existsSync(rig.arrival(id, 'modules.json'))).toBe(true);
  await expect(rig.client.result(id)).rejects.toMatchObject({ code: 'HANDOFF_TERMINATED' });
  expect((await rig.client.status(id)).status).toBe('terminated');

  await found(id);
  const { runId } = await rig.temporal.workflow.getHandle(repairWorkflowIdOf(id)).describe();
  await settle(rig, 'handoffs', id);
  expect((await reconcile(rig)).repairs).toEqual([id]);
  expect((await rig.temporal.workflow.getHandle(repairWorkflowIdOf(id)).describe()).runId).toBe(runId);
  const status = await rig.client.status(id);
  expect(status.state?.incidents).toMatchObject([{ id: 'inc-1', kind: 'terminated' }]);
  await expect(rig.client.rollback(id, { by: 'op', reason: 'undo it', incidentId: 'inc-9' })).rejects.toMatchObject({
    code: 'INCIDENT_NOT_OPEN',
  });

  await rig.client.rollback(id, { by: 'op', reason: 'undo it', incidentId: 'inc-1' });
  await rig.temporal.workflow.getHandle(repairWorkflowIdOf(id)).result();
  expect(await rig.client.result(id)).toMatchObject({ outcome: 'failed', code: 'HANDOFF_TERMINATED' });
  expect(existsSync(rig.arrival(id))).toBe(false);
  expect((await rig.client.effects(id)).every((e) => e.status === 'undone')).toBe(true);
  await replayRepair(id);
  expect((await reconcile(rig)).repairs).toEqual([]);
});

test('an undo conflict in a repair run is an incident of its own, and by hand leaves everything alone', async () => {
  const id = await terminated();
  await found(id);
  await writeFile(rig.arrival(id, 'modules.json'), 'somebody else');
  await rig.client.rollback(id, { by: 'op', reason: 'undo it', incidentId: 'inc-1' });
  const status = await rig.until(id, (s) => s.state?.incidents[0]?.kind === 'undo');
  expect(status.state?.incidents[0]).toMatchObject({ error: { code: 'UNDO_CONFLICT' } });
  await rig.client.resolve(id, { by: 'op', reason: 'theirs is right', incidentId: 'inc-2', choice: 'keep_theirs' });
  await rig.temporal.workflow.getHandle(repairWorkflowIdOf(id)).result();
  expect(readFileSync(rig.arrival(id, 'modules.json'), 'utf8')).toBe('somebody else');
  expect((await rig.client.result(id)).undone.map((u) => u.result)).toEqual(['kept_theirs', 'undone', 'undone']);
  await replayRepair(id);
});

test('resolved by hand: nothing is touched, and the outcome names every effect', async () => {
  const id = await terminated();
  await found(id);
  await rig.client.resolve(id, { by: 'op', reason: 'cleaned up by hand', incidentId: 'inc-1' });
  await rig.temporal.workflow.getHandle(repairWorkflowIdOf(id)).result();
  expect(existsSync(rig.arrival(id, 'modules.json'))).toBe(true);
  expect((await rig.client.result(id)).undone.map((u) => u.result)).toEqual([
    'resolved_by_hand',
    'resolved_by_hand',
    'resolved_by_hand',
  ]);
  await replayRepair(id);
});

test('kept copies of a closed handoff are collected, and not those of an open one', async () => {
  const done = await rig.start('PHASE_TRANSITION_STANDARD');
  await rig.client.result(done);
  const open = await rig.start('AGENT_HANDOFF_STANDARD');
  await rig.untilStatus(open, 'awaiting_acceptance');
  for (const id of [done, open]) {
    await mkdir(`${rig.storage.undoFolder}/${id}`, { recursive: true });
    await writeFile(`${rig.storage.undoFolder}/${id}/copy`, 'before');
  }
  await rig.storage.db
    .updateTable('handoffs')
    .set({ closed_at: Date.now() - 3_600_000 })
    .where('id', '=', done)
    .execute();
  expect((await reconcile(rig)).collected).toBe(1);
  expect(existsSync(`${rig.storage.undoFolder}/${done}`)).toBe(false);
  expect(existsSync(`${rig.storage.undoFolder}/${open}`)).toBe(true);
  await rig.client.cancel(open, { by: 'test', reason: 'end of test' });
  await rig.client.result(open);
});

test('a repair that could not be started is an error, and the handoff is found again', async () => {
  const id = await terminated();
  await settle(rig, 'handoffs', id);
  const nowhere = '';
  const tried = async (): Promise<unknown> => {
    await settle(rig, 'handoffs', id);
    return reconcileHandoffs(rig.storage, rig.temporal, nowhere).then(({ repairs }) => repairs, String);
  };
  // Temporal's list may have the run for a moment; then there is nothing to repair yet.
  await expect.poll(tried, { timeout: 30_000, interval: 200 }).not.toEqual([]);
  expect(await tried()).toContain('Error');
  await expect(rig.temporal.workflow.getHandle(repairWorkflowIdOf(id)).describe()).rejects.toThrow('not found');
  await found(id);
  await rig.client.rollback(id, { by: 'op', reason: 'undo it', incidentId: 'inc-1' });
  await rig.temporal.workflow.getHandle(repairWorkflowIdOf(id)).result();
});
