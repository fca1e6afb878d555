import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { workflowIdOf } from '../../src/core/ids.js';
import { createHandoffWorker } from '../../src/worker.js';
import { Rig } from '../rig/rig.js';
import { Gate, OwnActions, note, procedure } from './own-actions.js';

const folder = mkdtempSync(path.join(tmpdir(), 'handoff-own-'));
const own = new OwnActions(folder);
let rig: Rig;
beforeAll(async () => {
  rig = await Rig.create({
    actions: own.actions,
    procedures: [procedure('FROM_CODE', [note('one'), note('two', { with: { greeting: 'hello' } })])],
  });
});
afterAll(async () => {
  await rig.close();
  rmSync(folder, { recursive: true, force: true });
});

const bare = { artifacts: [], context: {} };
const run = async (definition: unknown): Promise<string> => {
  const { procedure_id } = await rig.client.addProcedure(definition);
  return rig.start(procedure_id, bare);
};
const byHand = { by: 'tester', reason: 'test' };

describe('where a procedure comes from', () => {
  test('from code: registered with the worker, its id is the workflow type', async () => {
    const id = await rig.start('FROM_CODE', bare);
    expect(await rig.client.result(id)).toMatchObject({ outcome: 'completed', procedure: 'FROM_CODE' });
    expect((await rig.temporal.workflow.getHandle(workflowIdOf(id)).describe()).type).toBe('FROM_CODE');
    expect(own.notes(id)).toEqual({ one: `${id}/one/1/note`, two: `${id}/two/1/note` });
    expect(own.seen.at(-1)).toEqual({ greeting: 'hello' });
    expect((await rig.client.effects(id)).map((e) => [e.key, e.kind, e.status])).toEqual([
      [`${id}/one/1/note`, 'action:write_note', 'applied'],
      [`${id}/two/1/note`, 'action:write_note', 'applied'],
    ]);
  });

  test('from JSON: its effects are undone by its own undo, newest first, when it fails', async () => {
    const id = await run(
      JSON.parse(`{
        "procedure_id": "FROM_JSON", "version": "2.1.0", "name": "From JSON",
        "steps": [
          { "step_id": "first", "name": "First", "action": "write_note", "compensation": "take_back" },
          { "step_id": "second", "name": "Second", "action": "write_note" },
          { "step_id": "third", "name": "Third", "action": "write_note", "compensation": "take_back",
            "with": { "fail": 9, "after_effect": true },
            "retry": { "maximum_attempts": 2, "initial_interval": 0.02 } }
        ],
        "rollback_procedures": [
          { "rollback_id": "take_back", "name": "Take back", "steps": ["first", "second", "third"] }
        ]
      }`),
    );
    const outcome = await rig.client.result(id);
    expect(outcome).toMatchObject({ outcome: 'failed', reason: 'Step third: told to fail (2)' });
    const keys = ['third', 'second', 'first'].map((s) => `${id}/${s}/1/note`);
    expect(outcome.undone.map((u) => [u.key, u.result])).toEqual(keys.map((k) => [k, 'undone']));
    expect(own.undone.filter((k) => k.startsWith(`${id}/`))).toEqual(keys);
    expect(own.notes(id)).toEqual({});
  });

  test('from YAML, with parallel branches by depends_on, which meet again', async () => {
    const [left, right] = [new Gate(), new Gate()];
    own.gates.set('left', left).set('right', right);
    const id = await run(
      parse(`
        procedure_id: FROM_YAML
        version: 1.0.0
        name: From YAML
        steps:
          - { step_id: begin, name: Begin, action: write_note }
          - { step_id: left, name: Left, action: write_note, depends_on: [begin], with: { gate: left } }
          - { step_id: right, name: Right, action: write_note, depends_on: [begin], with: { gate: right } }
          - { step_id: join, name: Join, action: write_note, depends_on: [left, right] }
        rollback_procedures:
          - { rollback_id: take_back, name: Take back, steps: [begin, left, right, join] }
      `),
    );
    await rig.until(id, (s) => own.attempts(id, 'left') + own.attempts(id, 'right') === 2 && s.status === 'running');
    expect((await rig.client.progress(id)).running.toSorted()).toEqual(['left', 'right']);
    right.open();
    await rig.until(id, (s) => s.state?.steps['right']?.status === 'finished');
    expect(own.attempts(id, 'join'), 'waits for both').toBe(0);
    left.open();
    expect((await rig.client.result(id)).outcome).toBe('completed');
    expect(own.calls.filter((c) => c.startsWith(`${id}/`)).at(-1)).toBe(`${id}/join`);
  });

  test('a check that stands first in the list and waits for another step is made after that one, not before', async () => {
    const deliver = { step_id: 'deliver', name: 'Deliver', action: 'transfer', with: { what: ['context'] } };
    const look = { step_id: 'look', name: 'Look', action: 'validate', rules: ['VR005'], depends_on: ['deliver'] };
    const id = await run(
      procedure('CHECK_FIRST_IN_LIST', [look, { ...deliver, compensation: 'take_back', depends_on: [] }]),
    );
    expect((await rig.client.result(id)).outcome).toBe('completed');
  });

  test('a worker refuses a procedure whose effect could not be undone, and an action that hides one of the engine', async () => {
    const at = { connect: { address: rig.address }, storage: rig.storage, taskQueue: 'nobody' };
    const mail = { step_id: 'mail', name: 'Mail', action: 'send_mail', compensation: 'take_back' };
    await expect(
      createHandoffWorker({ ...at, actions: own.actions, procedures: [procedure('NO_UNDO', [mail])] }),
    ).rejects.toThrow('/steps: action send_mail has no undo: give it one, or declare its steps irreversible');
    for (const name of ['undo', 'validate', 'confirm', '__proto__', 'Sync']) {
      const actions = [{ name, run: () => Promise.resolve() }];
      await expect(createHandoffWorker({ ...at, actions })).rejects.toMatchObject({ code: 'INVALID_ID' });
    }
  });
});

describe.concurrent('retries and time-outs', () => {
  test('a branch that is retried alone does not reset the others', async () => {
    const id = await run(
      procedure('ONE_BRANCH_RETRIED', [
        note('steady', { depends_on: [] }),
        note('shaky', { depends_on: [], with: { fail: 2 } }),
        note('join', { depends_on: ['steady', 'shaky'] }),
      ]),
    );
    expect((await rig.client.result(id)).outcome).toBe('completed');
    expect(['steady', 'shaky', 'join'].map((s) => own.attempts(id, s))).toEqual([1, 3, 1]);
    expect((await rig.storage.steps.list(id))['shaky']).toEqual({ epoch: 1, attempts: 3 });
  });

  test.each([1, 2, 4])('maximum_attempts %i is honoured', async (maximum_attempts) => {
    const id = await run(
      procedure(`ATTEMPTS_${maximum_attempts}`, [
        note('step', { with: { fail: 99 }, retry: { maximum_attempts, initial_interval: 0.02 } }),
      ]),
    );
    expect(await rig.client.result(id)).toMatchObject({
      outcome: 'failed',
      steps: { step: { status: 'failed', error: { code: 'ACTION_FAILED' } } },
    });
    expect(own.attempts(id, 'step')).toBe(maximum_attempts);
  });

  test('an effect that was made before its attempt failed is not made again', async () => {
    const id = await run(procedure('MADE_ONCE', [note('step', { with: { fail: 2, after_effect: true } })]));
    expect((await rig.client.result(id)).outcome).toBe('completed');
    expect(own.attempts(id, 'step')).toBe(3);
    expect(await rig.client.effects(id)).toHaveLength(1);
  });

  test('a step past its time-out fails with STEP_TIMEOUT; what it does afterwards is refused, and nothing stays', async () => {
    const gate = new Gate();
    own.gates.set('late', gate);
    const id = await run(
      procedure('TOO_LATE', [note('slow', { timeout: 0.5, with: { gate: 'late' }, retry: { maximum_attempts: 1 } })]),
    );
    expect(await rig.client.result(id)).toMatchObject({
      outcome: 'failed',
      code: 'STEP_TIMEOUT',
      steps: { slow: { status: 'failed' } },
      undone: [],
    });
    gate.open();
    await vi.waitFor(() => expect(own.refused).toContain(`${id}/slow STALE_EPOCH`), 5000);
    expect(await rig.client.effects(id)).toEqual([]);
    expect(own.notes(id)).toEqual({});
  });
});

describe.concurrent('incidents', () => {
  test('on_failure hold: the run waits; a retry with amended input goes on from there, finished steps untouched', async () => {
    const id = await run(
      procedure('HELD', [note('before'), note('broken', { with: { fail: 99, keep: 'this' } }), note('after')], {
        on_failure: 'hold',
      }),
    );
    const { state, words } = await rig.until(id, (s) => (s.state?.incidents.length ?? 0) > 0);
    expect(state?.incidents).toMatchObject([
      { id: 'inc-1', kind: 'step', step: 'broken', error: { code: 'ACTION_FAILED', message: 'told to fail (3)' } },
    ]);
    expect(words).toContain('`retryStep`');
    const wrong = rig.client.retry(id, { ...byHand, incidentId: 'inc-7' });
    await expect(wrong).rejects.toMatchObject({ code: 'INCIDENT_NOT_OPEN' });
    await rig.client.retry(id, { ...byHand, incidentId: 'inc-1', input: { fail: 0 } });
    expect((await rig.client.result(id)).outcome).toBe('completed');
    expect(own.seen.filter((w) => w['keep'] === 'this').at(-1)).toEqual({ fail: 0, keep: 'this' });
    expect(own.notes(id)).toEqual({
      before: `${id}/before/1/note`,
      // An operator reopened it, so its effects have keys of their own.
      broken: `${id}/broken/2/note`,
      after: `${id}/after/1/note`,
    });
    expect(own.attempts(id, 'before')).toBe(1);
  });

  test('a retry that fails again opens the next incident; resolved by hand, the run goes on', async () => {
    const id = await run(
      procedure('HELD_TWICE', [note('broken', { with: { fail: 99 }, on_failure: 'hold' }), note('after')]),
    );
    await rig.until(id, (s) => s.state?.incidents[0]?.id === 'inc-1');
    await rig.client.retry(id, { ...byHand, incidentId: 'inc-1' });
    await rig.until(id, (s) => s.state?.incidents[0]?.id === 'inc-2');
    expect(own.attempts(id, 'broken')).toBe(6);
    const stale = rig.client.retry(id, { ...byHand, incidentId: 'inc-1' });
    await expect(stale).rejects.toMatchObject({ code: 'INCIDENT_NOT_OPEN' });
    await rig.client.resolve(id, { by: 'tester', reason: 'written on paper', incidentId: 'inc-2' });
    expect(await rig.client.result(id)).toMatchObject({
      outcome: 'completed',
      steps: { broken: { status: 'finished', note: 'resolved by hand by tester: written on paper' } },
    });
    expect(own.notes(id)).toEqual({ after: `${id}/after/1/note` });
  });

  test('an incident of one branch leaves the other at work; a cancellation undoes both', async () => {
    const id = await run(
      procedure('HELD_BRANCH', [
        note('broken', { depends_on: [], with: { fail: 99 }, on_failure: 'hold' }),
        note('other', { depends_on: [] }),
        note('next', { depends_on: ['other'] }),
      ]),
    );
    await rig.until(id, (s) => s.state?.incidents.length === 1 && s.state.steps['next']?.status === 'finished');
    await rig.client.cancel(id, byHand);
    expect((await rig.client.result(id)).outcome).toBe('cancelled');
    expect(own.notes(id)).toEqual({});
  });
});

test('what cannot be taken back is named in the outcome', async () => {
  const id = await run(
    procedure('IRREVERSIBLE', [
      note('first'),
      { step_id: 'mail', name: 'Mail', action: 'send_mail', compensation: 'irreversible' },
      note('broken', { with: { fail: 99 } }),
    ]),
  );
  expect((await rig.client.result(id)).undone.map((u) => [u.key, u.result])).toEqual([
    [`${id}/mail/1/mail`, 'irreversible'],
    [`${id}/first/1/note`, 'undone'],
  ]);
  expect(own.sent).toContain(`${id}/mail/1/mail`);
  expect(own.notes(id)).toEqual({});
});
