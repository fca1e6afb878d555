import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ReportView } from '../../../src/core/report/view.js';
import { AUTHOR, SUMMARY, Service, type Person } from '../reports/service.js';

/** What nobody but its author, and whom the policy table names, may ever see. */
const MARK = 'zebra-quartz-7731';
const SECOND = 'Reviewed line by line on the machine.';
let service: Service;
let draft: ReportView;
let approved: ReportView;

beforeAll(async () => {
  service = await Service.open();
  draft = await service.create({ achievements: [MARK] });
  await service.attach(draft.report_id, 'notes.txt', `attached ${MARK}`);
  approved = await service.at('approved');
});
afterAll(() => service.close());

const problem = (json: unknown): { code: string; detail: string } => json as { code: string; detail: string };
const status = async (person: Person, method: string, path: string, body?: unknown): Promise<number> =>
  (await service.as(person, method, path, body === undefined ? {} : { body })).status;

describe('API1: objects of others', () => {
  const READS = [
    '',
    '/history',
    '/versions/1',
    '/export?format=json',
    '/export?format=markdown',
    '/attachments?name=notes.txt',
  ];

  test.each(READS)("another agent's draft is not there: GET …%s", async (path) => {
    for (const person of ['other', 'reviewer', 'developer'] as const) {
      const { status: code, text } = await service.as(person, 'GET', `/reports/${draft.report_id}${path}`);
      const none = await service.as(person, 'GET', `/reports/r-nothing${path}`);
      expect([person, code]).toEqual([person, 404]);
      expect(text.replaceAll(draft.report_id, 'r-nothing')).toBe(none.text);
      expect(text).not.toContain(MARK);
    }
  });

  test("another agent's draft cannot be written, by whatever verb", async () => {
    const id = draft.report_id;
    const writes: [string, string, unknown][] = [
      ['PUT', `/reports/${id}`, { achievements: ['mine'] }],
      ['PUT', `/reports/${id}/components/api_contracts`, { status: 'completed' }],
      ['POST', `/reports/${id}/submit`, {}],
      ['POST', `/reports/${id}/comments`, { text: 'Hello.' }],
      ['DELETE', `/reports/${id}/attachments?name=notes.txt`, undefined],
    ];
    for (const [method, path, body] of writes)
      expect([path, await status('other', method, path, body)]).toEqual([path, 404]);
    expect((await service.get(id)).achievements).toEqual([MARK]);
  });

  test('lists, exports and filters show only what one may read', async () => {
    for (const path of [
      '/reports',
      `/reports?author=${encodeURIComponent(AUTHOR)}`,
      `/reports?task_id=${service.task.task_id}`,
      '/reports/export?format=json',
    ]) {
      const { text } = await service.as('other', 'GET', path);
      expect(text).not.toContain(draft.report_id);
      expect(text).not.toContain(MARK);
    }
    expect((await service.as('author', 'GET', '/reports')).text).toContain(draft.report_id);
    expect((await service.as('reviewer', 'GET', '/reports')).text).not.toContain(draft.report_id);
  });

  test('a cursor of somebody else opens nothing', async () => {
    const page = (await service.as('admin', 'GET', '/reports?limit=1')).json as { next_cursor: string };
    const { text } = await service.as('other', 'GET', `/reports?cursor=${page.next_cursor}`);
    expect(text).not.toContain(draft.report_id);
  });

  test('a digest that one has seen opens no content, and no path leads out of a report', async () => {
    for (const name of [
      draft.digest,
      '../handoff.db',
      '..%2f..%2fhandoff.db',
      '%00',
      '/etc/passwd',
      `../${draft.report_id}/notes.txt`,
    ]) {
      const { status: code, text } = await service.as(
        'reviewer',
        'GET',
        `/reports/${approved.report_id}/attachments?name=${name}`,
      );
      expect([name, code >= 400 && code < 500]).toEqual([name, true]);
      expect(text).not.toContain(MARK);
    }
  });

  test('a report about a handoff of others cannot be made, and says nothing of whether there is one', async () => {
    const of = (task_id: string) => ({ pipeline_id: service.task.pipeline_id, task_id, work_summary: SUMMARY });
    const there = await service.as('other', 'POST', '/reports', { body: of(service.task.task_id) });
    const none = await service.as('other', 'POST', '/reports', { body: of('no-such-handoff') });
    expect([there.status, none.status]).toEqual([403, 403]);
    expect(there.text.replaceAll(service.task.task_id, 'X')).toBe(none.text.replaceAll('no-such-handoff', 'X'));
  });
});

describe('API3: properties that are not theirs to set', () => {
  const FORGED = {
    author: '@dev',
    status: 'approved',
    seq: 99,
    version: 7,
    digest: 'f'.repeat(64),
    reviews: [{ by: '@reviewer', review_status: 'approved' }],
    sign_offs: [{ sign_off_role: 'developer', by: '@dev' }],
    facts: [{ id: 'f1', verified: true }],
    verified: { score: 1 },
    overall_progress: 100,
    required_sign_offs: [],
    terms: { allowSelfSignOff: true },
    created_at: '2020-01-01T00:00:00.000Z',
    actor: { by: '@admin', roles: ['admin'] },
    roles: ['admin'],
    by: '@admin',
  };

  test.each(Object.entries(FORGED))('`%s` in a new report, or in a change, is refused by name', async (name, value) => {
    const made = await service.as('author', 'POST', '/reports', {
      body: { ...service.task, work_summary: SUMMARY, [name]: value },
    });
    const changed = await service.as('author', 'PUT', `/reports/${draft.report_id}`, { body: { [name]: value } });
    expect([made.status, changed.status]).toEqual([400, 400]);
    for (const { text } of [made, changed]) expect(text).toContain(name);
  });

  test('whose report it is, and about what, cannot be changed later', async () => {
    for (const change of [
      { pipeline_id: 's-2' },
      { task_id: 'h-2' },
      { report_id: 'r-2' },
      { components: { api_contracts: { status: 'verified' } } },
    ])
      expect([change, await status('author', 'PUT', `/reports/${draft.report_id}`, change)]).toEqual([change, 400]);
  });

  test('a review or a sign-off in the name of another is refused', async () => {
    const review = { review_status: 'approved', review_comments: SECOND };
    const { report_id: id } = await service.at('under_review');
    for (const more of [{ by: '@admin' }, { automatic: true }, { digest: 'x' }, { at: 1 }, { roles: ['admin'] }])
      expect(await status('reviewer', 'POST', `/reports/${id}/review`, { ...review, ...more })).toBe(400);
    const sign = { sign_off_role: 'developer', status: 'approved', comments: SECOND };
    for (const more of [{ by: '@lead' }, { expires_at: '2099-01-01T00:00:00Z' }, { digest: 'x' }])
      expect(await status('developer', 'POST', `/reports/${approved.report_id}/sign-off`, { ...sign, ...more })).toBe(
        400,
      );
  });

  test('a polluted prototype is no property', async () => {
    for (const raw of [
      '{"__proto__":{"roles":["admin"]},"achievements":["x"]}',
      '{"constructor":{"prototype":{"admin":true}}}',
      '{"components":{"__proto__":{"status":"completed"}}}',
    ]) {
      const headers = { 'content-type': 'application/json' };
      expect((await service.as('author', 'PUT', `/reports/${draft.report_id}`, { raw, headers })).status).toBe(400);
    }
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });

  test('a header does not say who one is', async () => {
    for (const headers of [
      { 'x-agent': '@admin' },
      { 'x-roles': 'admin' },
      { 'x-forwarded-user': '@admin' },
      { 'x-http-method-override': 'DELETE' },
    ] as Record<string, string>[])
      expect((await service.as('other', 'GET', '/audit', { headers })).status).toBe(403);
  });
});

describe('API5: functions that are not theirs', () => {
  const ADMINS: [string, string, unknown?][] = [
    ['GET', '/audit'],
    ['GET', '/audit/export'],
    ['GET', '/agents/%40admin/keys'],
    ['POST', '/agents/%40other/keys', { roles: ['admin'] }],
    ['DELETE', '/agents/%40admin/keys/0000000000000000'],
  ];
  test.each(ADMINS)('only admins: %s %s', async (method, path, body) => {
    for (const person of ['author', 'other', 'reviewer', 'developer', 'both'] as const) {
      const answer = await service.as(person, method, path, body === undefined ? {} : { body });
      expect([person, answer.status, problem(answer.json).code]).toEqual([person, 403, 'FORBIDDEN']);
    }
  });

  test('an agent gives itself no key with more rights, nor one at all', async () => {
    expect(await status('other', 'POST', '/agents/%40other/keys', { roles: ['agent'] })).toBe(403);
    expect((await service.rig.storage.keys.list('@other')).map((k) => k.roles)).toEqual([[]]);
  });

  test('no spelling of a path or a verb goes round the role', async () => {
    for (const path of [
      '/audit/',
      '//audit',
      '/AUDIT',
      '/audit%2f',
      '/./audit',
      '/reports/../audit',
      '/audit;x=1',
      '/audit%00',
      '/audit?__proto__=1',
    ])
      expect([path, [400, 403, 404].includes(await status('reviewer', 'GET', path))]).toEqual([path, true]);
    for (const verb of ['HEAD', 'TRACE', 'PATCH', 'PROPFIND']) {
      const { status: code, text } = await service.as('reviewer', verb, '/audit');
      expect([verb, code >= 400]).toEqual([verb, true]);
      expect(text).not.toContain('entries');
    }
  });

  test('a sign-off takes the role itself: not the reviewer, nor an admin, nor another of the six', async () => {
    const sign = { sign_off_role: 'qa_engineer', status: 'approved', comments: SECOND };
    for (const person of ['reviewer', 'admin', 'developer', 'lead', 'both', 'author'] as const)
      expect([person, await status(person, 'POST', `/reports/${approved.report_id}/sign-off`, sign)]).toEqual([
        person,
        403,
      ]);
  });
});

describe('API6: flows where it matters who does it, and how often', () => {
  test('an author with every role does not review, verify or sign off a report of their own', async () => {
    const { report_id: id } = await service.at('under_review');
    const roles = ['reviewer', 'admin', 'developer', 'tech_lead', 'qa_engineer'];
    const { secret } = await service.rig.storage.keys.create(AUTHOR, roles);
    service.keys.author = secret;
    expect(
      await status('author', 'POST', `/reports/${id}/review`, { review_status: 'approved', review_comments: SECOND }),
    ).toBe(403);
    expect(
      await status('author', 'POST', `/reports/${id}/facts`, { component_type: 'api_contracts', verified: true }),
    ).toBe(403);
    const sign = { sign_off_role: 'developer', status: 'approved', comments: SECOND };
    expect(await status('author', 'POST', `/reports/${approved.report_id}/sign-off`, sign)).toBe(409);
    expect((await service.get(id)).facts).toEqual([]);
  });

  test('an admin does not write into a report, and so never approves words of their own', async () => {
    const { report_id: id, digest } = await service.at('under_review');
    expect(await status('admin', 'PUT', `/reports/${id}`, { achievements: ['mine'] })).toBe(403);
    expect(await status('admin', 'PUT', `/reports/${id}/components/api_contracts`, { status: 'failed' })).toBe(403);
    expect((await service.get(id)).digest).toBe(digest);
  });

  test('one person signs off in one role, also when both come at once', async () => {
    const { report_id: id } = await service.at('approved');
    const sign = (role: string): Promise<number> =>
      status('both', 'POST', `/reports/${id}/sign-off`, { sign_off_role: role, status: 'approved', comments: SECOND });
    const codes = await Promise.all([sign('developer'), sign('tech_lead')]);
    expect(codes.toSorted()).toEqual([200, 409]);
    expect((await service.get(id)).sign_offs.filter((s) => s.counts)).toHaveLength(1);
  });

  test('an approval does not outlive what it was of', async () => {
    const { report_id: id } = await service.at('approved');
    await service.write('developer', 'POST', `/reports/${id}/sign-off`, {
      sign_off_role: 'developer',
      status: 'approved',
      comments: SECOND,
    });
    const edited = await service.write('author', 'PUT', `/reports/${id}`, { achievements: ['one more'] });
    expect(edited.status).toBe('draft');
    expect(edited.sign_offs.filter((s) => s.counts)).toEqual([]);
    expect(edited.reviews.filter((r) => r.current)).toEqual([]);
  });

  test('an idempotency key that is sent again does nothing again; with another request, or of another, it is no pass', async () => {
    const { report_id: id } = await service.create();
    const headers = { 'idempotency-key': 'one-and-only' };
    const comment = (person: Person, text: string) =>
      service.as(person, 'POST', `/reports/${id}/comments`, { body: { text }, headers });
    const first = await comment('author', 'Once.');
    const again = await comment('author', 'Once.');
    expect([first.status, again.status, again.text]).toEqual([200, 200, first.text]);
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect((await comment('author', 'Twice.')).status).toBe(422);
    expect((await comment('other', 'Once.')).status).toBe(404);
    expect((await service.get(id)).seq).toBe((first.json as ReportView).seq);
  });

  test('an answer that a key with more rights got is not given again to one with fewer', async () => {
    const { keys } = service.rig.storage;
    const headers = { 'idempotency-key': 'of-the-admin' };
    const more = { body: { text: 'As an admin.' }, headers };
    const { report_id: id } = await service.at('under_review');
    expect((await service.as('admin', 'POST', `/reports/${id}/comments`, more)).status).toBe(200);
    const was = service.keys.admin;
    service.keys.admin = (await keys.create('@admin', [])).secret;
    const { status: code, text } = await service.as('admin', 'POST', `/reports/${id}/comments`, more);
    service.keys.admin = was;
    expect(code).toBeGreaterThanOrEqual(400);
    expect(text).not.toContain(SUMMARY);
  });

  test('two reviews at once are one', async () => {
    const { report_id: id } = await service.at('under_review');
    const review = (person: Person, review_status: string): Promise<number> =>
      status(person, 'POST', `/reports/${id}/review`, { review_status, review_comments: SECOND });
    const codes = await Promise.all([review('reviewer', 'approved'), review('admin', 'rejected')]);
    expect(codes.toSorted()).toEqual([200, 409]);
    expect((await service.get(id)).reviews).toHaveLength(1);
  });
});
