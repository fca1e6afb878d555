import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ReliabilityDetail, ReliabilityReport } from '../core/reliability/report.js';
import type { ReliabilitySettings } from '../core/reliability/settings.js';
import { firings } from '../faults/fired.js';
import { seededRandom } from '../faults/random.js';
import type { TestBed } from './test-bed.js';
import { chosenFaults } from './choose-faults.js';
import { emptyReport } from './empty-report.js';
import { runIteration } from './iteration.js';
import { memoryWatch } from './memory.js';
import { failpointsFor, planStrikes, stepFaultCounts } from './plan-faults.js';
import { openTestBed } from './open-test-bed.js';
import { striker, type Striker } from './striker.js';
import { NOTHING_CHECKED, count, detailOf, reasonsOf, type Ended } from './tally.js';
import { templateOf } from './template.js';
import { watchdog, type Watchdog } from './watchdog.js';
import { workOf } from './works.js';

export interface RunHooks {
  /** Hears of how far it is, about once a second, and at the end. */
  progress: (report: ReliabilityReport) => void;
  /** Lines about what happens, for people. */
  say: (line: string) => void;
  /** Aborted to stop the test: what is open is left as it is, and all processes end. */
  signal: AbortSignal;
}

const PROGRESS_MS = 1000;

/**
 * Runs one reliability test from its stack to its report. It throws only where it cannot begin; what goes wrong later is
 * in the report.
 */
export async function runTest(
  testId: string,
  settings: ReliabilitySettings,
  { progress, say, signal }: RunHooks,
): Promise<{ report: ReliabilityReport; detail: ReliabilityDetail }> {
  setMaxListeners(0, signal);
  const base = emptyReport(testId, settings);
  progress({ ...base, doing: 'starting the stack' });
  const dog = watchdog(settings.quietSeconds * 1000);
  const { bed, close } = await openTestBed(testId, settings, {
    dog,
    signal,
    failpoints: failpointsFor(settings.configuration),
    say,
  });
  try {
    const template = await templateOf(settings, bed.client);
    const { faults, notDone, notes } = chosenFaults(settings, bed.stack);
    const { iterations, failureRate = 0 } = settings.configuration;
    const random = seededRandom(settings.seed, 'faults');
    const plan = planStrikes(
      faults.map((f) => f.name),
      iterations,
      random,
    );
    bed.beganAt = Date.now();
    const strikes = striker(bed.stack, faults, plan, { random, beganAt: bed.beganAt, say });
    const memory = memoryWatch(bed.stack);
    const ended: Ended[] = [];
    let checker = NOTHING_CHECKED;
    let endedAt: number | undefined;
    const sums = (planned?: number): ReturnType<typeof count> =>
      count(
        {
          ended,
          tookMs: (endedAt ?? Date.now()) - bed.beganAt,
          strikes: strikes.strikes,
          faults: faults.map((f) => f.name),
          fired: failureRate > 0 ? stepFaultCounts(firings(bed.stack.failpointLog)) : [],
          checker,
        },
        planned,
      );
    const ticker = setInterval(() => {
      memory.look(ended.length < iterations / 10);
      progress({ ...base, ...sums(), doing: 'iterations', notDone, memory: memory.reports() });
    }, PROGRESS_MS);
    try {
      const late = await iterate(bed, template, strikes, dog, ended);
      endedAt = Date.now();
      if (signal.aborted) {
        const report = { ...base, ...sums(), status: 'stopped' as const, endedAt: new Date().toISOString(), notDone };
        report.reasons = ['It was stopped before it was done.'];
        return { report, detail: detailOf(ended, strikes.strikes) };
      }
      checker = await bed.checker.report();
      blame(ended, checker.violations);
      memory.look(false);
      const counted = sums(iterations);
      const stepFaults = counted.faults.filter((f) => !faults.some((known) => known.name === f.name));
      const reasons = [
        ...reasonsOf(
          counted,
          iterations,
          faults.map((f) => f.name),
        ),
        ...(failureRate > 0 && stepFaults.every((f) => f.fired === 0) ? ['No step was made to fail.'] : []),
      ];
      const report: ReliabilityReport = {
        ...base,
        ...counted,
        status: reasons.length === 0 ? 'passed' : 'failed',
        endedAt: new Date().toISOString(),
        reasons,
        notDone,
        notes: [...notes, ...late],
        memory: memory.reports(),
        ...(settings.keep ? { kept: bed.stack.storage.folder } : {}),
      };
      return { report, detail: detailOf(ended, strikes.strikes) };
    } finally {
      clearInterval(ticker);
      strikes.stop();
      await strikes.over;
    }
  } finally {
    await close();
  }
}

/** Runs the iterations until all have ended, or the time is over; returns what is worth a note. */
async function iterate(
  bed: TestBed,
  template: Awaited<ReturnType<typeof templateOf>>,
  strikes: Striker,
  dog: Watchdog,
  ended: Ended[],
): Promise<string[]> {
  const { settings, signal, beganAt } = bed;
  const { iterations, concurrency, stressFactor = 1, timeoutSeconds, type } = settings.configuration;
  const until = beganAt + timeoutSeconds * 1000;
  // Endurance is a long, even load; everything else goes as fast as it can.
  const paceMs = type === 'endurance' ? (timeoutSeconds * 1000 * 0.8) / iterations : 0;
  const isOver = (): boolean => Date.now() > until || signal.aborted;
  let next = 1;
  const lane = async (): Promise<void> => {
    while (!isOver()) {
      const number = next++;
      if (number > iterations) return;
      await sleep(Math.max(0, beganAt + (number - 1) * paceMs - Date.now()), undefined, { signal });
      await strikes.gate(number);
      if (isOver()) return;
      ended.push(await runIteration(bed, await workOf(bed, number, template)));
    }
  };
  void strikes.over.then(() => dog.faultsOver(Date.now()));
  const clock = setTimeout(strikes.stop, Math.max(0, until - Date.now()));
  const lanes = Math.min(iterations, Math.round(concurrency * stressFactor));
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
  try {
    await Promise.race([Promise.all(Array.from({ length: lanes }, lane)), aborted]);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    clearTimeout(clock);
  }
  const over = Date.now() - until;
  return over > 0 && ended.length === iterations
    ? [`The last iterations ended ${(over / 1000).toFixed(1)} s after the time limit; all had been started before it.`]
    : [];
}

/** What the checker says of a handoff counts, whatever the engine says of itself. */
function blame(ended: readonly Ended[], violations: readonly string[]): void {
  for (const { iteration } of ended) {
    const violation = violations.find((v) => v.includes(iteration.handoff));
    if (violation === undefined) continue;
    iteration.asTold = false;
    iteration.why = violation;
  }
}
