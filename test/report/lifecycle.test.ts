import { afterAll, beforeAll, expect, test } from 'vitest';
import { Rig } from '../rig/rig.js';
import { AUTHOR, DEVELOPER, LEAD, REVIEWER, TESTER } from '../rig/reports.js';

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.create();
});
afterAll(() => rig.close());

test('a report goes from its draft to all its sign-offs', async () => {
  const { reports } = rig;
  const draft = await reports.create();
  expect(draft).toMatchObject({
    status: 'draft',
    version: 1,
    seq: 1,
    author: AUTHOR.by,
    missing: [],
    overall_progress: 100,
  });
  const id = draft.report_id;
  const edited = await reports.as(AUTHOR).update(id, { achievements: ['It runs'] });
  expect(edited).toMatchObject({ version: 2, achievements: ['It runs'], status: 'draft' });
  const handedIn = await reports.as(AUTHOR).submit(id, { submission_notes: 'Ready for review' });
  expect(handedIn).toMatchObject({ status: 'under_review', version: 3, submission_notes: 'Ready for review' });
  const approved = await reports
    .as(REVIEWER)
    .review(id, { review_status: 'approved', review_comments: 'All as it should be' });
  expect(approved).toMatchObject({ status: 'approved', sign_off_status: 'not_started' });
  expect(approved.waits_for?.whom).toEqual(['developer', 'tech_lead', 'qa_engineer']);
  for (const [actor, role] of [
    [DEVELOPER, 'developer'],
    [LEAD, 'tech_lead'],
    [TESTER, 'qa_engineer'],
  ] as const)
    await reports.as(actor).signOff(id, { sign_off_role: role, status: 'approved' });
  const done = await reports.as(AUTHOR).get(id);
  expect(done).toMatchObject({ sign_off_status: 'complete', status: 'approved' });
  expect(done.waits_for).toBeUndefined();
  const history = await reports.as(AUTHOR).history(id);
  expect(history.entries.map((e) => e.act)).toEqual([
    'report.create',
    'report.edit',
    'report.submit',
    'report.validated',
    'report.review',
    'report.sign_off',
    'report.sign_off',
    'report.sign_off',
  ]);
  expect(history.entries[1]!.changes).toEqual([{ path: '/achievements', after: ['It runs'] }]);
});

test('what somebody has refused is not approved by itself as it was', async () => {
  const { report_id: id } = await rig.reports.create({}, { autoApprovalThreshold: 0 });
  const author = rig.reports.as(AUTHOR);
  expect(await author.submit(id)).toMatchObject({ status: 'approved', reviews: [{ automatic: true }] });
  const refused = { sign_off_role: 'tech_lead', status: 'rejected', comments: 'The breaker never closes' } as const;
  await rig.reports.as(LEAD).signOff(id, refused);
  expect(await author.submit(id)).toMatchObject({ status: 'under_review' });
  await author.update(id, { quality_score: 0.5 });
  expect(await author.submit(id)).toMatchObject({ status: 'approved' });
});
