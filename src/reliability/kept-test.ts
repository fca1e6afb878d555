import { randomBytes } from 'node:crypto';
import type { ReliabilityDetail, ReliabilityReport } from '../core/reliability/report.js';
import type { ReliabilitySettings } from '../core/reliability/settings.js';
import type { ReliabilityTests } from '../storage/reliability.js';
import { emptyReport } from './empty-report.js';
import { runTest, type RunHooks } from './run.js';

/** `rt-261122-001647-3f2a`: sorts by time, and is short enough to be typed. */
export function newTestId(now = new Date()): string {
  const [date = '', time = ''] = now.toISOString().slice(2, 19).replaceAll(/[-:]/g, '').split('T');
  return `rt-${date}-${time}-${randomBytes(2).toString('hex')}`;
}

const BEAT_MS = 800;

/** Runs a test and keeps it in `tests`, from its beginning on: how far it is once a second, and all of it at the end. */
export async function keptTest(
  tests: ReliabilityTests,
  testId: string,
  settings: ReliabilitySettings,
  hooks: RunHooks,
): Promise<{ report: ReliabilityReport; detail: ReliabilityDetail }> {
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, hooks.signal]);
  const first = emptyReport(testId, settings);
  await tests.begin(first);
  let latest = first;
  const progress = (report: ReliabilityReport): void => {
    latest = report;
    hooks.progress(report);
  };
  // Also while nothing moves: whoever reads it sees that the process is there.
  const beat = setInterval(() => {
    void tests.write(latest).then(
      (asked) => asked && stop.abort(new Error('somebody asked the test to stop')),
      () => {},
    );
  }, BEAT_MS);
  try {
    const done = await runTest(testId, settings, { ...hooks, progress, signal });
    clearInterval(beat);
    await tests.write(done.report, done.detail);
    return done;
  } catch (error) {
    clearInterval(beat);
    const stopped = signal.aborted;
    const status = stopped ? 'stopped' : 'failed';
    const why = stopped ? 'It was stopped before it had begun.' : `It could not run: ${(error as Error).message}`;
    const report = { ...latest, status, endedAt: new Date().toISOString(), reasons: [why] } as ReliabilityReport;
    const detail = { iterations: [], strikes: [] };
    await tests.write(report, detail).catch(() => {});
    if (stopped) return { report, detail };
    throw error;
  }
}
