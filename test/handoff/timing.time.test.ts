import { describe, expect, onTestFinished, test, type TestContext } from 'vitest';
import type { RunStatus } from '../../src/client.js';
import { shownStatus } from '../../src/core/handoff.js';
import { utc } from '../../src/core/date.js';
import { blockedBecause } from '../../src/core/words.js';
import { newId } from '../rig/parts.js';
import { AGENTS, type Rig } from '../rig/rig.js';
import { TimeRig, minutesLeft } from '../rig/time-rig.js';

const DAY = 24 * 60;
const timeRig = async (ctx: TestContext): Promise<TimeRig> => {
  const t = await TimeRig.create(ctx);
  onTestFinished(() => t.close());
  return t;
};

/** A handoff by a contract with such dates, from phase 8 to phase 13; it has nothing to trigger. */
async function begin(rig: Rig, timing: Record<string, string>, over: object = {}): Promise<string> {
  const id = newId();
  const parties = { source: { agent: AGENTS.source, phase: 8 }, target: { agent: AGENTS.target, phase: 13 } };
  const contract = { contract: { sends: {} }, timing };
  return rig.start('CONTRACT_HANDOFF_STANDARD', { ...parties, handoffId: id, contract, ...over });
}
const held = (s: RunStatus): boolean => s.state?.waitsUntil !== undefined;
const stepOf = (s: RunStatus, id: string): string | undefined => s.state?.steps[id]?.status;

describe('a phase that may not start yet', () => {
  test('holds the trigger for three days, and says so', async (ctx) => {
    const t = await timeRig(ctx);
    const at = (await t.now()) + 3 * DAY * 60_000;
    const id = await begin(t.rig, { phase_13_can_start_after: new Date(at).toISOString() });
    const { state, words } = await t.rig.until(id, held);
    expect(stepOf({ state } as RunStatus, 'readiness_validation')).toBe('finished');
    const said = utc(at);
    expect(words).toContain(`Phase Trigger waits for phase 13 to be allowed to start, at ${said}`);
    expect(blockedBecause(state!)).toBe(`waits for phase 13 to be allowed to start, ${said}`);
    const { events } = await t.rig.history(id);
    const summaries = events!.flatMap((e) => (e.timerStartedEventAttributes ? [e.userMetadata?.summary?.data] : []));
    expect(summaries.map((s) => Buffer.from(s ?? []).toString())).toContain('"Waits until phase 13 may start"');
    // The hour for it to be accepted has not begun.
    expect(state!.expiry.remainingMs / 60_000).toBeGreaterThan(3 * DAY + 59);
    await t.skip(3 * DAY - 5);
    expect(stepOf(await t.rig.client.status(id), 'phase_trigger')).toBe('waiting');
    await t.skip(6);
    expect(await t.rig.client.result(id)).toMatchObject({ outcome: 'completed' });
    expect((await t.rig.client.status(id)).state!.steps['phase_trigger']!.startedAt).toBeGreaterThanOrEqual(at);
  });

  test('is not started in a pause, but at its end where the time has passed', async (ctx) => {
    const t = await timeRig(ctx);
    const id = await begin(t.rig, { phase_13_can_start_after: await t.iso(3 * DAY) });
    await t.rig.until(id, held);
    await t.skip(DAY);
    await t.pause(id);
    const paused = await t.rig.client.status(id);
    await t.skip(4 * DAY);
    const still = await t.rig.client.status(id);
    expect([shownStatus(still.state!), stepOf(still, 'phase_trigger')]).toEqual(['paused', 'waiting']);
    expect(minutesLeft(still)).toBe(minutesLeft(paused));
    await t.resume(id);
    expect(await t.rig.client.result(id)).toMatchObject({ outcome: 'completed' });
  });

  test('is still held where the pause was over before', async (ctx) => {
    const t = await timeRig(ctx);
    const at = (await t.now()) + 3 * DAY * 60_000;
    const id = await begin(t.rig, { phase_13_can_start_after: new Date(at).toISOString() });
    await t.rig.until(id, held);
    await t.pause(id);
    await t.skip(DAY);
    await t.resume(id);
    await t.skip(DAY);
    expect(stepOf(await t.rig.client.status(id), 'phase_trigger')).toBe('waiting');
    await t.skip(1.1 * DAY);
    await t.rig.client.result(id);
    expect((await t.rig.client.status(id)).state!.steps['phase_trigger']!.startedAt).toBeGreaterThanOrEqual(at);
  });

  test('holds the offer where there is no trigger; the expiry counts from then on, and it can be cancelled', async (ctx) => {
    const t = await timeRig(ctx);
    const contract = { contract: { sends: {} }, timing: { phase_13_can_start_after: await t.iso(DAY) } };
    const target = { agent: AGENTS.target, phase: 13 };
    const start = () =>
      t.rig.start('AGENT_HANDOFF_STANDARD', { target, artifacts: [], contract, expiresInMinutes: 30 });
    const id = await start();
    await t.rig.until(id, held);
    await t.skip(DAY - 1);
    expect((await t.rig.client.status(id)).state!.acceptance.epoch).toBe(0);
    await t.skip(2);
    await t.rig.untilStatus(id, 'awaiting_acceptance');
    await t.skip(27);
    expect((await t.rig.client.status(id)).status).toBe('awaiting_acceptance');
    await t.skip(5);
    expect(await t.rig.client.result(id)).toMatchObject({ outcome: 'expired' });
    const other = await start();
    const later = { phase_13_can_start_after: await t.iso(DAY) };
    const held2 = await begin(t.rig, later);
    await t.rig.until(held2, held);
    await t.signal(held2, 'cancel', { by: 'op', reason: 'enough' });
    expect(await t.rig.client.result(held2)).toMatchObject({ outcome: 'cancelled' });
    // The date of the first is over by now, and holds nothing.
    await t.rig.untilStatus(other, 'awaiting_acceptance');
    await t.signal(other, 'cancel', { by: 'op', reason: 'enough' });
    await t.rig.client.result(other);
  });
});

describe('a handoff is late', () => {
  const LATE = 'phase 13 was expected to end by';

  test('once its target should have ended, which ends nothing; the mark stays to the end', async (ctx) => {
    const t = await timeRig(ctx);
    const end = (await t.now()) + 2 * DAY * 60_000;
    const timing = {
      phase_13_can_start_after: await t.iso(DAY),
      phase_13_expected_end: new Date(end).toISOString(),
    };
    const id = await begin(t.rig, timing);
    const before = await t.rig.until(id, held);
    expect([before.state!.late, before.words!.includes('Late')]).toEqual([undefined, false]);
    // A date is a date: it passes in a pause too.
    await t.pause(id);
    await t.skip(2 * DAY + 1);
    const { state, words } = await t.rig.until(id, (s) => s.state?.late !== undefined);
    const late = { since: end, what: `${LATE} ${utc(end)}`, ends: ['target'] };
    expect(state!.late).toEqual(late);
    expect(words).toContain(`**Late** since ${utc(end)}: ${LATE} ${utc(end)}.`);
    await t.rig.until(id, (s) => s.from === 'run');
    const [listed] = await t.rig.client.list({ session: `s-${id}` });
    expect(listed).toMatchObject({ shown: 'paused', late });
    await t.resume(id);
    await t.skip(DAY);
    expect(await t.rig.client.result(id)).toMatchObject({ outcome: 'completed', late });
  });

  test('where its source should have ended before it began; one whose files moved in time is not', async (ctx) => {
    const t = await timeRig(ctx);
    const passed = await t.iso(-5);
    const first = await begin(t.rig, { phase_8_expected_end: passed, phase_13_expected_end: await t.iso(DAY) });
    expect(await t.rig.client.result(first)).toMatchObject({
      outcome: 'completed',
      late: { since: Date.parse(passed), what: expect.stringMatching(/^phase 8 was expected to end by/) as string },
    });
    // As in S2's document: the source's end is when the target may start.
    const noon = await t.iso(60);
    const second = await begin(
      t.rig,
      { phase_8_expected_end: noon, phase_13_can_start_after: noon, phase_13_expected_end: await t.iso(DAY) },
      { target: { agent: AGENTS.target, phase: 13 } },
    );
    await t.rig.until(second, held);
    await t.skip(61);
    const outcome = await t.rig.client.result(second);
    expect([outcome.outcome, outcome.late]).toEqual(['completed', undefined]);
  });

  test('on both ends, where it is held before it has moved anything', async (ctx) => {
    const t = await timeRig(ctx);
    const timing = { phase_8_expected_end: await t.iso(10), phase_13_expected_end: await t.iso(20) };
    const id = await begin(t.rig, timing, { startAfter: await t.iso(30) });
    await t.rig.untilStatus(id, 'pending');
    await t.skip(15);
    expect((await t.rig.until(id, (s) => s.state?.late !== undefined)).state!.late!.ends).toEqual(['source']);
    await t.skip(10);
    const { state } = await t.rig.until(id, (s) => s.state?.late?.ends.length === 2);
    expect(state!.late).toMatchObject({ since: Date.parse(timing.phase_8_expected_end), ends: ['source', 'target'] });
    await t.skip(10);
    expect(await t.rig.client.result(id)).toMatchObject({ outcome: 'completed', late: state!.late });
  });
});
