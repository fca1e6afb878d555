import { describe, expect, onTestFinished, test, type TestContext } from 'vitest';
import { newId, startWork } from '../rig/parts.js';
import { AGENTS } from '../rig/rig.js';
import { SECOND, TimeRig } from '../rig/time-rig.js';

const by = AGENTS.target;
const timeRig = async (ctx: TestContext): Promise<TimeRig> => {
  const t = await TimeRig.create(ctx);
  onTestFinished(() => t.close());
  return t;
};
const expired = { outcome: 'expired', by: 'clock', code: 'HANDOFF_EXPIRED', reason: 'nobody accepted it in time' };

describe('before it is accepted a handoff expires, and what it did is undone', () => {
  test('while it lies with its target, after 60 minutes where nothing else is said', async (ctx) => {
    const t = await timeRig(ctx);
    const id = await startWork(t.rig, 'WORK_AND_ASK');
    await t.rig.untilStatus(id, 'awaiting_acceptance');
    await t.skip(59);
    expect((await t.rig.client.status(id)).status).toBe('awaiting_acceptance');
    await t.skip(1.5);
    const outcome = await t.rig.client.result(id);
    expect(outcome).toMatchObject({ ...expired, undone: [{ key: `${id}/work/1/it`, result: 'undone' }] });
    expect(t.parts.happened).toEqual([`act ${id}`, `undo ${id}`]);
    await expect(t.rig.client.accept(id, { by })).rejects.toMatchObject({ code: 'WRONG_STATE' });
  });

  test('while it waits to begin', async (ctx) => {
    const t = await timeRig(ctx);
    const startAfter = await t.iso(120);
    const id = await startWork(t.rig, 'WORK_AND_ASK', { startAfter, expiresAt: await t.iso(121) });
    // Held in `pending` past its start, so that it expires there.
    await t.pause(id, { holder: 'operator' });
    await t.skip(200);
    await t.resume(id);
    expect((await t.rig.untilStatus(id, 'awaiting_acceptance')).status).toBe('awaiting_acceptance');
    const other = await startWork(t.rig, 'WORK_AND_ASK', {
      startAfter: await t.iso(50),
      clockWhilePaused: 'run',
      expiresInMinutes: 5,
    });
    await t.pause(other);
    await t.skip(60);
    expect(await t.rig.client.result(other)).toMatchObject({ ...expired, undone: [] });
    expect(t.parts.happened).not.toContain(`act ${other}`);
    t.rig.leftOpen.add(id);
  });

  test('while a slow step is at work, which ends first and is then undone', async (ctx) => {
    const t = await timeRig(ctx);
    const id = newId();
    t.parts.hold(id, 'act');
    await startWork(t.rig, 'WORK_AND_ASK', { handoffId: id, expiresInMinutes: 0.05 });
    await t.rig.until(id, (s) => s.state?.steps['work']?.status === 'running');
    // No time is skipped while an activity is at work: these seconds are real.
    await t.skip(0.06);
    await t.rig.untilStatus(id, 'compensating');
    expect(t.parts.happened).toEqual([]);
    t.parts.open(id, 'act');
    expect(await t.rig.client.result(id)).toMatchObject(expired);
    expect(t.parts.happened).toEqual([`act ${id}`, `undo ${id}`]);
  });

  test('at a time that was given, however it was put off since', async (ctx) => {
    const t = await timeRig(ctx);
    const given = await t.iso(10);
    const id = await startWork(t.rig, 'WORK_AND_ASK', { expiresAt: given });
    await t.rig.untilStatus(id, 'awaiting_acceptance');
    const { expiresAt } = await t.rig.client.extend(id, { by, minutes: 30 });
    expect(Date.parse(expiresAt)).toBe(Date.parse(given) + 30 * 60_000);
    await t.skip(39);
    expect((await t.rig.client.status(id)).status).toBe('awaiting_acceptance');
    await t.skip(1.2);
    expect(await t.rig.client.result(id)).toMatchObject(expired);
  });
});

test('startAfter holds it, and a span to expire counts from there', async (ctx) => {
  const t = await timeRig(ctx);
  const id = await startWork(t.rig, 'WORK_AND_ASK', { startAfter: await t.iso(24 * 60), expiresInMinutes: 10 });
  expect((await t.rig.untilStatus(id, 'pending')).words).toContain('waits for its start time');
  await t.skip(24 * 60 - 1);
  expect((await t.rig.client.status(id)).status).toBe('pending');
  expect(t.parts.happened).toEqual([]);
  await t.skip(1.1);
  await t.rig.untilStatus(id, 'awaiting_acceptance');
  await t.skip(9.5);
  expect((await t.rig.client.status(id)).status).toBe('awaiting_acceptance');
  await t.skip(0.6);
  expect(await t.rig.client.result(id)).toMatchObject(expired);
});

test('once it is accepted it does not expire', async (ctx) => {
  const t = await timeRig(ctx);
  const id = await startWork(t.rig, 'WORK_AND_ASK', { expiresInMinutes: 10 });
  await t.rig.untilStatus(id, 'awaiting_acceptance');
  await t.skip(10 - 30 * SECOND);
  const { epoch } = await t.rig.client.accept(id, { by });
  await t.skip(60 * 24 * 400);
  expect((await t.rig.client.status(id)).status).toBe('accepted');
  await t.rig.client.complete(id, { by, epoch });
  expect(await t.rig.client.result(id)).toMatchObject({ outcome: 'completed' });
});
