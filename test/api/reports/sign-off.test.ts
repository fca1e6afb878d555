import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ReportView } from '../../../src/core/report/view.js';
import { AUTHOR, SUMMARY, Service, nameOf, type Person } from './service.js';

let service: Service;
beforeAll(async () => {
  service = await Service.open();
});
afterAll(() => service.close());

const problem = (json: unknown) => json as { code: string; detail: string };
const sign = (role: string, status = 'approved', more = {}) => ({ sign_off_role: role, status, ...more });

async function refused(
  by: Person,
  method: string,
  path: string,
  body: object,
  headers = {},
): Promise<[number, string, string]> {
  const { status, json } = await service.as(by, method, path, { body, headers });
  return [status, problem(json).code, problem(json).detail];
}

async function signedBy(people: [Person, string][]): Promise<ReportView> {
  const { report_id: id } = await service.at('approved');
  for (const [person, role] of people) await service.write(person, 'POST', `/reports/${id}/sign-off`, sign(role));
  return service.get(id);
}
const ALL: [Person, string][] = [
  ['developer', 'developer'],
  ['lead', 'tech_lead'],
  ['qa', 'qa_engineer'],
];

describe('who signs off', () => {
  test('all that is required, one after the other', async () => {
    const { report_id: id, sign_off_status } = await service.at('approved');
    expect(sign_off_status).toBe('not_started');
    const seen = [];
    for (const [person, role] of ALL) {
      const after = await service.write(person, 'POST', `/reports/${id}/sign-off`, sign(role));
      seen.push(after.sign_off_status);
    }
    expect(seen).toEqual(['pending', 'pending', 'complete']);
  });

  test.each<[string, Person, object, number, string, RegExp]>([
    ['a role that is not theirs', 'developer', sign('tech_lead'), 403, 'FORBIDDEN', /tech_lead/],
    ['an agent without any', 'other', sign('developer'), 403, 'FORBIDDEN', /role/],
    ['a reviewer', 'reviewer', sign('developer'), 403, 'FORBIDDEN', /role/],
    [
      'a condition that is none',
      'developer',
      sign('developer', 'conditionally_approved'),
      409,
      'SIGN_OFF_REFUSED',
      /condition/,
    ],
    [
      'a rejection with conditions',
      'developer',
      sign('developer', 'rejected', { conditions: ['x'] }),
      409,
      'SIGN_OFF_REFUSED',
      /condition/,
    ],
  ])('not %s', async (_, by, body, status, code, why) => {
    const { report_id: id } = await service.at('approved');
    const [http, found, detail] = await refused(by, 'POST', `/reports/${id}/sign-off`, body);
    expect([http, found]).toEqual([status, code]);
    expect(detail).toMatch(why);
    expect((await service.get(id)).sign_offs).toEqual([]);
  });

  test('not its author, whatever roles they have', async () => {
    const { secret } = await service.rig.storage.keys.create(AUTHOR, ['developer', 'admin', 'reviewer']);
    const own = service.keys.author;
    const { report_id: id } = await service.at('approved');
    const waiting = await service.at('under_review');
    service.keys.author = secret;
    try {
      expect((await refused('author', 'POST', `/reports/${id}/sign-off`, sign('developer'))).slice(0, 2)).toEqual([
        409,
        'SIGN_OFF_REFUSED',
      ]);
      const body = { review_status: 'approved', review_comments: 'I like what I have done.' };
      expect((await refused('author', 'POST', `/reports/${waiting.report_id}/review`, body)).slice(0, 2)).toEqual([
        403,
        'FORBIDDEN',
      ]);
      expect(
        (await refused('author', 'POST', `/reports/${waiting.report_id}/facts`, { verified: true })).slice(0, 2),
      ).toEqual([403, 'FORBIDDEN']);
    } finally {
      service.keys.author = own;
    }
    expect((await service.get(id)).sign_offs).toEqual([]);
  });

  test('not one in two roles, and not two in one', async () => {
    const { report_id: id } = await service.at('approved');
    await service.write('both', 'POST', `/reports/${id}/sign-off`, sign('developer'));
    const twice = await refused('both', 'POST', `/reports/${id}/sign-off`, sign('tech_lead'));
    expect(twice).toEqual([409, 'SIGN_OFF_REFUSED', expect.stringContaining(nameOf('both'))]);
    const second = await refused('developer', 'POST', `/reports/${id}/sign-off`, sign('developer'));
    expect(second.slice(0, 2)).toEqual([409, 'SIGN_OFF_REFUSED']);
    expect((await service.get(id)).sign_offs).toHaveLength(1);
  });
});

describe('what ends a sign-off', () => {
  test('an edit: nothing of what was signed counts, and what was seen before it cannot be signed', async () => {
    const signed = await signedBy(ALL);
    expect(signed.sign_off_status).toBe('complete');
    const { report_id: id, seq } = signed;
    const edited = await service.write('author', 'PUT', `/reports/${id}`, { work_summary: `${SUMMARY} And one more.` });
    expect(edited).toMatchObject({ status: 'draft', sign_off_status: 'not_started' });
    expect(edited.sign_offs.map((g) => [g.counts, g.ended?.why])).toEqual(ALL.map(() => [false, 'edited']));
    expect(edited.reviews.map((r) => r.current)).toEqual([false]);
    await service.write('author', 'POST', `/reports/${id}/submit`);
    await service.until(id, (r) => r.status === 'under_review');
    const stale = { 'if-match': `"${seq}"` };
    const body = { review_status: 'approved', review_comments: 'As I have seen it before.' };
    expect((await refused('reviewer', 'POST', `/reports/${id}/review`, body, stale)).slice(0, 2)).toEqual([
      412,
      'PRECONDITION_FAILED',
    ]);
    await service.write('reviewer', 'POST', `/reports/${id}/review`, body);
    expect(
      (await refused('developer', 'POST', `/reports/${id}/sign-off`, sign('developer'), stale)).slice(0, 2),
    ).toEqual([412, 'PRECONDITION_FAILED']);
    expect(await service.get(id)).toMatchObject({ status: 'approved', sign_off_status: 'not_started' });
  });

  test('an edit that changes nothing ends nothing', async () => {
    const { report_id: id, seq } = await signedBy(ALL);
    const same = await service.write('author', 'PUT', `/reports/${id}`, { work_summary: SUMMARY });
    expect(same).toMatchObject({ seq, status: 'approved', sign_off_status: 'complete' });
  });

  test('a revocation by who gave it or by an admin, and by nobody else', async () => {
    const { report_id: id } = await signedBy(ALL);
    const path = `/reports/${id}/sign-off/developer/revoke`;
    const reason = { reason: 'The build is red again.' };
    expect((await refused('both', 'POST', path, reason)).slice(0, 2)).toEqual([403, 'FORBIDDEN']);
    const revoked = await service.write('developer', 'POST', path, reason);
    expect(revoked.sign_off_status).toBe('pending');
    expect(revoked.sign_offs.find((g) => g.sign_off_role === 'developer')).toMatchObject({
      counts: false,
      ended: { why: 'revoked', by: nameOf('developer'), reason: reason.reason },
    });
    expect((await refused('developer', 'POST', path, reason)).slice(0, 2)).toEqual([409, 'SIGN_OFF_REFUSED']);
    await service.write('admin', 'POST', `/reports/${id}/sign-off/tech_lead/revoke`, reason);
    const again = await service.write('developer', 'POST', `/reports/${id}/sign-off`, sign('developer'));
    expect(again.sign_off_status).toBe('pending');
    const done = await service.write('lead', 'POST', `/reports/${id}/sign-off`, sign('tech_lead'));
    expect(done.sign_off_status).toBe('complete');
  });

  test('a condition is met once, by who has the role, where there is one', async () => {
    const { report_id: id } = await service.at('approved');
    const met = (n: number): string => `/reports/${id}/sign-off/developer/conditions/${n}/met`;
    expect((await refused('developer', 'POST', met(0), {})).slice(0, 2)).toEqual([409, 'SIGN_OFF_REFUSED']);
    await service.write(
      'developer',
      'POST',
      `/reports/${id}/sign-off`,
      sign('developer', 'approved', { conditions: ['a', 'b'] }),
    );
    expect((await refused('qa', 'POST', met(0), {})).slice(0, 2)).toEqual([403, 'FORBIDDEN']);
    await service.write('developer', 'POST', met(1), { note: 'Done.' });
    expect((await refused('developer', 'POST', met(1), {})).slice(0, 2)).toEqual([409, 'SIGN_OFF_REFUSED']);
    expect((await refused('developer', 'POST', met(2), {})).slice(0, 2)).toEqual([409, 'SIGN_OFF_REFUSED']);
    const { sign_offs } = await service.get(id);
    expect(sign_offs[0]?.conditions.map((c) => [c.text, c.met, c.note])).toEqual([
      ['a', false, undefined],
      ['b', true, 'Done.'],
    ]);
  });
});

describe('who sees what', () => {
  test('a draft is there for its author and for admins alone', async () => {
    const { report_id: id } = await service.at('draft');
    const paths = ['', '/history', '/versions/1', '/export?format=csv', '/attachments?name=a.txt'];
    const nothing = (await service.as('other', 'GET', '/reports/r-none')).text;
    for (const person of ['other', 'reviewer', 'developer'] as const) {
      for (const path of paths) {
        const { status, json, text } = await service.as(person, 'GET', `/reports/${id}${path}`);
        expect([person, path, status, problem(json).code]).toEqual([person, path, 404, 'REPORT_NOT_FOUND']);
        // As if there were none: not even its words differ.
        expect(text.replaceAll(id, 'r-none')).toBe(nothing);
      }
      const { json } = await service.as(person, 'GET', `/reports?limit=200`);
      expect((json as { reports: { report_id: string }[] }).reports.map((r) => r.report_id)).not.toContain(id);
    }
    for (const person of ['author', 'admin'] as const)
      expect((await service.as(person, 'GET', `/reports/${id}`)).status).toBe(200);
  });

  test('what is handed in is there for reviewers and signers, and for no other agent; nobody edits it but its author', async () => {
    const { report_id: id } = await service.at('under_review');
    for (const [person, status] of [
      ['reviewer', 200],
      ['developer', 200],
      ['other', 404],
    ] as const)
      expect([person, (await service.as(person, 'GET', `/reports/${id}`)).status]).toEqual([person, status]);
    for (const person of ['reviewer', 'developer'] as const)
      expect((await refused(person, 'PUT', `/reports/${id}`, { quality_score: 1 })).slice(0, 2)).toEqual([
        403,
        'FORBIDDEN',
      ]);
    expect((await refused('other', 'PUT', `/reports/${id}`, { quality_score: 1 })).slice(0, 2)).toEqual([
      404,
      'REPORT_NOT_FOUND',
    ]);
    expect((await refused('developer', 'POST', `/reports/${id}/submit`, {})).slice(0, 2)).toEqual([403, 'FORBIDDEN']);
  });

  test('only who hands the work over, or was handed it, reports on it', async () => {
    const body = { ...service.task, work_summary: SUMMARY };
    expect((await refused('other', 'POST', '/reports', body)).slice(0, 2)).toEqual([403, 'FORBIDDEN']);
  });

  test('without a key, or with one that is none, nothing is answered', async () => {
    const { report_id: id } = await service.at('under_review');
    const own = service.keys.other;
    for (const key of [
      undefined,
      'hk_0',
      `${service.keys.admin}x`,
      service.keys.admin.replace(/.$/, (last) => (last === '0' ? '4' : '0')),
    ]) {
      service.keys.other = key as string;
      for (const path of ['/reports', `/reports/${id}`, '/dashboard', '/statistics', '/reports/export'])
        expect((await service.as('other', 'GET', path)).status).toBe(401);
    }
    service.keys.other = own;
  });
});
