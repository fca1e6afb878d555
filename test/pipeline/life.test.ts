import { describe, expect, test } from 'vitest';
import { STANDARD_PHASES } from '../../src/core/package/package.js';
import { ledgerIdOf } from '../../src/core/pipeline/ids.js';
import type { Rig } from '../rig/rig.js';
import { ALL_STEPS, Steps, newSession } from './phases.js';
import { withRig } from './with-rig.js';

describe('a pipeline of seven phases', () => {
  const steps = new Steps();
  let rig: Rig;
  withRig(steps, (r) => (rig = r));

  test('runs its phases and their steps in order, each once, and records them', async () => {
    const session = newSession();
    const { pipelineId } = await rig.pipelines.start({ session, cloneId: 'clone-1' });
    const result: unknown = await rig.pipelines.handle(session).result();
    expect(result).toMatchObject({ pipelineId, session, status: 'completed', phases: [...STANDARD_PHASES], steps: 14 });
    expect(steps.of(session)).toEqual(ALL_STEPS);
    const done = await rig.storage.pipelines.steps(pipelineId);
    expect(done.map((d) => `${d.phase}/${d.step}`)).toEqual(ALL_STEPS);
    expect(done[3]).toMatchObject({ epoch: 1, attempt: 1, result: { number: 2 } });
    const effects = await rig.storage.ledger.list(ledgerIdOf(pipelineId));
    expect(effects.map((e) => `${e.step} ${e.status}`)).toEqual(ALL_STEPS.map((s) => `${s} applied`));
    const phases = await rig.storage.sessions.phases(session);
    expect(phases.map((p) => p.status)).toEqual(STANDARD_PHASES.map(() => 'completed'));
    expect(await rig.storage.pipelines.ofSession(session)).toMatchObject({ status: 'completed', epoch: 1 });
  });

  test('paused in the middle it writes a package, and resumed it goes on from exactly there', async () => {
    const session = newSession();
    steps.hold('synthesis/first');
    const { pipelineId } = await rig.pipelines.start({ session });
    await rig.pipelines.until(session, (s) => s.resumePoint === 'synthesis/first');
    await rig.pipelines.pause(session);
    await rig.pipelines.untilShown(session, 'draining');
    steps.open('synthesis/first');
    const paused = await rig.pipelines.untilShown(session, 'paused');
    expect(paused).toMatchObject({ phase: 'synthesis', step: 1, totalSteps: 2, resumePoint: 'synthesis/second' });
    const { packageId } = paused.state.checkpoint!;
    const handoff = await rig.storage.packages.load(packageId);
    expect(handoff).toMatchObject({
      sessionId: session,
      cloneId: session,
      sourcePhase: 'synthesis',
      checkpoint: { phase: 'synthesis', step: 1, totalSteps: 2, status: 'paused', resumePoint: 'synthesis/second' },
      metadata: { reason: 'user-requested', createdBy: 'op', pipelineVersion: '1.0.0' },
    });
    expect(handoff!.context.entries.map((e) => e.key)).toContain('synthesis.first');
    expect(steps.of(session)).toEqual(ALL_STEPS.slice(0, 5));
    const answer = await rig.pipelines.resume(session, { packageId });
    expect(answer).toMatchObject({ status: 'running', packageId, conflicts: [] });
    await rig.pipelines.handle(session).result();
    expect(steps.of(session)).toEqual(ALL_STEPS);
    expect((await rig.storage.pipelines.steps(pipelineId)).map((d) => d.epoch)).toEqual([
      ...Array<number>(5).fill(1),
      ...Array<number>(9).fill(2),
    ]);
  });

  test('the status says where it stands', async () => {
    const session = newSession();
    steps.hold('analysis/second');
    await rig.pipelines.start({ session });
    const status = await rig.pipelines.until(session, (s) => s.resumePoint === 'analysis/second');
    expect(status).toMatchObject({ shown: 'running', stepsDone: 3, steps: 14, percent: 21, taskQueue: rig.taskQueue });
    expect(status.words).toContain('at work: analysis/second');
    steps.open('analysis/second');
    await rig.pipelines.handle(session).result();
  });
});
