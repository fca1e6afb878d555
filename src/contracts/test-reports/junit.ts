import type { Fields } from '../../core/fields.js';
import { childrenOf, countOf, parseXml } from './xml.js';

/** How tests ended. `run` are those that passed or failed; one that was skipped was not run. */
export interface Tests {
  run: number;
  passed: number;
  failed: number;
  skipped: number;
}

const NONE: Tests = { run: 0, passed: 0, failed: 0, skipped: 0 };
const add = (a: Tests, b: Tests): Tests => ({
  run: a.run + b.run,
  passed: a.passed + b.passed,
  failed: a.failed + b.failed,
  skipped: a.skipped + b.skipped,
});

/**
 * JUnit XML, as Surefire, pytest, Jest, Vitest, Node, Gradle, gotestsum and GoogleTest write it. Tests are counted one by
 * one; a suite without any counts as its attributes state. Failures that are stated and not shown count as well: a suite
 * that did not start has no test that could show it. Throws what is wrong with it.
 */
export const junit = (text: string): Tests => suiteOf(parseXml(text, 'testsuites', 'testsuite').element);

function suiteOf(suite: Fields): Tests {
  const cases = childrenOf(suite, 'testcase').map(caseOf);
  const shown = [...cases, ...childrenOf(suite, 'testsuite').map(suiteOf)].reduce(add, NONE);
  const own = stated(suite);
  if (shown.run + shown.skipped === 0) return own ?? NONE;
  return atLeast(shown, own?.failed ?? 0);
}

const PASSED: Tests = { run: 1, passed: 1, failed: 0, skipped: 0 };
const FAILED: Tests = { run: 1, passed: 0, failed: 1, skipped: 0 };
const SKIPPED: Tests = { run: 0, passed: 0, failed: 0, skipped: 1 };

function caseOf(test: Fields): Tests {
  if (Object.hasOwn(test, 'failure') || Object.hasOwn(test, 'error')) return FAILED;
  // `notrun` is what GoogleTest says of a disabled one.
  return Object.hasOwn(test, 'skipped') || test['status'] === 'notrun' ? SKIPPED : PASSED;
}

/** What the attributes of an element say; undefined where they say nothing. Throws where that cannot be. */
function stated(element: Fields): Tests | undefined {
  const count = (name: string): number => countOf(element, name) ?? 0;
  const tests = countOf(element, 'tests');
  const failed = count('failures') + count('errors');
  const skipped = count('skipped') + count('disabled');
  if (tests === undefined) return failed > 0 ? { run: failed, passed: 0, failed, skipped } : undefined;
  if (failed + skipped > tests && tests > 0)
    throw new Error(`${failed} failed and ${skipped} skipped of ${tests} tests`);
  const run = Math.max(failed, tests - skipped);
  return { run, passed: run - failed, failed, skipped };
}

function atLeast(shown: Tests, failed: number): Tests {
  const more = Math.max(0, failed - shown.failed);
  return { ...shown, run: shown.run + more, failed: shown.failed + more };
}
