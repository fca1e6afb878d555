import { isFields } from '../../core/fields.js';
import { cobertura, istanbulFinal, istanbulSummary, lcov, type Lines } from './coverage.js';
import { junit, type Tests } from './junit.js';
import { rootOf } from './xml.js';

export type ReportFormat = 'junit' | 'lcov' | 'cobertura' | 'istanbul';

/** What a file says about tests, or about lines that tests reached. */
export type TestReport = { format: ReportFormat } & ({ tests: Tests } | { lines: Lines });

/** Names that tools give them: a file that is called so and cannot be told by what is in it is a broken one. */
const NAMES: readonly [RegExp, ReportFormat][] = [
  [/^(?:junit.*|test-.*|.*[._-]junit)\.xml$/i, 'junit'],
  [/^(?:cobertura.*|coverage)\.xml$/i, 'cobertura'],
  [/^(?:lcov.*\.info|.*\.lcov|lcov)$/i, 'lcov'],
  [/^coverage-(?:summary|final)\.json$/i, 'istanbul'],
];

/**
 * What a file says as a report of tests or coverage; undefined of one that is no such report. The content decides, and
 * its name only where that says nothing. Throws what is wrong with it.
 */
export function readTestReport(name: string, raw: string): TestReport | undefined {
  const text = raw.replace(/^\uFEFF/, '');
  const format = formatOf(name, text);
  if (format === undefined) return undefined;
  if (format === 'junit') return { format, tests: junit(text) };
  const lines = { lcov, cobertura, istanbul }[format](text);
  if (!lines) throw new Error('it counts no lines');
  return { format, lines };
}

function formatOf(name: string, text: string): ReportFormat | undefined {
  const file = name.split('/').at(-1)!;
  const called = NAMES.find(([pattern]) => pattern.test(file))?.[1];
  const root = rootOf(text);
  if (root === 'testsuites' || root === 'testsuite') return 'junit';
  // Clover's first element is called so as well; it has a project in it, and no packages of its own.
  if (root === 'coverage')
    return called === undefined && /<project\b/.test(text.slice(0, 4096)) ? undefined : 'cobertura';
  if (/^(?:TN:.*\r?\n\s*)*SF:/.test(text)) return 'lcov';
  if (called !== undefined) return called;
  return /^\s*\{/.test(text) && /"statementMap"|"total"\s*:\s*\{\s*"lines"/.test(text) && isIstanbul(text)
    ? 'istanbul'
    : undefined;
}

function isIstanbul(text: string): boolean {
  try {
    const value = JSON.parse(text) as unknown;
    return (
      isFields(value) &&
      (isSummary(value) || Object.values(value).every((f) => isFields(f) && isFields(f['statementMap'])))
    );
  } catch {
    return false;
  }
}

const isSummary = (value: unknown): boolean =>
  isFields(value) && isFields(value['total']) && isFields(value['total']['lines']);

function istanbul(text: string): Lines | undefined {
  return isSummary(JSON.parse(text)) ? istanbulSummary(text) : istanbulFinal(text);
}
