import type { ReliabilityConfiguration } from '../core/reliability/configuration.js';
import type { FaultCount } from '../core/reliability/report.js';
import type { Firing } from '../faults/fired.js';
import type { Random } from './fault.js';

/** A strike that is to come: once so many iterations have been started. */
export interface PlannedStrike {
  fault: string;
  after: number;
}

/** One strike for so many iterations, and each fault at least once. */
const ITERATIONS_A_STRIKE = 15;

/**
 * When which fault strikes: spread over the middle of the test, in an order that follows from the seed. In iterations and
 * not in seconds, so that a slow machine gets the same test.
 */
export function planStrikes(faults: readonly string[], iterations: number, random: Random): PlannedStrike[] {
  if (faults.length === 0) return [];
  const strikes = Math.max(faults.length, Math.floor(iterations / ITERATIONS_A_STRIKE));
  const order: string[] = [];
  while (order.length < strikes) order.push(...shuffled(faults, random));
  const from = Math.min(2, iterations - 1);
  const to = Math.max(from, Math.floor(iterations * 0.85));
  return order.slice(0, strikes).map((fault, k) => ({
    fault,
    after: from + Math.floor(((k + 0.5 * random()) / strikes) * (to - from)),
  }));
}

function shuffled<T>(list: readonly T[], random: Random): T[] {
  const all = [...list];
  for (let i = all.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [all[i], all[j]] = [all[j]!, all[i]!];
  }
  return all;
}

/** Failpoints that fail attempts of steps, each with its share of the failure rate; a slow one comes on top. */
const STEP_FAULTS: readonly { name: string; point: string; step?: string; fault: string; share: number }[] = [
  { name: 'step error', point: 'step.dispatched', fault: 'fail', share: 0.5 },
  { name: 'step error after its act', point: 'step.acted', fault: 'fail', share: 0.3 },
  { name: 'step refused for good', point: 'step.dispatched', fault: 'refuse', share: 0.2 },
  // Of a step whose time-out is 5 s: others would take up the whole test.
  { name: 'step time-out', point: 'step.dispatched', step: 'first_call', fault: 'hang', share: 0.5 },
  { name: 'slow step', point: 'step.dispatched', fault: 'delay:400', share: 0.5 },
  { name: 'undo error', point: 'undo.dispatched', fault: 'fail', share: 1 },
];

/** `HANDOFF_FAILPOINTS` for a share of failing attempts; empty for none. */
export const failpointsFor = ({ failureRate = 0 }: ReliabilityConfiguration): string =>
  failureRate === 0
    ? ''
    : STEP_FAULTS.map(({ point, step, fault, share }) => {
        const rate = +(failureRate * share).toPrecision(6);
        return `${step === undefined ? point : `${point}:${step}`}=${fault}%${rate}`;
      }).join(',');

/** How often each of them struck. What comes by chance was injected as often as it fired. */
export const stepFaultCounts = (fired: readonly Firing[]): FaultCount[] =>
  STEP_FAULTS.map(({ name, point, fault }) => {
    const times = fired.filter((f) => f.point === point && f.fault === fault).length;
    return { name, injected: times, fired: times };
  });
