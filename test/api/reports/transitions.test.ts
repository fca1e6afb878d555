import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ReportStatus } from '../../../src/core/report/report.js';
import type { ReportView } from '../../../src/core/report/view.js';
import { AUTHOR, DONE, SUMMARY, Service, nameOf, type Person } from './service.js';

let service: Service;
beforeAll(async () => {
  service = await Service.open();
});
afterAll(() => service.close());

const problem = (json: unknown) => json as { code: string; detail: string; errors?: { path: string }[] };
const review = (review_status: string) => ({ review_status, review_comments: 'As I have seen it on the machine.' });

describe('the sample requests of S4, as they stand there', () => {
  test('go from a draft to a report that is signed off', async () => {
    const created = await service.as('author', 'POST', '/reports', {
      body: {
        ...service.task,
        // Where the document has an ellipsis, an author has more to say: fifty characters at least.
        work_summary: 'Detailed work summary, in words enough for somebody else to go on from.',
        achievements: ['Achievement 1', 'Achievement 2'],
        challenges_encountered: ['Challenge 1'],
        lessons_learned: ['Lesson 1'],
        components_implemented: ['Component 1'],
        apis_integrated: ['API 1'],
        services_configured: ['Service 1'],
        tests_written: ['Test 1'],
        documentation_created: ['Doc 1'],
        quality_score: 0.9,
        test_coverage_percentage: 85.0,
      },
    });
    expect(created.status).toBe(201);
    const { report_id: id, seq, status, author, missing } = created.json as ReportView;
    expect({ status, author }).toEqual({ status: 'draft', author: AUTHOR });
    expect(missing).toHaveLength(16);
    expect(created.headers['location']).toBe(`/api/v1/agent-handoff/reports/${id}`);
    expect(created.headers['etag']).toBe(`"${seq}"`);

    const read = await service.as('author', 'GET', created.headers['location'] as string);
    expect(read.json).toEqual(created.json);

    const updated = await service.write('author', 'PUT', `/reports/${id}`, {
      work_summary: 'Updated work summary, in words enough for somebody else to go on from.',
      quality_score: 0.95,
      test_coverage_percentage: 90.0,
    });
    expect(updated).toMatchObject({
      quality_score: 0.95,
      version: 2,
      achievements: ['Achievement 1', 'Achievement 2'],
    });

    for (const type of Object.keys(updated.components)) {
      const component = await service.write('author', 'PUT', `/reports/${id}/components/${type}`, {
        status: 'completed',
        progress_percentage: 100.0,
        completed_at: '2024-01-15T10:30:00Z',
        notes: 'Implementation completed successfully',
        test_results: { coverage: 95, passed: 50, failed: 0 },
        code_review_status: 'approved',
        security_review_status: 'approved',
      });
      expect(component.components[type as 'api_contracts']).toMatchObject({
        status: 'completed',
        completed_at: '2024-01-15T10:30:00.000Z',
        test_results: { coverage: 95, passed: 50, failed: 0 },
      });
    }
    for (const name of ['path/to/attachment1', 'path/to/attachment2'])
      expect((await service.attach(id, name, name)).status).toBe(200);
    expect(await service.get(id)).toMatchObject({ overall_progress: 100, missing: [] });

    await service.write('author', 'POST', `/reports/${id}/submit`, {
      submission_notes: 'Ready for review',
      attachments: ['path/to/attachment1', 'path/to/attachment2'],
    });
    await service.until(id, (r) => r.status === 'under_review');

    const reviewed = await service.write('reviewer', 'POST', `/reports/${id}/review`, {
      review_status: 'approved',
      review_comments: 'Excellent work! All requirements met.',
      quality_score: 0.95,
    });
    expect(reviewed).toMatchObject({
      status: 'approved',
      reviews: [{ by: nameOf('reviewer'), review_status: 'approved', quality_score: 0.95, current: true }],
    });

    const signed = await service.write('developer', 'POST', `/reports/${id}/sign-off`, {
      sign_off_role: 'developer',
      status: 'approved',
      comments: 'Code review passed',
      conditions: ['Deploy during maintenance window'],
    });
    expect(signed.sign_offs).toMatchObject([
      {
        sign_off_role: 'developer',
        status: 'conditionally_approved',
        counts: true,
        conditions: [{ text: 'Deploy during maintenance window', met: false }],
      },
    ]);
    await service.write('lead', 'POST', `/reports/${id}/sign-off`, { sign_off_role: 'tech_lead', status: 'approved' });
    await service.write('qa', 'POST', `/reports/${id}/sign-off`, { sign_off_role: 'qa_engineer', status: 'approved' });
    expect(await service.get(id)).toMatchObject({ sign_off_status: 'pending' });
    const met = await service.write('developer', 'POST', `/reports/${id}/sign-off/developer/conditions/0/met`, {
      note: 'It went out at three in the morning.',
    });
    expect(met).toMatchObject({ sign_off_status: 'complete', status: 'approved' });
    expect(met.sign_offs[0]?.conditions[0]).toMatchObject({ met: true, met_by: nameOf('developer') });
    expect(met.waits_for).toBeUndefined();
  });
});

/** Every way from one status to another. */
const WAYS: {
  from: 'draft' | 'under_review' | 'approved' | 'amendments_required';
  by: Person;
  act: [method: string, path: string, body?: object];
  to: ReportStatus;
}[] = [
  { from: 'draft', by: 'author', act: ['POST', 'submit'], to: 'under_review' },
  { from: 'draft', by: 'author', act: ['PUT', '', { quality_score: 0.5 }], to: 'draft' },
  { from: 'under_review', by: 'reviewer', act: ['POST', 'review', review('approved')], to: 'approved' },
  { from: 'under_review', by: 'reviewer', act: ['POST', 'review', review('rejected')], to: 'rejected' },
  {
    from: 'under_review',
    by: 'admin',
    act: ['POST', 'review', { ...review('amendments_required'), amendments: ['Say how long it ran.'] }],
    to: 'amendments_required',
  },
  { from: 'under_review', by: 'author', act: ['PUT', '', { quality_score: 0.5 }], to: 'draft' },
  { from: 'under_review', by: 'reviewer', act: ['POST', 'facts', { coverage: 91 }], to: 'under_review' },
  { from: 'under_review', by: 'reviewer', act: ['POST', 'comments', { text: 'I am at it.' }], to: 'under_review' },
  { from: 'amendments_required', by: 'author', act: ['POST', 'submit'], to: 'under_review' },
  { from: 'amendments_required', by: 'author', act: ['PUT', '', { quality_score: 0.5 }], to: 'amendments_required' },
  { from: 'approved', by: 'author', act: ['PUT', 'components/api_contracts', { notes: 'One more.' }], to: 'draft' },
  {
    from: 'approved',
    by: 'developer',
    act: ['POST', 'sign-off', { sign_off_role: 'developer', status: 'rejected', comments: 'It does not build.' }],
    to: 'amendments_required',
  },
];

describe('statuses', () => {
  test.each(WAYS)('$from: $act.0 $act.1 by $by makes it $to', async ({ from, by, act, to }) => {
    const { report_id: id, seq } = await service.at(from);
    const [method, path, body] = act;
    const answer = await service.write(by, method, `/reports/${id}${path && `/${path}`}`, body);
    const after = await service.until(id, (r) => r.status === to);
    expect(after.seq).toBeGreaterThan(seq);
    expect(answer.seq).toBeGreaterThan(seq);
    const { entries } = (await service.as('admin', 'GET', `/reports/${id}/history`)).json as {
      entries: { seq: number; status: string; by: string }[];
    };
    expect(entries.at(-1)).toMatchObject({ status: to });
    expect(entries.map((e) => e.seq)).toEqual(entries.map((_, i) => i + 1));
  });

  const ACTS: Record<string, { by: Person; act: [string, string, object]; in: string[] }> = {
    edit: {
      by: 'author',
      act: ['PUT', '', { quality_score: 0.5 }],
      in: ['draft', 'under_review', 'approved', 'amendments_required'],
    },
    submit: { by: 'author', act: ['POST', '/submit', {}], in: ['draft', 'amendments_required'] },
    review: { by: 'reviewer', act: ['POST', '/review', review('approved')], in: ['under_review'] },
    fact: { by: 'reviewer', act: ['POST', '/facts', { verified: true }], in: ['under_review'] },
    'sign-off': {
      by: 'developer',
      act: ['POST', '/sign-off', { sign_off_role: 'developer', status: 'approved' }],
      in: ['approved'],
    },
    revoke: {
      by: 'developer',
      act: ['POST', '/sign-off/developer/revoke', { reason: 'Seen again.' }],
      in: ['approved'],
    },
    met: { by: 'developer', act: ['POST', '/sign-off/developer/conditions/0/met', {}], in: ['approved'] },
  };

  test.each(['draft', 'under_review', 'approved', 'rejected', 'amendments_required'] as const)(
    'in %s every act that does not belong there is refused, and nothing changes',
    async (status) => {
      const before = await service.at(status);
      for (const [name, { by, act, in: allowed }] of Object.entries(ACTS)) {
        if (allowed.includes(status)) continue;
        const [method, path, body] = act;
        const { status: http, json } = await service.as(by, method, `/reports/${before.report_id}${path}`, { body });
        // What is a draft is nobody's but its author's.
        const code = status === 'draft' && by !== 'author' ? 'REPORT_NOT_FOUND' : 'REPORT_STATE';
        expect([name, http, problem(json).code]).toEqual([name, code === 'REPORT_STATE' ? 409 : 404, code]);
        expect(problem(json).detail).toContain(code === 'REPORT_STATE' ? status : before.report_id);
      }
      expect(await service.get(before.report_id)).toEqual(before);
    },
  );

  test('a report that is not complete is refused with every reason at once', async () => {
    const { report_id: id } = await service.create({
      components: {
        error_handling: DONE,
        api_contracts: { ...DONE, blockers: ['the other team'] },
        retry_mechanisms: { status: 'in_progress', progress_percentage: 40 },
        circuit_breaker: { status: 'completed', progress_percentage: 100, dependencies: ['retry_mechanisms'] },
        validation_layer: { status: 'blocked', progress_percentage: 100 },
        monitoring_hooks: { status: 'failed' },
        security_enhancements: DONE,
      },
    });
    const { status, json } = await service.as('author', 'POST', `/reports/${id}/submit`, { body: {} });
    expect([status, problem(json).code]).toEqual([422, 'REPORT_INCOMPLETE']);
    expect(
      problem(json)
        .errors?.map((e) => e.path)
        .toSorted(),
    ).toEqual(
      [
        '/components/api_contracts/blockers',
        '/components/retry_mechanisms/status',
        '/components/retry_mechanisms/progress_percentage',
        '/components/circuit_breaker/dependencies',
        '/components/validation_layer/status',
        '/components/monitoring_hooks/status',
        '/components/monitoring_hooks/progress_percentage',
        '/components/integration_tests/status',
        '/components/integration_tests/progress_percentage',
      ].toSorted(),
    );
    expect((await service.get(id)).missing).toEqual(problem(json).errors);
  });

  test('amendments lead to a second version, and both are kept', async () => {
    const { report_id: id, digest } = await service.at('amendments_required');
    await service.write('author', 'PUT', `/reports/${id}`, { work_summary: `${SUMMARY} It ran for two.` });
    await service.write('author', 'POST', `/reports/${id}/submit`);
    const again = await service.until(id, (r) => r.status === 'under_review');
    expect(again).toMatchObject({ version: 2, submissions: 2, reviews: [{ digest, current: false }] });
    const history = (await service.as('author', 'GET', `/reports/${id}/history`)).json as {
      versions: { version: number; digest: string; by: string }[];
      entries: { changes: { path: string; before?: unknown; after?: unknown }[] }[];
    };
    expect(history.versions).toMatchObject([
      { version: 1, digest, by: AUTHOR },
      { version: 2, digest: again.digest, by: AUTHOR },
    ]);
    expect(history.entries.flatMap((e) => e.changes)).toContainEqual({
      path: '/work_summary',
      before: SUMMARY,
      after: `${SUMMARY} It ran for two.`,
    });
    const [first, second] = await Promise.all(
      [1, 2].map((n) => service.as('reviewer', 'GET', `/reports/${id}/versions/${n}`)),
    );
    expect(first?.json).toMatchObject({ work_summary: SUMMARY });
    expect(second?.json).toMatchObject({ work_summary: `${SUMMARY} It ran for two.` });
  });
});
