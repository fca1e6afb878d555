import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { HandoffOutcome } from '../../src/core/handoff.js';
import type { TriggerKind, TriggerSpec } from '../../src/core/trigger.js';
import { connectClient, type ConnectedClient } from '../../src/temporal/connect.js';
import { NextPhase } from '../rig/next-phase.js';
import { FULL, expectCompleted, withCase, type Case } from './case.js';
import { replayKept } from './replay.js';

let next: NextPhase;
let connected: ConnectedClient;
beforeAll(async () => {
  connected = await connectClient({ address: inject('address') });
  next = await NextPhase.create(connected.client, inject('address'));
});
afterAll(async () => {
  await replayKept();
  await next.close();
  await connected.connection.close();
});

/** One handoff that triggers something, and how often whom it triggers has heard of it. */
async function triggers(
  kind: TriggerKind,
  body: (c: Case, counts: () => Promise<{ asked: number; heard: number }>) => Promise<void>,
): Promise<void> {
  const workflowId = kind === 'signal' ? await next.receiver() : '';
  const trigger: TriggerSpec = {
    signal: { signal: { workflowId, signalName: 'next' } },
    workflow: { workflow: { type: 'nextPhase', taskQueue: next.taskQueue } },
    webhook: { webhook: { url: next.url } },
  }[kind];
  await withCase({ procedure: 'CONTRACT_HANDOFF_STANDARD', over: { trigger } }, async (c) => {
    await body(c, async () => {
      if (kind === 'signal') {
        const heard = (await next.heard(workflowId)).length;
        return { asked: heard, heard };
      }
      if (kind === 'workflow') {
        const mine = next.begun.filter(([id]) => id.startsWith(`handoff/${c.id}/`));
        return { asked: mine.length, heard: mine.length };
      }
      // A receiver that honours keys hears each of them once, and all it gets under one key is the same.
      const calls = next.calls.filter(({ body: said }) => said.includes(`"id":"${c.id}/`));
      expect(new Set(calls.map((call) => call.body)).size).toBeLessThanOrEqual(1);
      return { asked: calls.length, heard: new Set(calls.map((call) => call.headers['idempotency-key'])).size };
    });
    if (kind === 'workflow' && (await next.status(`handoff/${c.id}/next/1`)) === 'RUNNING')
      await next.finish(`handoff/${c.id}/next/1`);
  });
  if (workflowId) await next.finish(workflowId);
}

const EFFECT = ['effect.after_intent', 'effect.before_act', 'effect.after_act', 'effect.after_apply'];
/** Both go the same way through the ledger. The short form has each point once, and the one between act and record twice. */
const points = (kind: TriggerKind, short: string[]): [TriggerKind, string][] =>
  EFFECT.filter((at) => FULL || short.includes(at)).map((at) => [kind, at]);
const POINTS: [TriggerKind, string][] = [
  ...points('signal', ['effect.after_intent', 'effect.after_act']),
  ...points('webhook', ['effect.before_act', 'effect.after_act', 'effect.after_apply']),
  ...['trigger.after_intent', 'trigger.before_record', 'trigger.after_record'].map((point): [TriggerKind, string] => [
    'workflow',
    point,
  ]),
];

describe.concurrent('the worker killed with -9 around a trigger', { timeout: 180_000 }, () => {
  test.for(POINTS)('%s, at %s: it is triggered once', async ([kind, point]) => {
    await triggers(kind, async (c, counts) => {
      await c.dieAt(point);
      await c.returns();
      await expectCompleted(c, await c.finish());
      if (kind === 'workflow') await next.until('it began', async () => (await counts()).heard > 0);
      const { asked, heard } = await counts();
      expect(heard).toBe(1);
      // Only the call that nobody could record is made again, under its key.
      expect(asked).toBe(kind === 'webhook' && point === 'effect.after_act' ? 2 : 1);
    });
  });

  test.for(['trigger.after_intent', 'trigger.before_record', 'trigger.after_record'])(
    'a child, at %s, and cancelled meanwhile: none runs',
    async (point) => {
      await triggers('workflow', async (c, counts) => {
        await c.dieAt(point);
        await c.rig.client.cancel(c.id, { by: 'test', reason: 'enough' });
        await c.returns();
        const outcome: HandoffOutcome = await c.finish();
        expect(outcome.outcome).toBe('cancelled');
        const child = `handoff/${c.id}/next/1`;
        await next.until('none runs', async () => (await next.status(child)) !== 'RUNNING');
        const never = point === 'trigger.after_intent';
        expect(await next.status(child)).toBe(never ? 'none' : 'CANCELLED');
        expect(outcome.undone.find((u) => u.key.endsWith('/trigger'))!.result).toBe(
          never ? 'nothing_to_undo' : 'undone',
        );
        // What is cancelled before its first task was never heard of.
        expect((await counts()).heard).toBeLessThanOrEqual(never ? 0 : 1);
        expect(await c.look()).toEqual(c.before);
      });
    },
  );
});
