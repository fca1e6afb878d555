import { describe, expect, test } from 'vitest';
import { resumePipelineAnew } from '../../src/client/pipeline/start.js';
import { packedIn } from '../../src/core/pipeline/pipeline.js';
import { openStorage } from '../../src/storage/storage.js';
import type { Rig } from '../rig/rig.js';
import { ALL_STEPS, Steps, newSession } from './phases.js';
import { withRig } from './with-rig.js';

const here = new Steps();
const there = new Steps();
let rig: Rig;
let other: string;
withRig(here, (...r) => ([rig, other] = r), { there });

async function startedUntil(step: string): Promise<string> {
  const session = newSession();
  here.hold(step);
  await rig.pipelines.start({ session });
  await rig.pipelines.until(session, (s) => s.resumePoint === step);
  return session;
}

async function pausedAt(step: string): Promise<{ session: string; packageId: string }> {
  const session = await startedUntil(step);
  await rig.pipelines.pause(session);
  await rig.pipelines.untilShown(session, 'draining');
  here.open(step);
  const { state } = await rig.pipelines.untilShown(session, 'paused');
  return { session, packageId: state.checkpoint!.packageId };
}

describe('the rest of a pipeline', () => {
  test('goes on at another task queue after a transfer, from the next step, and nothing runs twice', async () => {
    const session = await startedUntil('analysis/first');
    const { packageId } = await rig.pipelines.transfer(session, other);
    here.open('analysis/first');
    await rig.pipelines.handle(session).result();
    expect(here.of(session)).toEqual(ALL_STEPS.slice(0, 3));
    expect(there.of(session)).toEqual(ALL_STEPS.slice(3));
    const { state } = await rig.pipelines.status(session);
    expect(state.moves).toMatchObject([{ to: other, packageId }]);
    expect(await rig.storage.packages.load(packageId)).toMatchObject({
      metadata: { reason: 'transfer', createdBy: 'op' },
      checkpoint: { status: 'paused', resumePoint: 'analysis/second' },
    });
    expect(await rig.storage.pipelines.ofSession(session)).toMatchObject({ taskQueue: other, epoch: 2 });
  });

  test('one that is paused or has failed goes there by a resume that names it', async () => {
    const { session, packageId } = await pausedAt('extraction/second');
    expect(await rig.pipelines.resume(session, { packageId, taskQueue: other })).toMatchObject({
      status: 'transferring',
      packageId,
    });
    await rig.pipelines.handle(session).result();
    expect([...here.of(session), '|', ...there.of(session)]).toEqual(ALL_STEPS.toSpliced(2, 0, '|'));
    const broken = newSession();
    here.fail('synthesis/first');
    await rig.pipelines.start({ session: broken });
    await rig.pipelines.until(broken, (s) => s.shown === 'failed' && s.state.checkpoint !== undefined);
    await rig.pipelines.resume(broken, { taskQueue: other });
    await rig.pipelines.handle(broken).result();
    here.mend('synthesis/first');
    // The effect was made here, before the step failed: there it is not made again.
    expect([...here.of(broken), '|', ...there.of(broken)]).toEqual(ALL_STEPS.toSpliced(5, 0, '|'));
  });

  test('waits visibly where nobody polls, and can be fetched back', async () => {
    const session = await startedUntil('analysis/first');
    const { packageId } = await rig.pipelines.transfer(session, 'nobody');
    here.open('analysis/first');
    await expect
      .poll(() => rig.storage.pipelines.ofSession(session), { timeout: 50_000 })
      .toMatchObject({ shown: 'transferring', taskQueue: 'nobody', blocked: 'waits for a worker on nobody' });
    const handoff = (await rig.storage.packages.load(packageId))!;
    // The record comes before the run there.
    const now = () => rig.pipelines.handle(session).describe();
    await expect.poll(async () => (await now()).taskQueue, { timeout: 20_000 }).toBe('nobody');
    const { runId } = await now();
    const from = { packageId, by: 'op' };
    rig.pipelines.track(await resumePipelineAnew(rig.pipelines.caller(), packedIn(handoff)!, from, runId));
    await rig.pipelines.handle(session).result();
    expect(here.of(session)).toEqual(ALL_STEPS);
  });

  test('where that cannot go on, it waits there, and says why', async () => {
    const poor = `${rig.taskQueue}-poor`;
    await rig.anotherWorker({ taskQueue: poor, phases: [] });
    const session = await startedUntil('analysis/first');
    await rig.pipelines.transfer(session, poor);
    here.open('analysis/first');
    const stuck = await rig.pipelines.untilShown(session, 'paused');
    expect(stuck.state.holds.operator).toMatchObject({ by: 'handoff' });
    expect(stuck.state.failure).toMatchObject({ code: 'PHASE_UNKNOWN' });
    await rig.pipelines.resume(session, { taskQueue: rig.taskQueue });
    await rig.pipelines.handle(session).result();
    expect(here.of(session)).toEqual(ALL_STEPS);
  });
});

describe('a run that takes over from a package', () => {
  const again = async (packageId: string, taskQueue: string) => {
    const packed = packedIn((await rig.storage.packages.load(packageId))!)!;
    const { runId } = await rig.pipelines.handle(packed.subject.session).describe();
    const from = { packageId, by: 'op' };
    return rig.pipelines.track(await resumePipelineAnew(rig.pipelines.caller(taskQueue), packed, from, runId));
  };

  test('ends the paused one; a package that was taken up is not taken up again', async () => {
    const { session, packageId } = await pausedAt('extraction/second');
    await again(packageId, other);
    await rig.pipelines.handle(session).result();
    expect([...here.of(session), '|', ...there.of(session)]).toEqual(ALL_STEPS.toSpliced(2, 0, '|'));
    await again(packageId, other);
    const failed: unknown = await rig.pipelines
      .handle(session)
      .result()
      .catch((e: unknown) => e);
    expect(failed).toMatchObject({
      cause: { type: 'PIPELINE_RESUME_FAILED', message: expect.stringContaining('was resumed already') as string },
    });
    expect(there.of(session)).toEqual(ALL_STEPS.slice(2));
  });

  test('an expired package is refused, unless the clock of its run stood still', async () => {
    const session = newSession();
    here.hold('extraction/first');
    await rig.pipelines.start({ session, packageExpiresInMinutes: 0.001 });
    await rig.pipelines.until(session, (s) => s.resumePoint === 'extraction/first');
    await rig.pipelines.pause(session);
    await rig.pipelines.untilShown(session, 'draining');
    here.open('extraction/first');
    const { state } = await rig.pipelines.untilShown(session, 'paused');
    const { packageId, at } = state.checkpoint!;
    const packed = packedIn((await rig.storage.packages.load(packageId))!)!;
    const takeOver = async (from: object): Promise<unknown> => {
      const { runId } = await rig.pipelines.handle(session).describe();
      const source = { packageId, by: 'op', ...from };
      const started = await resumePipelineAnew(rig.pipelines.caller(), packed, source, runId);
      return rig.pipelines
        .handle(rig.pipelines.track(started).session)
        .result()
        .catch((e: unknown) => e);
    };
    expect(await takeOver({})).toMatchObject({
      cause: { type: 'PIPELINE_RESUME_FAILED', message: 'Failed to receive handoff: Handoff package expired' },
    });
    expect(await takeOver({ asOf: at })).toMatchObject({ status: 'completed' });
    expect(here.of(session)).toEqual(ALL_STEPS);
  });

  test('goes on in another storage that has nothing but the package', async () => {
    const { session, packageId } = await pausedAt('extraction/second');
    const handoff = (await rig.storage.packages.load(packageId))!;
    const storage = await openStorage({ folder: `${rig.folder}/elsewhere` });
    const elsewhere = new Steps();
    const taskQueue = `${rig.taskQueue}-elsewhere`;
    await rig.anotherWorker({ taskQueue, storage, phases: elsewhere.phases });
    await storage.packages.save(handoff);
    await again(packageId, taskQueue);
    await rig.pipelines.handle(session).result();
    expect(elsewhere.of(session)).toEqual(ALL_STEPS.slice(2));
    expect((await storage.sessions.context(session)).map((e) => e.key)).toContain('extraction.first');
    await rig.stopWorker();
    await storage.close();
    await rig.startWorker();
    await rig.anotherWorker({ taskQueue: other, phases: there.phases });
  });

  test('shuts out an attempt that the run before left at work', async () => {
    const { session, packageId } = await pausedAt('extraction/second');
    const { pipelineId } = (await rig.storage.pipelines.ofSession(session))!.subject;
    await rig.pipelines.resume(session);
    await rig.pipelines.handle(session).result();
    const late = rig.storage.pipelines.fenced({ pipelineId, epoch: 1 }, 'late', () => Promise.resolve());
    await expect(late).rejects.toMatchObject({ code: 'STALE_EPOCH' });
    const take = rig.storage.pipelines.take((await rig.storage.pipelines.ofSession(session))!.subject, [], {
      epoch: 2,
      run: 'another',
      taskQueue: other,
      terms: {},
    });
    await expect(take).rejects.toMatchObject({ code: 'PIPELINE_RESUME_FAILED' });
    expect(packageId).toMatch(/-1$/);
  });
});

describe('a long pipeline', () => {
  test('continues as new before its history is large, a pause between included', async () => {
    const session = newSession();
    here.hold('checkpoint/first');
    await rig.pipelines.start({ session, stepsPerRun: 3 });
    await rig.pipelines.until(session, (s) => s.resumePoint === 'checkpoint/first');
    await rig.pipelines.pause(session);
    await rig.pipelines.untilShown(session, 'draining');
    here.open('checkpoint/first');
    await rig.pipelines.untilShown(session, 'paused');
    await rig.pipelines.resume(session);
    await rig.pipelines.handle(session).result();
    expect(here.of(session)).toEqual(ALL_STEPS);
    expect((await rig.pipelines.runs(session)).length).toBe(5);
    expect(await rig.storage.pipelines.ofSession(session)).toMatchObject({ status: 'completed', epoch: 2 });
  });
});
