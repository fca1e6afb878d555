import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN, APPROVED, AUTHOR, LEAD, REVIEWER } from '../rig/reports.js';
import { Rig } from '../rig/rig.js';

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.create();
});
afterAll(() => rig.close());

test('the projection is written anew from the runs, open and closed, and is the same', async () => {
  const { reports, storage } = rig;
  const ids = [];
  for (let i = 0; i < 4; i++) ids.push((await reports.create()).report_id);
  const [draft, review, rejected, signed] = ids as [string, string, string, string];
  for (const id of [review, rejected, signed]) await reports.as(AUTHOR).submit(id);
  await reports
    .as(REVIEWER)
    .review(rejected, { review_status: 'rejected', review_comments: 'Not at all what we need' });
  await reports.as(REVIEWER).review(signed, { ...APPROVED, quality_score: 0.8 });
  await reports.as(LEAD).signOff(signed, { sign_off_role: 'tech_lead', status: 'approved' });
  await reports.handle(rejected).result();
  const rows = () => storage.db.selectFrom('reports').selectAll().orderBy('id').execute();
  const before = await rows();
  expect(before.map((r) => r.id)).toEqual(ids.toSorted());
  await storage.db.deleteFrom('reports').where('id', 'in', [draft, rejected]).execute();
  const wrong = { status: 'approved', seq: 999, progress: 1, summary: '', state: '{}' };
  await storage.db.updateTable('reports').set(wrong).where('id', 'in', [review, signed]).execute();
  const rebuilt = await rig.client.rebuildReports();
  expect(rebuilt.written).toEqual(expect.arrayContaining(ids));
  expect(await rows()).toEqual(before);
  // Nobody is told of it, and nothing is added to what happened.
  expect(await storage.outbox.last()).toBe((await storage.outbox.after(0, 10_000)).length);
  expect((await reports.as(ADMIN).history(signed)).entries).toHaveLength(5);
  // And it goes on from there.
  expect(await reports.as(AUTHOR).update(signed, { quality_score: 0.2 })).toMatchObject({ status: 'draft', seq: 6 });
});
