import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAttention } from '../../src/client/events/attention.js';
import type { StoredEvent } from '../../src/core/events/event.js';
import { withIncident } from '../../src/core/changes.js';
import { initialState } from '../../src/core/handoff.js';
import { subjectOf } from '../storage/place.js';
import { AGENTS } from '../rig/rig.js';
import { ApiRig } from '../api/rig.js';
import { until } from './hearing.js';

let api: ApiRig;
let key: string;
let admin: string;
let other: string;
const endings: (() => Promise<void>)[] = [];
beforeAll(async () => {
  api = await ApiRig.create({ reminderMinutes: 0.01 });
  [key, admin, other] = [await api.key(AGENTS.target), await api.key('@root', 'admin'), await api.key('@other')];
  // Two services on one storage.
  for (let n = 0; n < 2; n++) {
    const settings = { notifications: true, reminderMinutes: 0.01 };
    endings.push(startAttention(api.rig.storage, settings, { lookMs: 50, scanMs: 500 }).stop);
  }
});
afterAll(async () => {
  for (const end of endings) await end();
  await api.close();
});

const told = async (subject: string): Promise<StoredEvent[]> =>
  (await api.rig.storage.outbox.after(0, 5000)).filter((e) => e.type === 'handoff:waiting' && e.subject === subject);

interface Item {
  subject: string;
  words: string;
  seen: boolean;
  todo: { verb: string; endpoint: string }[];
}
const waiting = async (who: string): Promise<Item[]> =>
  (await api.ask<{ waiting: Item[] }>('GET', 'waiting', { key: who })).body.waiting;

test('an offer is told to its target at once, again until it has seen it, each time once from two services', async () => {
  const id = await api.rig.start('AGENT_HANDOFF_STANDARD');
  const subject = `handoff/${id}`;
  await until(async () => (await told(subject)).length >= 3, 'it is told three times');
  const events = await told(subject);
  expect(events.map((e) => e.data['told'])).toEqual(events.map((_, i) => i + 1));
  expect(events.every((e) => e.audience.length === 1 && e.audience[0] === `agent:${AGENTS.target}`)).toBe(true);
  expect(await waiting(key)).toMatchObject([
    {
      subject,
      seen: false,
      todo: [{ verb: 'accept', endpoint: `POST /handoffs/${id}/accept` }, { verb: 'reject' }],
    },
  ]);
  expect(await waiting(other)).toEqual([]);
  // Whom it does not wait for cannot take it off another's list.
  expect((await api.ask('POST', 'waiting/seen', { key: other, body: { subject } })).body).toEqual({ seen: 0 });
  expect((await api.ask('POST', 'waiting/seen', { key, body: { subject } })).body).toEqual({ seen: 1 });
  const count = (await told(subject)).length;
  expect(await waiting(key)).toMatchObject([{ subject, seen: true }]);
  // Something else waits, and is told of twice: meanwhile the first one would have been, too.
  const second = await api.rig.start('AGENT_HANDOFF_STANDARD');
  await until(async () => (await told(`handoff/${second}`)).length >= 3, 'the other is told');
  expect(await told(subject)).toHaveLength(count);
  for (const one of [id, second]) await api.rig.client.accept(one, { by: AGENTS.target });
  await until(async () => (await waiting(key)).length === 0, 'nothing waits any more');
  const { length } = await told(`handoff/${second}`);
  const third = await api.rig.start('AGENT_HANDOFF_STANDARD');
  await until(async () => (await told(`handoff/${third}`)).length >= 3, 'a third is told');
  expect((await told(`handoff/${second}`)).length - length).toBeLessThanOrEqual(1);
  for (const one of [id, second]) await api.rig.client.complete(one, { by: AGENTS.target, epoch: 1 });
  await api.rig.client.reject(third, { by: AGENTS.target, reason: 'enough' });
  for (const one of [id, second, third]) await api.rig.client.result(one);
});

test('an incident is told to admins and to the source, with what can be done', async () => {
  const { handoffs } = api.rig.storage;
  const subject = subjectOf('h-stuck', { source: { agent: AGENTS.source }, target: { agent: AGENTS.target } });
  await handoffs.register(subject, 'run-1', 'running');
  const fresh = initialState({ now: Date.now(), expiresInMs: 1e9, clockWhilePaused: 'stop' });
  const error = { code: 'DISK_FULL', message: 'no room' };
  const stuck = withIncident({ ...fresh, status: 'running' }, { kind: 'step', step: 'send', error }, Date.now());
  await handoffs.project(subject, stuck);
  await until(async () => (await told('handoff/h-stuck')).length >= 2, 'both are told', 30_000);
  const whom = new Set((await told('handoff/h-stuck')).map((e) => e.data['whom']));
  expect(whom).toEqual(new Set(['role:admin', `agent:${AGENTS.source}`]));
  const [item] = await waiting(admin);
  expect(item).toMatchObject({
    subject: 'handoff/h-stuck',
    words: 'incident inc-1 at send (DISK_FULL) waits for a person',
  });
  expect(item!.todo.map((t) => t.verb)).toEqual(['retry', 'skip', 'resolve', 'rollback']);
  await handoffs.project(subject, { ...stuck, incidents: [], lastEventAt: Date.now() + 1 });
  expect(await waiting(admin)).toEqual([]);
});
