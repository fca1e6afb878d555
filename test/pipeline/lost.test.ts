import { expect, test } from 'vitest';
import { recoverPipeline } from '../../src/client/pipeline/start.js';
import { visibleHandoffs } from '../../src/client/visible.js';
import { lostHandoffs } from '../../src/activities/reconcile.js';
import { ledgerIdOf, transitionIdOf } from '../../src/core/pipeline/ids.js';
import { reconcile, settle } from '../rig/reconcile.js';
import type { Rig } from '../rig/rig.js';
import { ALL_STEPS, Steps, newSession } from './phases.js';
import { withRig } from './with-rig.js';

const steps = new Steps();
let rig: Rig;
withRig(steps, (r) => (rig = r));

test('a pipeline that somebody terminates is shown as lost, and another run goes on where its records end', async () => {
  const session = newSession();
  steps.hold('synthesis/second');
  const { pipelineId } = await rig.pipelines.start({ session });
  await rig.pipelines.until(session, (s) => s.resumePoint === 'synthesis/second');
  await expect(
    recoverPipeline(rig.pipelines.caller(), (await rig.storage.pipelines.find(pipelineId))!, 'op'),
  ).rejects.toMatchObject({
    code: 'PIPELINE_RUNNING',
  });
  await rig.pipelines.handle(session).terminate('by hand');
  await settle(rig, 'pipelines', pipelineId);
  expect(await reconcile(rig)).toMatchObject({ repairs: [], closed: [] });
  const lost = (await rig.storage.pipelines.find(pipelineId))!;
  expect(lost).toMatchObject({ shown: 'lost', blocked: 'its run was closed in Temporal as TERMINATED' });
  rig.pipelines.track(await recoverPipeline(rig.pipelines.caller(), lost, 'op'));
  await rig.pipelines.until(session, (s) => s.resumePoint === 'synthesis/second');
  // The attempt of the lost run is still at work here, and comes too late.
  steps.open('synthesis/second');
  await rig.pipelines.handle(session).result();
  expect(steps.of(session)).toEqual(ALL_STEPS);
  expect(await rig.storage.pipelines.find(pipelineId)).toMatchObject({ shown: 'completed', epoch: 2 });
  const done = await rig.storage.pipelines.steps(pipelineId);
  expect(done.map((d) => `${d.phase}/${d.step}`)).toEqual(ALL_STEPS);
  expect(done[5]).toMatchObject({ step: 'second', epoch: 2 });
});

test('one with handoffs between its phases goes on with the one that was open', async () => {
  const session = newSession();
  steps.hold('analysis/first');
  const { pipelineId } = await rig.pipelines.start({
    session,
    phases: ['extraction', 'analysis'],
    transitions: 'handoff',
  });
  await rig.pipelines.until(session, (s) => s.resumePoint === 'analysis/first' && !s.state.transition);
  await rig.pipelines.handle(session).terminate('by hand');
  const lost = (await rig.storage.pipelines.find(pipelineId))!;
  rig.pipelines.track(await recoverPipeline(rig.pipelines.caller(), lost, 'op'));
  steps.open('analysis/first');
  await rig.pipelines.handle(session).result();
  rig.started.add(transitionIdOf({ session, pipelineId }, 'extraction', 'analysis', 1));
  expect(await rig.storage.handoffs.list({ session })).toHaveLength(1);
  expect(steps.of(session)).toEqual(['extraction/first', 'extraction/second', 'analysis/first', 'analysis/second']);
});

test('what looks after handoffs is not confused by pipelines', async () => {
  const session = newSession();
  steps.hold('analysis/first');
  const { pipelineId } = await rig.pipelines.start({ session });
  await rig.pipelines.until(session, (s) => s.resumePoint === 'analysis/first');
  await settle(rig, 'pipelines', pipelineId);
  expect(await rig.client.list({ session })).toEqual([]);
  expect(await visibleHandoffs(rig.temporal, { session })).toEqual([]);
  expect((await lostHandoffs(rig.storage, rig.temporal)).lost).toEqual([]);
  expect(await rig.client.incidents()).toEqual([]);
  expect(await reconcile(rig)).toMatchObject({ repairs: [], closed: [] });
  expect(await rig.storage.ledger.list(ledgerIdOf(pipelineId))).toHaveLength(2);
  steps.open('analysis/first');
  await rig.pipelines.handle(session).result();
  expect(await rig.storage.pipelines.find(pipelineId)).toMatchObject({ shown: 'completed' });
});
