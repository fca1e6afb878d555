import { describe, expect, it } from 'vitest';
import type { HandoffError, Issue } from '../../src/core/errors.js';
import { RELIABILITY_CONFIGURATIONS } from '../../src/core/reliability/configuration.js';
import type { IterationReport } from '../../src/core/reliability/report.js';
import { settingsOf, type ReliabilityOptions } from '../../src/core/reliability/settings.js';
import { seededRandom } from '../../src/faults/random.js';
import { repeatCommand } from '../../src/reliability/empty-report.js';
import { failpointsFor, planStrikes } from '../../src/reliability/plan-faults.js';
import { NOTHING_CHECKED, count, detailOf, percentiles, reasonsOf, type Ended } from '../../src/reliability/tally.js';
import { watchdog } from '../../src/reliability/watchdog.js';
import { parseSettings } from '../../src/faults/setting.js';

const ended = (number: number, over: Partial<IterationReport> = {}, rollback?: Ended['rollback']): Ended => ({
  iteration: {
    number,
    handoff: `h-${number}`,
    procedure: 'P',
    type: number % 2 ? 'ODD' : 'EVEN',
    outcome: 'completed',
    startedMs: 0,
    durationMs: number * 10,
    asTold: true,
    ...over,
  },
  ...(rollback ? { rollback } : {}),
});
const sums = (list: Ended[]): Parameters<typeof count>[0] => ({
  ended: list,
  tookMs: 2000,
  strikes: [],
  faults: [],
  fired: [],
  checker: NOTHING_CHECKED,
});

describe('the figures of a report', () => {
  it('takes percentiles of what was measured', () => {
    const to100 = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect(percentiles(to100)).toEqual({ p50: 50, p95: 95, p99: 99 });
    expect(percentiles([7])).toEqual({ p50: 7, p95: 7, p99: 7 });
    expect(percentiles([])).toEqual({ p50: 0, p95: 0, p99: 0 });
  });

  it('counts what did not begin as not as told, and each type by itself', () => {
    const list = [ended(1), ended(2), ended(3, { asTold: false, outcome: 'failed' }, 'left')];
    const report = count(sums(list), 4);
    expect(report.successRate).toBe(0.5);
    expect(report.outcomes).toEqual({ completed: 2, failed: 1 });
    expect(report.rollbacks).toEqual({ attempted: 1, undone: 0, incidents: 0 });
    expect(report.perSecond).toBe(1.5);
    expect(report.byType).toMatchObject({ EVEN: { iterations: 1, asTold: 1 }, ODD: { iterations: 2, asTold: 1 } });
    expect(reasonsOf(report, 4, [])).toEqual([
      '1 of 4 iterations were not started in time.',
      '1 of 3 iterations did not end as told.',
    ]);
  });

  it('passes only where every fault fired, nobody is stuck and the checker has nothing to say', () => {
    const good = count(sums([ended(1), ended(2)]), 2);
    expect(reasonsOf(good, 2, [])).toEqual([]);
    const struck = {
      ...sums([ended(1), ended(2, { asTold: false, outcome: 'stuck' })]),
      strikes: [{ fault: 'cut', startedMs: 0, tookMs: 1, fired: false, what: 'nothing to cut' }],
      faults: ['cut', 'kill'],
      checker: { ...NOTHING_CHECKED, twice: 1, violations: ['h-1 was made twice'] },
    };
    const bad = count(struck, 2);
    expect(bad.faults).toEqual([
      { name: 'cut', injected: 1, fired: 0 },
      { name: 'kill', injected: 0, fired: 0 },
    ]);
    expect(reasonsOf(bad, 2, ['cut', 'kill'])).toEqual([
      '1 of 2 iterations did not end as told.',
      '1 run is stuck.',
      'The checker found 1 violation.',
      'The fault cut was asked for and never fired.',
      'The fault kill was asked for and never fired.',
    ]);
  });

  it('keeps what went wrong where there is too much to keep', () => {
    const list = Array.from({ length: 100 }, (_, i) => ended(i + 1, { asTold: i !== 41 }));
    const { iterations, leftOut } = detailOf(list, [], 10);
    expect(iterations).toHaveLength(10);
    expect(iterations.map((i) => i.number)).toContain(42);
    expect(leftOut).toBe(90);
    expect(detailOf(list, [])).toMatchObject({ iterations: { length: 100 } });
  });
});

describe('what a test will do', () => {
  const settings = (id: string, options: ReliabilityOptions = {}) => settingsOf(id, options, () => 99);

  it('gives more time to more iterations, and not less to fewer', () => {
    expect(settings('RELIABILITY_STANDARD').configuration).toEqual(RELIABILITY_CONFIGURATIONS[0]);
    expect(settings('RELIABILITY_STANDARD', { iterations: 1000 }).configuration.timeoutSeconds).toBe(300);
    expect(settings('RELIABILITY_STANDARD', { iterations: 5 }).configuration.timeoutSeconds).toBe(30);
    expect(settings('RELIABILITY_STANDARD', { iterations: 1000, timeoutSeconds: 7 }).configuration.timeoutSeconds).toBe(
      7,
    );
    expect(settings('STRESS_STANDARD')).toMatchObject({ seed: 99, configuration: { stressFactor: 2 } });
  });

  it('refuses an unknown test by naming the six, and names every number that is none', () => {
    const refusal = (id: string, options?: ReliabilityOptions): HandoffError => {
      try {
        settings(id, options);
      } catch (error) {
        return error as HandoffError;
      }
      throw new Error('it was not refused');
    };
    const unknown = refusal('RELIABILITY');
    expect([unknown.code, unknown.message]).toEqual([
      'RELIABILITY_UNKNOWN',
      expect.stringContaining('ENDURANCE_STANDARD'),
    ]);
    const bad = { iterations: 0, failureRate: 2, seed: -1, workers: 1.5, procedure: 'no-id' };
    const { code, params } = refusal('RELIABILITY_STANDARD', bad);
    expect(code).toBe('INVALID_RELIABILITY_TEST');
    expect((params['list'] as Issue[]).map((issue) => issue.path)).toEqual(
      ['iterations', 'failureRate', 'seed', 'workers', 'procedure'].map((name) => `/${name}`),
    );
  });

  it('says how to do the same again', () => {
    const options = {
      iterations: 20,
      faults: ['worker_kill'],
      failureRate: 0.2,
      procedure: 'MINE',
      modules: ['a b.mjs'],
    };
    expect(repeatCommand(settings('FAILURE_INJECTION_STANDARD', options))).toBe(
      "handoff reliability FAILURE_INJECTION_STANDARD --seed 99 --iterations 20 --failure-rate 0.2 --faults worker_kill --procedure MINE --module 'a b.mjs'",
    );
    expect(repeatCommand(settings('STRESS_STANDARD', { faults: [], iterations: 50 }))).toBe(
      'handoff reliability STRESS_STANDARD --seed 99 --iterations 50 --no-faults',
    );
  });

  it('strikes with each fault, in the same order for the same seed, before the last iterations', () => {
    const plan = (seed: number, iterations = 75) =>
      planStrikes(['a', 'b', 'c'], iterations, seededRandom(seed, 'faults'));
    expect(plan(1)).toEqual(plan(1));
    expect(plan(1)).not.toEqual(plan(2));
    for (const iterations of [1, 3, 10, 75, 5000]) {
      const strikes = plan(1, iterations);
      expect(new Set(strikes.map((s) => s.fault))).toEqual(new Set(['a', 'b', 'c']));
      expect(strikes.map((s) => s.after)).toEqual(strikes.map((s) => s.after).toSorted((x, y) => x - y));
      for (const { after } of strikes) expect(after).toBeLessThan(iterations);
    }
    expect(plan(1, 5000).length).toBeGreaterThan(300);
  });

  it('asks for failpoints that there are', () => {
    const { configuration } = settings('FAILURE_INJECTION_STANDARD');
    expect(parseSettings(failpointsFor(configuration)).length).toBeGreaterThan(4);
    expect(failpointsFor({ ...configuration, failureRate: 0 })).toBe('');
    for (const s of parseSettings(failpointsFor({ ...configuration, failureRate: 1 })))
      expect(s.rate).toBeLessThanOrEqual(1);
  });
});

describe('the watchdog', () => {
  it('counts from the last move or the end of the faults, whichever is later', () => {
    const dog = watchdog(60_000);
    dog.seen('still', 'a', 0);
    dog.seen('moves', 'a', 0);
    expect(dog.stuck(1_000_000)).toEqual([]);
    dog.faultsOver(100_000);
    dog.seen('moves', 'b', 150_000);
    dog.seen('still', 'a', 150_000);
    expect(dog.stuck(159_999)).toEqual([]);
    expect(dog.stuck(160_000)).toEqual(['still']);
    expect(dog.stuck(210_000)).toEqual(['still', 'moves']);
    dog.ended('still');
    expect(dog.stuck(210_000)).toEqual(['moves']);
  });
});
