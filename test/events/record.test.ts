import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { withIncident } from '../../src/core/changes.js';
import { initialState, type HandoffState } from '../../src/core/handoff.js';
import { outcomeOf } from '../../src/core/outcome.js';
import { reduce, type HandoffEvent } from '../../src/core/reducer.js';
import { storagePlace, subjectOf } from '../storage/place.js';

const place = storagePlace();
const parties = { source: { agent: '@a' }, target: { agent: '@b' } };
let clock = 1000;

type Given = HandoffEvent extends infer E ? (E extends HandoffEvent ? Omit<E, 'now'> : never) : never;
const after = (s: HandoffState, event: Given): HandoffState => reduce(s, { ...event, now: ++clock });

/** A handoff that is registered, and what its records have told. */
async function handoff(id: string): Promise<{
  record: (state: HandoffState) => Promise<void>;
  told: () => Promise<string[]>;
  begun: HandoffState;
}> {
  const subject = subjectOf(id, parties);
  const { handoffs, outbox } = place.storage;
  await handoffs.register(subject, 'run-1', 'running');
  const begun = after(initialState({ now: ++clock, expiresInMs: 1e9, clockWhilePaused: 'stop' }), {
    type: 'began',
    steps: ['confirm', 'sync'],
    epochs: {},
  });
  const ended = (s: HandoffState): boolean => s.status === 'completed' || s.status === 'failed';
  return {
    begun,
    record: async (state) => {
      const outcome = ended(state)
        ? outcomeOf({ handoffId: id, procedure: 'P' }, state, state.status as 'completed', clock)
        : undefined;
      await handoffs.project(subject, state, outcome, 'execution-1');
    },
    told: async () =>
      (await outbox.after(0)).filter((e) => e.subject === `handoff/${id}`).map((e) => e.type.replace('handoff:', '')),
  };
}

test('each change that a record shows is told once, in its order, however often the record is written', async () => {
  const { begun, record, told } = await handoff('h-all');
  const offered = after(after(begun, { type: 'step_started', step: 'confirm' }), { type: 'offered', step: 'confirm' });
  const paused = after(offered, { type: 'pause', by: '@a', reason: 'audit' });
  const resumed = after(paused, { type: 'resume', by: '@a' });
  const accepted = after(resumed, { type: 'accept', by: '@b' });
  const stuck = withIncident(accepted, { kind: 'step', step: 'sync', error: { code: 'X', message: 'no' } }, ++clock);
  const mended: HandoffState = { ...stuck, incidents: [], lastEventAt: ++clock };
  const completed = after(mended, { type: 'closed', outcome: 'completed' });
  const states = [begun, offered, paused, resumed, accepted, stuck, mended, completed];
  for (const state of states) for (let n = 0; n < 2; n++) await record(state);
  // One that comes late changes nothing and tells nothing.
  await record(offered);
  expect(await told()).toEqual([
    'started',
    'awaiting_acceptance',
    'paused',
    'resumed',
    'accepted',
    'incident_opened',
    'incident_resolved',
    'completed',
  ]);
});

test('what one record brings at once is told in full, and what happens again after a reset is told again', async () => {
  const { begun, record, told } = await handoff('h-again');
  const offer = (s: HandoffState): HandoffState =>
    after(after(s, { type: 'step_started', step: 'confirm' }), { type: 'offered', step: 'confirm' });
  await record(after(offer(begun), { type: 'accept', by: '@b' }));
  expect(await told()).toEqual(['started', 'accepted']);
  await record(after(begun, { type: 'waits', on: 'nothing' }));
  await record(offer(begun));
  expect(await told()).toEqual(['started', 'accepted', 'awaiting_acceptance']);
});

test('a pause that ends with the handoff was not resumed, and an incident that ends with it is over', async () => {
  const { begun, record, told } = await handoff('h-cancelled');
  const paused = after(begun, { type: 'pause', by: '@a', reason: 'audit' });
  await record(paused);
  const stuck = withIncident(paused, { kind: 'lease', error: { code: 'X', message: 'no' } }, ++clock);
  await record(stuck);
  const undoing = after(stuck, { type: 'cancel', by: '@a', reason: 'enough' });
  await record(undoing);
  await record(after(undoing, { type: 'closed', outcome: 'cancelled' }));
  expect(await told()).toEqual(['started', 'paused', 'incident_opened', 'incident_resolved', 'cancelled']);
});

test('source and target hear of a handoff, and admins of its incidents', async () => {
  const { begun, record } = await handoff('h-who');
  await record(withIncident(begun, { kind: 'lease', error: { code: 'X', message: 'no' } }, ++clock));
  const events = (await place.storage.outbox.after(0)).filter((e) => e.subject === 'handoff/h-who');
  expect(events.map((e) => e.audience)).toEqual([
    ['agent:@a', 'agent:@b'],
    ['agent:@a', 'agent:@b', 'role:admin'],
  ]);
  expect(events[1]!.data).toMatchObject({ handoffId: 'h-who', incident: { id: 'inc-1', kind: 'lease', code: 'X' } });
});

test('a record and what it tells are one transaction: where the event cannot be written, nothing is', async () => {
  const { begun, record, told } = await handoff('h-whole');
  const { db, handoffs } = place.storage;
  await sql`create trigger refuse before insert on events begin select raise(abort, 'no room'); end`.execute(db);
  const offered = after(after(begun, { type: 'step_started', step: 'confirm' }), { type: 'offered', step: 'confirm' });
  await expect(record(offered)).rejects.toThrow('no room');
  expect(await handoffs.find('h-whole')).toMatchObject({ status: 'running' });
  await sql`drop trigger refuse`.execute(db);
  await record(offered);
  expect(await told()).toEqual(['started', 'awaiting_acceptance']);
});

test('a record of something that nobody is told of writes no event', async () => {
  const { begun, record } = await handoff('h-cost');
  const { outbox } = place.storage;
  const before = await outbox.last();
  await record(begun);
  await record(after(begun, { type: 'step_started', step: 'confirm' }));
  expect(await outbox.last()).toBe(before);
});

test('old events go once every active webhook has had them, and whoever asks for them hears that they are gone', async () => {
  const { outbox, webhooks, db } = place.storage;
  const { webhook } = await webhooks.create({ url: 'https://hooks.example.com/', cursor: 0 }, '@a', false);
  const last = await outbox.last();
  expect(await outbox.prune(Date.now() + 1)).toBe(0);
  await db.updateTable('webhooks').set({ cursor: 3 }).where('id', '=', webhook.id).execute();
  expect(await outbox.prune(Date.now() + 1)).toBe(3);
  await expect(outbox.checkCursor(2)).rejects.toMatchObject({ code: 'EVENTS_GONE' });
  await expect(outbox.checkCursor(last + 1)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  await outbox.checkCursor(3);
  await webhooks.remove(webhook.id);
  expect(await outbox.prune(Date.now() + 1, 2)).toBe(2);
  while ((await outbox.prune(Date.now() + 1)) > 0);
  // Numbers go on where they were.
  expect(await outbox.last()).toBe(last);
});
