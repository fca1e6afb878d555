import { parse } from 'csv-parse/sync';
import { beforeAll, describe, expect, test } from 'vitest';
import { exportReport, exportReports } from '../../src/client/reports/export/export.js';
import type { Actor } from '../../src/core/report/report.js';
import type { ReportView } from '../../src/core/report/view.js';
import { viewOf } from '../../src/client/reports/deps.js';
import { storagePlace } from '../storage/place.js';
import { contentWith, depsOf, seed } from './seed.js';

const place = storagePlace();
const AUTHOR: Actor = { by: '@author', roles: ['agent'] };
const ADMIN: Actor = { by: '@boss', roles: ['admin'] };
const OTHER: Actor = { by: '@other', roles: ['agent'] };

/** Texts that a spreadsheet would run, or that would mark up the page around them. */
const FORMULAS = ['=1+1', '+1', '-1', '@SUM(A1)', '\tx', '\rx', "=cmd|' /C calc'!A0", '＝1'];
const MARKUP = [
  '# no heading',
  '| a | b |',
  '<script>alert(1)</script>',
  '[x](javascript:1)',
  '`code`',
  '**b**',
  'a\n\n## b',
];

beforeAll(async () => {
  const { storage } = place;
  const base = Date.now() - 1_000_000;
  await seed(
    storage,
    'r-1',
    contentWith(
      {
        work_summary: 'Umlaute, "quotes"; commas,\r\nand lines äöü 日本',
        achievements: FORMULAS,
        lessons_learned: MARKUP,
        attachments: [{ name: 'a|b.txt', media_type: 'text/plain', size: 3, sha256: 'a'.repeat(64) }],
      },
      { api_contracts: { status: 'blocked', progress_percentage: 10, blockers: ['=HYPERLINK("x")'], notes: '| x' } },
    ),
    {
      createdAt: base,
      status: 'under_review',
      submittedAt: base,
      reviews: [
        {
          by: '@rev',
          at: base,
          digest: 'x',
          status: 'amendments_required',
          comments: '<b>more</b> | tests',
          amendments: ['one'],
        },
      ],
      findings: ['junit.xml: it is cut off'],
    },
  );
  for (let i = 2; i <= 5; i++)
    await seed(storage, `r-${i}`, contentWith({ work_summary: `=${i}` }), { createdAt: base + i, author: '@other' });
});

describe('one report', () => {
  test('as JSON is what the API shows', async () => {
    const { mediaType, text } = await exportReport(depsOf(place.storage, AUTHOR), 'r-1', 'json');
    expect(mediaType).toBe('application/json');
    const deps = depsOf(place.storage, AUTHOR);
    const { state } = (await place.storage.reports.find('r-1'))!;
    expect(JSON.parse(text)).toEqual(await viewOf(deps, state));
  });

  test('as CSV has each value under its pointer, and none that a spreadsheet runs', async () => {
    const { mediaType, text } = await exportReport(depsOf(place.storage, AUTHOR), 'r-1', 'csv');
    expect(mediaType).toContain('text/csv');
    const rows = parse(text) as [string, string][];
    const at = new Map(rows);
    expect(rows[0]).toEqual(['path', 'value']);
    expect(at.get('/report_id')).toBe('r-1');
    expect(at.get('/work_summary')).toBe('Umlaute, "quotes"; commas,\r\nand lines äöü 日本');
    expect(at.get('/components/api_contracts/progress_percentage')).toBe('10');
    expect(at.get('/reviews/0/automatic')).toBe('false');
    expect(at.get('/components/api_contracts/blockers/0')).toBe(`'=HYPERLINK("x")`);
    expect(FORMULAS.map((_, i) => at.get(`/achievements/${i}`))).toEqual(FORMULAS.map((f) => `'${f}`));
    for (const [, value] of rows.slice(1)) expect(value).not.toMatch(/^[=+\-@\t\r]/);
  });

  test('as Markdown can be read, and nothing in it marks up but our own', async () => {
    const { text } = await exportReport(depsOf(place.storage, AUTHOR), 'r-1', 'markdown');
    const lines = text.split('\n');
    expect(lines.filter((l) => l.startsWith('#'))).toEqual([
      '# Report r-1',
      '## Work summary',
      '## Achievements',
      '## Lessons learned',
      '## Components',
      '## Findings',
      '## Attachments',
      '## Reviews',
    ]);
    expect(text).not.toMatch(/(?<!\\)<(?!br>)/);
    expect(text).toContain(String.raw`\<script>`);
    expect(text).not.toMatch(/(?<!\\)\[x\]/);
    // Each row of a table has as many cells as its head.
    const cells = (l: string): number => l.split(/(?<!\\)\|/).length;
    const tables = text
      .split('\n\n')
      .filter((b) => b.startsWith('|'))
      .map((b) => new Set(b.trim().split('\n').map(cells)).size);
    expect(tables).toEqual([1, 1, 1]);
  });

  test('of somebody else’s draft is not there, and a format that is none is refused', async () => {
    const deps = depsOf(place.storage, AUTHOR);
    await expect(exportReport(deps, 'r-2', 'json')).rejects.toMatchObject({ code: 'REPORT_NOT_FOUND' });
    await expect(exportReport(deps, 'r-1', 'xml' as never)).rejects.toMatchObject({ code: 'INVALID_REPORT' });
    await expect(exportReport(deps, 'r-1', 'constructor' as never)).rejects.toMatchObject({ code: 'INVALID_REPORT' });
  });
});

describe('many', () => {
  const ids = async (actor: Actor, filter: Parameters<typeof exportReports>[1]): Promise<string[]> => {
    const { text } = await exportReports(depsOf(place.storage, actor), filter, 'json');
    return (JSON.parse(text) as { reports: ReportView[] }).reports.map((r) => r.report_id);
  };

  test('are those that the filter finds and that one may read, newest first', async () => {
    expect(await ids(ADMIN, {})).toEqual(['r-5', 'r-4', 'r-3', 'r-2', 'r-1']);
    expect(await ids(ADMIN, { status: 'under_review' })).toEqual(['r-1']);
    expect(await ids(AUTHOR, {})).toEqual(['r-1']);
    expect(await ids(OTHER, { limit: 2 })).toEqual(['r-5', 'r-4']);
    expect(await ids(ADMIN, { author: '@nobody' })).toEqual([]);
    await expect(ids(ADMIN, { status: 'none' as never })).rejects.toMatchObject({ code: 'INVALID_REPORT' });
  });

  test('more than one page is read to its end', async () => {
    for (let i = 0; i < 401; i++)
      await seed(place.storage, `many-${i}`, contentWith({ pipeline_id: 'many' }), { createdAt: 1000 + (i >> 2) });
    const all = await ids(ADMIN, { pipeline_id: 'many' });
    expect(all).toHaveLength(401);
    expect(new Set(all).size).toBe(401);
  });

  test('as CSV and as Markdown are a row each', async () => {
    const csv = await exportReports(depsOf(place.storage, OTHER), {}, 'csv');
    const rows = parse(csv.text, { columns: true }) as Record<string, string>[];
    expect(rows.map((r) => [r['report_id'], r['summary'], r['api_contracts'], r['overall_progress']])).toEqual(
      [5, 4, 3, 2].map((i) => [`r-${i}`, `'=${i}`, 'completed', '100']),
    );
    const { text } = await exportReports(depsOf(place.storage, OTHER), {}, 'markdown');
    expect(text.split('\n').filter((l) => l.startsWith('| r-'))).toHaveLength(4);
    expect((await exportReports(depsOf(place.storage, ADMIN), { author: '@nobody' }, 'markdown')).text).toContain(
      'There are none.',
    );
  });
});
