import { describe, expect, onTestFinished, test, type TestContext } from 'vitest';
import { remaining } from '../../src/core/clock.js';
import { newId, startWork } from '../rig/parts.js';
import { AGENTS } from '../rig/rig.js';
import { SECOND, TimeRig, minutesLeft } from '../rig/time-rig.js';

const by = AGENTS.target;
const DAY = 24 * 60;
const timeRig = async (ctx: TestContext): Promise<TimeRig> => {
  const t = await TimeRig.create(ctx);
  onTestFinished(() => t.close());
  return t;
};
/** One that lies with its target and has so many minutes left. */
async function offered(t: TimeRig, over: Parameters<typeof startWork>[2] = {}): Promise<string> {
  const id = await startWork(t.rig, 'WORK_AND_ASK', over);
  await t.rig.untilStatus(id, 'awaiting_acceptance');
  t.rig.leftOpen.add(id);
  return id;
}
const isPaused = async (t: TimeRig, id: string): Promise<boolean> =>
  (await t.rig.client.status(id)).state!.pausedSince !== undefined;

describe('the clock of a paused handoff stands still', () => {
  test('for 30 days, and goes on with exactly what was left', async (ctx) => {
    const t = await timeRig(ctx);
    const id = await offered(t);
    await t.skip(20);
    const before = minutesLeft(await t.pause(id));
    expect(before).toBeGreaterThan(40 - 5 * SECOND);
    expect(before).toBeLessThanOrEqual(40);
    await t.skip(30 * DAY);
    expect(minutesLeft(await t.rig.client.status(id))).toBe(before);
    const { state } = await t.resume(id);
    expect(Math.abs(remaining(state!.expiry, await t.now()) - before * 60_000)).toBeLessThan(1000);
    await t.skip(before - 10 * SECOND);
    expect((await t.rig.client.status(id)).status).toBe('awaiting_acceptance');
    await t.skip(20 * SECOND);
    expect(await t.rig.client.result(id)).toMatchObject({ outcome: 'expired' });
  });

  test('for its lease as well', async (ctx) => {
    const t = await timeRig(ctx);
    const id = await offered(t);
    const { epoch } = await t.rig.client.accept(id, { by, leaseMinutes: 30 });
    await t.skip(10);
    const left = (await t.pause(id)).state!.lease!.remainingMs;
    await t.skip(30 * DAY);
    expect((await t.rig.client.status(id)).state).toMatchObject({ status: 'accepted', lease: { remainingMs: left } });
    await t.resume(id);
    await t.skip(left / 60_000 - 10 * SECOND);
    expect((await t.rig.client.status(id)).status).toBe('accepted');
    await t.skip(20 * SECOND);
    await t.rig.until(id, (s) => s.state?.acceptance.epoch === epoch + 1);
  });

  test('but runs on where the request says so', async (ctx) => {
    const t = await timeRig(ctx);
    const id = await offered(t, { clockWhilePaused: 'run' });
    await t.pause(id);
    await t.skip(61);
    expect(await t.rig.client.result(id)).toMatchObject({ outcome: 'expired' });
  });

  test('and counts a pause from when it was sent, held between the last event and now', async (ctx) => {
    const t = await timeRig(ctx);
    const id = await offered(t);
    await t.skip(20);
    const late = await t.iso(-5);
    expect(minutesLeft(await t.pause(id, { at: late }))).toBeCloseTo(45, 0);
    await t.resume(id, { at: await t.iso(+600) });
    await t.skip(10);
    expect(minutesLeft(await t.pause(id, { at: '2020-01-01T00:00:00Z' }))).toBeCloseTo(45, 0);
  });
});

describe('a pause ends', () => {
  test('by itself at its time, and nothing starts before', async (ctx) => {
    const t = await timeRig(ctx);
    const id = newId();
    const startAfter = await t.iso(5);
    await startWork(t.rig, 'WORK_ONLY', { handoffId: id, startAfter });
    await t.pause(id, { until: await t.iso(120) });
    await t.skip(119);
    expect(t.parts.happened).toEqual([]);
    expect(await isPaused(t, id)).toBe(true);
    await t.skip(1.5);
    expect(await t.rig.client.result(id)).toMatchObject({ outcome: 'completed' });
  });

  test('by hand, and an auto-resume timer is not left over', async (ctx) => {
    const t = await timeRig(ctx);
    const id = await offered(t);
    await t.pause(id, { until: await t.iso(60) });
    await t.skip(5);
    await t.resume(id);
    expect(await isPaused(t, id)).toBe(false);
    await t.pause(id);
    await t.skip(120);
    expect(await isPaused(t, id)).toBe(true);
    const { events } = await t.rig.history(id);
    const resumes = events!.filter((e) => e.timerStartedEventAttributes).map((e) => e.eventId!.toString());
    const ended = events!.flatMap((e) => {
      const over = e.timerCanceledEventAttributes ?? e.timerFiredEventAttributes;
      return over ? [over.startedEventId!.toString()] : [];
    });
    expect(resumes.filter((r) => !ended.includes(r))).toEqual([]);
  });

  test('only when both of its holders let go, each by its own time', async (ctx) => {
    const t = await timeRig(ctx);
    const id = await offered(t);
    await t.pause(id);
    await t.signal(id, 'pause', { by: 'pipeline', reason: 'all of it', holder: 'parent', until: await t.iso(30) });
    expect(Object.keys((await t.rig.client.status(id)).state!.holds)).toEqual(['operator', 'parent']);
    await t.skip(31);
    await t.rig.until(id, (s) => s.state?.holds.parent === undefined);
    expect(await isPaused(t, id)).toBe(true);
    await t.signal(id, 'pause', { by: 'pipeline', reason: 'again', holder: 'parent' });
    await t.resume(id);
    expect((await t.rig.client.status(id)).state!.holds).toMatchObject({ parent: { by: 'pipeline' } });
    expect(await isPaused(t, id)).toBe(true);
    await t.resume(id, { holder: 'parent' });
    expect(await isPaused(t, id)).toBe(false);
  });

  test('and timers do not all fire at once', async (ctx) => {
    const t = await timeRig(ctx);
    const ids = await Promise.all([20, 40, 60].map((expiresInMinutes) => offered(t, { expiresInMinutes })));
    const [first, second, third] = ids as [string, string, string];
    for (const id of ids) await t.pause(id);
    await t.skip(30 * DAY);
    for (const id of ids) await t.resume(id);
    const statuses = () => Promise.all(ids.map(async (id) => (await t.rig.client.status(id)).status));
    expect(await statuses()).toEqual(Array.from({ length: 3 }, () => 'awaiting_acceptance'));
    await t.skip(21);
    expect(await t.rig.client.result(first)).toMatchObject({ outcome: 'expired' });
    expect((await statuses()).slice(1)).toEqual(['awaiting_acceptance', 'awaiting_acceptance']);
    await t.skip(20);
    expect(await t.rig.client.result(second)).toMatchObject({ outcome: 'expired' });
    expect((await t.rig.client.status(third)).status).toBe('awaiting_acceptance');
  });
});
