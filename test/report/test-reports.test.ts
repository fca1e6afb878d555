import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { readTestReport } from '../../src/contracts/test-reports/read.js';

const fixture = (name: string): Promise<string> => readFile(new URL(`files/${name}`, import.meta.url), 'utf8');
const tests = (passed: number, failed: number, skipped: number): object => ({
  format: 'junit',
  tests: { run: passed + failed, passed, failed, skipped },
});
const lines = (format: string, covered: number, total: number): object => ({ format, lines: { covered, total } });

describe('what tools wrote', () => {
  test.each<[string, object | undefined]>([
    ['vitest-junit.xml', tests(2, 1, 2)],
    ['node-junit.xml', tests(1, 1, 1)],
    ['pytest-junit.xml', tests(2, 2, 1)],
    ['surefire-junit.xml', tests(3, 0, 0)],
    ['gtest-junit.xml', tests(1, 1, 1)],
    ['lcov.info', lines('lcov', 3, 6)],
    ['cobertura-coverage.xml', lines('cobertura', 3, 6)],
    ['coverage-py.xml', lines('cobertura', 37, 40)],
    ['coverage-final.json', lines('istanbul', 3, 6)],
    ['coverage-summary.json', lines('istanbul', 3, 6)],
    ['clover.xml', undefined],
  ])('%s is read, under any name', async (name, said) => {
    const text = await fixture(name);
    expect(readTestReport(name, text)).toEqual(said);
    expect(readTestReport('ci/output.dat', text)).toEqual(said);
    expect(readTestReport('output', `\uFEFF${text.replaceAll('\n', '\r\n')}`)).toEqual(said);
  });
});

test.each([
  ['notes.md', '# Notes\nSF: no'],
  ['page.html', '<!DOCTYPE html><html></html>'],
  ['config.json', '{"total":{"lines":3}}'],
  ['list.json', '[1,2]'],
  ['a.svg', '<svg xmlns="http://www.w3.org/2000/svg"/>'],
  ['broken.json', '{"total":'],
  ['empty', ''],
  ['info.txt', 'lcov'],
])('%s is no report of tests, and no fault', (name, text) => {
  expect(readTestReport(name, text)).toBeUndefined();
});

describe('counts of tests', () => {
  const junit = (text: string): unknown => readTestReport('junit.xml', text);
  test.each<[string, string, object]>([
    ['one by one, not as stated', '<testsuite tests="99"><testcase/><testcase/></testsuite>', tests(2, 0, 0)],
    ['as stated where none is shown', '<testsuite tests="9" failures="1" errors="2" skipped="3"/>', tests(3, 3, 3)],
    ['of the whole as stated', '<testsuites tests="3" failures="1"/>', tests(2, 1, 0)],
    [
      'with failures that are stated and not shown',
      '<testsuites><testsuite errors="1"><testcase/></testsuite></testsuites>',
      tests(1, 1, 0),
    ],
    ['of a suite that did not start', '<testsuite tests="0" errors="1"/>', tests(0, 1, 0)],
    [
      'of suites in suites',
      '<testsuites><testsuite><testsuite><testcase/></testsuite><testcase><error/></testcase></testsuite></testsuites>',
      tests(1, 1, 0),
    ],
    ['by names with a prefix', '<j:testsuite xmlns:j="x"><j:testcase/></j:testsuite>', tests(1, 0, 0)],
    [
      'after a comment and before one',
      '<!-- <testsuite/> --><testsuite><testcase/></testsuite><!-- end --><!-- 2 -->',
      tests(1, 0, 0),
    ],
    [
      'without what is printed',
      '<testsuite><testcase><system-out><![CDATA[<failure/>]]></system-out></testcase></testsuite>',
      tests(1, 0, 0),
    ],
  ])('%s', (_, text, said) => {
    expect(junit(text)).toEqual(said);
  });
});

describe('a file with a fault says which', () => {
  test.each([
    ['junit.xml', '', 'no element testsuites or testsuite'],
    ['junit.xml', 'not xml', 'no element testsuites or testsuite'],
    ['TEST-a.xml', '<html></html>', 'no element testsuites or testsuite'],
    ['a.xml', '<testsuites><testsuite><testcase/>', 'cut off'],
    ['a.xml', '<testsuites><testsuite/>', 'cut off'],
    ['a.xml', '<testsuite tests="-3"/>', 'tests is "-3", which is no count'],
    ['a.xml', '<testsuite tests="NaN"/>', 'tests is "NaN", which is no count'],
    ['a.xml', '<testsuite tests="1e999"/>', 'which is no count'],
    ['a.xml', '<testsuite tests="1.5"/>', 'which is no count'],
    ['a.xml', '<testsuite tests="2" failures="3"/>', '3 failed and 0 skipped of 2 tests'],
    ['a.xml', `${'<testsuite>'.repeat(5000)}${'</testsuite>'.repeat(5000)}`, 'nested'],
    ['junit.xml', '<!DOCTYPE t [<!ENTITY a "b">]><testsuite tests="&a;"/>', 'DOCTYPE declares'],
    [
      'coverage.xml',
      '<!DOCTYPE t [<!ENTITY a SYSTEM "file:///etc/passwd">]><coverage line-rate="&a;"/>',
      'DOCTYPE declares',
    ],
    ['c.xml', '<coverage line-rate="NaN"/>', 'is no count'],
    ['c.xml', '<coverage line-rate="1.2"/>', '1.2 of 1 lines'],
    ['c.xml', '<coverage lines-covered="-1" lines-valid="4"/>', 'is no count'],
    ['c.xml', '<coverage lines-covered="5" lines-valid="4"/>', '5 of 4 lines'],
    ['c.xml', '<coverage/>', 'it counts no lines'],
    ['lcov.info', 'SF:a\nDA:1,1\n', 'cut off'],
    ['lcov.info', 'SF:a\nDA:1,-1\nend_of_record\n', 'is no count'],
    ['lcov.info', 'SF:a\nLF:1\nLH:2\nend_of_record\n', '2 of 1 lines'],
    ['lcov.info', 'SF:a\nLF:x\nLH:2\nend_of_record\n', 'is no count'],
    ['lcov.info', '\0\0', 'it counts no lines'],
    ['coverage-final.json', '{}', 'it counts no lines'],
    ['coverage-final.json', '{"a":', 'JSON'],
    ['coverage-final.json', '{"a":{"statementMap":{"0":{"start":{"line":1}}},"s":{"0":-1}}}', 'is no count'],
    ['coverage-summary.json', '{"total":{"lines":{"total":1e999,"covered":1}}}', 'is no count'],
  ])('%s: %#', (name, text, why) => {
    expect(() => readTestReport(name, text)).toThrow(why);
  });
});
