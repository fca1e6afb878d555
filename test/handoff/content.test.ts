import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AGENTS, Rig } from '../rig/rig.js';
import { Gate, OwnActions, note, procedure } from './own-actions.js';

const folder = mkdtempSync(path.join(tmpdir(), 'handoff-own-'));
const own = new OwnActions(folder);
let rig: Rig;
beforeAll(async () => {
  rig = await Rig.create({ actions: own.actions });
});
afterAll(async () => {
  await rig.close();
  rmSync(folder, { recursive: true, force: true });
});
const bare = { artifacts: [], context: {} };
const MARKER = 'c0ntent-that-belongs-in-st0rage';

/** Everything in a history as text, its payloads decoded. */
async function textOf(id: string): Promise<string> {
  const { events } = await rig.history(id);
  expect(events!.length).toBeGreaterThan(5);
  const decoded = (v: unknown): unknown => {
    if (v instanceof Uint8Array) return Buffer.from(v).toString('utf8');
    if (Array.isArray(v)) return v.map(decoded);
    if (v === null || typeof v !== 'object') return typeof v === 'bigint' ? String(v) : v;
    return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, decoded(x)]));
  };
  const text = JSON.stringify(decoded(events));
  expect(text, 'the history is readable at all').toContain(id);
  return text;
}

test('nothing of the content is in the history: context, instructions, trace, document, metadata, contract, artifacts', async () => {
  await rig.file('secret.txt', MARKER.repeat(3));
  const content = {
    artifacts: [{ name: 'secret.txt', path: 'secret.txt' }],
    context: { plan: MARKER, deep: { list: [MARKER] } },
    instructions: { goal: MARKER },
    trace: {
      operation: MARKER,
      timestamp: '2026-01-13T11:30:00Z',
      durationMs: 1,
      decisions: [],
      metrics: [],
      errors: [],
      success: true,
    },
    document: { context: { userRequest: MARKER, decisions: [{ what: MARKER, why: MARKER }] } },
    metadata: { note: MARKER },
    contract: { handoff_id: 'x', contract: { sends: { note: { description: MARKER, required: false } } } },
  };
  const transition = await rig.start('PHASE_TRANSITION_STANDARD', content);
  expect((await rig.client.result(transition)).outcome).toBe('completed');
  const rejected = await rig.start('AGENT_HANDOFF_STANDARD', content);
  await rig.untilStatus(rejected, 'awaiting_acceptance');
  await rig.client.pause(rejected, { by: 'tester', reason: 'look' });
  await rig.client.resume(rejected, { by: 'tester' });
  await rig.client.reject(rejected, { by: AGENTS.target, reason: 'not mine' });
  expect((await rig.client.result(rejected)).outcome).toBe('rejected');
  for (const id of [transition, rejected]) expect(await textOf(id)).not.toContain(MARKER);
  expect(JSON.stringify(await rig.client.status(transition))).not.toContain(MARKER);
});

test('a definition of more than 16 KB travels by reference, and works after a restart of the worker', async () => {
  const gate = new Gate();
  own.gates.set('large', gate);
  const large = procedure(
    'LARGE',
    [
      note('one', { description: `${MARKER} described`, with: { padding: MARKER.repeat(600) } }),
      note('two', { with: { gate: 'large', padding: 'of the second', fail: 0 } }),
      note('three', { with: { padding: `${MARKER} third` } }),
    ],
    { description: MARKER },
  );
  expect(JSON.stringify(large).length).toBeGreaterThan(16 * 1024);
  await rig.client.addProcedure(large);
  const id = await rig.start('LARGE', bare);
  await rig.until(id, () => own.attempts(id, 'two') === 1);
  const stopping = rig.stopWorker();
  gate.open();
  await stopping;
  await rig.startWorker();
  expect((await rig.client.result(id)).outcome).toBe('completed');
  expect(own.notes(id)).toEqual({
    one: `${id}/one/1/note`,
    two: `${id}/two/1/note`,
    three: `${id}/three/1/note`,
  });
  expect(own.seen.slice(-3).map((w) => w['padding'])).toEqual([MARKER.repeat(600), 'of the second', `${MARKER} third`]);
  expect(await textOf(id)).not.toContain(MARKER);
});

test('amended input is laid over the parameters of a definition that travels by reference', async () => {
  const steps = [note('one', { with: { fail: 99, padding: 'x'.repeat(17_000) }, on_failure: 'hold' })];
  await rig.client.addProcedure(procedure('LARGE_HELD', steps));
  const id = await rig.start('LARGE_HELD', bare);
  await rig.until(id, (s) => s.state?.incidents.length === 1);
  await rig.client.retry(id, { by: 'tester', reason: 'test', incidentId: 'inc-1', input: { fail: 0 } });
  expect((await rig.client.result(id)).outcome).toBe('completed');
  expect(own.seen.at(-1)).toEqual({ fail: 0, padding: 'x'.repeat(17_000) });
});

test('a destination that an open handoff has written is retried until its holder closes', async () => {
  const target = { phase: 'shared-place' };
  const contract = { expects_in_return: { something: {} } };
  const first = await rig.start('PHASE_TRANSITION_STANDARD', { target, context: {}, contract });
  await rig.untilStatus(first, 'accepted');
  const patient = {
    ...procedure('PATIENT', [
      {
        step_id: 'move',
        name: 'Move',
        action: 'transfer',
        compensation: 'take_back',
        retry: { maximum_attempts: 200, initial_interval: 0.1, backoff_coefficient: 1 },
      },
    ]),
  };
  await rig.client.addProcedure(patient);
  const second = await rig.start('PATIENT', { target, context: {} });
  await expect
    .poll(async () => (await rig.storage.steps.list(second))['move']?.attempts ?? 0, { timeout: 15_000 })
    .toBeGreaterThan(2);
  const described = await rig.temporal.workflow.getHandle(`handoff/${second}`).describe();
  const { message } = described.raw.pendingActivities![0]!.lastFailure!;
  expect(message).toMatch(new RegExp(`is reserved by handoff ${first}, which is still open`));
  await rig.client.complete(first, { by: AGENTS.target, epoch: 1 });
  expect((await rig.client.result(second)).outcome).toBe('completed');
  expect((await rig.client.result(first)).outcome).toBe('completed');
});
