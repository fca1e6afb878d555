import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { coverageFaults, coverageIn } from '../../src/activities/coverage.js';
import { lineCoverage } from '../../src/contracts/test-reports/coverage.js';
import type { Contract } from '../../src/core/contract.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'handoff-coverage-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

let count = 0;
/** A folder with these files. */
async function folder(files: Record<string, string>): Promise<string> {
  const at = path.join(root, `tests-${++count}`);
  await mkdir(at);
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(at, name)), { recursive: true });
    await writeFile(path.join(at, name), text);
  }
  return at;
}
const contract = (minimum_test_coverage: number): Contract =>
  ({ returns: { tests: { type: 'directory', minimum_test_coverage } } }) as unknown as Contract;
const faults = async (files: Record<string, string>, minimum = 0.8): Promise<unknown[]> => {
  const at = await folder(files);
  return coverageFaults(contract(minimum), [{ name: 'tests', path: path.basename(at) }], { sources: [root] });
};

const LCOV = 'TN:\nSF:a.js\nDA:1,1\nDA:2,0\nLF:10\nLH:8\nend_of_record\nSF:b.js\nLF:10\nLH:9\nend_of_record\n';
const COBERTURA = `<?xml version="1.0"?><!DOCTYPE coverage SYSTEM "http://cobertura.sourceforge.net/xml/coverage-04.dtd">
<coverage line-rate="0.5" lines-covered="3" lines-valid="4"><packages><package><classes>
<class><lines><line number="1" hits="2"/></lines></class></classes></package></packages></coverage>`;
const BY_LINES = `<coverage line-rate="0.1"><packages><package><classes>
<class><lines><line number="1" hits="2"/><line number="2" hits="0"/></lines></class>
<class><lines><line number="9" hits="1"/></lines></class></classes></package></packages></coverage>`;
const SUMMARY = JSON.stringify({ total: { lines: { total: 200, covered: 150, pct: 75 } } });
const statement = (line: number) => ({ start: { line, column: 0 }, end: { line, column: 9 } });
const FINAL = JSON.stringify({
  'a.js': { statementMap: { 0: statement(1), 1: statement(1), 2: statement(2) }, s: { 0: 0, 1: 4, 2: 0 } },
});

test.each([
  ['lcov.info', LCOV, { covered: 17, total: 20 }],
  ['lcov.info', 'SF:a.js\nDA:1,1\nDA:2,0\nDA:2,3\nDA:3,0\nend_of_record\n', { covered: 2, total: 3 }],
  ['lcov.info', LCOV.replaceAll('\n', '\r\n'), { covered: 17, total: 20 }],
  ['cobertura.xml', COBERTURA, { covered: 3, total: 4 }],
  ['coverage.xml', BY_LINES, { covered: 2, total: 3 }],
  ['cobertura-coverage.xml', '<coverage line-rate="0.875"/>', { covered: 0.875, total: 1 }],
  ['coverage-summary.json', SUMMARY, { covered: 150, total: 200 }],
  ['coverage-final.json', FINAL, { covered: 1, total: 2 }],
  ['lcov.info', 'nothing of the kind', undefined],
  ['lcov.info', 'SF:a.js\nLF:0\nLH:0\nend_of_record\n', undefined],
  ['cobertura.xml', '<coverage version="1"/>', undefined],
  ['coverage-summary.json', '{"total":{"lines":{"total":0,"covered":0,"pct":"Unknown"}}}', undefined],
])('%s is read: %#', (name, text, lines) => {
  expect(lineCoverage(name, text)).toEqual(lines);
});

test.each([
  ['coverage-summary.json', '{"total":', 'JSON'],
  ['coverage-summary.json', '[]', 'no /total/lines'],
  ['coverage-summary.json', '{"total":{"lines":{"total":1,"covered":2}}}', '2 of 1 lines'],
  ['coverage-final.json', '{"a.js":{}}', '/statementMap'],
  ['coverage-final.json', 'null', 'no files'],
  ['cobertura.xml', '<html></html>', 'no element coverage'],
  ['cobertura.xml', '<coverage', 'it is cut off'],
  ['cobertura.xml', '<coverage line-rate="1.5"/>', '1.5 of 1'],
])('%s with a fault says so: %#', (name, text, why) => {
  expect(() => lineCoverage(name, text)).toThrow(why);
});

test('entities multiply nothing and fetch nothing', async () => {
  const levels = Array.from({ length: 12 }, (_, i) => `<!ENTITY l${i + 1} "${`&l${i};`.repeat(10)}">`).join('');
  const bomb = `<!DOCTYPE c [<!ENTITY l0 "lol">${levels}<!ENTITY x SYSTEM "file:///etc/passwd">]><coverage line-rate="&l12;&x;"/>`;
  const began = Date.now();
  const read = (): unknown => lineCoverage('cobertura.xml', bomb);
  expect([undefined, 'threw']).toContain(
    ((): unknown => {
      try {
        return read();
      } catch {
        return 'threw';
      }
    })(),
  );
  expect(Date.now() - began).toBeLessThan(2000);
  expect(await faults({ 'cobertura.xml': bomb })).toMatchObject([{ code: 'coverage_missing' }]);
});

test('an XML that is nested without end is a report that cannot be read', async () => {
  expect(await faults({ 'coverage.xml': '<coverage>'.repeat(200_000) })).toMatchObject([{ code: 'coverage_missing' }]);
});

describe('a directory', () => {
  test('with enough of it has no fault; with less it has one that says how much, and in which report', async () => {
    expect(await faults({ 'lcov.info': LCOV }, 0.85)).toEqual([]);
    expect(await faults({ 'coverage/lcov.info': LCOV }, 0.86)).toEqual([
      {
        code: 'coverage_too_low',
        artifact: 'tests',
        pointer: '',
        expected: 'line coverage of at least 86 %',
        found: '85 % in coverage/lcov.info',
        message: 'tests: expected line coverage of at least 86 %, found 85 % in coverage/lcov.info',
      },
    ]);
  });

  test('without a report says which it looked for', async () => {
    const [fault] = await faults({ 'a.test.js': '' });
    expect(fault).toMatchObject({
      code: 'coverage_missing',
      found: expect.stringContaining('lcov.info, cobertura') as unknown,
    });
  });

  test('with several: the summary counts before lcov, Cobertura and the final one; of one kind the nearest to the top', async () => {
    const all = { 'lcov.info': LCOV, 'coverage.xml': COBERTURA, 'coverage-final.json': FINAL };
    const used = async (files: Record<string, string>): Promise<string | undefined> =>
      (await coverageIn(await folder(files))).report?.file;
    expect(await used({ ...all, 'deep/down/coverage-summary.json': SUMMARY })).toBe('deep/down/coverage-summary.json');
    expect(await used(all)).toBe('lcov.info');
    expect(await used({ 'b/lcov.info': LCOV, 'a/x/lcov.info': LCOV, 'c/lcov.info': LCOV })).toBe('b/lcov.info');
    expect(await used({ 'coverage-final.json': FINAL, 'coverage.xml': COBERTURA })).toBe('coverage.xml');
  });

  test('with one that cannot be read: the next counts, and where none can the fault says why', async () => {
    const broken = { 'coverage-summary.json': '{', 'lcov.info': LCOV };
    expect((await coverageIn(await folder(broken))).report).toMatchObject({ file: 'lcov.info' });
    const [fault] = await faults({ 'coverage-summary.json': '{}' });
    expect(fault).toMatchObject({ found: 'no report that can be read (coverage-summary.json: no /total/lines)' });
  });

  test('is not followed out by links, nor read where a report is too large, nor without end', async () => {
    const at = await folder({ 'a.txt': '' });
    const other = await folder({ 'lcov.info': LCOV });
    await symlink(path.join(other, 'lcov.info'), path.join(at, 'lcov.info'));
    await symlink(other, path.join(at, 'linked'));
    expect(await coverageIn(at)).toEqual({ tried: [] });
    await writeFile(path.join(at, 'coverage.xml'), '');
    await truncate(path.join(at, 'coverage.xml'), 17 * 1024 * 1024);
    expect((await coverageIn(at)).tried).toEqual([expect.stringContaining('coverage.xml: 17825792 bytes; at most')]);
    expect(await coverageIn(await folder({ 'a/b/c/d/e/f/lcov.info': LCOV }))).toEqual({ tried: [] });
  });
});
