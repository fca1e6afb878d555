import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Procedure } from '../../src/core/procedure.js';
import { AGENTS, Rig } from '../rig/rig.js';
import { Gate, OwnActions, note, procedure } from './own-actions.js';

const folder = mkdtempSync(path.join(tmpdir(), 'handoff-repair-'));
const own = new OwnActions(folder);
let rig: Rig;
beforeAll(async () => {
  rig = await Rig.create({ actions: own.actions });
});
afterAll(async () => {
  await rig.close();
  rmSync(folder, { recursive: true, force: true });
});

const op = { by: 'op', reason: 'at 3 a.m.', incidentId: 'inc-1' };
const bare = { artifacts: [], context: {} };
const once = { maximum_attempts: 1 };
const breaks = (id: string, over = {}) => note(id, { with: { fail: 99 }, on_failure: 'hold', retry: once, ...over });

async function started(definition: Procedure): Promise<string> {
  await rig.client.addProcedure(definition);
  return rig.start(definition.procedure_id, bare);
}
/** Starts a handoff by this procedure, and waits for its first incident. */
async function held(definition: Procedure): Promise<string> {
  const id = await started(definition);
  await rig.until(id, (s) => s.state?.incidents.length === 1);
  return id;
}
const untilIncident = (id: string, incidentId: string) =>
  rig.until(id, (s) => s.state?.incidents[0]?.id === incidentId);
const statusOf = async (id: string): Promise<Record<string, string>> => {
  const { state } = await rig.client.status(id);
  return Object.fromEntries(Object.entries(state!.steps).map(([step, s]) => [step, `${s.status} ${s.epoch}`]));
};
const rows = async (id: string): Promise<string[]> =>
  (await rig.client.effects(id)).map((e) => `${e.key.slice(id.length + 1)} ${e.status}`);

describe.concurrent('skipStep', () => {
  test('what the failed step had made is undone, and the rest goes on without it', async () => {
    const late = breaks('two', { with: { fail: 99, after_effect: true } });
    const id = await held(procedure('SKIP_ONE', [note('one'), late, note('three')]));
    expect(Object.keys(own.notes(id))).toEqual(['one', 'two']);
    await rig.client.skip(id, op);
    const outcome = await rig.client.result(id);
    expect(outcome.outcome).toBe('completed');
    expect(outcome.steps).toMatchObject({ two: { status: 'skipped', note: 'skipped by op: at 3 a.m.' } });
    expect(outcome.undone).toMatchObject([{ key: `${id}/two/1/note`, result: 'undone' }]);
    expect(Object.keys(own.notes(id))).toEqual(['one', 'three']);
    expect(own.attempts(id, 'one')).toBe(1);
    expect(await rows(id)).toEqual(['one/1/note applied', 'two/1/note undone', 'three/1/note applied']);
  });

  test('it is bound to its incident, and needs that of a step', async () => {
    const id = await held(procedure('SKIP_TWICE', [breaks('one'), breaks('two')]));
    await rig.client.skip(id, op);
    await untilIncident(id, 'inc-2');
    await expect(rig.client.skip(id, op)).rejects.toMatchObject({ code: 'INCIDENT_NOT_OPEN' });
    await rig.client.skip(id, { ...op, incidentId: 'inc-2' });
    expect(await rig.client.result(id)).toMatchObject({ outcome: 'completed' });
  });

  test('the other branch is left alone', async () => {
    const gate = new Gate();
    own.gates.set('beside', gate);
    const left = note('left', { depends_on: [], with: { gate: 'beside' } });
    const id = await held(procedure('SKIP_BRANCH', [left, breaks('right', { depends_on: [] })]));
    await rig.client.skip(id, op);
    await rig.until(id, (s) => s.state?.steps['right']?.status === 'skipped');
    expect(await statusOf(id)).toEqual({ left: 'running 1', right: 'skipped 2' });
    gate.open();
    expect((await rig.client.result(id)).outcome).toBe('completed');
    expect(own.attempts(id, 'left')).toBe(1);
  });
});

describe.concurrent('rollback to a step', () => {
  const chain = (name: string): Procedure =>
    procedure(name, [note('one'), note('two'), note('three'), breaks('four', { with: { fail: 1 } })]);

  test('that step and all after it are undone; an incident stands there, and a retry runs them anew', async () => {
    const id = await held(chain('BACK_TO_TWO'));
    const before = own.notes(id)['one'];
    await rig.client.rollback(id, { ...op, toStep: 'two' });
    const { state, status, words } = await untilIncident(id, 'inc-2');
    expect(status).toBe('running');
    expect(state!.incidents).toMatchObject([{ kind: 'step', step: 'two', error: { code: 'ROLLED_BACK' } }]);
    expect(await statusOf(id)).toEqual({ one: 'finished 1', two: 'failed 2', three: 'waiting 2', four: 'waiting 2' });
    expect(own.notes(id)).toEqual({ one: before });
    expect(words).toContain('A cancel now would undo: Note one.');
    await rig.client.retry(id, { ...op, incidentId: 'inc-2' });
    const outcome = await rig.client.result(id);
    expect(outcome.outcome).toBe('completed');
    expect(outcome.undone.map((u) => u.key)).toEqual([`${id}/three/1/note`, `${id}/two/1/note`]);
    expect(own.notes(id)).toEqual({
      one: before,
      two: `${id}/two/3/note`,
      three: `${id}/three/2/note`,
      four: `${id}/four/2/note`,
    });
    expect(own.attempts(id, 'one')).toBe(1);
  });

  test('from there it can be skipped, and the handoff goes on', async () => {
    const id = await held(chain('BACK_AND_SKIP'));
    await rig.client.rollback(id, { ...op, toStep: 'three' });
    await untilIncident(id, 'inc-2');
    await rig.client.skip(id, { ...op, incidentId: 'inc-2' });
    expect((await rig.client.result(id)).outcome).toBe('completed');
    expect(Object.keys(own.notes(id))).toEqual(['four', 'one', 'two']);
  });

  test('a branch that does not come after it keeps what it did, and goes on', async () => {
    const gate = new Gate();
    own.gates.set('branch', gate);
    const id = await held(
      procedure('BACK_BRANCH', [
        note('first'),
        note('left', { depends_on: ['first'], with: { gate: 'branch' } }),
        note('right', { depends_on: ['first'] }),
        breaks('last', { depends_on: ['right'], with: { fail: 1 } }),
        note('both', { depends_on: ['left', 'last'] }),
      ]),
    );
    await rig.client.rollback(id, { ...op, toStep: 'right' });
    await untilIncident(id, 'inc-2');
    expect(await statusOf(id)).toMatchObject({ first: 'finished 1', left: 'running 1', right: 'failed 2' });
    gate.open();
    await rig.until(id, (s) => s.state?.steps['left']?.status === 'finished');
    await rig.client.retry(id, { ...op, incidentId: 'inc-2' });
    expect((await rig.client.result(id)).outcome).toBe('completed');
    expect(own.attempts(id, 'left')).toBe(1);
    expect(Object.keys(own.notes(id))).toEqual(['both', 'first', 'last', 'left', 'right']);
  });

  test('an acceptance among the steps is void: it is offered again, with the next epoch and a full expiry', async () => {
    const id = await started(
      procedure('BACK_OVER_OFFER', [
        note('one'),
        { step_id: 'ask', name: 'Ask', action: 'confirm' },
        breaks('after', { with: { fail: 1 } }),
      ]),
    );
    await rig.untilStatus(id, 'awaiting_acceptance');
    await rig.client.accept(id, { by: AGENTS.target, leaseMinutes: 30 });
    await untilIncident(id, 'inc-1');
    await rig.client.rollback(id, { ...op, toStep: 'ask' });
    const { state, status } = await untilIncident(id, 'inc-2');
    expect(status).toBe('running');
    expect(state).toMatchObject({ acceptance: { epoch: 1, lapses: 0 }, expiry: { remainingMs: 3_600_000 } });
    expect(state!.lease).toBeUndefined();
    expect(state!.expiry.runningSince).toBeDefined();
    const complete = rig.client.complete(id, { by: AGENTS.target, epoch: 1 });
    await expect(complete).rejects.toMatchObject({ code: 'WRONG_STATE' });
    await rig.client.retry(id, { ...op, incidentId: 'inc-2' });
    await rig.untilStatus(id, 'awaiting_acceptance');
    expect(await rig.client.accept(id, { by: AGENTS.target })).toEqual({ epoch: 2 });
    await rig.until(id, (s) => s.state?.steps['after']?.status === 'finished');
    await rig.client.complete(id, { by: AGENTS.target, epoch: 2 });
    expect((await rig.client.result(id)).outcome).toBe('completed');
  });

  test('a step that the incident does not come after is refused, with those that are possible', async () => {
    const id = await held(chain('BACK_WRONG'));
    for (const toStep of ['five', '']) {
      const wrong = rig.client.rollback(id, { ...op, toStep });
      await expect(wrong).rejects.toMatchObject({ code: 'INVALID_MESSAGE' });
    }
    await expect(rig.client.rollback(id, { ...op, toStep: 'five' })).rejects.toThrow('possible: one, two, three, four');
    await rig.client.cancel(id, { by: 'op', reason: 'seen enough' });
    expect((await rig.client.result(id)).undone).toHaveLength(3);
    expect(own.notes(id)).toEqual({});
  });

  test('an undo that meets an obstacle on the way is an incident; a cancel meanwhile undoes the rest', async () => {
    const id = await held(
      procedure(
        'BACK_CONFLICT',
        [
          note('one'),
          { step_id: 'copy', name: 'Copy', action: 'sync_state', compensation: 'put_back' },
          breaks('four', { with: { fail: 1 } }),
        ],
        {
          rollback_procedures: [
            { rollback_id: 'take_back', name: 'Take back', steps: ['one', 'four'] },
            { rollback_id: 'put_back', name: 'Put back', steps: ['copy'] },
          ],
        },
      ),
    );
    const { subject } = await rig.client.status(id);
    await rig.client.sessions.setPhase(subject!.session, subject!.target.phase!, 'completed', 'somebody else');
    await rig.client.rollback(id, { ...op, toStep: 'copy' });
    const { state, words } = await untilIncident(id, 'inc-2');
    expect(state!.incidents).toMatchObject([{ kind: 'undo', step: 'copy', error: { code: 'UNDO_CONFLICT' } }]);
    expect(words).toContain('Taking back Copy, Note four, because op: at 3 a.m.');
    const wrong = rig.client.skip(id, { ...op, incidentId: 'inc-2' });
    await expect(wrong).rejects.toMatchObject({ code: 'WRONG_INCIDENT' });
    const back = rig.client.rollback(id, { ...op, incidentId: 'inc-2', toStep: 'one' });
    await expect(back).rejects.toMatchObject({ code: 'WRONG_INCIDENT' });
    await rig.client.cancel(id, { by: 'op', reason: 'leave it' });
    await rig.until(id, (s) => s.status === 'compensating' && s.state?.incidents.length === 1);
    const { state: at } = await rig.client.status(id);
    await rig.client.resolve(id, { ...op, incidentId: at!.incidents[0]!.id, choice: 'keep_theirs' });
    expect(await rig.client.result(id)).toMatchObject({ outcome: 'cancelled' });
    expect(own.notes(id)).toEqual({});
    const [phase] = (await rig.client.sessions.phases(subject!.session)).filter(
      (p) => p.phase === subject!.target.phase,
    );
    expect(phase).toMatchObject({ status: 'completed' });
  });
});

test('a step that a pause stops between two attempts has only those left that it had not used', async () => {
  const retry = { maximum_attempts: 3, initial_interval: 2, backoff_coefficient: 1 };
  const id = await started(procedure('PAUSED_IN_BACKOFF', [breaks('one', { retry })]));
  await expect.poll(() => own.attempts(id, 'one'), { timeout: 20_000 }).toBe(1);
  await rig.client.pause(id, { by: 'op', reason: 'wait' });
  await rig.until(id, (s) => s.state?.steps['one']?.status === 'waiting');
  await rig.client.resume(id, { by: 'op' });
  await untilIncident(id, 'inc-1');
  expect(own.attempts(id, 'one')).toBe(3);
  await rig.client.rollback(id, op);
  expect(await rig.client.result(id)).toMatchObject({ outcome: 'failed' });
});
