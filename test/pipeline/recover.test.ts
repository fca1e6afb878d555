import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { HandoffClient } from '../../src/client.js';
import type { PipelineRequest } from '../../src/client/pipeline/start.js';
import type { Rig } from '../rig/rig.js';
import { ALL_STEPS, Steps, newSession } from './phases.js';
import { withRig } from './with-rig.js';

const steps = new Steps();
let rig: Rig;
const OP = { by: 'op' };
const pipelines = () => rig.client.pipelines;
withRig(steps, (r) => (rig = r));

async function heldAt(step: string, over: Partial<PipelineRequest> = {}): Promise<string> {
  const session = newSession();
  steps.hold(step);
  rig.pipelines.track(await pipelines().start({ session, ...over }));
  await rig.pipelines.until(session, (s) => s.resumePoint === step && s.state.running !== undefined);
  return session;
}

async function pausedAfter(step: string, over: Partial<PipelineRequest> = {}) {
  const session = await heldAt(step, over);
  const pausing = pipelines().pause(session, OP);
  await rig.pipelines.untilShown(session, 'draining');
  steps.open(step);
  const { id: packageId } = await pausing;
  return { session, packageId, file: path.join(rig.storage.folder, 'packages', `${packageId}.json`) };
}

const completed = async (session: string): Promise<void> => {
  expect(await pipelines().result(session)).toMatchObject({ status: 'completed' });
  expect(steps.of(session)).toEqual(ALL_STEPS);
};

describe('a session goes on', () => {
  test('from its present package', async () => {
    const { session, packageId } = await pausedAfter('extraction/second');
    expect(await pipelines().resumeSession(session, OP)).toMatchObject({ handoffId: packageId, anew: false });
    await completed(session);
    await expect(pipelines().resumeSession(session, OP)).rejects.toMatchObject({
      code: 'PIPELINE_RESUME_FAILED',
      message: `Failed to receive handoff: the pipeline of session ${session} is completed`,
    });
  });

  test.each([
    ['damaged', (file: string) => writeFileSync(file, readFileSync(file, 'utf8').replace('first', 'furst'))],
    ['gone', (file: string) => rmSync(file)],
  ])('from its records where the package is %s', async (_how, spoil) => {
    const { session, file } = await pausedAfter('analysis/first');
    spoil(file);
    await expect(pipelines().resumeSession(session, OP)).rejects.toMatchObject({ code: 'PIPELINE_RESUME_FAILED' });
    expect(await pipelines().status(session)).toMatchObject({ shown: 'paused' });
    await rig.storage.sessions.set(session, 'mended', true, 'op');
    const resumed = await pipelines().resumeSession(session, { ...OP, fromRecords: true });
    expect(resumed).toMatchObject({ anew: true, resumePoint: 'analysis/second', conflicts: [] });
    expect(resumed.handoffId).toBeUndefined();
    await completed(session);
    expect(await rig.storage.sessions.entry(session, 'mended')).toMatchObject({ value: 'true' });
  });

  test('from its records where the package has expired, and its run is gone', async () => {
    const { session } = await pausedAfter('analysis/first', { packageExpiresInMinutes: 0.001 });
    await rig.pipelines.handle(session).terminate('by hand');
    // The package ages from here on, and one that has not expired yet would be taken up.
    await sleep(200);
    await expect
      .poll(() =>
        pipelines()
          .resumeSession(session, OP)
          .catch((e: unknown) => e),
      )
      .toMatchObject({ message: 'Failed to receive handoff: Handoff package expired' });
    await pipelines().resumeSession(session, { ...OP, fromRecords: true });
    await completed(session);
  });

  test('from its records where its run was terminated at work, and the package before is not taken for the present one', async () => {
    const { session, packageId } = await pausedAfter('extraction/second');
    steps.hold('synthesis/first');
    await pipelines().resume(packageId, OP);
    await rig.pipelines.until(session, (s) => s.resumePoint === 'synthesis/first' && s.state.running !== undefined);
    await expect(pipelines().resumeSession(session, OP)).rejects.toMatchObject({
      message: `Failed to receive handoff: the pipeline of session ${session} is running`,
    });
    await expect(pipelines().resumeSession(session, { ...OP, fromRecords: true })).rejects.toMatchObject({
      code: 'PIPELINE_RESUME_FAILED',
    });
    await rig.pipelines.handle(session).terminate('by hand');
    await expect.poll(() => pipelines().status(session)).toMatchObject({ shown: 'terminated' });
    expect(await pipelines().resumeSession(session, OP)).toMatchObject({ anew: true, resumePoint: 'synthesis/first' });
    steps.open('synthesis/first');
    await completed(session);
  });

  test('elsewhere, where the workers of one that is running do not come back', async () => {
    const gone = `${rig.taskQueue}-gone`;
    await rig.anotherWorker({ taskQueue: gone, phases: steps.phases, worker: { shutdownGraceTime: 100 } });
    const session = newSession();
    steps.hold('analysis/first');
    rig.pipelines.track(
      await new HandoffClient({ temporal: rig.temporal, storage: rig.storage, taskQueue: gone }).pipelines.start({
        session,
      }),
    );
    await rig.pipelines.until(session, (s) => s.resumePoint === 'analysis/first' && s.state.running !== undefined);
    await rig.stopWorker();
    steps.open('analysis/first');
    await rig.startWorker();
    // Half of its time is what a client waits for an answer, before it looks whether anybody is there.
    const hasty = new HandoffClient({
      temporal: rig.temporal,
      storage: rig.storage,
      taskQueue: rig.taskQueue,
      deadlineMs: 4000,
    }).pipelines;
    await expect.poll(() => hasty.status(session), { timeout: 20_000 }).toMatchObject({ waitsForWorker: gone });
    await expect(hasty.resumeSession(session, OP)).resolves.toMatchObject({ anew: true, taskQueue: rig.taskQueue });
    await completed(session);
  });

  test('once, where two ask at once', async () => {
    const { session, packageId } = await pausedAfter('analysis/second');
    const asked = await Promise.allSettled([pipelines().resume(packageId, OP), pipelines().resumeSession(session, OP)]);
    expect(asked.map((a) => a.status).toSorted()).toEqual(['fulfilled', 'rejected']);
    await completed(session);
    const two = await pausedAfter('analysis/second');
    await rig.pipelines.handle(two.session).terminate('by hand');
    await expect.poll(() => pipelines().status(two.session)).toMatchObject({ shown: 'terminated' });
    const both = await Promise.allSettled([
      pipelines().resume(two.packageId, OP),
      pipelines().resumeSession(two.session, { ...OP, fromRecords: true }),
      pipelines().resume(two.packageId, { ...OP, merge: 'overwrite' }),
    ]);
    expect(both.map((a) => a.status).toSorted()).toEqual(['fulfilled', 'rejected', 'rejected']);
    await completed(two.session);
  });
});

test('one whose package could not be written goes on once its context is smaller', async () => {
  const session = await heldAt('extraction/second');
  const large = 'x'.repeat(15_000_000);
  for (const key of ['a', 'b', 'c', 'd', 'e']) await rig.storage.sessions.set(session, key, large, 'op');
  const pausing = pipelines().pause(session, OP, { waitMs: 30_000 });
  await rig.pipelines.untilShown(session, 'draining');
  steps.open('extraction/second');
  await expect(pausing).rejects.toMatchObject({ code: 'PIPELINE_NOT_RUNNING' });
  const failed = await pipelines().status(session);
  expect(failed).toMatchObject({ shown: 'failed', state: { unwritten: true, failure: { code: 'CONTEXT_TOO_LARGE' } } });
  expect(failed.words).toContain('resume');
  for (const key of ['a', 'b', 'c', 'd', 'e']) await rig.storage.sessions.delete(session, key);
  expect(await pipelines().resumeSession(session, OP)).toMatchObject({ anew: false, resumePoint: 'analysis/first' });
  await completed(session);
}, 60_000);

test('a package of a run that comes too late restores nothing', async () => {
  const { session, packageId } = await pausedAfter('extraction/second');
  await pipelines().resume(packageId, OP);
  await completed(session);
  await rig.storage.sessions.set(session, 'extraction.first', 'newer', 'op');
  const { restorePackage } = await import('../../src/activities/pipeline/packages.js');
  const { subject, phases, terms } = (await rig.storage.pipelines.ofSession(session))!;
  const late = { subject, phases, terms, packageId, epoch: 2, run: 'late', taskQueue: 'q', by: 'op' };
  await expect(restorePackage(rig.storage, { ...late, merge: 'overwrite' })).rejects.toMatchObject({
    code: 'PIPELINE_RESUME_FAILED',
    message: expect.stringContaining('was resumed already') as string,
  });
  expect(await rig.storage.sessions.entry(session, 'extraction.first')).toMatchObject({ value: '"newer"' });
});
