import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COMPONENT_TYPES } from '../../../src/core/report/report.js';
import type { ReportHistory, ReportPage, ReportView } from '../../../src/core/report/view.js';
import { SUMMARY, Service } from './service.js';

let service: Service;
beforeAll(async () => {
  service = await Service.open();
});
afterAll(() => service.close());

const problem = (json: unknown) => json as { code: string; detail: string };

describe('several at once', () => {
  test('of two editors with the same ETag one writes, and the other is told', async () => {
    const { report_id: id, seq } = await service.create();
    const put = (n: number) =>
      service.as('author', 'PUT', `/reports/${id}`, {
        body: { work_summary: `${SUMMARY} Editor ${n}.` },
        headers: { 'if-match': `"${seq}"` },
      });
    const both = await Promise.all([put(1), put(2)]);
    expect(both.map((a) => a.status).toSorted((a, b) => a - b)).toEqual([200, 412]);
    const won = both.findIndex((a) => a.status === 200);
    expect(problem(both[1 - won]?.json).code).toBe('PRECONDITION_FAILED');
    expect((await service.get(id)).work_summary).toBe(`${SUMMARY} Editor ${won + 1}.`);
    // With the new tag it goes.
    const tag = String(both[won]?.headers['etag']);
    const headers = { 'if-match': tag };
    const next = await service.as('author', 'PUT', `/reports/${id}`, { body: { quality_score: 0.5 }, headers });
    expect(next.status).toBe(200);
  });

  test('every write takes If-Match, and a stale one changes nothing', async () => {
    const { report_id: id } = await service.at('approved');
    const stale = { 'if-match': '"1"' };
    const writes: ['author' | 'developer' | 'reviewer', string, string, object][] = [
      ['author', 'PUT', '', { quality_score: 0.1 }],
      ['author', 'PUT', '/components/api_contracts', { notes: 'x' }],
      ['developer', 'POST', '/sign-off', { sign_off_role: 'developer', status: 'approved' }],
      ['reviewer', 'POST', '/comments', { text: 'x' }],
    ];
    const before = await service.get(id);
    for (const [person, method, path, body] of writes) {
      const { status, json } = await service.as(person, method, `/reports/${id}${path}`, { body, headers: stale });
      expect([path, status, problem(json).code]).toEqual([path, 412, 'PRECONDITION_FAILED']);
    }
    const file = { raw: 'x', headers: { ...stale, 'content-type': 'text/plain' } };
    expect((await service.as('author', 'PUT', `/reports/${id}/attachments?name=a`, file)).status).toBe(412);
    expect(await service.get(id)).toEqual(before);
  });

  test('who has the newest is told so without a body', async () => {
    const { report_id: id, seq } = await service.create();
    const read = (tag: string) => service.as('author', 'GET', `/reports/${id}`, { headers: { 'if-none-match': tag } });
    for (const tag of [`"${seq}"`, `W/"${seq}"`, `"0", "${seq}"`, '*']) {
      const { status, text, headers } = await read(tag);
      expect([tag, status, text, headers['etag']]).toEqual([tag, 304, '', `"${seq}"`]);
    }
    expect((await read(`"${seq + 1}"`)).status).toBe(200);
  });

  test('twenty edits at once are twenty changes, and none is lost', { timeout: 120_000 }, async () => {
    const { report_id: id } = await service.create({ components: {} });
    const edits = Array.from({ length: 20 }, (_, i) => ({
      type: COMPONENT_TYPES[i % 8]!,
      change: [{ notes: `edit ${i}` }, { progress_percentage: i }, { code_review_status: `edit ${i}` }][
        Math.floor(i / 8)
      ]!,
    }));
    const answers = await Promise.all(
      edits.map(({ type, change }) =>
        service.as('author', 'PUT', `/reports/${id}/components/${type}`, { body: change }),
      ),
    );
    expect(answers.map((a) => a.status)).toEqual(edits.map(() => 200));
    const { components, version, seq } = await service.get(id);
    for (const { type, change } of edits) expect(components[type]).toMatchObject(change);
    expect([version, seq]).toEqual([21, 21]);
    const { entries, versions } = (await service.as('author', 'GET', `/reports/${id}/history`)).json as ReportHistory;
    expect(entries.map((e) => e.seq)).toEqual(Array.from({ length: 21 }, (_, i) => i + 1));
    expect(new Set(versions.map((v) => v.digest)).size).toBe(21);
    expect(entries.slice(1).every((e) => e.changes.length === 1)).toBe(true);
  });
});

describe('a write that is sent again', () => {
  test('with its key answers the same, and there is one report', async () => {
    const body = { ...service.task, work_summary: SUMMARY };
    const headers = { 'idempotency-key': 'create-1' };
    const first = await service.as('author', 'POST', '/reports', { body, headers });
    const again = await service.as('author', 'POST', '/reports', { body, headers });
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(again.text).toBe(first.text);
    for (const name of ['etag', 'location']) expect(again.headers[name]).toBe(first.headers[name]);
    const other = await service.as('author', 'POST', '/reports', { body: { ...body, quality_score: 1 }, headers });
    expect([other.status, problem(other.json).code]).toEqual([422, 'IDEMPOTENCY_KEY_USED']);
    // Somebody else's key of the same name is another.
    const theirs = await service.as('admin', 'POST', '/reports', { body, headers });
    expect((theirs.json as ReportView).report_id).not.toBe((first.json as ReportView).report_id);
  });

  test('at the same time, is done once', async () => {
    const { report_id: id, seq } = await service.create();
    const body = { text: 'Once is enough.' };
    const headers = { 'idempotency-key': 'comment-1' };
    const all = await Promise.all(
      Array.from({ length: 5 }, () => service.as('author', 'POST', `/reports/${id}/comments`, { body, headers })),
    );
    for (const { status, json } of all)
      expect(status === 200 || problem(json).code === 'IDEMPOTENCY_IN_FLIGHT').toBe(true);
    expect((await service.get(id)).seq).toBe(seq + 1);
  });

  test('with an id of its own is the same report, and with another content a conflict', async () => {
    const body = { report_id: 'r-mine', ...service.task, work_summary: SUMMARY };
    const first = await service.as('author', 'POST', '/reports', { body });
    const again = await service.as('author', 'POST', '/reports', { body });
    expect([first.status, again.status, again.text]).toEqual([201, 201, first.text]);
    const other = await service.as('author', 'POST', '/reports', { body: { ...body, quality_score: 1 } });
    expect([other.status, problem(other.json).code]).toEqual([409, 'REPORT_EXISTS']);
  });
});

describe('lists', () => {
  test('are read page by page, each report once, while new ones come', async () => {
    const there = [];
    for (let i = 0; i < 7; i++) there.push((await service.create({ quality_score: i / 10 })).report_id);
    const seen: string[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < 50; page++) {
      const query = cursor ? `&cursor=${encodeURIComponent(cursor)}` : '';
      const { status, json } = await service.as('author', 'GET', `/reports?limit=2${query}`);
      expect(status).toBe(200);
      const { reports, next_cursor } = json as ReportPage;
      expect(reports.length).toBeLessThanOrEqual(2);
      seen.push(...reports.map((r) => r.report_id));
      if (next_cursor === undefined) break;
      cursor = next_cursor;
      await service.create();
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(there.filter((id) => !seen.includes(id))).toEqual([]);
  });

  test('by status, author, session, handoff, and whom they wait for', async () => {
    const { report_id: id } = await service.at('under_review');
    const ids = async (query: string): Promise<string[]> => {
      const { status, json } = await service.as('admin', 'GET', `/reports?limit=200&${query}`);
      expect(status).toBe(200);
      return (json as ReportPage).reports.map((r) => r.report_id);
    };
    const { task_id, pipeline_id } = service.task;
    for (const query of [
      'status=under_review',
      'author=@nodejs-specialist',
      `pipeline_id=${pipeline_id}`,
      `task_id=${task_id}`,
      'waits_for=reviewer',
    ])
      expect([query, await ids(query)]).toEqual([query, expect.arrayContaining([id])]);
    for (const query of [
      'status=approved',
      'author=@other',
      'pipeline_id=s-none',
      'task_id=h-none',
      'waits_for=architect',
    ])
      expect([query, await ids(query)]).toEqual([query, expect.not.arrayContaining([id])]);
  });
});
