import { readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunStatus } from '../../src/client.js';
import { ContextManager } from '../../src/packages/context-manager.js';
import { HandoffManager } from '../../src/packages/handoff-manager.js';
import { pausePackageId } from '../../src/activities/pause-checkpoint.js';
import { PACKAGE_ID } from '../../src/core/ids.js';
import { Parts, newId, startWork } from '../rig/parts.js';
import { AGENTS, Rig } from '../rig/rig.js';
import { WorkerProcess, type WorkerPlace } from '../rig/worker-process.js';

const parts = new Parts();
let rig: Rig;
beforeAll(async () => {
  rig = await Rig.create(parts.options);
});
afterAll(() => rig.close());

const by = AGENTS.target;
const PAUSE = { by: 'op', reason: 'waiting for legal' };

/** Until a pause has been packed, or could not be. */
const packed = (id: string, pause = 1, on = rig): Promise<RunStatus> =>
  on.until(id, (s) => s.from === 'run' && s.state?.checkpoint?.pause === pause);
const resumed = async (id: string): Promise<void> => {
  await rig.client.resume(id, { by: 'op' });
  await rig.until(id, (s) => s.state?.pausedSince === undefined);
};
async function finishes(id: string, on = rig): Promise<void> {
  await on.untilStatus(id, 'awaiting_acceptance');
  const { epoch } = await on.client.accept(id, { by });
  await on.client.complete(id, { by, epoch });
  expect(await on.client.result(id)).toMatchObject({ outcome: 'completed' });
}
const scheduled = async (id: string): Promise<number> =>
  (await rig.history(id)).events!.filter(
    (e) => e.activityTaskScheduledEventAttributes?.activityType?.name === 'checkpointHandoff',
  ).length;

describe('a pause that has taken hold', () => {
  test('writes a package that is whole, says where it goes on, and can be taken elsewhere', async () => {
    const id = await rig.start('AGENT_HANDOFF_STANDARD');
    const session = `s-${id}`;
    await rig.client.sessions.set(session, 'style', { indent: 2 }, 'somebody');
    await rig.untilStatus(id, 'awaiting_acceptance');
    await rig.client.pause(id, PAUSE);
    const { state, words } = await packed(id);
    const packageId = `hof-${id}-p1`;
    expect(state!.checkpoint).toEqual({ pause: 1, packageId });
    expect(words).toContain(`Checkpoint \`${packageId}\`.`);

    const manager = new HandoffManager(new ContextManager(rig.storage), rig.storage.packages);
    const received = await manager.receiveHandoff(packageId, { into: `${session}-elsewhere` });
    expect(received).toMatchObject({
      success: true,
      resumePoint: 'handoff_confirmation',
      restored: ['style'],
      handoff: {
        sessionId: session,
        cloneId: id,
        sourcePhase: '8',
        targetPhase: `p-${id}`,
        checkpoint: { phase: '8', step: 3, totalSteps: 4, status: 'paused', resumePoint: 'handoff_confirmation' },
        metadata: {
          createdBy: 'op',
          reason: 'waiting for legal',
          handoffId: id,
          procedure: 'AGENT_HANDOFF_STANDARD',
          status: 'awaiting_acceptance',
          epoch: 1,
          pause: 1,
          pausedAt: new Date(state!.pausedSince!).toISOString(),
        },
        integrity: { valid: true },
      },
    });
    expect((await rig.storage.packages.load(packageId))!.metadata).not.toHaveProperty('expiresAt');

    // A second holder joins the pause; a pause after it is another.
    await rig.client.pause(id, { ...PAUSE, holder: 'parent' });
    await rig.client.resume(id, { by: 'op', holder: 'parent' });
    await resumed(id);
    const { epoch } = await rig.client.accept(id, { by });
    await rig.client.pause(id, { by: 'else', reason: 'again' });
    const again = await packed(id, 2);
    expect(again.state!.checkpoint!.packageId).toBe(`hof-${id}-p2`);
    const mine = await rig.storage.packages.list({ cloneId: id });
    expect(mine.map((p) => [p.id, p.checkpoint.phase, p.checkpoint.step, p.checkpoint.resumePoint])).toEqual([
      [packageId, '8', 3, 'handoff_confirmation'],
      [`hof-${id}-p2`, `p-${id}`, 4, 'complete'],
    ]);
    await resumed(id);
    await rig.client.complete(id, { by, epoch });
    await rig.client.result(id);
    expect(await scheduled(id)).toBe(2);
  });

  test('is packed once what was at work has ended, and not before', async () => {
    const id = newId();
    parts.hold(id, 'act');
    await startWork(rig, 'WORK_AND_ASK', { handoffId: id });
    await rig.until(id, (s) => s.state?.steps['work']?.status === 'running');
    await rig.client.pause(id, PAUSE);
    await rig.until(id, (s) => s.state?.pausedSince !== undefined);
    expect(await scheduled(id)).toBe(0);
    parts.open(id, 'act');
    await packed(id);
    const [written] = await rig.storage.packages.list({ cloneId: id });
    // The session has no context at all.
    expect(written).toMatchObject({
      checkpoint: { step: 1, totalSteps: 2, resumePoint: 'ask' },
      context: { entries: [] },
    });
    await resumed(id);
    await finishes(id);
  });

  test('before it began goes on at its first step', async () => {
    const startAfter = new Date(Date.now() + 3_600_000).toISOString();
    const id = await startWork(rig, 'WORK_AND_ASK', { startAfter });
    await rig.client.pause(id, PAUSE);
    await packed(id);
    const [written] = await rig.storage.packages.list({ cloneId: id });
    expect(written!.checkpoint).toMatchObject({ step: 0, totalSteps: 2, resumePoint: 'work' });
    await rig.client.cancel(id, PAUSE);
    await rig.client.result(id);
  });

  test('that came while no worker was there is packed when one is', async () => {
    const other = await Rig.create(new Parts().options);
    try {
      const id = await startWork(other, 'WORK_AND_ASK');
      await other.untilStatus(id, 'awaiting_acceptance');
      await other.stopWorker();
      await other.client.pause(id, PAUSE);
      await other.startWorker();
      await packed(id, 1, other);
      expect((await other.storage.packages.load(`hof-${id}-p1`))!.checkpoint.resumePoint).toBe('ask');
      await other.client.resume(id, { by: 'op' });
      await finishes(id, other);
    } finally {
      await other.close();
    }
  });
});

test('no pause costs nothing: a run that is not paused writes no package', async () => {
  const id = await startWork(rig, 'WORK_AND_ASK');
  await finishes(id);
  expect([await scheduled(id), await rig.storage.packages.list({ cloneId: id })]).toEqual([0, []]);
});

test('a package that cannot be written holds nothing up, and is said', async () => {
  const other = await Rig.create(new Parts().options);
  const folder = path.join(other.storage.folder, 'packages');
  try {
    await writeFile(folder, 'in the way');
    const id = await startWork(other, 'WORK_AND_ASK');
    await other.untilStatus(id, 'awaiting_acceptance');
    await other.client.pause(id, PAUSE);
    const { state, words } = await packed(id, 1, other);
    expect(state!.checkpoint).toMatchObject({ pause: 1, error: { code: 'DESTINATION_NOT_WRITABLE' } });
    expect(words).toMatch(/No checkpoint package was written: DESTINATION_NOT_WRITABLE: .+\./);
    await rm(folder);
    await other.client.resume(id, { by: 'op' });
    await other.until(id, (s) => s.state?.pausedSince === undefined);
    await other.client.pause(id, PAUSE);
    expect((await packed(id, 2, other)).state!.checkpoint).toEqual({ pause: 2, packageId: `hof-${id}-p2` });
    await other.client.resume(id, { by: 'op' });
    await finishes(id, other);
  } finally {
    await other.close();
  }
});

/** A handoff that waits for its target, on a worker of its own process that meets a failpoint. */
async function onWorker(
  failpoints: string,
  play: (at: { other: Rig; id: string; worker: WorkerProcess; place: WorkerPlace }) => Promise<void>,
): Promise<void> {
  const other = await Rig.create({ start: false });
  const { storage, folder, address, taskQueue } = other;
  const place = { address, taskQueue, folder: storage.folder, sources: storage.sources };
  const worker = await WorkerProcess.start(place, failpoints, path.join(folder, 'failpoints.log'));
  try {
    const metadata = { lines: path.join(folder, 'lines') };
    const id = await other.start('CRASH_ASK', { artifacts: [], context: {}, metadata });
    await other.untilStatus(id, 'awaiting_acceptance');
    await other.client.pause(id, PAUSE);
    await play({ other, id, worker, place });
  } finally {
    await worker.kill();
    await other.close();
  }
}

test('a resume that comes while a package is being written goes on at once', async () => {
  await onWorker('checkpoint.after=delay:30000', async ({ other, id, worker }) => {
    await expect.poll(() => worker.fired('checkpoint.after'), { timeout: 20_000 }).toBe(1);
    await other.client.resume(id, { by: 'op' });
    await finishes(id, other);
    expect(worker.fired('checkpoint.after', '=over')).toBe(0);
  });
});

test('a worker that is killed after it wrote: the next attempt leaves what is there', async () => {
  await onWorker('checkpoint.after=kill', async ({ other, id, worker, place }) => {
    await worker.gone;
    const file = path.join(other.storage.folder, 'packages', `hof-${id}-p1.json`);
    const written = readFileSync(file);
    await other.client.sessions.set(`s-${id}`, 'later', 1, 'somebody');
    const second = await WorkerProcess.start(place);
    try {
      await packed(id, 1, other);
      expect(readFileSync(file).equals(written)).toBe(true);
      await other.client.resume(id, { by: 'op' });
      await finishes(id, other);
    } finally {
      await second.stop();
    }
  });
});

test('the id of a package is one, however long the handoff is called', () => {
  for (const id of ['h-1', 'x'.repeat(128), 'x'.repeat(119)])
    expect([id, PACKAGE_ID.test(pausePackageId(id, 99))]).toEqual([id, true]);
  expect(pausePackageId('x'.repeat(128), 1)).not.toBe(pausePackageId(`${'x'.repeat(127)}y`, 1));
});
