import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAttention } from '../../src/client/events/attention.js';
import type { StoredEvent } from '../../src/core/events/event.js';
import { AUTHOR, Service, type Person } from '../api/reports/service.js';
import { until } from './hearing.js';

let service: Service;
let stop: () => Promise<void>;
beforeAll(async () => {
  service = await Service.open({}, { requiredSignOffs: ['developer', 'tech_lead'] });
  // A reminder that comes in an hour: what is told twice here would be a double.
  const settings = { notifications: true, reminderMinutes: 60 };
  ({ stop } = startAttention(service.rig.storage, settings, { lookMs: 50, scanMs: 500 }));
});
afterAll(async () => {
  await stop?.();
  await service.close();
});

interface Item {
  subject: string;
  whom: string[];
  words: string;
  seen: boolean;
  todo: { verb: string; endpoint: string }[];
}
const waiting = async (who: Person, subject: string): Promise<Item | undefined> => {
  const { json } = await service.as(who, 'GET', '/waiting');
  return (json as { waiting: Item[] }).waiting.find((w) => w.subject === subject);
};
/** Whom was told, in the order in which they were. */
const told = async (subject: string): Promise<StoredEvent[]> =>
  (await service.rig.storage.outbox.after(0, 10_000)).filter(
    (e) => e.type === 'handoff:waiting' && e.subject === subject,
  );
const whom = async (subject: string): Promise<string[]> =>
  (await told(subject)).map((e) => e.audience.join(' ')).toSorted();

test('a report waits for reviewers, then for the roles that have not signed it, then for nobody', async () => {
  const { report_id: id } = await service.at('under_review');
  const subject = `report/${id}`;
  const forReview = await waiting('reviewer', subject);
  expect(forReview).toMatchObject({
    whom: ['role:reviewer'],
    seen: false,
    todo: [{ verb: 'report review', endpoint: `POST /reports/${id}/review` }],
  });
  for (const nobody of ['author', 'developer', 'lead', 'other'] as const)
    expect(await waiting(nobody, subject)).toBeUndefined();
  await until(async () => (await told(subject)).length > 0, 'reviewers are told');
  expect(await whom(subject)).toEqual(['role:reviewer']);

  await service.write('reviewer', 'POST', `/reports/${id}/review`, {
    review_status: 'approved',
    review_comments: 'All as it should be',
  });
  expect(await waiting('reviewer', subject)).toBeUndefined();
  for (const who of ['developer', 'lead', 'both'] as const)
    expect(await waiting(who, subject)).toMatchObject({
      whom: ['role:developer', 'role:tech_lead'],
      todo: [{ verb: 'report sign-off', endpoint: `POST /reports/${id}/sign-off` }],
    });
  expect(await waiting('qa', subject)).toBeUndefined();
  await until(async () => (await told(subject)).length === 3, 'both roles are told');
  expect(await whom(subject)).toEqual(['role:developer', 'role:reviewer', 'role:tech_lead']);

  const sign = (who: Person, sign_off_role: string) =>
    service.write(who, 'POST', `/reports/${id}/sign-off`, { sign_off_role, status: 'approved' });
  await sign('developer', 'developer');
  expect(await waiting('developer', subject)).toBeUndefined();
  expect(await waiting('lead', subject)).toMatchObject({ whom: ['role:tech_lead'] });
  await sign('lead', 'tech_lead');
  for (const who of ['reviewer', 'developer', 'lead', 'author'] as const)
    expect(await waiting(who, subject)).toBeUndefined();
  const rows = service.rig.storage.db.selectFrom('attention').selectAll().where('subject', '=', subject);
  await until(async () => (await rows.execute()).length === 0, 'it is forgotten');
  // Each was told once.
  expect(await told(subject)).toHaveLength(3);
});

test('amendments wait for the author, who has seen it and is told no more, until they are asked for again', async () => {
  const { report_id: id } = await service.at('amendments_required');
  const subject = `report/${id}`;
  const mine = await waiting('author', subject);
  expect(mine).toMatchObject({ whom: [`agent:${AUTHOR}`], seen: false });
  expect(mine!.todo.map((t) => t.endpoint)).toEqual([`PUT /reports/${id}`, `POST /reports/${id}/submit`]);
  expect(await waiting('reviewer', subject)).toBeUndefined();
  await until(async () => (await whom(subject)).includes(`agent:${AUTHOR}`), 'the author is told');
  const seen = async (who: Person) => (await service.as(who, 'POST', '/waiting/seen', { body: { subject } })).json;
  expect(await seen('other')).toEqual({ seen: 0 });
  expect(await seen('author')).toEqual({ seen: 1 });
  expect(await waiting('author', subject)).toMatchObject({ seen: true });
  // Nobody is told of what was seen, though its time has come.
  const { db } = service.rig.storage;
  await db.updateTable('attention').set({ next_at: 1 }).where('subject', '=', subject).execute();
  const count = (await told(subject)).length;
  const fence = await service.at('under_review');
  await until(async () => (await told(`report/${fence.report_id}`)).length > 0, 'another is told meanwhile');
  expect(await told(subject)).toHaveLength(count);

  await service.write('author', 'POST', `/reports/${id}/submit`, { submission_notes: 'Done as you asked' });
  await service.until(id, (r) => r.status === 'under_review');
  expect(await waiting('author', subject)).toBeUndefined();
  expect(await waiting('reviewer', subject)).toMatchObject({ seen: false });
  await service.write('reviewer', 'POST', `/reports/${id}/review`, {
    review_status: 'amendments_required',
    review_comments: 'Still not all of it',
  });
  expect(await waiting('author', subject)).toMatchObject({ seen: false });
  await until(async () => (await whom(subject)).filter((w) => w === `agent:${AUTHOR}`).length === 2, 'told anew');
});

test('a rejected report waits for nobody, and a draft neither', async () => {
  for (const status of ['rejected', 'draft'] as const) {
    const { report_id: id } = await service.at(status);
    for (const who of ['author', 'reviewer', 'admin'] as const)
      expect(await waiting(who, `report/${id}`)).toBeUndefined();
  }
});
