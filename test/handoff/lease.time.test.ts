import { expect, onTestFinished, test, type TestContext } from 'vitest';
import type { RunStatus } from '../../src/client.js';
import { startWork } from '../rig/parts.js';
import { AGENTS } from '../rig/rig.js';
import { TimeRig } from '../rig/time-rig.js';

const by = AGENTS.target;
const timeRig = async (ctx: TestContext): Promise<TimeRig> => {
  const t = await TimeRig.create(ctx);
  onTestFinished(() => t.close());
  return t;
};
const offeredAt = (t: TimeRig, id: string, epoch: number): Promise<RunStatus> =>
  t.rig.until(id, (s) => s.status === 'awaiting_acceptance' && s.state?.acceptance.epoch === epoch);
const offered = async (t: TimeRig): Promise<string> => {
  const id = await startWork(t.rig, 'WORK_AND_ASK', { expiresInMinutes: 30 });
  await offeredAt(t, id, 1);
  return id;
};
/** Lets four leases lapse: after the fourth nobody is asked any more. */
async function lapseOut(t: TimeRig, id: string): Promise<RunStatus> {
  for (const epoch of [1, 2, 3, 4]) {
    await offeredAt(t, id, epoch);
    expect(await t.rig.client.accept(id, { by, leaseMinutes: 5 })).toEqual({ epoch });
    await t.skip(5.1);
  }
  return t.rig.until(id, (s) => s.state?.incidents.length === 1);
}

test('a lapsed lease offers the handoff again, with the next epoch and a full expiry', async (ctx) => {
  const t = await timeRig(ctx);
  const id = await offered(t);
  await t.skip(20);
  await t.rig.client.accept(id, { by, leaseMinutes: 15 });
  await t.skip(14);
  expect((await t.rig.client.status(id)).status).toBe('accepted');
  await t.skip(1.1);
  const again = await offeredAt(t, id, 2);
  expect(again.state).toMatchObject({ acceptance: { epoch: 2, lapses: 1 }, expiry: { remainingMs: 30 * 60_000 } });
  expect(again.state?.acceptance.by).toBeUndefined();
  // The second offer has its own 30 minutes.
  await t.skip(29);
  expect((await t.rig.client.status(id)).status).toBe('awaiting_acceptance');
  await t.skip(1.5);
  expect(await t.rig.client.result(id)).toMatchObject({ outcome: 'expired', undone: [{ result: 'undone' }] });
});

test('whoever held a lease that lapsed can no longer complete, with the next holder at work or not', async (ctx) => {
  const t = await timeRig(ctx);
  const id = await offered(t);
  const stale = await t.rig.client.accept(id, { by, leaseMinutes: 5 });
  await t.skip(5.1);
  await offeredAt(t, id, 2);
  await expect(t.rig.client.complete(id, { by, epoch: stale.epoch })).rejects.toMatchObject({ code: 'WRONG_STATE' });
  const fresh = await t.rig.client.accept(id, { by: AGENTS.source, leaseMinutes: 5 });
  await expect(t.rig.client.complete(id, { by, epoch: stale.epoch })).rejects.toMatchObject({
    code: 'STALE_ACCEPTANCE',
    message: `The completion is for epoch 1, but handoff ${id} is now at epoch 2. Only who accepted that one completes it.`,
  });
  await t.rig.client.complete(id, { by: AGENTS.source, epoch: fresh.epoch });
  expect(await t.rig.client.result(id)).toMatchObject({ outcome: 'completed', by: AGENTS.source });
});

test('three offers more, then an incident that shows why; nobody completes while it stands', async (ctx) => {
  const t = await timeRig(ctx);
  const id = await offered(t);
  const { state, words } = await lapseOut(t, id);
  expect(state).toMatchObject({ status: 'accepted', acceptance: { lapses: 4 } });
  expect(state?.incidents[0]).toMatchObject({ id: 'inc-1', kind: 'lease', error: { code: 'LEASE_LAPSED' } });
  expect(words).toContain(`the lease of ${by} lapsed 4 times`);
  for (const epoch of [4, 5])
    await expect(t.rig.client.complete(id, { by, epoch })).rejects.toMatchObject({ code: 'STALE_ACCEPTANCE' });
  await t.rig.client.cancel(id, { by: 'op', reason: 'nobody does it' });
  expect(await t.rig.client.result(id)).toMatchObject({ outcome: 'cancelled', undone: [{ result: 'undone' }] });
});

test('retryStep offers it once more, with three lapses ahead of it again', async (ctx) => {
  const t = await timeRig(ctx);
  const id = await offered(t);
  await lapseOut(t, id);
  await t.rig.client.retry(id, { by: 'op', reason: 'ask again', incidentId: 'inc-1' });
  const { state } = await offeredAt(t, id, 5);
  expect(state).toMatchObject({ incidents: [], acceptance: { lapses: 0 }, expiry: { remainingMs: 30 * 60_000 } });
  const { epoch } = await t.rig.client.accept(id, { by });
  await t.rig.client.complete(id, { by, epoch });
  expect(await t.rig.client.result(id)).toMatchObject({ outcome: 'completed' });
});

test('resolveIncident gives the work to whoever resolves it, without a lease', async (ctx) => {
  const t = await timeRig(ctx);
  const id = await offered(t);
  await lapseOut(t, id);
  await t.rig.client.resolve(id, { by: 'op', reason: 'I do it myself', incidentId: 'inc-1' });
  const { state } = await t.rig.until(id, (s) => s.state?.incidents.length === 0);
  expect(state).toMatchObject({ status: 'accepted', acceptance: { by: 'op', epoch: 5, lapses: 0 } });
  await t.skip(60 * 24 * 7);
  await expect(t.rig.client.complete(id, { by, epoch: 4 })).rejects.toMatchObject({ code: 'STALE_ACCEPTANCE' });
  await t.rig.client.complete(id, { by: 'op', epoch: 5 });
  expect(await t.rig.client.result(id)).toMatchObject({ outcome: 'completed', by: 'op' });
});
