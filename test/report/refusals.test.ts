import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Actor, ReportTerms } from '../../src/core/report/report.js';
import type { CreateReport } from '../../src/client/reports/port.js';
import type { ReportView } from '../../src/core/report/view.js';
import {
  ADMIN,
  APPROVED,
  AUTHOR,
  COMPLETE,
  DEVELOPER,
  LEAD,
  OTHER,
  REVIEWER,
  SUMMARY,
  TESTER,
} from '../rig/reports.js';
import { Rig } from '../rig/rig.js';

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.create();
});
afterAll(() => rig.close());

const as = (actor: Actor): ReturnType<typeof rig.reports.as> => rig.reports.as(actor);
const BOTH: Actor = { by: '@both', roles: ['developer', 'tech_lead', 'reviewer'] };

/** A report in a status, by the acts that lead there. */
async function inStatus(status: string, terms: Partial<ReportTerms> = {}): Promise<ReportView> {
  const { report_id: id } = await rig.reports.create({}, terms);
  if (status !== 'draft') await as(AUTHOR).submit(id);
  if (status === 'approved') await as(REVIEWER).review(id, APPROVED);
  if (status === 'rejected' || status === 'amendments_required')
    await as(REVIEWER).review(id, { review_status: status, review_comments: 'It is not what was asked for' });
  const report = await as(ADMIN).get(id);
  expect(report.status).toBe(status);
  return report;
}

const refusal = (act: Promise<unknown>): Promise<unknown> =>
  act.then(
    () => 'done',
    (e: { code: string }) => e.code,
  );

const ACTS: Record<string, { by: Actor; act: (id: string, by: Actor) => Promise<unknown>; possible: string[] }> = {
  edit: {
    by: AUTHOR,
    act: (id, by) => as(by).update(id, { quality_score: 0.5 }),
    possible: ['draft', 'under_review', 'approved', 'amendments_required'],
  },
  component: {
    by: AUTHOR,
    act: (id, by) => as(by).updateComponent(id, 'api_contracts', { notes: 'It is there' }),
    possible: ['draft', 'under_review', 'approved', 'amendments_required'],
  },
  submit: { by: AUTHOR, act: (id, by) => as(by).submit(id), possible: ['draft', 'amendments_required'] },
  review: { by: REVIEWER, act: (id, by) => as(by).review(id, APPROVED), possible: ['under_review'] },
  enterFact: {
    by: REVIEWER,
    act: (id, by) => as(by).enterFact(id, { component_type: 'api_contracts', verified: true }),
    possible: ['under_review'],
  },
  signOff: {
    by: DEVELOPER,
    act: (id, by) => as(by).signOff(id, { sign_off_role: 'developer', status: 'approved' }),
    possible: ['approved'],
  },
  comment: {
    by: AUTHOR,
    act: (id, by) => as(by).comment(id, { text: 'A word' }),
    possible: ['draft', 'under_review', 'approved', 'amendments_required'],
  },
};

describe('what is possible in which status, and for whom', () => {
  test.each(['draft', 'under_review', 'approved', 'rejected', 'amendments_required'])('%s', async (status) => {
    const reports = await Promise.all(Object.keys(ACTS).map(() => inStatus(status)));
    const outcomes = Object.entries(ACTS).map(async ([name, { by, act, possible }], i) => {
      const { report_id: id, author } = reports[i]!;
      // To who may not read it, it does not exist.
      const hidden = status === 'draft' && by.by !== author;
      const outcome = possible.includes(status) ? 'done' : hidden ? 'REPORT_NOT_FOUND' : 'REPORT_STATE';
      expect([name, await refusal(act(id, by))]).toEqual([name, outcome]);
      expect([name, await refusal(act(id, OTHER))]).toEqual([name, 'REPORT_NOT_FOUND']);
    });
    await Promise.all(outcomes);
  });

  test('others than the author do not edit or hand in, the author does not decide', async () => {
    const { report_id: id } = await inStatus('under_review');
    expect(await refusal(as(REVIEWER).update(id, { quality_score: 1 }))).toBe('FORBIDDEN');
    expect(await refusal(as(REVIEWER).submit(id))).toBe('FORBIDDEN');
    expect(await refusal(as(DEVELOPER).review(id, APPROVED))).toBe('FORBIDDEN');
    for (const roles of [['reviewer'], ['admin'], ['reviewer', 'admin']]) {
      const self = { by: AUTHOR.by, roles };
      expect(await refusal(as(self).review(id, APPROVED))).toBe('FORBIDDEN');
      expect(await refusal(as(self).enterFact(id, { verified: true }))).toBe('FORBIDDEN');
    }
    expect((await as(AUTHOR).get(id)).seq).toBe(3);
  });
});

describe('handing it in', () => {
  test('every reason that it is incomplete is named with its place', async () => {
    const components = { ...COMPLETE.components };
    components.api_contracts = { status: 'in_progress', progress_percentage: 40, blockers: ['no schema'] };
    components.monitoring_hooks = { status: 'completed', progress_percentage: 100, dependencies: ['api_contracts'] };
    const { report_id: id } = await rig.reports.create({ components });
    const error = await as(AUTHOR)
      .submit(id, { attachments: ['junit.xml'] })
      .catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'REPORT_INCOMPLETE', http: 422 });
    const { list } = (error as { params: { list: { path: string }[] } }).params;
    expect(list.map((i) => i.path)).toEqual([
      '/components/api_contracts/status',
      '/components/api_contracts/progress_percentage',
      '/components/api_contracts/blockers',
      '/components/monitoring_hooks/dependencies',
      '/attachments',
    ]);
    expect((await as(AUTHOR).get(id)).status).toBe('draft');
  });

  test('what automatic validation finds takes it back to its author, and handed in again it is looked at again', async () => {
    const { report_id: id } = await rig.reports.create();
    const file = { name: 'notes.txt', media_type: 'text/plain', bytes: Buffer.from(`notes of ${id}`) };
    const { attachments } = await as(AUTHOR).attach(id, file);
    const { rm } = await import('node:fs/promises');
    const { sha256 } = attachments[0]!;
    await rm(`${rig.storage.folder}/blobs/${sha256.slice(0, 2)}/${sha256}`);
    const back = await as(AUTHOR).submit(id);
    expect(back).toMatchObject({ status: 'amendments_required', submissions: 1, waits_for: { whom: [AUTHOR.by] } });
    expect(back.findings).toEqual([expect.stringContaining('/attachments/0: notes.txt')]);
    await as(AUTHOR).detach(id, 'notes.txt');
    expect(await as(AUTHOR).submit(id)).toMatchObject({ status: 'under_review', submissions: 2, findings: [] });
  });

  test('without automatic validation it is under review at once', async () => {
    const { report_id: id } = await rig.reports.create({}, { autoValidation: false });
    expect(await as(AUTHOR).submit(id)).toMatchObject({ status: 'under_review', seq: 2 });
  });

  test('facts that reach the threshold approve it', async () => {
    const junit =
      '<testsuite name="a" tests="4" failures="0"><testcase name="x"/><testcase name="y"/><testcase name="z"/><testcase name="w"/></testsuite>';
    const { report_id: id } = await rig.reports.create({}, { autoApprovalThreshold: 0.3 });
    await as(AUTHOR).attach(id, { name: 'junit.xml', media_type: 'application/xml', bytes: Buffer.from(junit) });
    const approved = await as(AUTHOR).submit(id);
    expect(approved).toMatchObject({ status: 'approved', verified: { tests: 1 } });
    expect(approved.reviews).toMatchObject([{ by: 'system', automatic: true, review_status: 'approved' }]);
  });
});

describe('an approval does not survive an edit', () => {
  const EDITS: Record<string, (id: string) => Promise<ReportView>> = {
    content: (id) => as(AUTHOR).update(id, { lessons_learned: ['Less is more'] }),
    component: (id) => as(AUTHOR).updateComponent(id, 'retry_mechanisms', { notes: 'Three times' }),
    attachment: (id) => as(AUTHOR).attach(id, { name: 'a.txt', media_type: 'text/plain', bytes: Buffer.from('a') }),
  };
  test.each(Object.keys(EDITS))('of %s', async (what) => {
    const { report_id: id } = await inStatus('approved');
    await as(LEAD).signOff(id, { sign_off_role: 'tech_lead', status: 'approved' });
    const edited = await EDITS[what]!(id);
    expect(edited).toMatchObject({ status: 'draft', version: 2, sign_off_status: 'not_started' });
    expect(edited.approved_at).toBeUndefined();
    expect(edited.sign_offs).toMatchObject([{ counts: false, ended: { why: 'edited' } }]);
    expect(edited.reviews).toMatchObject([{ current: false }]);
    // Nor does it come back with the content that it was of.
    await as(AUTHOR).update(id, { lessons_learned: null });
    await as(AUTHOR).updateComponent(id, 'retry_mechanisms', { ...COMPLETE.components!.retry_mechanisms });
    expect(await refusal(as(LEAD).signOff(id, { sign_off_role: 'tech_lead', status: 'approved' }))).toBe(
      'REPORT_NOT_FOUND',
    );
    await as(AUTHOR).submit(id);
    const again = await as(REVIEWER).review(id, APPROVED);
    expect(again.sign_offs.filter((g) => g.counts)).toEqual([]);
  });

  test('an edit that changes nothing takes nothing away', async () => {
    const { report_id: id, seq } = await inStatus('approved');
    expect(await as(AUTHOR).update(id, { work_summary: SUMMARY })).toMatchObject({ status: 'approved', seq });
  });
});

describe('signing off', () => {
  const approved = async (terms?: Partial<ReportTerms>): Promise<string> =>
    (await inStatus('approved', terms)).report_id;
  const sign = (
    actor: Actor,
    id: string,
    role: 'developer' | 'tech_lead' | 'qa_engineer',
    more: object = {},
  ): Promise<ReportView> => as(actor).signOff(id, { sign_off_role: role, status: 'approved', ...more });

  test('only in a role of one’s own, once a role, not of one’s own report, not in two roles', async () => {
    const id = await approved();
    expect(await refusal(sign(LEAD, id, 'developer'))).toBe('FORBIDDEN');
    expect(await refusal(sign(ADMIN, id, 'developer'))).toBe('FORBIDDEN');
    expect(await refusal(sign({ by: AUTHOR.by, roles: ['developer'] }, id, 'developer'))).toBe('SIGN_OFF_REFUSED');
    await sign(BOTH, id, 'developer');
    expect(await refusal(sign(BOTH, id, 'tech_lead'))).toBe('SIGN_OFF_REFUSED');
    expect(await refusal(sign(DEVELOPER, id, 'developer'))).toBe('SIGN_OFF_REFUSED');
    expect((await as(ADMIN).get(id)).waits_for?.whom).toEqual(['tech_lead', 'qa_engineer']);
  });

  test('where the settings allow it, one’s own and in two roles', async () => {
    const id = await approved({
      allowSelfSignOff: true,
      allowTwoRoles: true,
      requiredSignOffs: ['developer', 'tech_lead'],
    });
    const self = { by: AUTHOR.by, roles: ['developer', 'tech_lead'] };
    await sign(self, id, 'developer');
    expect(await sign(self, id, 'tech_lead')).toMatchObject({ sign_off_status: 'complete' });
  });

  test('with conditions it is complete once all of them are met', async () => {
    const id = await approved({ requiredSignOffs: ['tech_lead'] });
    const conditions = ['Deploy at night', 'Watch the queue'];
    const given = await sign(LEAD, id, 'tech_lead', { conditions });
    expect(given).toMatchObject({ sign_off_status: 'pending', sign_offs: [{ status: 'conditionally_approved' }] });
    expect(await refusal(as(DEVELOPER).meetCondition(id, 'tech_lead', 0))).toBe('FORBIDDEN');
    expect(await refusal(as(LEAD).meetCondition(id, 'tech_lead', 2))).toBe('SIGN_OFF_REFUSED');
    expect(await as(LEAD).meetCondition(id, 'tech_lead', 0)).toMatchObject({ sign_off_status: 'pending' });
    expect(await refusal(as(LEAD).meetCondition(id, 'tech_lead', 0))).toBe('SIGN_OFF_REFUSED');
    const done = await as(ADMIN).meetCondition(id, 'tech_lead', 1, { note: 'Seen' });
    expect(done).toMatchObject({ sign_off_status: 'complete' });
    expect(done.sign_offs[0]!.conditions[1]).toMatchObject({ met: true, met_by: ADMIN.by, note: 'Seen' });
    expect(
      await refusal(as(TESTER).signOff(id, { sign_off_role: 'qa_engineer', status: 'conditionally_approved' })),
    ).toBe('SIGN_OFF_REFUSED');
  });

  test('who gave it, or an admin, takes it back; the role is then wanted again', async () => {
    const id = await approved();
    await sign(LEAD, id, 'tech_lead');
    const why = { reason: 'Found a hole' };
    expect(await refusal(as({ by: '@lead2', roles: ['tech_lead'] }).revokeSignOff(id, 'tech_lead', why))).toBe(
      'FORBIDDEN',
    );
    const back = await as(LEAD).revokeSignOff(id, 'tech_lead', why);
    expect(back.sign_offs).toMatchObject([
      { counts: false, ended: { why: 'revoked', by: LEAD.by, reason: 'Found a hole' } },
    ]);
    expect(await refusal(as(LEAD).revokeSignOff(id, 'tech_lead', why))).toBe('SIGN_OFF_REFUSED');
    await sign(LEAD, id, 'tech_lead');
    expect(await as(ADMIN).revokeSignOff(id, 'tech_lead', why)).toMatchObject({ sign_off_status: 'not_started' });
  });

  test('a rejection ends the approval, and all that stood on it', async () => {
    const id = await approved();
    await sign(LEAD, id, 'tech_lead');
    const back = await as(TESTER).signOff(id, {
      sign_off_role: 'qa_engineer',
      status: 'rejected',
      comments: 'No tests',
    });
    expect(back).toMatchObject({ status: 'amendments_required', waits_for: { whom: [AUTHOR.by] } });
    expect(back.sign_offs.map((g) => g.counts)).toEqual([false, false]);
    await as(AUTHOR).submit(id);
    const again = await as(REVIEWER).review(id, APPROVED);
    expect(again).toMatchObject({ status: 'approved', sign_off_status: 'not_started' });
    expect(await sign(TESTER, id, 'qa_engineer')).toMatchObject({ sign_off_status: 'pending' });
  });
});

describe('what somebody has seen', () => {
  test('an act on another version than they have seen is refused', async () => {
    const { report_id: id, seq } = await rig.reports.create();
    await as(AUTHOR).update(id, { quality_score: 0.1 }, { ifMatch: seq });
    expect(await refusal(as(AUTHOR).update(id, { quality_score: 0.2 }, { ifMatch: seq }))).toBe('PRECONDITION_FAILED');
    expect((await as(AUTHOR).get(id)).quality_score).toBe(0.1);
  });

  test('two who edit different fields at once both find theirs', async () => {
    const { report_id: id } = await rig.reports.create();
    await Promise.all([
      as(AUTHOR).update(id, { achievements: ['One'] }),
      as(AUTHOR).updateComponent(id, 'circuit_breaker', { notes: 'Two' }),
    ]);
    const both = await as(AUTHOR).get(id);
    expect([both.achievements, both.components.circuit_breaker.notes, both.version]).toEqual([['One'], 'Two', 3]);
  });

  test('with the same key an act is done once', async () => {
    const { report_id: id } = await rig.reports.create();
    const key = { idempotencyKey: 'k1' };
    const first = await as(AUTHOR).comment(id, { text: 'Once' }, key);
    const again = await as(AUTHOR).comment(id, { text: 'Once' }, key);
    expect(again).toEqual(first);
    await as(AUTHOR).submit(id, {}, key);
    expect(await as(AUTHOR).submit(id, {}, key)).toMatchObject({ submissions: 1 });
  });
});

describe('making one', () => {
  const create = async (over: Partial<CreateReport>, by = AUTHOR): Promise<ReportView> =>
    as(by).create({ ...(await rig.reports.task()), ...COMPLETE, ...over });

  test('the same id with the same content is the same report, with other content it is refused', async () => {
    const report_id = `r-${crypto.randomUUID()}`;
    const first = await rig.reports.create({ report_id });
    const [again, third] = await Promise.all([create({ report_id }), create({ report_id })]);
    expect([again, third]).toEqual([first, first]);
    expect(await refusal(create({ report_id, quality_score: 0.3 }))).toBe('REPORT_EXISTS');
    const keyed = await as(AUTHOR).create(
      { ...(await rig.reports.task()), ...COMPLETE },
      {
        idempotencyKey: 'x',
      },
    );
    rig.reports.begun.add(keyed.report_id);
    expect((await create({ report_id: keyed.report_id })).report_id).toBe(keyed.report_id);
  });

  test('it is about a session that is known and a handoff that its author is a party of', async () => {
    expect(await refusal(create({ pipeline_id: 'nowhere' }))).toBe('INVALID_REPORT');
    expect(await refusal(create({ task_id: 'none' }, ADMIN))).toBe('INVALID_REPORT');
    expect(await refusal(create({ task_id: 'none' }))).toBe('FORBIDDEN');
    expect(await refusal(create({}, OTHER))).toBe('FORBIDDEN');
    expect((await create({}, ADMIN).then((r) => (rig.reports.begun.add(r.report_id), r))).author).toBe(ADMIN.by);
  });

  test('what is wrong with it is named with its place, and nothing begins', async () => {
    const bad = { work_summary: 'Short', quality_score: 2, components: { teapot: {} }, extra: 1 } as object;
    const error = await create({ report_id: 'r-bad', ...bad }).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'INVALID_REPORT' });
    const { list } = (error as { params: { list: { path: string }[] } }).params;
    expect(list.map((i) => i.path)).toEqual(expect.arrayContaining(['/work_summary', '/quality_score']) as string[]);
    await expect(rig.reports.handle('r-bad').describe()).rejects.toThrow(/not found/i);
  });
});

test('lists have what one may see, page by page', async () => {
  const made = [];
  for (let i = 0; i < 5; i++) made.push((await rig.reports.create({ quality_score: i / 10 })).report_id);
  await as(AUTHOR).submit(made[0]!);
  const mine = await as(AUTHOR).list({ limit: 2, author: AUTHOR.by, status: 'draft' });
  expect(mine.reports.map((r) => r.report_id)).toEqual([made[4], made[3]]);
  const next = await as(AUTHOR).list({ limit: 2, author: AUTHOR.by, status: 'draft', cursor: mine.next_cursor! });
  expect(next.reports.map((r) => r.report_id)).toEqual([made[2], made[1]]);
  expect((await as(OTHER).list()).reports).toEqual([]);
  const seen = await as(REVIEWER).list({ limit: 200 });
  expect(seen.reports.filter((r) => r.status === 'draft')).toEqual([]);
  const waiting = await as(REVIEWER).list({ waits_for: 'reviewer' });
  expect(waiting.reports.map((r) => r.report_id)).toContain(made[0]);
  expect(waiting.reports.every((r) => r.status === 'under_review')).toBe(true);
  expect(await refusal(as(AUTHOR).list({ cursor: 'x' }))).toBe('INVALID_REPORT');
});
