import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HandoffClient } from '../../src/client.js';
import { workflowIdOf } from '../../src/core/ids.js';
import { Parts, newId } from '../rig/parts.js';
import { AGENTS, Rig } from '../rig/rig.js';
import { containing, matching } from '../rig/matchers.js';

const parts = new Parts();
let rig: Rig;
beforeAll(async () => {
  rig = await Rig.create(parts.options);
});
afterAll(() => rig.close());

const request = (over: object = {}) => {
  const handoffId = newId();
  rig.started.add(handoffId);
  return {
    handoffId,
    procedure: 'WORK_AND_ASK',
    source: { agent: AGENTS.source },
    target: { agent: AGENTS.target },
    ...over,
  };
};
const acts = (id: string): number => parts.happened.filter((h) => h === `act ${id}`).length;
const finish = async (id: string): Promise<void> => {
  await rig.untilStatus(id, 'awaiting_acceptance');
  await rig.client.reject(id, { by: AGENTS.target, reason: 'seen enough' });
  await rig.client.result(id);
};
/** Where only Temporal can tell what is there. */
const bare = (): HandoffClient =>
  new HandoffClient({ temporal: rig.temporal, taskQueue: rig.taskQueue, procedures: [], actions: ['work'] });

describe('the same id with the same request', () => {
  test('is the same handoff: while it runs and after it closed, in whatever order its keys stand', async () => {
    const first = request({ priority: 'high' });
    const started = await rig.client.start(first);
    expect(started).toMatchObject({ existing: false, workflowId: workflowIdOf(first.handoffId) });
    const { handoffId, procedure, source, target } = first;
    const again = { target, priority: 'immediate', source, procedure, handoffId } as const;
    expect(await rig.client.start(again)).toEqual({ ...started, existing: true });
    await finish(first.handoffId);
    expect(await rig.client.start(first)).toEqual({ ...started, existing: true });
    expect(acts(first.handoffId)).toBe(1);
  });

  test('sent 20 times at once is one run and one effect', async () => {
    const same = request();
    const started = await Promise.all(Array.from({ length: 20 }, () => rig.client.start(same)));
    expect(started.filter((s) => !s.existing)).toHaveLength(1);
    expect(new Set(started.map((s) => s.runId)).size).toBe(1);
    await finish(same.handoffId);
    expect(acts(same.handoffId)).toBe(1);
  });

  test('is found even when its expiry is over or its procedure is gone by now', async () => {
    const soon = request({ procedure: 'WORK_ONLY', expiresAt: new Date(Date.now() + 1500).toISOString() });
    const started = await rig.client.start(soon);
    await rig.client.result(soon.handoffId);
    await new Promise((resolve) => setTimeout(resolve, 1600));
    expect(await rig.client.start(soon)).toEqual({ ...started, existing: true });
  });

  test('is found through Temporal alone, by a client without storage', async () => {
    const same = request({ procedure: 'AGENT_HANDOFF_STANDARD' });
    const started = await bare().start(same);
    expect(await bare().start(same)).toEqual({ ...started, existing: true });
    await finish(same.handoffId);
    expect(await bare().start(same)).toEqual({ ...started, existing: true });
    expect(await rig.client.start(same)).toEqual({ ...started, existing: true });
  });
});

describe('the same id with another request', () => {
  test.each<[string, object]>([
    ['another target', { target: { agent: AGENTS.source } }],
    ['other content', { context: { a: 1 } }],
    ['another procedure', { procedure: 'WORK_ONLY' }],
    ['another expiry', { expiresInMinutes: 61 }],
  ])('is a conflict: %s', async (_, over) => {
    const first = request();
    const { runId } = await rig.client.start(first);
    const conflict = {
      code: 'HANDOFF_ID_CONFLICT',
      message: matching(/an earlier one of this id was asked for with a different request/),
    };
    await expect(rig.client.start({ ...first, ...over })).rejects.toMatchObject(conflict);
    await finish(first.handoffId);
    await expect(rig.client.start({ ...first, ...over })).rejects.toMatchObject(conflict);
    const described = await rig.temporal.workflow.getHandle(workflowIdOf(first.handoffId)).describe();
    expect(described.runId).toBe(runId);
    expect(acts(first.handoffId)).toBe(1);
  });

  test('all at once: one starts, the others are told', async () => {
    const first = request();
    const all = Array.from({ length: 10 }, (_, i) => rig.client.start({ ...first, expiresInMinutes: 60 + i }));
    const results = await Promise.allSettled(all);
    expect(results.filter((r) => r.status === 'fulfilled')).toHaveLength(1);
    const codes = results.flatMap((r) => (r.status === 'rejected' ? [(r.reason as { code: string }).code] : []));
    expect(codes).toEqual(Array.from({ length: 9 }, () => 'HANDOFF_ID_CONFLICT'));
    await finish(first.handoffId);
    expect(acts(first.handoffId)).toBe(1);
  });

  test('is refused by the database where Temporal has forgotten the run, and the first outcome stays', async () => {
    const model = request({ procedure: 'AGENT_HANDOFF_STANDARD' });
    await rig.client.start(model);
    await finish(model.handoffId);
    const row = (await rig.storage.handoffs.find(model.handoffId))!;
    // As after the retention: the database has the handoff, Temporal has nothing.
    const old = request({ procedure: 'AGENT_HANDOFF_STANDARD' });
    const subject = { ...row.subject, handoffId: old.handoffId };
    const outcome = { ...row.outcome!, handoffId: old.handoffId };
    await rig.storage.handoffs.register(subject, 'an-old-run', 'running');
    await rig.storage.handoffs.project(subject, row.state!, outcome);
    expect(await rig.client.result(old.handoffId)).toEqual(outcome);
    expect(await rig.client.status(old.handoffId)).toMatchObject({ status: 'rejected', from: 'storage' });
    await expect(rig.client.start(old)).rejects.toMatchObject({ code: 'HANDOFF_ID_CONFLICT' });
    await bare().start(old);
    await expect(rig.temporal.workflow.getHandle(workflowIdOf(old.handoffId)).result()).rejects.toMatchObject({
      cause: {
        type: 'HANDOFF_FAILED',
        message: containing('an earlier one of this id was asked for with a different request'),
      },
    });
    expect(await rig.storage.handoffs.find(old.handoffId)).toMatchObject({ run: 'an-old-run', outcome });
  });
});
