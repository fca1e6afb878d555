import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { defaultPayloadConverter } from '@temporalio/common';
import { workflowIdOf } from '../../src/core/ids.js';
import { replayKept } from '../crash/replay.js';
import { Moving, expectArrived, expectUndone, makeLarge, makeMany } from './moving.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'handoff-slices-'));
  makeLarge(path.join(folder, 'large'), 160);
  makeMany(path.join(folder, 'many'), 900);
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await replayKept();
});

async function withMoving(shape: string, body: (m: Moving) => Promise<void>): Promise<void> {
  const m = await Moving.create(path.join(folder, shape), 'CRASH_SLICES');
  try {
    await body(m);
  } finally {
    await m.close();
  }
}

/** How often the step's activity was called, and how each call ended. */
async function calls(m: Moving): Promise<{ scheduled: number; failed: number }> {
  const { events } = await m.rig.history(m.id);
  const ids = (events ?? []).filter((e) => e.activityTaskScheduledEventAttributes?.activityType?.name === 'transfer');
  const failed = (events ?? []).filter(
    (e) => e.activityTaskFailedEventAttributes ?? e.activityTaskTimedOutEventAttributes,
  );
  return { scheduled: ids.length, failed: failed.length };
}

const SLOW = 'transfer.in_copy=delay:350';

test.for(['large', 'many'])('%s takes several times its time-out of 2 s, in one attempt', async (shape) => {
  await withMoving(shape, async (m) => {
    await m.worker(SLOW);
    await m.begin();
    const began = Date.now();
    const facts = await expectArrived(m, 'bring', 50_000);
    expect(Date.now() - began).toBeGreaterThan(2500);
    expect(Number(facts['resumed'])).toBeGreaterThan(0);
    const { scheduled, failed } = await calls(m);
    expect(scheduled).toBeGreaterThan(1);
    expect(failed).toBe(0);
    expect(await m.rig.storage.steps.list(m.id)).toMatchObject({ bring: { epoch: 1, attempts: 1 } });
    await m.reject();
    await expectUndone(m, undefined);
  });
});

test('it says how far it is, stops for a pause, and goes on from there', async () => {
  await withMoving('large', async (m) => {
    await m.worker(SLOW);
    await m.begin();
    const progress = await beat(m);
    expect(progress).toMatchObject({ artifact: 'thing', bytesTotal: 160 << 20, filesDone: 0 });
    expect(progress['bytesDone']).toBeGreaterThan(0);
    await m.rig.client.pause(m.id, { by: 'test', reason: 'lunch' });
    await m.rig.until(m.id, (s) => s.state?.steps['bring']?.status === 'waiting');
    expect(m.staged()).toEqual([m.id]);
    const rests = (): number => readFileSync(m.log, 'utf8').split('\n').length;
    const stopped = rests();
    await new Promise((resolve) => setTimeout(resolve, 800));
    expect(rests()).toBe(stopped);
    await m.rig.client.resume(m.id, { by: 'test' });
    const facts = await expectArrived(m, 'bring', 50_000);
    expect(Number(facts['resumed'])).toBeGreaterThan(0);
    await m.reject();
    await expectUndone(m, undefined);
  });
});

test('a cancellation stops it midway, and nothing stays in staging', async () => {
  await withMoving('many', async (m) => {
    await m.worker(SLOW);
    await m.begin();
    await beat(m);
    await m.rig.client.cancel(m.id, { by: 'test', reason: 'enough' });
    await expectUndone(m, undefined, 'cancelled');
  });
});

/** The details of the pending activity's last heartbeat, as the Web UI shows them. */
async function beat(m: Moving): Promise<Record<string, unknown>> {
  for (const end = Date.now() + 20_000; Date.now() < end;) {
    const { raw } = await m.rig.temporal.workflow.getHandle(workflowIdOf(m.id)).describe();
    const payload = raw.pendingActivities?.find((a) => a.activityType?.name === 'transfer')?.heartbeatDetails
      ?.payloads?.[0];
    if (payload) return defaultPayloadConverter.fromPayload(payload);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('no heartbeat had details');
}
