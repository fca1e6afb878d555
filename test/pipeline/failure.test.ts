import { describe, expect, test } from 'vitest';
import type { Rig } from '../rig/rig.js';
import { ALL_STEPS, Steps, newSession } from './phases.js';
import { withRig } from './with-rig.js';

const steps = new Steps();
let rig: Rig;
withRig(steps, (r) => (rig = r), { worker: { shutdownGraceTime: 100 } });

const calls = (session: string, step: string): number => steps.called.filter((c) => c === `${session} ${step}`).length;

describe('a step that fails', () => {
  test('for good leaves a checkpoint `error`; after a fix it goes on there, and no effect is made twice', async () => {
    const session = newSession();
    steps.fail('synthesis/second');
    const { pipelineId } = await rig.pipelines.start({ session });
    const failed = await rig.pipelines.until(session, (s) => s.shown === 'failed' && s.state.checkpoint !== undefined);
    expect(failed.state.failure).toMatchObject({ code: 'STATE_CONFLICT', phase: 'synthesis', step: 'second' });
    expect(failed.words).toContain('it waits for a fix and a resume');
    expect(calls(session, 'synthesis/second')).toBe(1);
    const { packageId } = failed.state.checkpoint!;
    expect(await rig.storage.packages.load(packageId)).toMatchObject({
      checkpoint: {
        phase: 'synthesis',
        step: 1,
        totalSteps: 2,
        status: 'error',
        resumePoint: 'synthesis/second',
        error: { code: 'STATE_CONFLICT' },
      },
    });
    expect(await rig.storage.sessions.phase(session, 'synthesis')).toMatchObject({ status: 'failed' });
    await expect
      .poll(() => rig.storage.pipelines.find(pipelineId))
      .toMatchObject({ shown: 'failed', packageId, blocked: 'failed at synthesis/second (STATE_CONFLICT)' });
    // Not mended yet: it fails once more, and waits with another package.
    await rig.pipelines.resume(session, { packageId });
    const again = await rig.pipelines.until(
      session,
      (s) => s.shown === 'failed' && ![undefined, packageId].includes(s.state.checkpoint?.packageId),
    );
    steps.mend('synthesis/second');
    await rig.pipelines.resume(session, { packageId: again.state.checkpoint!.packageId });
    await rig.pipelines.handle(session).result();
    expect(steps.of(session)).toEqual(ALL_STEPS);
    expect(calls(session, 'synthesis/second')).toBe(3);
    expect(await rig.storage.sessions.phase(session, 'synthesis')).toMatchObject({ status: 'completed' });
  });

  test('because its worker shuts down goes on with the next worker, and that attempt does not count', async () => {
    const session = newSession();
    steps.hold('analysis/first');
    const { pipelineId } = await rig.pipelines.start({ session });
    await rig.pipelines.until(session, (s) => s.resumePoint === 'analysis/first');
    await expect.poll(() => calls(session, 'analysis/first')).toBe(1);
    await rig.stopWorker();
    expect(steps.stopped).toContain('analysis/first');
    steps.open('analysis/first');
    await rig.startWorker();
    await rig.pipelines.handle(session).result();
    expect(calls(session, 'analysis/first')).toBe(2);
    expect((await rig.storage.pipelines.steps(pipelineId))[2]).toMatchObject({ step: 'first', attempt: 1 });
    expect(steps.of(session)).toEqual(ALL_STEPS);
  });

  test('is tried again as often as it may, and a pause ends the wait between two attempts', async () => {
    const session = newSession();
    steps.fail('analysis/first', Infinity, true);
    await rig.pipelines.start({ session });
    const waiting = await rig.pipelines.until(session, (s) => s.state.running?.retryAt !== undefined);
    expect(waiting.words).toContain('is tried again at');
    await rig.pipelines.pause(session);
    const paused = await rig.pipelines.untilShown(session, 'paused');
    expect(paused.resumePoint).toBe('analysis/first');
    const made = calls(session, 'analysis/first');
    await rig.pipelines.resume(session);
    await rig.pipelines.untilShown(session, 'failed');
    // Three in all: the pause took none away, and gave none.
    expect(calls(session, 'analysis/first')).toBe(3);
    expect(made).toBeLessThan(3);
    steps.mend('analysis/first');
    await rig.pipelines.until(session, (s) => s.state.checkpoint !== undefined);
    await rig.pipelines.resume(session);
    await rig.pipelines.handle(session).result();
    expect(steps.of(session)).toEqual(ALL_STEPS);
  });
});
