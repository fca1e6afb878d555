import type { WorkflowFailedError } from '@temporalio/client';
import { CancelledFailure } from '@temporalio/common';
import { describe, expect, test } from 'vitest';
import type { Rig } from '../rig/rig.js';
import { ALL_STEPS, Steps, newSession } from './phases.js';
import { withRig } from './with-rig.js';

const steps = new Steps();
let rig: Rig;
withRig(steps, (r) => (rig = r));

/** A pipeline that stands paused before a step. */
async function pausedBefore(step: string, over: object = {}): Promise<{ session: string; packageId: string }> {
  const session = newSession();
  const before = ALL_STEPS[ALL_STEPS.indexOf(step) - 1]!;
  steps.hold(before);
  await rig.pipelines.start({ session });
  await rig.pipelines.until(session, (s) => s.resumePoint === before);
  await rig.pipelines.pause(session, over);
  await rig.pipelines.untilShown(session, 'draining');
  steps.open(before);
  const { state } = await rig.pipelines.untilShown(session, 'paused');
  return { session, packageId: state.checkpoint!.packageId };
}

const refusal = (code: string, message: string) => ({
  cause: { type: code, message: expect.stringContaining(message) as string },
});

describe('resume', () => {
  test('refuses a package that is not the present one, and one that is nobody’s', async () => {
    const { session, packageId } = await pausedBefore('analysis/first');
    await rig.pipelines.resume(session, { packageId });
    await rig.pipelines.handle(session).result();
    steps.hold('synthesis/first');
    const again = newSession();
    await rig.pipelines.start({ session: again });
    await rig.pipelines.until(again, (s) => s.resumePoint === 'synthesis/first');
    await expect(rig.pipelines.resume(again)).rejects.toMatchObject(
      refusal('PIPELINE_RESUME_FAILED', `Failed to receive handoff: the pipeline of session ${again} is running`),
    );
    await rig.pipelines.pause(again);
    await rig.pipelines.untilShown(again, 'draining');
    steps.open('synthesis/first');
    await rig.pipelines.untilShown(again, 'paused');
    await expect(rig.pipelines.resume(again, { packageId })).rejects.toMatchObject(
      refusal(
        'PIPELINE_RESUME_FAILED',
        `Failed to receive handoff: Handoff package ${packageId} is not the present one`,
      ),
    );
    await expect(rig.pipelines.resume(again, { merge: 'mine' as 'fail' })).rejects.toMatchObject(
      refusal('INVALID_MESSAGE', 'merge: must be one of overwrite'),
    );
    await rig.pipelines.resume(again);
    await rig.pipelines.handle(again).result();
    expect(steps.of(again)).toEqual(ALL_STEPS);
  });

  test('what somebody fixed meanwhile stays, and is named as a conflict; another strategy decides otherwise', async () => {
    const { session, packageId } = await pausedBefore('analysis/first');
    const set = (value: unknown) => rig.storage.sessions.set(session, 'extraction.first', value, 'op');
    await set('fixed');
    await expect(rig.pipelines.resume(session, { merge: 'fail' })).rejects.toMatchObject(
      refusal('PIPELINE_RESUME_FAILED', 'Failed to receive handoff: Nothing of handoff package'),
    );
    expect(await rig.pipelines.status(session)).toMatchObject({ shown: 'paused' });
    const { conflicts } = await rig.pipelines.resume(session, { packageId });
    expect(conflicts).toMatchObject([{ key: 'extraction.first', decision: 'existing' }]);
    expect((await rig.pipelines.status(session)).state.conflicts).toEqual(conflicts);
    await rig.pipelines.handle(session).result();
    const entries = await rig.storage.sessions.context(session);
    expect(entries.find((e) => e.key === 'extraction.first')!.value).toBe('"fixed"');
  });

  test('a package that was damaged is refused, the pipeline stays paused, and goes on once it is whole', async () => {
    const { session, packageId } = await pausedBefore('analysis/first');
    const whole = (await rig.storage.packages.load(packageId))!;
    await rig.storage.packages.delete(packageId);
    await expect(rig.pipelines.resume(session)).rejects.toMatchObject(
      refusal('PIPELINE_RESUME_FAILED', 'Failed to receive handoff: Handoff package not found'),
    );
    await rig.storage.packages.save(whole);
    await rig.pipelines.resume(session);
    await rig.pipelines.handle(session).result();
    expect(steps.of(session)).toEqual(ALL_STEPS);
  });

  test('happens by itself at the time that the pause named, and not again after a manual one', async () => {
    const until = new Date(Date.now() + 1500).toISOString();
    const { session } = await pausedBefore('analysis/first', { until, reason: 'lunch' });
    await rig.pipelines.handle(session).result();
    expect(steps.of(session)).toEqual(ALL_STEPS);
    const later = new Date(Date.now() + 3_600_000).toISOString();
    const other = await pausedBefore('analysis/first', { until: later });
    expect((await rig.pipelines.status(other.session)).words).toContain('it resumes by itself at');
    await rig.pipelines.resume(other.session);
    await rig.pipelines.handle(other.session).result();
    const { events } = await rig.pipelines.handle(other.session).fetchHistory();
    expect(events!.filter((e) => e.timerFiredEventAttributes)).toEqual([]);
    expect(events!.filter((e) => e.timerCanceledEventAttributes)).toHaveLength(1);
  });

  test('an operator does not lift a parent’s pause', async () => {
    const { session } = await pausedBefore('analysis/first');
    await rig.pipelines.pause(session, { by: 'mother', reason: 'all stop', holder: 'parent' });
    await rig.pipelines.until(session, (s) => s.state.holds.parent !== undefined);
    expect(await rig.pipelines.resume(session)).toMatchObject({ status: 'paused' });
    expect((await rig.pipelines.status(session)).state.holds).toEqual({ parent: expect.anything() as unknown });
    expect(await rig.pipelines.resume(session, { holder: 'parent' })).toMatchObject({ status: 'running' });
    await rig.pipelines.handle(session).result();
  });
});

describe('pause', () => {
  test('that does not fit changes nothing: it is paused already, or over', async () => {
    const { session } = await pausedBefore('analysis/first', { reason: 'first' });
    await rig.pipelines.pause(session, { reason: 'second' });
    await rig.pipelines.handle(session).signal('pause', 'rubbish');
    expect((await rig.pipelines.status(session)).state.holds.operator).toMatchObject({ reason: 'first' });
    await rig.pipelines.resume(session);
    await rig.pipelines.handle(session).result();
  });

  test('sent while no worker runs, it takes hold when one comes', async () => {
    const session = newSession();
    steps.hold('extraction/second');
    await rig.pipelines.start({ session });
    await rig.pipelines.until(session, (s) => s.resumePoint === 'extraction/second');
    steps.open('extraction/second');
    await rig.stopWorker();
    await rig.pipelines.pause(session);
    await rig.startWorker();
    const paused = await rig.pipelines.untilShown(session, 'paused');
    const at = ALL_STEPS.indexOf(paused.resumePoint);
    expect(at).toBeGreaterThan(0);
    expect(at).toBeLessThan(4);
    await rig.pipelines.resume(session);
    await rig.pipelines.handle(session).result();
    expect(steps.of(session)).toEqual(ALL_STEPS);
  });
});

describe('cancel', () => {
  /** How its run ended, and what the database has. */
  const ended = async (session: string): Promise<unknown> => {
    const failed = (await rig.pipelines
      .handle(session)
      .result()
      .catch((e: unknown) => e)) as WorkflowFailedError;
    const { status, shown } = (await rig.storage.pipelines.ofSession(session))!;
    return [failed.cause instanceof CancelledFailure, status, shown];
  };
  const cancelled = [true, 'cancelled', 'cancelled'];

  test('stops the step at work by its signal, and closes as Canceled', async () => {
    const session = newSession();
    steps.hold('validation/first');
    await rig.pipelines.start({ session });
    await rig.pipelines.until(session, (s) => s.resumePoint === 'validation/first');
    await rig.pipelines.cancel(session);
    expect(await ended(session)).toEqual(cancelled);
    expect(steps.stopped).toContain('validation/first');
    expect(steps.of(session)).toEqual(ALL_STEPS.slice(0, 6));
    steps.open('validation/first');
  });

  test('ends one that is paused, and Temporal’s own Cancel does too', async () => {
    const { session } = await pausedBefore('analysis/first');
    await rig.pipelines.cancel(session);
    expect(await ended(session)).toEqual(cancelled);
    const other = await pausedBefore('analysis/first');
    await rig.pipelines.handle(other.session).cancel();
    expect(await ended(other.session)).toEqual(cancelled);
  });
});

describe('start', () => {
  test('refuses a phase that no worker has, and names those that there are', async () => {
    const session = newSession();
    await expect(rig.pipelines.start({ session, phases: ['extraction', 'dancing'] })).rejects.toMatchObject({
      code: 'PHASE_UNKNOWN',
      message: expect.stringContaining('No handler for phase dancing') as string,
    });
    await expect(rig.pipelines.handle(session).describe()).rejects.toThrow('not found');
  });

  test.each([
    [{ session: '../x' }, 'INVALID_ID'],
    [{ session: 's', phases: ['a/b'] }, 'INVALID_ID'],
    [{ session: 's', phases: [] }, 'INVALID_REQUEST'],
    [{ session: 's', phases: ['extraction', 'extraction'] }, 'INVALID_REQUEST'],
    [{ session: 's', packageExpiresInMinutes: 0 }, 'INVALID_REQUEST'],
  ])('refuses %j', async (request, code) => {
    await expect(rig.pipelines.start(request)).rejects.toMatchObject({ code });
  });

  test('a session has one that is open at a time, and another after it', async () => {
    const { session } = await pausedBefore('analysis/first');
    await expect(rig.pipelines.start({ session })).rejects.toMatchObject({ code: 'PIPELINE_RUNNING' });
    await rig.pipelines.resume(session);
    await rig.pipelines.handle(session).result();
    await rig.pipelines.start({ session, phases: ['extraction'] });
    await rig.pipelines.handle(session).result();
    expect(steps.of(session)).toEqual([...ALL_STEPS, 'extraction/first', 'extraction/second']);
    expect(await rig.storage.pipelines.list({ session })).toHaveLength(2);
  });

  test.each([
    ['nothing', []],
    ['no phases', [{ subject: { pipelineId: 'pl-1', session: 'hand', cloneId: 'c', pipelineVersion: '1' } }]],
    [
      'the state of another',
      [
        {
          subject: { pipelineId: 'pl-1', session: 'hand', cloneId: 'c', pipelineVersion: '1' },
          phases: [{ phase: 'extraction', steps: [{ name: 'first' }] }],
          carried: {},
        },
      ],
    ],
  ])('by hand with %s fails at once', async (_, args) => {
    const { taskQueue } = rig;
    const start = { workflowId: 'pipeline/hand', taskQueue, args };
    const failed: unknown = await rig.temporal.workflow.execute('handoffPipeline', start).catch((e: unknown) => e);
    expect(failed).toMatchObject({ cause: { type: 'INVALID_REQUEST' } });
  });
});
