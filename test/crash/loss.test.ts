import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, test } from 'vitest';
import { shownStatus, type HandoffState } from '../../src/core/handoff.js';
import { workflowIdOf } from '../../src/core/ids.js';
import { AGENTS } from '../rig/rig.js';
import { FULL, withCase, type Case, expectCompleted, expectUndone } from './case.js';
import { replayKept } from './replay.js';

afterAll(replayKept);

/** For each step a place in its midst, where its effect is half done. */
const STEPS = [
  ['PHASE_TRANSITION_STANDARD', 'phase_completion_validation', 'validate.before.phase_completion_validation'],
  ['PHASE_TRANSITION_STANDARD', 'resource_handoff', 'transfer.after_apply'],
  ['PHASE_TRANSITION_STANDARD', 'state_synchronization', 'sync_state.after_apply'],
  ['PHASE_TRANSITION_STANDARD', 'handoff_validation', 'validate.before.handoff_validation'],
  ['AGENT_HANDOFF_STANDARD', 'agent_readiness_check', 'validate.before.agent_readiness_check'],
  ['AGENT_HANDOFF_STANDARD', 'task_context_transfer', 'transfer.after_delivery'],
  ['AGENT_HANDOFF_STANDARD', 'knowledge_transfer', 'transfer.after_apply'],
  ['AGENT_HANDOFF_STANDARD', 'handoff_confirmation', 'validate.before.handoff_confirmation'],
] as const;

/** An expiry that strikes within the delay, however long a busy machine takes to get there. */
const EXPIRY_MS = 8000;
const DELAY_MS = 9000;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function reached(c: Case, point: string): Promise<void> {
  const end = Date.now() + 30_000;
  while (c.workers[0]!.fired(point) === 0) {
    if (Date.now() > end) throw new Error(`${point} never fired`);
    await sleep(30);
  }
}

/** A worker that comes back may need longer than one deadline: an update sent again with its id counts once. */
async function untilHeard<R>(send: () => Promise<R>): Promise<R | string> {
  for (let n = 1; ; n++) {
    const answer = await send().catch((e: { code: string }) => e.code);
    if (typeof answer !== 'string' || answer === 'WRONG_STATE' || n === 10) return answer;
  }
}

/** Sends a message, brings the worker back if it is away, and says what must have come of it. */
const MESSAGES: Record<string, (c: Case, back: () => Promise<void>) => Promise<void>> = {
  async cancel(c, back) {
    await c.rig.client.cancel(c.id, { by: 'test', reason: 'enough' });
    await back();
    await expectUndone(c, await c.rig.client.result(c.id), 'cancelled');
  },
  async 'Cancel of Temporal'(c, back) {
    await c.rig.temporal.workflow.getHandle(workflowIdOf(c.id)).cancel();
    await back();
    await expectUndone(c, await c.rig.client.result(c.id), 'cancelled');
  },
  async expiry(c, back) {
    await sleep(60_000 * c.request.expiresInMinutes!);
    await back();
    await expectUndone(c, await c.rig.client.result(c.id), 'expired');
  },
  async pause(c, back) {
    await c.rig.client.pause(c.id, { by: 'test', reason: 'lunch' });
    await back();
    await expectStandstill(c);
    await c.rig.client.resume(c.id, { by: 'test' });
    await expectCompleted(c, await c.finish());
  },
  async update(c, back) {
    const updateId = randomUUID();
    const send = () => c.rig.client.extend(c.id, { by: 'test', minutes: 30 }, { updateId });
    const first = await send().catch((e: { code: string }) => e.code);
    if (typeof first === 'string') expect(['NO_WORKER', 'DEADLINE_EXCEEDED']).toContain(first);
    await back();
    const again = await untilHeard(send);
    const outcome = await c.finish();
    await expectCompleted(c, outcome);
    if (typeof first !== 'string' && typeof again !== 'string') expect(again).toEqual(first);
    const { state } = (await c.rig.storage.handoffs.find(c.id))!;
    expect(state!.expiryMs).toBe(3_600_000);
    // What was left of 60 minutes, and 30 once.
    const left = state!.expiry.remainingMs / 60_000;
    expect(left).toBeGreaterThan(88);
    expect(left).toBeLessThanOrEqual(90);
  },
};

/** A run that is paused before it began still gets its steps, all waiting. */
const statuses = (s: HandoffState, all?: string): Record<string, string> =>
  Object.fromEntries(Object.entries(s.steps).map(([id, step]) => [id, all ?? step.status]));

/** While it is paused nothing starts and the clock stands. */
async function expectStandstill(c: Case): Promise<void> {
  const { state } = await c.rig.until(c.id, (s) => s.from === 'run' && shownStatus(s.state!) === 'paused', 40_000);
  const seen = async () => ({
    ledger: await c.ledger(),
    steps: await c.rig.storage.steps.list(c.id),
    world: await c.look(),
  });
  const before = await seen();
  expect(state!.expiry.runningSince).toBeUndefined();
  await sleep(1200);
  expect(await seen()).toEqual(before);
  const later = await c.rig.client.status(c.id);
  expect(statuses(later.state!)).toEqual({ ...statuses(later.state!, 'waiting'), ...statuses(state!) });
  expect(later.state!.expiry).toEqual(state!.expiry);
}

const cases = STEPS.flatMap(([procedure, step, point], s) =>
  Object.keys(MESSAGES).map((message, m) => ({
    procedure,
    step,
    point,
    message,
    short: message === 'Cancel of Temporal' && s % 5 !== 1 ? -1 : (s + m) % 2,
  })),
);

describe.concurrent('while a step runs and nothing is killed', { timeout: 90_000 }, () => {
  test.for(cases.filter((c) => FULL || c.short === 0))(
    '$message during $step',
    async ({ procedure, point, message }) => {
      await withCase({ procedure, occupied: message !== 'pause' }, async (c) => {
        await c.worker(`${point}=delay:${message === 'expiry' ? DELAY_MS : '2000@1'}`);
        if (message === 'expiry') c.request.expiresInMinutes = EXPIRY_MS / 60_000;
        await c.begin();
        if (message !== 'expiry') await reached(c, point);
        await MESSAGES[message]!(c, () => Promise.resolve());
        expect(c.workers[0]!.fired(point), `${point} fired`).toBeGreaterThan(0);
      });
    },
  );
});

describe.concurrent('between kill -9 of the worker and its return', { timeout: 90_000 }, () => {
  test.for(cases.filter((c) => FULL || c.short === 1))(
    '$message during $step',
    async ({ procedure, point, message }) => {
      await withCase({ procedure, occupied: message === 'pause' }, async (c) => {
        const worker = await c.worker(`${point}=kill@1`);
        if (message === 'expiry') c.request.expiresInMinutes = (2 * EXPIRY_MS) / 60_000;
        await c.begin();
        await c.diesAt(worker, point);
        expect(worker.fired(point), `${point} fired`).toBe(1);
        await MESSAGES[message]!(c, () => c.returns());
      });
    },
  );

  test('an acceptance that nobody could hear counts once', async () => {
    await withCase({ procedure: 'AGENT_HANDOFF_STANDARD' }, async (c) => {
      const worker = await c.worker();
      await c.begin();
      await c.rig.untilStatus(c.id, 'awaiting_acceptance');
      await worker.kill();
      const accept = () => c.rig.client.accept(c.id, { by: AGENTS.target }, { updateId: 'the-one' });
      await expect(accept()).rejects.toMatchObject({
        code: expect.stringMatching(/NO_WORKER|DEADLINE_EXCEEDED/) as string,
      });
      await c.returns();
      expect(await untilHeard(accept)).toEqual({ epoch: 1 });
      await expect(c.rig.client.accept(c.id, { by: 'another' })).rejects.toMatchObject({ code: 'ALREADY_ACCEPTED' });
      await c.rig.client.complete(c.id, { by: AGENTS.target, epoch: 1 });
      await expectCompleted(c, await c.rig.client.result(c.id));
    });
  });
});

describe.concurrent('a step in back-off', { timeout: 90_000 }, () => {
  test.for([
    { passesAt: 4, outcome: 'completed' },
    { passesAt: 99, outcome: 'failed' },
  ])('is stopped by a pause and goes on with the attempts that are left: $outcome', async ({ passesAt, outcome }) => {
    await withCase({ procedure: 'CRASH_FLAKY', passesAt }, async (c) => {
      await c.returns();
      await c.begin();
      await c.rig.until(c.id, () => c.starts() === 1);
      await c.rig.client.pause(c.id, { by: 'test', reason: 'lunch' });
      await c.rig.until(c.id, (s) => s.from === 'run' && shownStatus(s.state!) === 'paused', 1500);
      const used = c.starts();
      await sleep(3000);
      expect(c.starts(), 'starts while paused').toBe(used);
      expect((await c.rig.storage.steps.list(c.id))['flaky']).toEqual({ epoch: 1, attempts: used });
      await c.rig.client.resume(c.id, { by: 'test' });
      expect((await c.rig.client.result(c.id)).outcome).toBe(outcome);
      expect(c.starts(), 'starts in all').toBe(4);
    });
  });
});

test('a pause during the last step: the run does not complete before it is resumed', async () => {
  await withCase({ slowMs: 1500 }, async (c) => {
    await c.returns();
    await c.begin();
    await c.rig.until(c.id, () => c.starts() === 1);
    await c.rig.client.pause(c.id, { by: 'test', reason: 'lunch' });
    await expectStandstill(c);
    await c.rig.client.resume(c.id, { by: 'test' });
    await expectCompleted(c, await c.finish());
  });
});
