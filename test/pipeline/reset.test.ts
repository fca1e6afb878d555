import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { pipelineWorkflowIdOf } from '../../src/core/pipeline/ids.js';
import type { Rig } from '../rig/rig.js';
import { ALL_STEPS, Steps, newSession } from './phases.js';
import { withRig } from './with-rig.js';

const steps = new Steps();
const there = new Steps();
let rig: Rig;
let other: string;
const OP = { by: 'op' };
const pipelines = () => rig.client.pipelines;
withRig(steps, (...r) => ([rig, other] = r), { there });

/** Resets the current run to the end of one of its workflow tasks, without its messages. */
async function reset(session: string, which: (ends: number[]) => number): Promise<void> {
  const { temporal } = rig;
  const workflowId = pipelineWorkflowIdOf(session);
  const { runId } = await temporal.workflow.getHandle(workflowId).describe();
  const { events } = await rig.pipelines.handle(session, runId).fetchHistory();
  const ends = (events ?? []).filter((e) => e.workflowTaskCompletedEventAttributes).map((e) => Number(e.eventId));
  const reached = await temporal.workflowService.resetWorkflowExecution({
    namespace: temporal.options.namespace,
    workflowExecution: { workflowId, runId },
    reason: 'a test',
    requestId: randomUUID(),
    workflowTaskFinishEventId: which(ends) as never,
    resetReapplyExcludeTypes: [1, 2],
  });
  rig.pipelines.track({ session, pipelineId: '', workflowId, runId: reached.runId });
}

const first = (ends: number[]): number => ends[0]!;
const middle = (ends: number[]): number => ends[Math.floor(ends.length / 2)]!;
const last = (ends: number[]): number => ends.at(-1)!;

async function paused(session: string, step: string): Promise<void> {
  const pausing = pipelines().pause(session, OP);
  await rig.pipelines.untilShown(session, 'draining');
  steps.open(step);
  await pausing;
}

const expectOnce = async (session: string): Promise<void> => {
  expect([...steps.of(session), ...there.of(session)]).toEqual(ALL_STEPS);
  const { subject } = (await rig.storage.pipelines.ofSession(session))!;
  const done = await rig.storage.pipelines.steps(subject.pipelineId);
  expect(done.map((d) => `${d.phase}/${d.step}`)).toEqual(ALL_STEPS);
};

describe('a run that is reset in Temporal', () => {
  test.each([
    ['its first task', first],
    ['the middle', middle],
    ['its last task', last],
  ])('to %s, at work: goes on, and no step’s effect is made twice', async (_where, which) => {
    const session = newSession();
    steps.hold('synthesis/first');
    rig.pipelines.track(await pipelines().start({ session }));
    await rig.pipelines.until(session, (s) => s.resumePoint === 'synthesis/first' && s.state.running !== undefined);
    await reset(session, which);
    await rig.pipelines.until(session, (s) => s.resumePoint === 'synthesis/first' && s.state.running !== undefined);
    steps.open('synthesis/first');
    expect(await pipelines().result(session)).toMatchObject({ status: 'completed' });
    await expectOnce(session);
  });

  test.each([
    ['its first task', first],
    ['the middle', middle],
  ])('to %s, after two resumes: stands still, and a resume of its session goes on', async (_where, which) => {
    const session = newSession();
    for (const step of ['extraction/second', 'synthesis/first', 'generation/first']) steps.hold(step);
    rig.pipelines.track(await pipelines().start({ session }));
    for (const step of ['extraction/second', 'synthesis/first']) {
      await rig.pipelines.until(session, (s) => s.resumePoint === step && s.state.running !== undefined);
      await paused(session, step);
      await pipelines().resumeSession(session, OP);
    }
    await rig.pipelines.until(session, (s) => s.resumePoint === 'generation/first' && s.state.running !== undefined);
    await reset(session, which);
    steps.open('generation/first');
    await expect
      .poll(() => pipelines().status(session), { timeout: 20_000 })
      .toMatchObject({ shown: 'failed', state: { epoch: expect.any(Number) as number } });
    await expect
      .poll(
        async () =>
          (await pipelines().status(session)).state.status !== 'failed' ||
          (await pipelines().status(session)).state.unwritten,
      )
      .toBe(true);
    expect(await pipelines().resumeSession(session, OP)).toMatchObject({ anew: true });
    expect(await pipelines().result(session)).toMatchObject({ status: 'completed' });
    await expectOnce(session);
  });

  test('after it had completed: completes again, and does nothing', async () => {
    const session = newSession();
    rig.pipelines.track(await pipelines().start({ session }));
    await pipelines().result(session);
    await reset(session, first);
    expect(await pipelines().result(session)).toMatchObject({ status: 'completed', steps: 14 });
    await expectOnce(session);
  });
});

describe('messages that cross', () => {
  test('a chain of moves there and back, to the same task queue too', async () => {
    const session = newSession();
    for (const step of ['extraction/second', 'synthesis/first']) steps.hold(step);
    there.hold('analysis/first');
    rig.pipelines.track(await pipelines().start({ session }));
    for (const [from, step, to] of [
      [steps, 'extraction/second', other],
      [there, 'analysis/first', rig.taskQueue],
      [steps, 'synthesis/first', rig.taskQueue],
    ] as const) {
      await rig.pipelines.until(session, (s) => s.resumePoint === step && s.state.running !== undefined);
      const moving = pipelines().transfer(session, to, OP);
      await rig.pipelines.untilShown(session, 'draining');
      from.open(step);
      expect(await moving).toMatchObject({ targetProcess: to });
    }
    expect(await pipelines().result(session)).toMatchObject({ status: 'completed' });
    expect(there.of(session)).toEqual(['analysis/first']);
    expect([...steps.of(session)].toSpliced(2, 0, ...there.of(session))).toEqual(ALL_STEPS);
  });

  test('a pause while it is to move, and a move while it is to pause: it stands still there', async () => {
    const session = newSession();
    steps.hold('extraction/second');
    rig.pipelines.track(await pipelines().start({ session }));
    await rig.pipelines.until(session, (s) => s.resumePoint === 'extraction/second' && s.state.running !== undefined);
    await rig.pipelines.pause(session, { holder: 'parent' });
    const moving = pipelines().transfer(session, other, OP);
    await rig.pipelines.until(session, (s) => s.state.moveTo !== undefined && s.state.holds.parent !== undefined);
    steps.open('extraction/second');
    await moving;
    await rig.pipelines.until(session, (s) => s.shown === 'paused' && s.taskQueue === other);
    // Its parent holds it: an operator's resume does not lift that.
    expect(await pipelines().resumeSession(session, OP)).toMatchObject({ status: 'paused' });
    await rig.pipelines.resume(session, { holder: 'parent' });
    await pipelines().result(session);
    expect([...steps.of(session), ...there.of(session)]).toEqual(ALL_STEPS);
  });

  test('many clients resume and move it at once: one of them does', async () => {
    const session = newSession();
    steps.hold('extraction/second');
    rig.pipelines.track(await pipelines().start({ session }));
    await rig.pipelines.until(session, (s) => s.state.running !== undefined && s.resumePoint === 'extraction/second');
    await paused(session, 'extraction/second');
    const packageId = (await pipelines().status(session)).state.checkpoint!.packageId;
    const asked = await Promise.allSettled([
      pipelines().resume(packageId, OP),
      pipelines().resume(packageId, { ...OP, taskQueue: other }),
      pipelines().resume(packageId, OP),
      pipelines().transfer(session, other, OP),
    ]);
    const why = asked.flatMap((a) => (a.status === 'rejected' ? [(a.reason as { code?: string }).code] : []));
    expect(why.filter((code) => !code?.startsWith('PIPELINE_'))).toEqual([]);
    expect(asked.some((a) => a.status === 'fulfilled')).toBe(true);
    await pipelines().result(session);
    expect([...steps.of(session), ...there.of(session)].toSorted()).toEqual(ALL_STEPS.toSorted());
  });

  test('a pause before the first step', async () => {
    const session = newSession();
    steps.hold('extraction/first');
    rig.pipelines.track(await pipelines().start({ session }));
    await rig.pipelines.pause(session);
    steps.open('extraction/first');
    await rig.pipelines.untilShown(session, 'paused');
    await pipelines().resumeSession(session, OP);
    await pipelines().result(session);
    await expectOnce(session);
  });
});
