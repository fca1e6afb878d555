import fc from 'fast-check';
import type { Procedure } from '../../src/core/procedure.js';
import { ATTEMPTS, procedureOf, step, stepId, type RandomStep, type Scenario } from './random-procedures.js';

/** A handoff that holds where it fails, and what chance does to it; an operator repairs it. */
export interface Repairs extends Scenario {
  /** The index of the step that is no effect but an offer, which is accepted at once. */
  offerAt?: number;
  /** What the operator's choices follow from. */
  luck: number;
}

/** More attempts than there will ever be: only amended input mends it. */
const FOR_GOOD = 1000;

const breaking = (index: number): fc.Arbitrary<RandomStep> =>
  fc
    .tuple(
      step(index),
      fc.oneof(
        { arbitrary: fc.constant(0), weight: 5 },
        { arbitrary: fc.constant(1), weight: 2 },
        { arbitrary: fc.constant(ATTEMPTS), weight: 2 },
        { arbitrary: fc.constant(FOR_GOOD), weight: 3 },
      ),
      fc.oneof(
        { arbitrary: fc.constant(0), weight: 5 },
        { arbitrary: fc.constant(1), weight: 3 },
        { arbitrary: fc.constant(2), weight: 1 },
      ),
    )
    .map(([plain, failures, undoFails]) => ({ ...plain, failures, undoFails }));

export const repairs: fc.Arbitrary<Repairs> = fc.integer({ min: 2, max: 7 }).chain((n) =>
  fc.record({
    steps: fc.tuple(...Array.from({ length: n }, (_, i) => breaking(i))),
    offerAt: fc.option(fc.integer({ min: 0, max: n - 1 }), { nil: undefined }),
    luck: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
    pauseAt: fc.option(fc.integer({ min: 0, max: 3000 }), { nil: undefined, freq: 2 }),
    pausedFor: fc.integer({ min: 1700, max: 2500 }),
    cancelAt: fc.oneof(
      { arbitrary: fc.constant(undefined), weight: 2 },
      { arbitrary: fc.integer({ min: 300, max: 6000 }), weight: 1 },
    ),
  }),
);

export function procedureToRepair(id: string, s: Repairs): Procedure {
  const { offerAt } = s;
  const offered = offerAt === undefined ? undefined : stepId(offerAt);
  const whole = procedureOf(id, s, { on_failure: 'hold' });
  return {
    ...whole,
    steps: whole.steps.map((p) =>
      p.step_id === offered
        ? { step_id: p.step_id, name: p.name, action: 'confirm', depends_on: p.depends_on ?? [] }
        : p,
    ),
  };
}

/** Numbers from 0 to 1 that follow from `luck` alone. */
export function chance(luck: number): () => number {
  let x = luck;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) / 2 ** 32;
  };
}
