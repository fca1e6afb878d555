import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { HandoffClient } from '../../src/client.js';
import type { PipelineRequest } from '../../src/client/pipeline/start.js';
import type { Rig } from '../rig/rig.js';
import { ALL_STEPS, Steps, newSession } from './phases.js';
import { withRig } from './with-rig.js';

const steps = new Steps();
const there = new Steps();
let rig: Rig;
let other: string;
const pipelines = () => rig.client.pipelines;
const OP = { by: 'op' };

withRig(steps, (...r) => ([rig, other] = r), { there });

const started = async (session: string, over: Partial<PipelineRequest> = {}): Promise<string> => {
  rig.pipelines.track(await pipelines().start({ session, ...over }));
  return session;
};

/** A pipeline whose step is at work until it is opened. */
async function heldAt(step: string): Promise<string> {
  steps.hold(step);
  const session = await started(newSession());
  await rig.pipelines.until(session, (s) => s.resumePoint === step && s.state.running !== undefined);
  return session;
}

/** The package of a pipeline that was paused while that step was at work. */
async function pausedAfter(step: string): Promise<{ session: string; packageId: string }> {
  const session = await heldAt(step);
  const pausing = pipelines().pause(session, OP);
  await rig.pipelines.untilShown(session, 'draining');
  steps.open(step);
  return { session, packageId: (await pausing).id };
}

/** A client for whom nobody waits long. */
const hasty = (deadlineMs: number, taskQueue = rig.taskQueue) =>
  new HandoffClient({ temporal: rig.temporal, storage: rig.storage, taskQueue, deadlineMs }).pipelines;

describe('pause', () => {
  test('waits for the step at work, and returns the package that is then written', async () => {
    const session = await heldAt('analysis/first');
    const pausing = pipelines().pause(session, { by: 'op', reason: 'audit' });
    await rig.pipelines.untilShown(session, 'draining');
    steps.open('analysis/first');
    const handoff = await pausing;
    expect(handoff).toMatchObject({
      sessionId: session,
      checkpoint: { phase: 'analysis', step: 1, totalSteps: 2, status: 'paused', resumePoint: 'analysis/second' },
      metadata: { reason: 'audit', createdBy: 'op' },
    });
    expect(await pipelines().status(session)).toMatchObject({
      from: 'run',
      shown: 'paused',
      stepsDone: 3,
      percent: 21,
    });
    await expect(pipelines().pause(session, OP)).rejects.toMatchObject({
      code: 'PIPELINE_NOT_RUNNING',
      message: `Pipeline is not running: session ${session} is paused.`,
    });
    const [listed] = await pipelines().list({ session });
    expect(listed).toMatchObject({ shown: 'paused', packageId: handoff.id, phase: 'analysis', step: 'second' });
    await pipelines().resume(handoff.id, OP);
    expect(await pipelines().result(session)).toMatchObject({ status: 'completed', steps: 14 });
    expect(steps.of(session)).toEqual(ALL_STEPS);
    await expect(pipelines().pause(session, OP)).rejects.toMatchObject({ params: { status: 'completed' } });
  });

  test('stands where the step takes longer than we wait, and says so', async () => {
    const session = await heldAt('analysis/first');
    const late = await pipelines()
      .pause(session, OP, { waitMs: 300 })
      .catch((e: unknown) => e);
    expect(late).toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      message: expect.stringContaining('takes hold when analysis/first has ended') as string,
    });
    steps.open('analysis/first');
    await rig.pipelines.untilShown(session, 'paused');
    await pipelines().cancel(session, { by: 'op', reason: 'enough' });
    expect(await pipelines().result(session)).toMatchObject({
      status: 'cancelled',
      by: 'op',
      reason: 'enough',
      steps: 3,
    });
  });

  test('gives the package of a failure, where the step fails meanwhile; and an end is no pause', async () => {
    const session = await heldAt('analysis/first');
    const pausing = pipelines().pause(session, OP);
    await rig.pipelines.untilShown(session, 'draining');
    steps.fail('analysis/first');
    steps.open('analysis/first');
    const handoff = await pausing;
    expect(handoff.checkpoint).toMatchObject({ status: 'error', resumePoint: 'analysis/first' });
    steps.mend('analysis/first');
    await pipelines().resume(handoff.id, OP);
    await pipelines().result(session);
    const last = await heldAt('finalization/second');
    const tooLate = pipelines().pause(last, OP);
    await rig.pipelines.untilShown(last, 'draining');
    steps.open('finalization/second');
    await expect(tooLate).rejects.toMatchObject({ code: 'PIPELINE_NOT_RUNNING', params: { status: 'completed' } });
  });
});

describe('bad input is refused by name', () => {
  test.each([
    ['a session that has none', () => pipelines().status('nobody'), 'PIPELINE_NOT_FOUND', 'nobody'],
    ['a session that is none', () => pipelines().status('../x'), 'INVALID_ID', '../x'],
    ['the same, paused', () => pipelines().pause('../x', OP), 'INVALID_ID', '../x'],
    ['nobody', () => pipelines().pause('s', { by: '' }), 'INVALID_MESSAGE', 'by'],
    ['a strange date', () => pipelines().pause('s', { by: 'op', until: 'soon' }), 'INVALID_MESSAGE', 'until'],
    ['no task queue', () => pipelines().transfer('s', '', OP), 'INVALID_MESSAGE', 'taskQueue'],
    ['an unknown phase', () => pipelines().start({ session: 's', phases: ['x'] }), 'PHASE_UNKNOWN', 'x'],
    ['a strange limit', () => pipelines().list({ limit: 0 }), 'INVALID_REQUEST', '/limit'],
    ['a cancel without why', () => pipelines().cancel('s', { by: 'op' } as never), 'INVALID_MESSAGE', 'reason'],
  ] as const)('%s', async (_what, call, code, text) => {
    await expect(call()).rejects.toMatchObject({ code, message: expect.stringContaining(text) as string });
  });

  test('without storage, what needs it says so', async () => {
    const bare = new HandoffClient({ temporal: rig.temporal }).pipelines;
    for (const call of [() => bare.pause('s', OP), () => bare.resume('hof-1', OP), () => bare.list()])
      await expect(call()).rejects.toMatchObject({ code: 'STORAGE_REQUIRED' });
  });
});

describe('resume', () => {
  const failing = (why: string) => ({ code: 'PIPELINE_RESUME_FAILED', message: `Failed to receive handoff: ${why}` });

  test('refuses what is not there, damaged, or no pipeline’s, with the words of the manager', async () => {
    await expect(pipelines().resume('hof-nothing', OP)).rejects.toMatchObject(failing('Handoff package not found'));
    await expect(pipelines().resume('hof-1', { by: 'op', merge: 'mine' as never })).rejects.toMatchObject({
      code: 'INVALID_MESSAGE',
    });
    const { session, packageId } = await pausedAfter('extraction/first');
    const file = path.join(rig.storage.folder, 'packages', `${packageId}.json`);
    const whole = readFileSync(file, 'utf8');
    writeFileSync(file, whole.replace('"first"', '"fourth"').replace('extraction.first', 'extraction.other'));
    await expect(pipelines().resume(packageId, OP)).rejects.toMatchObject(failing('Integrity check failed'));
    expect(await pipelines().status(session)).toMatchObject({ shown: 'paused' });
    writeFileSync(file, whole);
    await pipelines().resume(packageId, OP);
    await pipelines().result(session);
    await expect(pipelines().resume(packageId, OP)).rejects.toMatchObject(
      failing(`the pipeline of session ${session} is completed`),
    );
    expect(steps.of(session)).toEqual(ALL_STEPS);
  });

  test('refuses one that is superseded, and names the present one', async () => {
    const { session, packageId } = await pausedAfter('extraction/first');
    steps.hold('analysis/first');
    await pipelines().resume(packageId, OP);
    await rig.pipelines.until(session, (s) => s.resumePoint === 'analysis/first' && s.state.running !== undefined);
    const pausing = pipelines().pause(session, OP);
    await rig.pipelines.untilShown(session, 'draining');
    steps.open('analysis/first');
    const present = (await pausing).id;
    await expect(pipelines().resume(packageId, OP)).rejects.toMatchObject(
      failing(`Handoff package ${packageId} is not the present one: it is superseded by ${present}`),
    );
    await expect(pipelines().resume(present, { ...OP, merge: 'fail' })).resolves.toMatchObject({ anew: false });
    await pipelines().result(session);
    expect(steps.of(session)).toEqual(ALL_STEPS);
  });

  test('refuses one that has expired in a run that is gone, and another pipeline in its session', async () => {
    const session = await started(newSession(), { packageExpiresInMinutes: 0.001, phases: ['extraction', 'analysis'] });
    await pipelines().result(session);
    steps.hold('extraction/first');
    const open = await started(newSession(), { packageExpiresInMinutes: 0.001 });
    await rig.pipelines.until(open, (s) => s.state.running !== undefined);
    const pausing = pipelines().pause(open, OP);
    await rig.pipelines.untilShown(open, 'draining');
    steps.open('extraction/first');
    const { id } = await pausing;
    await rig.pipelines.handle(open).terminate('by hand');
    await expect
      .poll(() => pipelines().status(open))
      .toMatchObject({ shown: 'terminated', gone: { how: 'terminated' } });
    await expect(pipelines().pause(open, OP)).rejects.toMatchObject({ params: { status: 'terminated' } });
    await expect(pipelines().result(open)).rejects.toMatchObject({ params: { status: 'terminated' } });
    await sleep(100);
    await expect(pipelines().resume(id, OP)).rejects.toMatchObject(failing('Handoff package expired'));
    steps.hold('extraction/first');
    await started(open);
    await expect(pipelines().resume(id, OP)).rejects.toMatchObject({
      message: expect.stringMatching(/another pipeline that is open, pl-/) as string,
    });
    steps.open('extraction/first');
    await pipelines().result(open);
  });

  test.each([
    ['its own run', false],
    ['a new run', true],
  ])('takes up one in %s that is older than it may be, but whose clock stood still', async (_where, anew) => {
    steps.hold('extraction/first');
    const session = await started(newSession(), { packageExpiresInMinutes: 0.03, phases: ['extraction', 'analysis'] });
    await rig.pipelines.until(session, (s) => s.state.running !== undefined);
    const pausing = pipelines().pause(session, OP);
    await rig.pipelines.untilShown(session, 'draining');
    steps.open('extraction/first');
    const { id, metadata } = await pausing;
    await sleep(metadata.expiresAt!.getTime() - Date.now() + 100);
    if (anew) await rig.pipelines.handle(session).terminate('by hand');
    await expect(pipelines().resume(id, OP)).resolves.toMatchObject({ anew });
    await expect(pipelines().result(session)).resolves.toMatchObject({ status: 'completed' });
  });

  test('starts anew where its run was terminated, and follows on to its end', async () => {
    const { session, packageId } = await pausedAfter('analysis/second');
    const following = pipelines().result(session);
    await rig.pipelines.handle(session).terminate('by hand');
    await expect(following).rejects.toMatchObject({ code: 'PIPELINE_NOT_RUNNING' });
    const resumed = await pipelines().resume(packageId, OP);
    expect(resumed).toMatchObject({ anew: true, resumePoint: 'synthesis/first', taskQueue: rig.taskQueue });
    expect(await pipelines().result(session)).toMatchObject({ status: 'completed' });
    expect(steps.of(session)).toEqual(ALL_STEPS);
  });

  test('goes on at another task queue, by its own run or by a new one where nobody answers', async () => {
    const { session, packageId } = await pausedAfter('extraction/second');
    const resumed = await pipelines().resume(packageId, { ...OP, taskQueue: other });
    expect(resumed).toMatchObject({ status: 'transferring', taskQueue: other, anew: false });
    await pipelines().result(session);
    expect([...steps.of(session), '|', ...there.of(session)]).toEqual(ALL_STEPS.toSpliced(2, 0, '|'));

    const lost = await heldAt('extraction/second');
    const nobody = `${rig.taskQueue}-nobody`;
    const moving = pipelines().transfer(lost, nobody, OP);
    await rig.pipelines.untilShown(lost, 'draining');
    steps.open('extraction/second');
    const moved = await moving;
    expect(moved).toMatchObject({ targetProcess: nobody, waitsForWorker: true });
    expect(moved.transferredAt).toBeInstanceOf(Date);
    // The run that moves answers until it has continued as new.
    await expect
      .poll(() => pipelines().status(lost), { timeout: 20_000 })
      .toMatchObject({ from: 'storage', shown: 'transferring', waitsForWorker: nobody });
    const nowhere = await hasty(3000, `${nobody}-either`).resume(moved.handoffId, OP);
    expect(nowhere).toMatchObject({ anew: true, waitsForWorker: true });
    const fetched = await pipelines().resume(moved.handoffId, OP);
    expect(fetched).toMatchObject({ anew: true, taskQueue: rig.taskQueue });
    await pipelines().result(lost);
    expect(steps.of(lost)).toEqual(ALL_STEPS);
  });
});

test('what happens can be followed to the end', async () => {
  const session = await heldAt('synthesis/first');
  const seen: string[] = [];
  const following = (async () => {
    for await (const { shown, from } of pipelines().follow(session, { intervalMs: 20 })) seen.push(`${shown} ${from}`);
  })();
  await expect.poll(() => seen).toContain('running run');
  const pausing = pipelines().pause(session, OP);
  await expect.poll(() => seen).toContain('draining run');
  steps.open('synthesis/first');
  const { id } = await pausing;
  await expect.poll(() => seen).toContain('paused run');
  await pipelines().resume(id, OP);
  await following;
  expect(seen.at(-1)).toBe('completed run');
  const stop = new AbortController();
  stop.abort();
  for await (const _ of pipelines().follow(session, { signal: stop.signal })) throw new Error('it went on');
});
