import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sha256 } from '../../../src/core/digest.js';
import type { ReportView } from '../../../src/core/report/view.js';
import { SUMMARY, Service } from './service.js';

let service: Service;
beforeAll(async () => {
  service = await Service.open({ maxAttachmentBytes: 100_000 });
});
afterAll(() => service.close());

const problem = (json: unknown) => json as { code: string; errors?: { path: string }[] };
const named = (name: string): string => `name=${encodeURIComponent(name)}`;
const JUNIT = `<?xml version="1.0"?>
<testsuites><testsuite name="breaker" tests="3" failures="0" skipped="1">
  <testcase classname="breaker" name="opens"/><testcase classname="breaker" name="closes"/>
  <testcase classname="breaker" name="is slow"><skipped/></testcase>
</testsuite></testsuites>`;

describe('attachments', () => {
  test.each([
    ['notes.txt', 'text/plain'],
    ['a/b/c.md', 'text/markdown; charset=utf-8'],
    ['page.html', 'text/html'],
    ['data.json', 'application/json'],
    ['übersicht (1).pdf', 'application/pdf'],
    ['bytes', 'application/octet-stream'],
  ])('%s of %s comes back byte for byte, as a file to keep', async (name, type) => {
    const { report_id: id } = await service.create();
    const bytes = Buffer.from([0, 255, 13, 10, ...Buffer.from('{"a":1,"a":<script>')]);
    const put = await service.attach(id, name, bytes, type);
    expect(put.status).toBe(200);
    const media_type = type.split(';')[0]!;
    const view = put.json as ReportView;
    expect(view.attachments).toEqual([{ name, media_type, size: bytes.length, sha256: sha256(bytes) }]);
    expect(put.headers['etag']).toBe(`"${view.seq}"`);
    const got = await service.as('author', 'GET', `/reports/${id}/attachments?${named(name)}`);
    expect([got.status, got.bytes.equals(bytes)]).toEqual([200, true]);
    expect(got.headers['content-type']).toMatch(new RegExp(`^${media_type}`));
    expect(got.headers['x-content-type-options']).toBe('nosniff');
    const file = encodeURIComponent(name.split('/').at(-1)!).replaceAll('(', '%28').replaceAll(')', '%29');
    expect(got.headers['content-disposition']).toBe(`attachment; filename*=UTF-8''${file}`);
  });

  test('is replaced under its name, and taken away; each is a version, and ends what was approved', async () => {
    const { report_id: id } = await service.at('approved');
    await service.write('developer', 'POST', `/reports/${id}/sign-off`, {
      sign_off_role: 'developer',
      status: 'approved',
    });
    const first = (await service.attach(id, 'log.txt', 'one')).json as ReportView;
    expect(first).toMatchObject({
      status: 'draft',
      version: 2,
      sign_offs: [{ counts: false, ended: { why: 'edited' } }],
    });
    const second = (await service.attach(id, 'log.txt', 'two')).json as ReportView;
    expect([second.version, second.attachments.map((a) => a.sha256)]).toEqual([3, [sha256('two')]]);
    const gone = await service.as('author', 'DELETE', `/reports/${id}/attachments?${named('log.txt')}`);
    expect(gone.json).toMatchObject({ version: 4, attachments: [] });
    const again = await service.as('author', 'DELETE', `/reports/${id}/attachments?${named('log.txt')}`);
    expect(again.status).toBe(404);
    expect((await service.as('author', 'GET', `/reports/${id}/attachments?${named('log.txt')}`)).status).toBe(404);
  });

  test('too large, of a type that is not taken, by somebody else: refused, and nothing is attached', async () => {
    const { report_id: id } = await service.at('under_review');
    const large = await service.attach(id, 'a.bin', Buffer.alloc(100_001), 'application/octet-stream');
    expect([large.status, problem(large.json).code]).toEqual([413, 'INPUT_TOO_LARGE']);
    const movie = await service.attach(id, 'a.mp4', 'x', 'video/mp4');
    expect([movie.status, problem(movie.json).code]).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE']);
    const raw = { raw: 'x', headers: { 'content-type': 'text/plain' } };
    const other = await service.as('reviewer', 'PUT', `/reports/${id}/attachments?name=a.txt`, raw);
    expect([other.status, problem(other.json).code]).toEqual([403, 'FORBIDDEN']);
    expect(await service.get(id)).toMatchObject({ attachments: [], status: 'under_review', version: 1 });
    expect((await service.attach(id, 'fits.bin', Buffer.alloc(100_000), 'application/octet-stream')).status).toBe(200);
  });

  test('one that must be there when a report is handed in, and is not, is named', async () => {
    const { report_id: id } = await service.create();
    const { status, json } = await service.as('author', 'POST', `/reports/${id}/submit`, {
      body: { attachments: ['not/there.txt'] },
    });
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(JSON.stringify(json)).toContain('not/there.txt');
    expect(await service.get(id)).toMatchObject({ status: 'draft', submissions: 0 });
  });

  test('a file of tests becomes a fact, and makes its component verified', async () => {
    const { report_id: id } = await service.create();
    const type = '&component_type=circuit_breaker';
    expect((await service.attach(id, 'junit.xml', JUNIT, 'application/xml', type)).status).toBe(200);
    await service.write('author', 'POST', `/reports/${id}/submit`);
    const { facts, components, verified } = await service.until(id, (r) => r.status === 'under_review');
    expect(facts).toMatchObject([
      {
        component_type: 'circuit_breaker',
        source: { kind: 'file', attachment: 'junit.xml', sha256: sha256(JUNIT), format: 'junit' },
        tests: { run: 2, passed: 2, failed: 0, skipped: 1 },
      },
    ]);
    expect(components.circuit_breaker).toMatchObject({ status: 'verified', verified_by: [facts[0]?.id] });
    expect(components.api_contracts.status).toBe('completed');
    expect(verified.components).toBe(1 / 8);
    const seen = await service.write('reviewer', 'POST', `/reports/${id}/facts`, {
      component_type: 'api_contracts',
      verified: true,
      note: 'I have called each of them.',
    });
    expect(seen.components.api_contracts.status).toBe('verified');
  });
});

describe('exports', () => {
  test('one report as JSON, CSV and Markdown, with names and types of their own', async () => {
    const { report_id: id } = await service.create({ achievements: ['=1+1', 'a "quoted", one', '<b>|bold|</b>'] });
    const of = (format: string) => service.as('author', 'GET', `/reports/${id}/export?format=${format}`);
    const json = await of('json');
    expect(json.headers['content-type']).toMatch(/^application\/json/);
    expect(json.headers['content-disposition']).toContain(`report-${id}.json`);
    expect(JSON.stringify(json.json)).toContain(SUMMARY);
    const csv = await of('csv');
    expect(csv.headers['content-type']).toMatch(/^text\/csv/);
    expect(csv.headers['content-disposition']).toContain(`report-${id}.csv`);
    const rows = parse(csv.text, { relax_column_count: true }) as string[][];
    expect(rows.flat().join(' ')).toContain(SUMMARY);
    // A spreadsheet would calculate it.
    expect(rows.flat().filter((cell) => cell.startsWith('='))).toEqual([]);
    const markdown = await of('markdown');
    expect(markdown.headers['content-type']).toMatch(/^text\/markdown/);
    expect(markdown.headers['content-disposition']).toContain(`report-${id}.md`);
    expect(markdown.text).toContain(SUMMARY);
    // Nothing of it is markup.
    expect(markdown.text.replaceAll(String.raw`\<`, '')).not.toContain('<');
    for (const { headers } of [json, csv, markdown]) expect(headers['x-content-type-options']).toBe('nosniff');
    // JSON, where nothing is said.
    expect((await service.as('author', 'GET', `/reports/${id}/export`)).headers['content-type']).toMatch(/json/);
  });

  test('all that fit a filter and that who asks may read', async () => {
    const draft = await service.at('draft');
    const approved = await service.at('approved');
    const of = async (person: 'admin' | 'reviewer' | 'other', query: string): Promise<string> => {
      const { status, text, headers } = await service.as(person, 'GET', `/reports/export?format=csv${query}`);
      expect([status, headers['content-disposition']]).toEqual([200, "attachment; filename*=UTF-8''reports.csv"]);
      return text;
    };
    const all = await of('admin', '');
    expect([all.includes(draft.report_id), all.includes(approved.report_id)]).toEqual([true, true]);
    const seen = await of('reviewer', '');
    expect([seen.includes(draft.report_id), seen.includes(approved.report_id)]).toEqual([false, true]);
    const filtered = await of('admin', '&status=draft');
    expect([filtered.includes(draft.report_id), filtered.includes(approved.report_id)]).toEqual([true, false]);
    expect(await of('other', '')).not.toContain(approved.report_id);
  });
});

describe('numbers', () => {
  test('of all reports, kept until one changes', async () => {
    await service.at('approved');
    const get = async <T>(path: string): Promise<T> => (await service.as('other', 'GET', path)).json as T;
    type Numbers = { total: number; by_status: Record<string, number>; cached: boolean };
    const fresh = await get<Numbers>('/statistics?force_refresh=true');
    expect(fresh).toMatchObject({ cached: false });
    expect(fresh.by_status['approved']).toBeGreaterThan(0);
    expect(await get<Numbers>('/statistics')).toMatchObject({ cached: true, total: fresh.total });
    await service.create();
    expect(await get<Numbers>('/statistics')).toMatchObject({ cached: false, total: fresh.total + 1 });
    const dashboard = await get<Numbers & { recent: { report_id: string }[] }>('/dashboard');
    expect(dashboard).toMatchObject({ total: fresh.total + 1, recent: [] });
    const mine = (await service.as('author', 'GET', '/dashboard')).json as typeof dashboard;
    expect(mine.recent.length).toBeGreaterThan(0);
    const { components } = await get<{ components: Record<string, { reports: number; by_status: object }> }>(
      '/components/status',
    );
    expect(Object.keys(components)).toHaveLength(8);
    expect(components['api_contracts']).toMatchObject({ reports: fresh.total + 1 });
  });
});
