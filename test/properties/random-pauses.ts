import fc from 'fast-check';
import type { Who } from './pause-model.js';

/** What is done to a run; what does not fit its state changes nothing, and stands for somebody who tries. */
export interface PauseDeed {
  kind: 'pause' | 'resume' | 'cancel' | 'extend' | 'accept';
  holder: Who;
  /** A pause's: how long until it ends by itself. In the unit of the test. */
  until?: number | undefined;
  /** The sender's own time: none, as the Web UI sends it, the present one, one that has passed, one to come. */
  at: 'none' | 'true' | 'early' | 'late';
  lease?: number | undefined;
  /** Real milliseconds before. */
  wait: number;
}

export interface PauseScenario {
  span: number;
  runsOn: boolean;
  startsIn?: number | undefined;
  /** How long each of the four steps takes, real milliseconds, and whether its first attempt fails. */
  steps: readonly { takes: number; fails: boolean }[];
  phases: readonly (readonly PauseDeed[])[];
  end: 'complete' | 'expire' | 'cancel';
}

/** In which units and how long: minutes that are skipped, or real seconds. */
export interface Scale {
  span: fc.Arbitrary<number>;
  until: fc.Arbitrary<number>;
  lease: fc.Arbitrary<number>;
  startsIn: fc.Arbitrary<number | undefined>;
  phases: number;
  waitMs: number;
}

const often = <T>(...of: [weight: number, value: T][]): fc.Arbitrary<T> =>
  fc.oneof(...of.map(([weight, value]) => ({ weight, arbitrary: fc.constant(value) })));

const deedOf = (scale: Scale): fc.Arbitrary<PauseDeed> =>
  fc.record({
    kind: often<PauseDeed['kind']>([12, 'pause'], [9, 'resume'], [3, 'accept'], [2, 'extend'], [1, 'cancel']),
    holder: often<Who>([3, 'operator'], [1, 'parent']),
    until: fc.option(scale.until, { nil: undefined, freq: 2 }),
    at: often<PauseDeed['at']>([4, 'none'], [6, 'true'], [1, 'early'], [1, 'late']),
    lease: fc.option(scale.lease, { nil: undefined, freq: 3 }),
    wait: fc.integer({ min: 0, max: scale.waitMs }),
  });

export const pauseScenario = (scale: Scale): fc.Arbitrary<PauseScenario> =>
  fc.record({
    span: scale.span,
    runsOn: often([7, false], [1, true]),
    startsIn: scale.startsIn,
    steps: fc.array(fc.record({ takes: fc.integer({ min: 0, max: 400 }), fails: often([3, false], [1, true]) }), {
      minLength: 4,
      maxLength: 4,
    }),
    phases: fc.array(fc.array(deedOf(scale), { maxLength: 3 }), { minLength: scale.phases, maxLength: scale.phases }),
    end: often<PauseScenario['end']>([4, 'complete'], [2, 'expire'], [1, 'cancel']),
  });
