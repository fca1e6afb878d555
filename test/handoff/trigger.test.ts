import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { reconcile } from '../../src/activities/reconcile.js';
import { repairWorkflowIdOf, workflowIdOf } from '../../src/core/ids.js';
import type { HandoffRequest } from '../../src/core/request.js';
import type { TriggerPayload } from '../../src/core/trigger.js';
import { NextPhase } from '../rig/next-phase.js';
import { Parts, newId } from '../rig/parts.js';
import { AGENTS, Rig } from '../rig/rig.js';
import { reset, taskEnds } from '../crash/resets.js';

let rig: Rig;
let next: NextPhase;
const parts = new Parts();
const PROCEDURE = 'CONTRACT_HANDOFF_STANDARD';

/** A trigger, and then an action that a test can fail. */
const steps = [
  { step_id: 'start_next', name: 'Start the Next', action: 'trigger', compensation: 'irreversible' },
  { step_id: 'work', name: 'Work', action: 'work' },
];
const rollback_procedures = [{ rollback_id: 'back', name: 'Back', steps: ['work'] }];
const base = { version: '1.0.0', name: 'Trigger and more', rollback_procedures };
const own = [
  { ...base, procedure_id: 'TRIGGER_WORK', steps },
  { ...base, procedure_id: 'TRIGGER_ASK', steps: [...steps, { step_id: 'ask', name: 'Ask', action: 'confirm' }] },
  { ...base, procedure_id: 'TRIGGER_HOLD', on_failure: 'hold' as const, steps },
];

beforeAll(async () => {
  const { actions = [], procedures = [] } = parts.options;
  rig = await Rig.create({ actions, procedures: [...procedures, ...own] });
  next = await NextPhase.create(rig.temporal, rig.address);
});
afterAll(async () => {
  await rig.close();
  await next.close();
});

const child = (over: object = {}) => ({ workflow: { type: 'nextPhase', taskQueue: next.taskQueue, ...over } });
const idOfChild = (id: string, epoch = 1): string => `handoff/${id}/next/${epoch}`;
const ended = (id: string) => next.until(`${id} ended`, async () => (await next.status(id)) !== 'RUNNING');
const rowOf = async (id: string) => (await rig.client.effects(id)).find((e) => e.effect === 'trigger');

/** Starts a handoff of only its trigger and what follows. */
async function begin(procedure: string, trigger: HandoffRequest['trigger'], handoffId = newId()): Promise<string> {
  const parties = { source: { agent: AGENTS.source }, target: { agent: AGENTS.target } };
  await rig.client.start({ procedure, ...parties, handoffId, ...(trigger ? { trigger } : {}) });
  rig.started.add(handoffId);
  return handoffId;
}

describe('what is triggered gets to know what has arrived', () => {
  test('a signal', async () => {
    const workflowId = await next.receiver();
    const id = await rig.start(PROCEDURE, { trigger: { signal: { workflowId, signalName: 'next' } } });
    const outcome = await rig.client.result(id);
    expect(outcome.steps['phase_trigger']).toMatchObject({
      status: 'finished',
      facts: { triggered: 'signal', to: `workflow ${workflowId}` },
    });
    const effects = await rig.client.effects(id);
    const files = effects.filter((e) => e.kind === 'file');
    expect(await next.finish(workflowId)).toEqual([
      [
        {
          key: `${id}/phase_trigger/1/trigger`,
          handoffId: id,
          session: `s-${id}`,
          source: { agent: AGENTS.source, phase: '8' },
          target: { agent: AGENTS.target, phase: `p-${id}` },
          procedure: { id: PROCEDURE, version: '1.0.0' },
          artifactCount: 2,
          artifacts: files.map((e) => ({
            name: e.effect,
            path: rig.arrival(id, e.effect),
            sha256: e.result!['sha256'],
            size: e.result!['size'],
          })),
          contextKeys: ['architecture'],
        },
      ],
    ]);
    expect(effects.at(-1)).toMatchObject({ effect: 'trigger', status: 'applied', irreversible: true });
  });

  test('a child workflow, which outlives the handoff', async () => {
    const id = await rig.start(PROCEDURE, { trigger: child() });
    expect(await rig.client.result(id)).toMatchObject({ outcome: 'completed' });
    await next.until('it began', () => next.begun.some(([w]) => w === idOfChild(id)));
    const [, args] = next.begun.find(([w]) => w === idOfChild(id))!;
    expect(args).toMatchObject([{ handoffId: id, artifactCount: 2, key: `${id}/phase_trigger/1/trigger` }]);
    expect(await next.status(idOfChild(id))).toBe('RUNNING');
    const { runId } = await rig.temporal.workflow.getHandle(idOfChild(id)).describe();
    expect(await rowOf(id)).toMatchObject({ status: 'applied', result: { workflowId: idOfChild(id), runId } });
    // It is no handoff: nobody lists it as one.
    const listed = await rig.client.list({ session: `s-${id}` });
    expect(listed.map((h) => h.handoffId)).toEqual([id]);
    await next.finish(idOfChild(id));
  });

  test('a webhook, as a CloudEvent under the key', async () => {
    const before = next.calls.length;
    const headers = { authorization: 'Bearer of the request' };
    const id = await rig.start(PROCEDURE, { trigger: { webhook: { url: `${next.url}?token=secret`, headers } } });
    const outcome = await rig.client.result(id);
    const [call, ...more] = next.calls.slice(before);
    expect(more).toEqual([]);
    const key = `${id}/phase_trigger/1/trigger`;
    expect(call!.headers).toMatchObject({
      ...headers,
      'content-type': 'application/cloudevents+json',
      'idempotency-key': key,
    });
    expect(JSON.parse(call!.body)).toMatchObject({
      specversion: '1.0',
      id: key,
      type: 'handoff.triggered',
      source: `handoff/${id}`,
      data: { handoffId: id, artifactCount: 2, contextKeys: ['architecture'] },
    });
    // What is shown of it holds no secrets.
    expect(JSON.stringify([outcome, await rig.client.effects(id)])).not.toMatch(/secret|Bearer/);
    const delivery = await rig.storage.db
      .selectFrom('deliveries')
      .select('content')
      .where('handoff', '=', id)
      .execute();
    expect(delivery[0]!.content).not.toMatch(/secret|Bearer/);
  });

  test('arguments of its own instead; and nothing, where nothing is asked for', async () => {
    const workflowId = await next.receiver();
    const signal = { workflowId, signalName: 'next', args: [1, { two: 2 }] };
    await rig.client.result(await begin('TRIGGER_WORK', { signal }));
    expect(await next.finish(workflowId)).toEqual([[1, { two: 2 }]]);
    const id = await begin('TRIGGER_WORK', child({ workflowId: `own-${newId()}`, args: ['a'] }));
    const { steps: done } = await rig.client.result(id);
    const own = String(done['start_next']!.facts!['child']);
    await next.until('it began', () => next.begun.some(([w, a]) => w === own && JSON.stringify(a) === '["a"]'));
    await next.finish(own);
    const idle = await begin('TRIGGER_WORK', undefined);
    expect((await rig.client.result(idle)).steps['start_next']).toMatchObject({ facts: { triggered: 'nothing' } });
    expect((await rig.client.status(idle)).words).toContain('- ✓ Start the Next — nothing to trigger');
    expect(await rowOf(idle)).toBeUndefined();
  });
});

test('of very many keys a child gets to know the first', async () => {
  const context = Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`a-key-with-a-name-${i}`, i]));
  const id = await rig.start(PROCEDURE, { trigger: child(), context });
  expect((await rig.client.result(id)).outcome).toBe('completed');
  await next.until('it began', () => next.begun.some(([w]) => w === idOfChild(id)));
  const [payload] = next.begun.find(([w]) => w === idOfChild(id))![1] as [TriggerPayload];
  expect(payload.contextKeys.length).toBeGreaterThan(100);
  expect(payload.contextKeys.length).toBeLessThan(500);
  expect([payload.artifactCount, payload.artifacts.length]).toEqual([2, 2]);
  await next.finish(idOfChild(id));
});

describe('what refuses', () => {
  test('a workflow that is not there, or has closed', async () => {
    const closed = await next.receiver();
    await next.finish(closed);
    for (const workflowId of ['nobody', closed]) {
      const id = await begin('TRIGGER_WORK', { signal: { workflowId, signalName: 'next' } });
      const outcome = await rig.client.result(id);
      expect(outcome).toMatchObject({ outcome: 'failed', code: 'TRIGGER_REFUSED' });
      expect(outcome.reason).toContain(`The trigger of workflow ${workflowId} was refused: `);
    }
  });

  test('a webhook: 4xx and redirects at once, 5xx and what passes after three attempts with one key', async () => {
    const attempt = async (answers: number[]): Promise<[code: string | undefined, keys: unknown[]]> => {
      const before = next.calls.length;
      next.answers = answers;
      const { code } = await rig.client.result(await begin('TRIGGER_WORK', { webhook: { url: next.url } }));
      next.answers = [];
      const calls = next.calls.slice(before);
      expect(new Set(calls.map((c) => c.body)).size).toBe(1);
      return [code, calls.map((c) => c.headers['idempotency-key'])];
    };
    for (const status of [400, 404, 302, 308]) {
      const [code, keys] = await attempt([status]);
      expect([status, code, keys.length]).toEqual([status, 'TRIGGER_REFUSED', 1]);
    }
    for (const answers of [
      [500, 503, 502],
      [429, 408, 425],
    ]) {
      const [code, keys] = await attempt(answers);
      expect([code, keys.length, new Set(keys).size]).toEqual(['TRIGGER_FAILED', 3, 1]);
    }
    const [code, keys] = await attempt([500]);
    expect([code, keys.length, new Set(keys).size]).toEqual([undefined, 2, 1]);
  });

  test('a port where nobody listens is tried again; a child of somebody else is not taken for ours', async () => {
    const nobody = await begin('TRIGGER_WORK', { webhook: { url: 'http://127.0.0.1:1/' } });
    expect(await rig.client.result(nobody)).toMatchObject({ code: 'TRIGGER_FAILED' });
    const theirs = await next.receiver();
    const id = await begin('TRIGGER_WORK', child({ workflowId: theirs }));
    const outcome = await rig.client.result(id);
    expect(outcome).toMatchObject({ outcome: 'failed', code: 'TRIGGER_REFUSED' });
    expect(outcome.reason).toContain(`workflow ${theirs} was there already, and is not of this handoff`);
    // And the undo left it alone.
    expect(outcome.undone).toMatchObject([{ result: 'nothing_to_undo' }]);
    expect(await next.status(theirs)).toBe('RUNNING');
    await next.finish(theirs);
  });

  test('an operator amends what was refused, and tries again', async () => {
    const workflowId = await next.receiver();
    const id = await begin('TRIGGER_HOLD', { signal: { workflowId: 'nobody', signalName: 'next' } });
    await rig.until(id, (s) => s.state?.incidents[0]?.id === 'inc-1');
    expect((await rig.storage.steps.list(id))['start_next']!.attempts).toBe(1);
    const input = { signal: { workflowId, signalName: 'next', args: [] } };
    await rig.client.retry(id, { by: 'op', reason: 'it is up', incidentId: 'inc-1', input });
    expect(await rig.client.result(id)).toMatchObject({ outcome: 'completed' });
    expect(await next.finish(workflowId)).toEqual([[]]);
  });
});

describe('a child is undone by cancelling it', () => {
  /** A handoff whose child runs, and whose next step fails once it is let go. */
  async function failing(id: string, procedure = 'TRIGGER_WORK'): Promise<void> {
    parts.hold(id, 'act');
    parts.fail(id, 'act');
    await begin(procedure, child(), id);
    await next.until('it began', () => next.begun.some(([w]) => w === idOfChild(id)));
  }

  test('where it runs', async () => {
    const id = newId();
    await failing(id);
    expect((await rig.client.status(id)).words).toMatch(/would undo: Work, Start the Next\./);
    parts.open(id, 'act');
    const outcome = await rig.client.result(id);
    expect(outcome).toMatchObject({
      outcome: 'failed',
      undone: expect.arrayContaining([
        { key: `${id}/start_next/1/trigger`, resource: `workflow:${idOfChild(id)}`, result: 'undone' },
      ]) as unknown,
    });
    await ended(idOfChild(id));
    expect(await next.status(idOfChild(id))).toBe('CANCELLED');
  });

  test('what it has completed stays, and is named; one that ended otherwise leaves nothing', async () => {
    for (const [result, end] of [
      ['irreversible', (w: string) => next.finish(w)],
      ['nothing_to_undo', (w: string) => rig.temporal.workflow.getHandle(w).terminate('a test')],
    ] as const) {
      const id = newId();
      await failing(id);
      await end(idOfChild(id));
      parts.open(id, 'act');
      const { undone } = await rig.client.result(id);
      expect(undone.find((u) => u.key.endsWith('/trigger'))).toMatchObject({ result });
    }
  });

  test('a step that is taken back cancels it, and starts another at the next epoch', async () => {
    const id = newId();
    await failing(id, 'TRIGGER_HOLD');
    parts.open(id, 'act');
    await rig.until(id, (s) => s.state?.incidents[0]?.id === 'inc-1');
    await rig.client.rollback(id, { by: 'op', reason: 'anew', incidentId: 'inc-1', toStep: 'start_next' });
    await rig.until(id, (s) => s.state?.incidents[0]?.id === 'inc-2');
    await ended(idOfChild(id));
    parts.mend(id, 'act');
    await rig.client.retry(id, { by: 'op', reason: 'again', incidentId: 'inc-2' });
    expect((await rig.client.result(id)).outcome).toBe('completed');
    // Each repair takes the step to its next epoch.
    await next.until('the second began', () => next.begun.some(([w]) => w === idOfChild(id, 3)));
    expect(next.begun.filter(([w]) => w.startsWith(`handoff/${id}/`)).map(([w]) => w)).toEqual([
      idOfChild(id),
      idOfChild(id, 3),
    ]);
    await next.finish(idOfChild(id, 3));
  });
});

test('a child of a run that was terminated is cancelled by its repair', async () => {
  const id = newId();
  await begin('TRIGGER_ASK', child(), id);
  await rig.untilStatus(id, 'awaiting_acceptance');
  await rig.temporal.workflow.getHandle(workflowIdOf(id)).terminate('somebody by hand');
  expect(await next.status(idOfChild(id))).toBe('RUNNING');
  const old = rig.storage.db.updateTable('handoffs').set({ updated_at: 1 }).where('id', '=', id);
  await old.execute();
  expect((await reconcile(rig.storage, rig.temporal, rig.taskQueue)).repairs).toEqual([id]);
  await rig.client.rollback(id, { by: 'op', reason: 'undo it', incidentId: 'inc-1' });
  await rig.temporal.workflow.getHandle(repairWorkflowIdOf(id)).result();
  expect((await rig.client.effects(id)).map((e) => e.undoResult)).toEqual(['undone', 'undone']);
  await ended(idOfChild(id));
  expect(await next.status(idOfChild(id))).toBe('CANCELLED');
});

test('a pause reaches the child that runs, and so does its end', async () => {
  const id = newId();
  await begin('TRIGGER_ASK', child(), id);
  await rig.untilStatus(id, 'awaiting_acceptance');
  await rig.client.pause(id, { by: 'op', reason: 'audit' });
  const paused = await rig.until(id, (s) => s.state?.toldToPause?.length === 1);
  expect(paused.words).toContain(`Paused with it: \`${idOfChild(id)}\`.`);
  await rig.client.resume(id, { by: 'op' });
  await rig.until(id, (s) => s.state?.toldToPause?.length === 0);
  const { epoch } = await rig.client.accept(id, { by: AGENTS.target });
  // A child that has closed is told nothing, and nobody minds.
  const by = `handoff ${id}`;
  expect(await next.finish(idOfChild(id))).toEqual([
    ['pause', { by, reason: 'audit', holder: 'parent' }],
    ['resume', { by, holder: 'parent' }],
  ]);
  await rig.client.pause(id, { by: 'op', reason: 'once more' });
  await rig.until(id, (s) => s.state?.toldToPause?.length === 1);
  await rig.client.resume(id, { by: 'op' });
  await rig.client.complete(id, { by: AGENTS.target, epoch });
  expect((await rig.client.result(id)).outcome).toBe('completed');
});

describe('a run that is reset triggers nothing twice', () => {
  test.each(['signal', 'workflow', 'webhook'] as const)('%s', async (kind) => {
    const workflowId = await next.receiver();
    const before = next.calls.length;
    const trigger = {
      signal: { signal: { workflowId, signalName: 'next' } },
      workflow: child(),
      webhook: { webhook: { url: next.url } },
    }[kind];
    const id = await rig.start(PROCEDURE, { trigger });
    await rig.client.result(id);
    const c = { id, rig } as unknown as Parameters<typeof taskEnds>[0];
    const { runId } = await rig.temporal.workflow.getHandle(workflowIdOf(id)).describe();
    for (const end of await taskEnds(c)) {
      await reset(c, end, runId);
      expect((await rig.client.result(id)).outcome).toBe('completed');
    }
    const heard = (await next.finish(workflowId)) as unknown[];
    const counts = {
      signal: heard.length,
      workflow: next.begun.filter(([w]) => w.startsWith(`handoff/${id}/`)).length,
      webhook: next.calls.length - before,
    };
    expect(counts).toEqual({ signal: 0, workflow: 0, webhook: 0, [kind]: 1 });
    onTestFinished(async () => {
      if (kind === 'workflow') await next.finish(idOfChild(id));
    });
  });
});
