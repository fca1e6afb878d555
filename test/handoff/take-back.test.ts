import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HandoffError } from '../../src/core/errors.js';
import type { Procedure } from '../../src/core/procedure.js';
import type { HandoffRequest } from '../../src/core/request.js';
import { AGENTS, Rig } from '../rig/rig.js';
import { Gate, OwnActions, note, procedure } from './own-actions.js';

const folder = mkdtempSync(path.join(tmpdir(), 'handoff-take-back-'));
const own = new OwnActions(folder);
let rig: Rig;
beforeAll(async () => {
  rig = await Rig.create({ actions: own.actions });
});
afterAll(async () => {
  await rig.close();
  rmSync(folder, { recursive: true, force: true });
});

const op = (n: number) => ({ by: 'op', reason: 'at 3 a.m.', incidentId: `inc-${n}` });
const once = { maximum_attempts: 1 };
const breaks = (id: string, over = {}) => note(id, { with: { fail: 1 }, on_failure: 'hold', retry: once, ...over });
const ask = { step_id: 'ask', name: 'Ask', action: 'confirm' };

async function started(definition: Procedure, over: Partial<HandoffRequest> = {}): Promise<string> {
  await rig.client.addProcedure(definition);
  return rig.start(definition.procedure_id, { artifacts: [], context: {}, ...over });
}
const incidents = (id: string, ...wanted: string[]) =>
  rig.until(id, (s) => s.state?.incidents.map((i) => i.id).join() === wanted.join());
const rows = async (id: string): Promise<string[]> =>
  (await rig.client.effects(id)).map((e) => `${e.key.slice(id.length + 1)} ${e.status}`);
const named = (undone: { key: string }[]): string[] => undone.map((u) => u.key.split('/').slice(1).join('/'));
const refusal = (sent: Promise<unknown>): Promise<string | undefined> =>
  sent.then(
    () => undefined,
    (error: HandoffError) => error.code,
  );

describe.concurrent('retryStep', () => {
  test('what the failed attempts had made is undone first: a finished step has made each effect once', async () => {
    const late = breaks('two', { with: { fail: 1, after_effect: true } });
    const id = await started(procedure('RETRY_LATE', [note('one'), late]));
    await incidents(id, 'inc-1');
    await rig.client.retry(id, op(1));
    const outcome = await rig.client.result(id);
    expect(outcome).toMatchObject({ outcome: 'completed', steps: { two: { status: 'finished' } } });
    expect(await rows(id)).toEqual(['one/1/note applied', 'two/1/note undone', 'two/2/note applied']);
    expect(named(outcome.undone)).toEqual(['two/1/note']);
    expect(own.notes(id)).toEqual({ one: `${id}/one/1/note`, two: `${id}/two/2/note` });
  });

  test('amended input stays with a step that a later rollback takes back', async () => {
    const id = await started(procedure('RETRY_INPUT', [breaks('one', { with: { fail: 9 } }), breaks('two')]));
    await incidents(id, 'inc-1');
    await rig.client.retry(id, { ...op(1), input: { fail: 0 } });
    await incidents(id, 'inc-2');
    await rig.client.rollback(id, { ...op(2), toStep: 'one' });
    await incidents(id, 'inc-3');
    await rig.client.retry(id, op(3));
    expect((await rig.client.result(id)).outcome).toBe('completed');
    expect(await rows(id)).toEqual(['one/2/note undone', 'one/4/note applied', 'two/2/note applied']);
  });
});

test.each(['skip', 'resolve'] as const)(
  'an attempt that runs on after a %s is refused, and changes nothing',
  async (verb) => {
    const gate = new Gate();
    own.gates.set(`late ${verb}`, gate);
    const slow = note('two', { with: { gate: `late ${verb}` }, on_failure: 'hold', retry: once, timeout: 1 });
    const id = await started(procedure(`LATE_${verb.toUpperCase()}`, [note('one'), slow, note('three')]));
    await incidents(id, 'inc-1');
    await rig.client[verb](id, op(1));
    expect((await rig.client.result(id)).outcome).toBe('completed');
    gate.open();
    await expect.poll(() => own.refused).toContain(`${id}/two STALE_EPOCH`);
    expect(Object.keys(own.notes(id))).toEqual(['one', 'three']);
    expect(await rows(id)).toEqual(['one/1/note applied', 'three/1/note applied']);
  },
);

test('resolved by hand, a step is shut at an epoch of its own; a rollback past it undoes what stayed, and goes on at the next', async () => {
  const two = breaks('two', { with: { fail: 1, after_effect: true } });
  const id = await started(procedure('RESOLVED_BACK', [note('one'), two, breaks('three')]));
  await incidents(id, 'inc-1');
  await rig.client.resolve(id, op(1));
  const { state: resolved } = await incidents(id, 'inc-2');
  expect(resolved!.steps['two']).toMatchObject({ status: 'finished', epoch: 2 });
  expect(await rows(id)).toEqual(['one/1/note applied', 'two/1/note applied']);
  await rig.client.rollback(id, { ...op(2), toStep: 'one' });
  const { state: back } = await incidents(id, 'inc-3');
  expect(Object.values(back!.steps).map((s) => s.epoch)).toEqual([2, 3, 2]);
  await rig.client.retry(id, op(3));
  expect((await rig.client.result(id)).outcome).toBe('completed');
  expect(await rows(id)).toEqual([
    'one/1/note undone',
    'two/1/note undone',
    'one/3/note applied',
    'two/3/note applied',
    'three/2/note applied',
  ]);
  expect(own.notes(id)['two']).toBe(`${id}/two/3/note`);
});

describe.concurrent('repairs in quick succession', () => {
  const branches = (name: string): Procedure =>
    procedure(name, [
      note('root'),
      breaks('left', { depends_on: ['root'] }),
      breaks('middle', { depends_on: ['root'] }),
      breaks('right', { depends_on: ['root'] }),
      note('end', { depends_on: ['left', 'middle', 'right'] }),
    ]);
  /** All three branches have failed; the incident of each. */
  async function broken(name: string): Promise<{ id: string; at: Record<string, number> }> {
    const id = await started(branches(name));
    const { state } = await incidents(id, 'inc-1', 'inc-2', 'inc-3');
    const at: Record<string, number> = {};
    for (const i of state!.incidents) at[i.step!] = Number(i.id.slice(4));
    return { id, at };
  }

  test('two skips and a retry at once are all heard', async () => {
    const { id, at } = await broken('QUICK_SKIPS');
    await Promise.all([
      rig.client.skip(id, op(at['left']!)),
      rig.client.skip(id, op(at['right']!)),
      rig.client.retry(id, op(at['middle']!)),
    ]);
    const { steps } = await rig.client.result(id);
    expect(Object.entries(steps).map(([step, s]) => `${step} ${s.status}`)).toEqual([
      'root finished',
      'left skipped',
      'middle finished',
      'right skipped',
      'end finished',
    ]);
    expect(Object.keys(own.notes(id))).toEqual(['end', 'middle', 'root']);
  });

  test('a rollback to a step before voids the incidents of all after it, and a skip that was asked for', async () => {
    const { id, at } = await broken('QUICK_BACK');
    const [skipped, back] = await Promise.all([
      refusal(rig.client.skip(id, op(at['left']!))),
      refusal(rig.client.rollback(id, { ...op(at['right']!), toStep: 'root' })),
    ]);
    expect(back).toBeUndefined();
    expect([undefined, 'INCIDENT_NOT_OPEN']).toContain(skipped);
    const { state } = await incidents(id, 'inc-4');
    expect(state!.incidents).toMatchObject([{ step: 'root', error: { code: 'ROLLED_BACK' } }]);
    expect(await refusal(rig.client.retry(id, op(at['middle']!)))).toBe('INCIDENT_NOT_OPEN');
    await rig.client.retry(id, op(4));
    expect((await rig.client.result(id)).outcome).toBe('completed');
    expect(Object.keys(own.notes(id))).toEqual(['end', 'left', 'middle', 'right', 'root']);
    expect(own.attempts(id, 'root')).toBe(2);
  });

  test('of two rollbacks the one that goes further back leaves the one incident', async () => {
    const { id, at } = await broken('QUICK_TWICE');
    await rig.client.rollback(id, { ...op(at['left']!), toStep: 'left' });
    await rig.client.rollback(id, { ...op(at['right']!), toStep: 'root' });
    const { state } = await rig.until(id, (s) => s.state?.steps['root']?.status === 'failed');
    expect(state!.incidents).toMatchObject([{ step: 'root', error: { code: 'ROLLED_BACK' } }]);
    await rig.client.rollback(id, op(Number(state!.incidents[0]!.id.slice(4))));
    const outcome = await rig.client.result(id);
    expect(outcome).toMatchObject({ outcome: 'failed', by: 'op' });
    expect(named(outcome.undone)).toEqual(['root/1/note']);
    expect(own.notes(id)).toEqual({});
  });

  test('an offer that is taken back and skipped: who expects a return has it accepted by the procedure', async () => {
    const contract = { expects_in_return: { report: {} } };
    const id = await started(procedure('OFFER_SKIPPED', [note('one'), ask, breaks('after')]), { contract });
    await rig.untilStatus(id, 'awaiting_acceptance');
    await rig.client.accept(id, { by: AGENTS.target });
    await incidents(id, 'inc-1');
    await rig.client.rollback(id, { ...op(1), toStep: 'ask' });
    await incidents(id, 'inc-2');
    await rig.client.skip(id, op(2));
    const { state } = await rig.untilStatus(id, 'accepted');
    expect(state!.acceptance).toMatchObject({ epoch: 2, by: 'procedure' });
    await rig.client.complete(id, { by: AGENTS.target, epoch: 2 });
    expect(await rig.client.result(id)).toMatchObject({ outcome: 'completed', steps: { ask: { status: 'skipped' } } });
  });

  test('an undo that a cancellation cuts short: the outcome names what it had undone by then', async () => {
    const definition = procedure(
      'CUT_SHORT',
      [{ step_id: 'copy', name: 'Copy', action: 'sync_state', compensation: 'put_back' }, breaks('two')],
      {
        rollback_procedures: [
          { rollback_id: 'take_back', name: 'Take back', steps: ['two'] },
          { rollback_id: 'put_back', name: 'Put back', steps: ['copy'] },
        ],
      },
    );
    const id = await started(definition);
    const { state, subject } = await incidents(id, 'inc-1');
    expect(state!.steps['copy']!.status).toBe('finished');
    const { session, target } = subject!;
    // The older of its two effects meets somebody else's change, the newer is undone before it.
    await rig.client.sessions.setPhase(session, 8, 'failed', 'somebody else');
    await rig.client.rollback(id, { ...op(1), toStep: 'copy' });
    await incidents(id, 'inc-2');
    expect(await rows(id)).toEqual(['copy/1/phase:8 applied', `copy/1/phase:${String(target.phase)} undone`]);
    await rig.client.cancel(id, { by: 'op', reason: 'leave it' });
    await incidents(id, 'inc-3');
    await rig.client.resolve(id, { ...op(3), choice: 'keep_theirs' });
    const { outcome, undone } = await rig.client.result(id);
    expect(outcome).toBe('cancelled');
    expect(undone.map((u) => `${u.key.slice(id.length + 1)} ${u.result}`)).toEqual([
      'copy/1/phase:8 kept_theirs',
      `copy/1/phase:${String(target.phase)} undone`,
    ]);
  });
});
