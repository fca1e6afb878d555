import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HandoffPipelineWrapper } from '../../src/client/pipeline/wrapper.js';
import { ContextManager } from '../../src/packages/context-manager.js';
import { HandoffManager } from '../../src/packages/handoff-manager.js';
import { packageFault } from '../../src/storage/packages/seal.js';
import { Rig } from '../rig/rig.js';
import { ALL_STEPS, Steps, newSession } from './phases.js';

// The four scenarios that the document of packages and pipelines ends with, through its own names.
const steps = new Steps();
let rig: Rig;
let wrapper: HandoffPipelineWrapper;
beforeAll(async () => {
  rig = await Rig.create({ phases: steps.phases, deadlineMs: 3000 });
  const manager = new HandoffManager(new ContextManager(rig.storage), rig.storage.packages);
  wrapper = new HandoffPipelineWrapper(rig.client, manager);
});
afterAll(async () => {
  steps.openAll();
  await rig.close();
});

async function heldAt(step: string): Promise<string> {
  const session = newSession();
  steps.hold(step);
  rig.pipelines.track(await rig.client.pipelines.start({ session, cloneId: `clone-${session}` }));
  await rig.pipelines.until(session, (s) => s.resumePoint === step && s.state.running !== undefined);
  return session;
}

async function pausedAfter(step: string, reason?: string) {
  const session = await heldAt(step);
  const pausing = wrapper.pause(session, reason);
  await rig.pipelines.untilShown(session, 'draining');
  steps.open(step);
  return { session, handoff: await pausing };
}

describe('the document’s acceptance criteria', () => {
  test('paused mid-execution, the current state is serialized and saved', async () => {
    const { session, handoff } = await pausedAfter('analysis/first');
    expect(handoff).toMatchObject({
      sessionId: session,
      cloneId: `clone-${session}`,
      sourcePhase: 'analysis',
      targetPhase: 'analysis',
      checkpoint: { phase: 'analysis', step: 1, totalSteps: 2, status: 'paused', resumePoint: 'analysis/second' },
      metadata: { reason: 'user-requested', createdBy: 'system' },
    });
    expect(await rig.storage.packages.load(handoff.id)).toEqual(handoff);
    await expect(wrapper.pause(session)).rejects.toThrow('Pipeline is not running');
    await wrapper.resume(handoff.id);
  });

  test('resumed, the state is restored and execution continues', async () => {
    const { session, handoff } = await pausedAfter('synthesis/second', 'audit');
    expect(handoff.metadata.reason).toBe('audit');
    await rig.storage.sessions.delete(session, 'extraction.first');
    const result = await wrapper.resume(handoff.id);
    expect(result).toMatchObject({ session, status: 'completed', steps: 14 });
    expect(steps.of(session)).toEqual(ALL_STEPS);
    expect((await rig.storage.sessions.context(session)).map((e) => e.key)).toContain('extraction.first');
  });

  test('validated, all that is required is there and whole', async () => {
    const { handoff } = await pausedAfter('extraction/second');
    expect(packageFault(handoff)).toBeUndefined();
    expect(handoff.context.entries.map((e) => e.key).toSorted()).toEqual(['extraction.first', 'extraction.second']);
    const file = path.join(rig.storage.folder, 'packages', `${handoff.id}.json`);
    const whole = readFileSync(file, 'utf8');
    writeFileSync(file, whole.replace('"user-requested"', '"user-requesteD"'));
    await expect(wrapper.resume(handoff.id)).rejects.toThrow('Failed to receive handoff: Integrity check failed');
    writeFileSync(file, whole);
    await wrapper.resume(handoff.id);
    await expect(wrapper.resume('hof-unknown')).rejects.toThrow('Failed to receive handoff: Handoff package not found');
  });

  test('transferred, the checksums match and the rest runs there', async () => {
    const there = new Steps();
    const target = `${rig.taskQueue}-target`;
    await rig.anotherWorker({ taskQueue: target, phases: there.phases });
    const session = await heldAt('validation/first');
    const moving = wrapper.transfer(session, target);
    await rig.pipelines.untilShown(session, 'draining');
    steps.open('validation/first');
    const moved = await moving;
    expect(moved).toEqual({ handoffId: moved.handoffId, targetProcess: target, transferredAt: moved.transferredAt });
    expect(Date.now() - moved.transferredAt.getTime()).toBeLessThan(60_000);
    const handoff = (await rig.storage.packages.load(moved.handoffId))!;
    expect(packageFault(handoff)).toBeUndefined();
    expect(handoff).toMatchObject({
      metadata: { reason: 'transfer' },
      checkpoint: { resumePoint: 'validation/second' },
    });
    expect(await rig.client.pipelines.result(session)).toMatchObject({ status: 'completed' });
    expect([...steps.of(session), '|', ...there.of(session)]).toEqual(ALL_STEPS.toSpliced(7, 0, '|'));
  });
});

test('a phase that fails ends the wait for the resumed pipeline; mended, it goes on', async () => {
  const { session, handoff } = await pausedAfter('analysis/second');
  steps.fail('generation/first');
  const failed = await new HandoffPipelineWrapper(rig.client.pipelines).resume(handoff.id).catch((e: unknown) => e);
  expect(failed).toMatchObject({ code: 'PIPELINE_FAILED', params: { session, step: 'generation/first' } });
  steps.mend('generation/first');
  const { package: id } = (failed as { params: { package: string } }).params;
  expect(await wrapper.resume(id)).toMatchObject({ status: 'completed' });
  expect(steps.of(session)).toEqual(ALL_STEPS);
});

test('with the first process gone, the package goes on in another', async () => {
  const { session, handoff } = await pausedAfter('analysis/first');
  await rig.stopWorker();
  const there = new Steps();
  const taskQueue = `${rig.taskQueue}-heir`;
  await rig.anotherWorker({ taskQueue, phases: there.phases });
  const resumed = await rig.client.pipelines.resume(handoff.id, { by: 'op', taskQueue });
  expect(resumed).toMatchObject({ anew: true, taskQueue, status: 'running' });
  expect(await rig.client.pipelines.result(session)).toMatchObject({ status: 'completed' });
  expect([...steps.of(session), '|', ...there.of(session)]).toEqual(ALL_STEPS.toSpliced(3, 0, '|'));
});
