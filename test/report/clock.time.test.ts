import { expect, onTestFinished, test, type TestContext } from 'vitest';
import type { ReportTerms } from '../../src/core/report/report.js';
import { reportStatusQuery } from '../../src/messages/report.js';
import { ADMIN, APPROVED, AUTHOR, DEVELOPER, LEAD, REVIEWER } from '../rig/reports.js';
import { TimeRig } from '../rig/time-rig.js';

const DAY = 24 * 60;
const timeRig = async (ctx: TestContext): Promise<TimeRig> => {
  const t = await TimeRig.create(ctx);
  onTestFinished(() => t.close());
  return t;
};
/** What is on record: every entry is a change of its own, so the last one of an act is there or not. */
const acts = async (t: TimeRig, id: string): Promise<string[]> =>
  (await t.rig.reports.as(ADMIN).history(id)).entries.map((e) => `${e.act} ${e.note ?? ''}`.trim());
async function handedIn(t: TimeRig, terms: Partial<ReportTerms>): Promise<string> {
  const { report_id: id } = await t.rig.reports.create({}, terms);
  await t.rig.reports.as(AUTHOR).submit(id);
  return id;
}

test('a late review goes up the chain, with reminders between', async (ctx) => {
  const t = await timeRig(ctx);
  const id = await handedIn(t, { reviewTimeoutDays: 2, reminderHours: 30, escalationChain: ['tech_lead', '@boss'] });
  const late = async (): Promise<string[]> =>
    (await acts(t, id)).filter((a) => a.startsWith('report.review_escalated')).map((a) => a.slice(24));
  await t.skip(2 * DAY - 10);
  expect(await late()).toEqual([]);
  await t.skip(20);
  expect(await late()).toEqual([' level 1: tech_lead'].map((s) => s.trim()));
  expect((await t.rig.reports.as(ADMIN).get(id)).waits_for?.whom).toEqual(['reviewer', 'tech_lead']);
  await t.skip(30 * 60);
  expect(await late()).toEqual(['level 1: tech_lead', 'level 1: tech_lead']);
  await t.skip(DAY);
  expect((await late()).at(-1)).toBe('level 2: @boss');
  await t.skip(3 * DAY);
  expect((await late()).filter((e) => e === 'level 2: @boss')).toHaveLength(3);
  const events = await t.rig.storage.outbox.after(0);
  // That it waits is told by the service, which reminds until it was seen: the change is told as one.
  expect(events.filter((e) => e.type === 'handoff:waiting')).toEqual([]);
  const called = events.filter((e) => e.data['act'] === 'report.review_escalated');
  expect(new Set(called.map((e) => e.type))).toEqual(new Set(['handoff:report_updated']));
  // Its author, who is called, and whoever may read it.
  expect(called[0]!.audience.slice(0, 3)).toEqual([`agent:${AUTHOR.by}`, 'role:reviewer', 'role:tech_lead']);
  expect(called[0]!.audience).not.toContain('agent:@boss');
  expect(called.at(-1)!.audience).toContain('agent:@boss');
  // A review ends it.
  await t.rig.reports.as(REVIEWER).review(id, APPROVED);
  const before = (await late()).length;
  await t.skip(10 * DAY);
  expect(await late()).toHaveLength(before);
});

test('a sign-off expires, and its role is wanted anew', async (ctx) => {
  const t = await timeRig(ctx);
  const id = await handedIn(t, { signOffExpiryDays: 30, requiredSignOffs: ['developer', 'tech_lead'] });
  await t.rig.reports.as(REVIEWER).review(id, APPROVED);
  await t.rig.reports.as(DEVELOPER).signOff(id, { sign_off_role: 'developer', status: 'approved' });
  await t.skip(10 * DAY);
  const done = await t.rig.reports.as(LEAD).signOff(id, { sign_off_role: 'tech_lead', status: 'approved' });
  // On the server's clock; ours knows nothing of skipped time.
  expect((await t.rig.storage.reports.find(id))!.state.signOffs.filter((g) => !g.ended)).toHaveLength(2);
  expect(done.status).toBe('approved');
  await t.skip(20 * DAY + 5);
  const { state } = (await t.rig.storage.reports.find(id))!;
  expect(state.signOffs.map((g) => [g.role, g.ended?.why])).toEqual([
    ['developer', 'expired'],
    ['tech_lead', undefined],
  ]);
  const snapshot = await t.rig.reports.handle(id).query(reportStatusQuery);
  expect(snapshot.words).toContain('waits for the sign-off of developer');
  expect((await acts(t, id)).at(-1)).toBe('report.sign_off_expired developer');
  await t.rig.reports.as(DEVELOPER).signOff(id, { sign_off_role: 'developer', status: 'approved' });
  await t.skip(60 * DAY);
  expect((await t.rig.storage.reports.find(id))!.state.signOffs.filter((g) => !g.ended)).toEqual([]);
});

test('a timer that is left over decides nothing', async (ctx) => {
  const t = await timeRig(ctx);
  const id = await handedIn(t, { reviewTimeoutDays: 5, signOffExpiryDays: 5 });
  await t.rig.reports.as(REVIEWER).review(id, APPROVED);
  await t.rig.reports.as(LEAD).signOff(id, { sign_off_role: 'tech_lead', status: 'approved' });
  await t.skip(2 * DAY);
  await t.rig.reports.as(AUTHOR).update(id, { quality_score: 0.4 });
  const { seq } = (await t.rig.storage.reports.find(id))!.state;
  await t.skip(30 * DAY);
  expect((await t.rig.storage.reports.find(id))!.state.seq).toBe(seq);
  // Its new review has its whole time.
  await t.rig.reports.as(AUTHOR).submit(id);
  await t.skip(4 * DAY);
  expect((await t.rig.storage.reports.find(id))!.state.escalations).toEqual([]);
  await t.skip(1.1 * DAY);
  expect((await t.rig.storage.reports.find(id))!.state.escalations).toHaveLength(1);
});
