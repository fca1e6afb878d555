import type { Reporter, SerializedError, TestCase, TestModule, TestSuite, Vitest } from 'vitest/node';

interface Tally {
  passed: number;
  failed: number;
  /** All that did not run, those `notRun` too. */
  skipped: number;
  /** Tests that wanted to run and could not, by reason: `ctx.skip(reason)`. */
  notRun: Map<string, number>;
  /** Tests that passed at their second try. */
  retried: string[];
}

const erred = (entity: TestModule | TestSuite): boolean => entity.errors().length > 0;

/** A test whose `beforeAll` failed never ran; the failure counts once, for the suite. */
function insideErred(test: TestCase): boolean {
  for (let at: TestModule | TestSuite = test.parent; ; at = at.parent) {
    if (erred(at)) return true;
    if (at.type === 'module') return false;
  }
}

function add(tally: Tally, test: TestCase): void {
  const result = test.result();
  if (result.state === 'passed') {
    tally.passed++;
    if (test.diagnostic()?.retryCount) tally.retried.push(test.fullName);
  } else if (result.state === 'skipped') {
    tally.skipped++;
    // A test declared with `skip` or `todo` has that mode from the start; `ctx.skip()` decides while it runs.
    const declared = test.options.mode === 'skip' || test.options.mode === 'todo';
    if (result.note === undefined && (declared || insideErred(test))) return;
    const why = result.note ?? 'no reason given';
    tally.notRun.set(why, (tally.notRun.get(why) ?? 0) + 1);
  } else tally.failed++; // or still pending: its process died under it
}

function tallyOf(modules: readonly TestModule[], unhandled: readonly SerializedError[]): Tally {
  const tally: Tally = { passed: 0, failed: unhandled.length, skipped: 0, notRun: new Map(), retried: [] };
  for (const module of modules) {
    if (erred(module)) tally.failed++;
    for (const suite of module.children.allSuites()) if (erred(suite)) tally.failed++;
    for (const test of module.children.allTests()) add(tally, test);
  }
  return tally;
}

function notRunLine({ notRun }: Tally): string | undefined {
  const count = [...notRun.values()].reduce((sum, n) => sum + n, 0);
  if (count === 0) return undefined;
  const reasons = notRun.size === 1 ? [...notRun.keys()] : [...notRun].map(([why, n]) => `${n} ${why}`);
  return `${count} not run (${reasons.join('; ').replaceAll(/\s+/g, ' ')})`;
}

/**
 * Ends the run with `N passed, N failed[, N skipped]` alone on the last line of stdout, and with a non-zero exit code
 * unless all is well. A file that does not load, a failed hook and an error outside any test count as one failed each.
 */
export default class SummaryReporter implements Reporter {
  private tally: Tally = { passed: 0, failed: 0, skipped: 0, notRun: new Map(), retried: [] };
  private closed = false;

  onInit(vitest: Vitest): void {
    // On exit, because vitest and the tear-downs still write after the run has ended.
    process.once('exit', () => this.finish());
    vitest.onClose(() => {
      this.closed = true;
    });
    // A global tear-down that throws (the leak check) is only logged by vitest, which then exits with 0.
    const log = vitest.logger.error.bind(vitest.logger);
    vitest.logger.error = (...args: unknown[]) => {
      if (args[0] === 'error during close') this.tally.failed++;
      log(...args);
    };
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    this.tally = tallyOf(modules, unhandled);
  }

  /** Something did not close within `teardownTimeout`. */
  onProcessTimeout(): void {
    this.tally.failed++;
  }

  private finish(): void {
    const notRun = notRunLine(this.tally);
    const unmet = notRun !== undefined && process.env['HANDOFF_ALLOW_NOT_RUN'] !== '1';
    // A run that fails without a failed test (none found, the set-up threw, the tear-down never came back) shows one.
    const lost = !this.closed || (Boolean(process.exitCode) && notRun === undefined);
    if (lost && this.tally.failed === 0) this.tally.failed = 1;
    if ((this.tally.failed > 0 || unmet) && !process.exitCode) process.exitCode = 1;
    const { passed, failed, skipped, retried } = this.tally;
    if (retried.length > 0) process.stdout.write(`passed at the second try: ${retried.join('; ')}\n`);
    if (notRun !== undefined) process.stdout.write(`${notRun}\n`);
    process.stdout.write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
  }
}
