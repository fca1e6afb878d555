import { expect, onTestFinished, test, type TestContext } from 'vitest';
import { dueAt } from '../../src/core/clock.js';
import type { ReturnSpec } from '../../src/core/contract.js';
import type { ReturnState } from '../../src/core/return-state.js';
import { AGENTS } from '../rig/rig.js';
import { TimeRig } from '../rig/time-rig.js';
import { accepts, by, lying, starts, submits } from './return-parts.js';

const timeRig = async (ctx: TestContext): Promise<TimeRig> => {
  const t = await TimeRig.create(ctx);
  onTestFinished(() => t.close());
  return t;
};
const MINUTE = 60_000;
const LONG = { expiresInMinutes: 600 };
const state = async (t: TimeRig, id: string, name = 'x.json'): Promise<ReturnState> =>
  (await t.rig.client.status(id)).state!.returns![name]!;
const until = (t: TimeRig, id: string, fits: (r: ReturnState) => boolean, name = 'x.json') =>
  t.rig.until(id, (s) => s.state?.returns !== undefined && fits(s.state.returns[name]!));
const accepted = (t: TimeRig, spec: ReturnSpec, over: Parameters<typeof accepts>[2] = {}): Promise<string> =>
  accepts(t.rig, { 'x.json': spec }, { ...LONG, ...over });
/** Lets time pass until so many minutes before its deadline; after it where negative. What the test itself took counts. */
const skipTo = async (t: TimeRig, id: string, before: number, name?: string): Promise<void> => {
  const due = dueAt((await state(t, id, name)).deadline!)!;
  await t.skip((due - (await t.now())) / MINUTE - before);
};
const done = async (t: TimeRig, id: string, epoch = 1): Promise<void> => {
  await submits(t.rig, id, { 'x.json': '{}' }, { epoch });
  await t.rig.client.complete(id, { by, epoch });
  expect((await t.rig.client.result(id)).outcome).toBe('completed');
};

test('deadlines begin with the acceptance, each its own; what is expected by then and has not come is late', async (ctx) => {
  const t = await timeRig(ctx);
  const specs = { 'x.json': { expected_in: 10, timeout_minutes: 60 }, 'y.json': {} };
  const id = await starts(t.rig, specs, LONG);
  await t.rig.untilStatus(id, 'awaiting_acceptance');
  await t.skip(300);
  expect((await state(t, id)).deadline).toBeUndefined();
  await t.rig.client.accept(id, { by });
  const since = await t.now();
  await t.skip(9);
  const early = await until(t, id, (r) => r.deadline !== undefined);
  expect(early.state!.returns!['x.json']!.lateSince).toBeUndefined();
  expect(early.state!.returns!['y.json']!.deadline).toMatchObject({ remainingMs: 120 * MINUTE });
  await t.skip(1.5);
  const late = await until(t, id, (r) => r.lateSince !== undefined);
  expect(late.state!.returns!['x.json']!.lateSince! - since).toBeLessThan(10.5 * MINUTE);
  expect(late.words).toMatch(/\*\*x\.json\*\* until .*UTC, then it goes on without it; late since /);
  await done(t, id);
});

test('retry: asked again three times, each with a deadline of its own, then a person', async (ctx) => {
  const t = await timeRig(ctx);
  const id = await accepted(t, { timeout_minutes: 30, if_missing: 'retry', critical: true });
  for (const asks of [1, 2, 3]) {
    await skipTo(t, id, 1);
    expect((await state(t, id)).asks).toBe(asks - 1);
    await skipTo(t, id, -0.2);
    await until(t, id, (r) => r.asks === asks);
  }
  expect((await t.rig.client.status(id)).words).toContain('then a person is asked; critical; late since');
  await t.skip(30.5);
  const { state: s } = await t.rig.until(id, ({ state: now }) => now?.incidents.length === 1);
  expect(s!.incidents[0]).toMatchObject({ kind: 'return', returns: ['x.json'], error: { code: 'RETURN_MISSING' } });
  // A person has all the time that there is.
  await t.skip(60 * 24 * 7);
  await t.rig.client.retry(id, { by: 'op', reason: 'it was ill', incidentId: 'inc-1' });
  const again = await until(t, id, (r) => r.asks === 0 && r.deadline !== undefined);
  expect(again.state!.returns!['x.json']!.lateSince).toBeUndefined();
  await done(t, id);
});

test('fail: the default of a critical one; the handoff fails and is undone', async (ctx) => {
  const t = await timeRig(ctx);
  const id = await accepts(t.rig, { 'x.json': { critical: true, timeout_minutes: 30 }, 'y.json': {} }, LONG);
  await submits(t.rig, id, { 'y.json': '{}' });
  await t.skip(30.5);
  const outcome = await t.rig.client.result(id);
  expect(outcome).toMatchObject({
    outcome: 'failed',
    code: 'RETURN_MISSING',
    reason: 'x.json was not returned in time',
    returns: { 'x.json': { status: 'expected' }, 'y.json': { status: 'received' } },
  });
  expect(outcome.undone.map((u) => u.result)).toEqual(['undone', 'undone']);
  expect(lying(t.rig, id)).toBeUndefined();
});

test('warn: the default of one that is not critical; it goes on, and the outcome says so', async (ctx) => {
  const t = await timeRig(ctx);
  const id = await starts(t.rig, { 'x.json': { timeout_minutes: 30 } }, { ...LONG, acceptance: 'auto' });
  await t.rig.untilStatus(id, 'accepted');
  await t.skip(29);
  expect((await t.rig.client.status(id)).status).toBe('accepted');
  await t.skip(1.5);
  expect(await t.rig.client.result(id)).toMatchObject({
    outcome: 'completed',
    warnings: ['x.json: it did not come in time'],
    returns: { 'x.json': { status: 'missing' } },
  });
});

test('what comes after its time, before the end, is taken all the same', async (ctx) => {
  const t = await timeRig(ctx);
  const id = await accepted(t, { timeout_minutes: 30 });
  await t.skip(31);
  await until(t, id, (r) => r.status === 'missing');
  await submits(t.rig, id, { 'x.json': '{}' });
  await t.rig.client.complete(id, { by, epoch: 1 });
  const outcome = await t.rig.client.result(id);
  expect(outcome.warnings).toBeUndefined();
  expect(outcome.returns!['x.json']).toMatchObject({ status: 'received' });
});

test('a pause stops the clock of every return; nothing times out however long it lasts', async (ctx) => {
  const t = await timeRig(ctx);
  const id = await accepted(t, { critical: true, expected_in: 20, timeout_minutes: 30 });
  await t.skip(15);
  await t.pause(id, { at: await t.iso() });
  await t.skip(60 * 24 * 30);
  const still = await state(t, id);
  expect(still.lateSince).toBeUndefined();
  const left = still.deadline!.remainingMs / MINUTE;
  expect([left <= 15, left > 13]).toEqual([true, true]);
  await t.resume(id, { at: await t.iso() });
  await t.skip(6);
  expect((await until(t, id, (r) => r.lateSince !== undefined)).status).toBe('accepted');
  await t.skip(10);
  expect(await t.rig.client.result(id)).toMatchObject({ outcome: 'failed', code: 'RETURN_MISSING' });
});

test('with clockWhilePaused: run it goes on', async (ctx) => {
  const t = await timeRig(ctx);
  const id = await accepted(t, { timeout_minutes: 30 }, { clockWhilePaused: 'run' });
  await t.pause(id);
  await t.skip(31);
  await until(t, id, (r) => r.status === 'missing');
  await t.resume(id);
  await t.rig.client.complete(id, { by, epoch: 1 });
  expect((await t.rig.client.result(id)).warnings).toEqual(['x.json: it did not come in time']);
});

test('an acceptance while it is paused: the deadlines stand still until it goes on', async (ctx) => {
  const t = await timeRig(ctx);
  const id = await starts(t.rig, { 'x.json': { critical: true, timeout_minutes: 30 } }, LONG);
  await t.rig.untilStatus(id, 'awaiting_acceptance');
  await t.pause(id);
  await t.rig.client.accept(id, { by });
  await t.skip(600);
  expect((await state(t, id)).deadline).toEqual({ remainingMs: 30 * MINUTE });
  await t.resume(id);
  await t.skip(29);
  await done(t, id);
});

test('a lapsed lease stops them; the next acceptance begins them anew for what has not come', async (ctx) => {
  const t = await timeRig(ctx);
  const specs = {
    'x.json': { critical: true, timeout_minutes: 30, format: 'json' },
    'y.json': { timeout_minutes: 30 },
  };
  const id = await accepts(t.rig, specs, { ...LONG, leaseMinutes: 20 });
  await submits(t.rig, id, { 'y.json': '{}' });
  await submits(t.rig, id, { 'x.json': 'no' });
  await t.skip(20.5);
  await t.rig.until(id, (s) => s.state?.acceptance.epoch === 2);
  await t.skip(100);
  expect(await state(t, id)).toMatchObject({ status: 'expected', rounds: 1 });
  await expect(submits(t.rig, id, { 'x.json': '{}' })).rejects.toMatchObject({ code: 'WRONG_STATE' });
  await t.rig.client.accept(id, { by: AGENTS.source });
  await expect(submits(t.rig, id, { 'x.json': '{}' })).rejects.toMatchObject({ code: 'STALE_ACCEPTANCE' });
  const anew = await until(t, id, (r) => r.deadline !== undefined);
  expect(anew.state!.returns!['x.json']).toMatchObject({ rounds: 0, asks: 0, deadline: { remainingMs: 30 * MINUTE } });
  expect(anew.state!.returns!['y.json']).toMatchObject({ status: 'received', by });
  await t.skip(29);
  await submits(t.rig, id, { 'x.json': '{}' }, { epoch: 2, by: AGENTS.source });
  await t.rig.client.complete(id, { by: AGENTS.source, epoch: 2 });
  expect((await t.rig.client.result(id)).outcome).toBe('completed');
});

test('many returns need no timer each at once, and each is decided in its time', async (ctx) => {
  const t = await timeRig(ctx);
  const names = Array.from({ length: 40 }, (_, i) => `r${i}.json`);
  const specs = Object.fromEntries(names.map((n, i) => [n, { timeout_minutes: 10 + i }]));
  const id = await starts(t.rig, specs, { ...LONG, acceptance: 'auto' });
  await t.rig.untilStatus(id, 'accepted');
  await skipTo(t, id, -0.5, 'r10.json');
  const { state: s } = await until(t, id, (r) => r.status === 'missing', 'r10.json');
  const statuses = Object.values(s!.returns!).map((r) => r.status);
  expect(statuses).toEqual(names.map((_, i) => (i <= 10 ? 'missing' : 'expected')));
  const waiting = (await t.rig.history(id)).events!;
  const open =
    waiting.filter((e) => e.timerStartedEventAttributes).length -
    waiting.filter((e) => e.timerFiredEventAttributes ?? e.timerCanceledEventAttributes).length;
  expect(open).toBe(20);
  await t.skip(30);
  expect((await t.rig.client.result(id)).warnings).toHaveLength(40);
});
