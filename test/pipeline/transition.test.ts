import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PipelineRequest } from '../../src/client/pipeline/start.js';
import { transitionIdOf } from '../../src/core/pipeline/ids.js';
import type { Procedure } from '../../src/core/procedure.js';
import { Rig } from '../rig/rig.js';
import { Steps, newSession } from './phases.js';

const ASK: Procedure = {
  procedure_id: 'PHASE_ASK',
  version: '1.0.0',
  name: 'Ask',
  steps: [{ step_id: 'ask', name: 'Ask', action: 'confirm' }],
  rollback_procedures: [],
};
const PHASES = ['extraction', 'analysis', 'synthesis'];
const WORK = PHASES.flatMap((p) => [`${p}/first`, `${p}/second`]);

describe('phase changes that are handoffs', () => {
  const steps = new Steps();
  let rig: Rig;
  let other: string;
  beforeAll(async () => {
    rig = await Rig.create({ phases: steps.phases, procedures: [ASK] });
    other = `${rig.taskQueue}-other`;
    await rig.anotherWorker({ taskQueue: other, phases: steps.phases, procedures: [ASK] });
  });
  afterAll(async () => {
    steps.openAll();
    await rig.close();
  });

  /** Starts a pipeline, and knows the handoffs that it will make. */
  async function start(over: Partial<PipelineRequest> = {}) {
    const session = newSession();
    const { pipelineId } = await rig.pipelines.start({ session, phases: PHASES, transitions: 'handoff', ...over });
    const id = (from: number, count: number): string =>
      transitionIdOf({ session, pipelineId }, PHASES[from]!, PHASES[from + 1]!, count);
    return { session, id, end: () => rig.pipelines.handle(session).result() };
  }
  const asking: Partial<PipelineRequest> = { transitions: { procedure: 'PHASE_ASK', acceptance: 'explicit' } };
  const offered = async (id: string) => {
    rig.started.add(id);
    await rig.untilStatus(id, 'awaiting_acceptance');
  };
  const acceptAndComplete = async (id: string): Promise<void> => {
    const { epoch } = await rig.client.accept(id, { by: 'op' });
    await rig.client.complete(id, { by: 'op', epoch });
  };

  test('by PHASE_TRANSITION_STANDARD: each completes before the next phase begins', async () => {
    const { session, id, end } = await start();
    await end();
    for (const [at, handoffId] of [id(0, 1), id(1, 2)].entries()) {
      rig.started.add(handoffId);
      expect(await rig.client.result(handoffId)).toMatchObject({
        outcome: 'completed',
        procedure: 'PHASE_TRANSITION_STANDARD',
      });
      const { subject } = (await rig.client.status(handoffId)) as { subject: object };
      expect(subject).toMatchObject({ session, source: { phase: PHASES[at] }, target: { phase: PHASES[at + 1] } });
    }
    expect(steps.of(session)).toEqual(WORK);
    const phases = await rig.storage.sessions.phases(session);
    expect(Object.fromEntries(phases.map((p) => [p.phase, p.status]))).toEqual({
      extraction: 'handed_off',
      analysis: 'handed_off',
      synthesis: 'completed',
    });
  });

  test('one that is rejected fails the pipeline at that boundary; resumed, it is offered anew', async () => {
    const { session, id, end } = await start(asking);
    await offered(id(0, 1));
    expect(await rig.pipelines.status(session)).toMatchObject({ state: { transition: { handoffId: id(0, 1) } } });
    await rig.client.reject(id(0, 1), { by: 'op', reason: 'not yet' });
    const failed = await rig.pipelines.until(session, (s) => s.shown === 'failed' && s.state.checkpoint !== undefined);
    expect(failed.state.failure).toMatchObject({
      code: 'HANDOFF_FAILED',
      message: expect.stringContaining('not yet') as string,
    });
    expect(failed.state.checkpoint).toMatchObject({ status: 'error', resumePoint: 'analysis/first' });
    await rig.pipelines.resume(session);
    await offered(id(0, 2));
    await acceptAndComplete(id(0, 2));
    await offered(id(1, 3));
    await acceptAndComplete(id(1, 3));
    await end();
    expect(steps.of(session)).toEqual(WORK);
  });

  test('a pause reaches the one that is open; it goes on with the pipeline, on another task queue too', async () => {
    const { session, id, end } = await start(asking);
    await offered(id(0, 1));
    await rig.pipelines.pause(session);
    await rig.pipelines.untilShown(session, 'paused');
    await rig.until(id(0, 1), (s) => s.state?.holds.parent !== undefined);
    await rig.pipelines.resume(session, { taskQueue: other });
    await rig.until(id(0, 1), (s) => s.state?.holds.parent === undefined);
    await acceptAndComplete(id(0, 1));
    await offered(id(1, 2));
    await acceptAndComplete(id(1, 2));
    await end();
    expect(steps.of(session)).toEqual(WORK);
  });

  test('a cancellation reaches it as well', async () => {
    const { session, id, end } = await start(asking);
    await offered(id(0, 1));
    await rig.pipelines.cancel(session);
    await expect(end()).rejects.toThrow('cancelled');
    expect(await rig.client.result(id(0, 1))).toMatchObject({ outcome: 'cancelled', by: `pipeline ${session}` });
  });

  test('a procedure that nobody knows is refused before anything begins', async () => {
    const request = { session: `s-${randomUUID()}`, phases: PHASES, transitions: { procedure: 'NOBODYS' } };
    await expect(rig.pipelines.start(request)).rejects.toMatchObject({ code: 'PROCEDURE_UNKNOWN' });
  });
});
