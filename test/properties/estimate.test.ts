import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LEAST_SAMPLES, deadlineOf, forecast } from '../../src/core/estimate.js';
import { initialState, type HandoffState, type StepState } from '../../src/core/handoff.js';
import { progressOf } from '../../src/core/progress.js';
import { reduce } from '../../src/core/reducer.js';
import { runs, seeded } from './seed.js';

const MINUTE = 60_000;
const span = fc.integer({ min: 0, max: 100_000 });

/** How long one run took: its steps one after the other, the answer of its target, and the work of that. */
interface Times {
  begin: number;
  steps: number[];
  answer: number;
  work: number;
}
const times = (steps: number): fc.Arbitrary<Times> =>
  fc.record({ begin: span, steps: fc.array(span, { minLength: steps, maxLength: steps }), answer: span, work: span });
const several = fc
  .integer({ min: 1, max: 5 })
  .chain((n) => fc.tuple(fc.array(times(n), { minLength: LEAST_SAMPLES, maxLength: 20 }), times(n)));

/** The states that such a run goes through, by the reducer that every run goes through. */
function* states({ begin, steps, answer, work }: Times): Generator<{ at: string; state: HandoffState; now: number }> {
  const ids = [...steps.keys()].map((i) => `s${i}`);
  let now = begin;
  let state = initialState({ now, expiresInMs: 1000 * MINUTE, clockWhilePaused: 'stop' });
  state = reduce(state, { type: 'began', steps: [...ids, 'confirm'], epochs: {}, now });
  for (const [i, id] of ids.entries()) {
    state = reduce(state, { type: 'step_started', step: id, now });
    yield { at: `at ${id}`, state, now };
    now += steps[i]!;
    state = reduce(state, { type: 'step_finished', step: id, now });
  }
  state = reduce(state, { type: 'step_started', step: 'confirm', now });
  state = reduce(state, { type: 'offered', step: 'confirm', now });
  yield { at: 'offered', state, now };
  now += answer;
  state = reduce(state, { type: 'accept', by: '@t', now });
  yield { at: 'accepted', state, now };
  now += work;
  state = reduce(state, { type: 'complete', by: '@t', epoch: 1, now });
  state = reduce(state, { type: 'closed', outcome: 'completed', now });
  yield { at: 'closed', state, now };
}
const end = (t: Times): HandoffState => [...states(t)].at(-1)!.state;

/** The nearest rank, by counting: the least value that at least so large a share of all does not exceed. */
const rank = (all: number[], share: number): number =>
  Math.min(...all.filter((v) => all.filter((w) => w <= v).length >= share * all.length));
const sum = (all: number[]): number => all.reduce((a, b) => a + b, 0);

test('at each step, what is left is the median of what followed it in the past, less the time it took so far', () => {
  fc.assert(
    fc.property(several, span, fc.boolean(), ([past, one], later, back) => {
      const known = past.map(end);
      if (back) known.reverse();
      let step = 0;
      const open = [...states(one)].filter(({ at }) => at !== 'closed');
      for (const { at, state, now } of open) {
        const from = step++;
        const [until, spans] =
          at === 'offered'
            ? ['acceptance', past.map((p) => p.answer)]
            : at === 'accepted'
              ? ['completion', past.map((p) => p.work)]
              : ['offer', past.map((p) => sum(p.steps.slice(from)))];
        const usualMs = rank(spans, 0.5);
        const slowMs = rank(spans, 0.95);
        const late = later > slowMs + (until === 'offer' ? 10_000 : MINUTE);
        const leftMs = Math.max(0, usualMs - later);
        const expected = { until, usualMs, slowMs, leftMs, samples: past.length, late };
        expect([at, forecast(known, state, now + later)]).toEqual([at, expected]);
      }
      expect(forecast(known, end(one), later)).toBeUndefined();
      expect(step).toBe(one.steps.length + 2);
    }),
    seeded(runs(300)),
  );
});

test('steps in parallel, in any order, are not added up', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(span, span), { minLength: 3, maxLength: 9 }), fc.boolean(), (pairs, which) => {
      const step = (startedAt: number, took: number): StepState => ({
        status: 'finished',
        epoch: 1,
        attempts: 1,
        startedAt,
        finishedAt: startedAt + took,
      });
      const fresh = initialState({ now: 0, expiresInMs: MINUTE, clockWhilePaused: 'stop' });
      const past = pairs.map(([a, b]): HandoffState => {
        return { ...fresh, status: 'completed', since: Math.max(a, b), steps: { a: step(0, a), b: step(0, b) } };
      });
      const running: StepState = { status: 'running', epoch: 1, attempts: 1, startedAt: 0 };
      const [done, open] = which ? ['a', 'b'] : ['b', 'a'];
      const both = { ...fresh, status: 'running' as const, steps: { a: running, b: running } };
      expect(forecast(past, both, 0)?.usualMs).toBe(
        rank(
          pairs.map(([a, b]) => Math.max(a, b)),
          0.5,
        ),
      );
      const half = { ...both, steps: { [done]: step(0, 5), [open]: running } };
      const rest = pairs.map(([a, b]) => Math.max(0, which ? b - a : a - b));
      expect(forecast(past, half, 5)).toMatchObject({ usualMs: rank(rest, 0.5), until: 'end' });
    }),
    seeded(runs(300)),
  );
});

test('a pause is no time of the engine, and the past of too few says nothing', () => {
  fc.assert(
    fc.property(several, fc.integer({ min: 0, max: 1e9 }), span, ([past, one], paused, later) => {
      const known = past.map(end);
      const [{ state, now }] = states(one) as unknown as [{ state: HandoffState; now: number }];
      const held = reduce(state, { type: 'pause', by: 'x', reason: 'y', now });
      expect(forecast(known, held, now + paused)).toBeUndefined();
      const on = reduce(held, { type: 'resume', by: 'x', now: now + paused });
      expect(forecast(known, on, now + paused + later)).toEqual(forecast(known, state, now + later));
      expect(forecast(known.slice(0, LEAST_SAMPLES - 1), state, now)).toBeUndefined();
    }),
    seeded(runs(300)),
  );
});

test('a target that accepts by itself is part of the work', () => {
  const auto = (t: Times): HandoffState => {
    const { acceptance, ...rest } = end({ ...t, answer: 0, work: 0 });
    return { ...rest, acceptance: { ...acceptance, auto: true } };
  };
  const past = [1000, 2000, 3000].map((ms) => auto({ begin: 7, steps: [ms, 500], answer: 0, work: 0 }));
  const [first] = [...states({ begin: 50, steps: [9, 9], answer: 0, work: 0 })];
  expect(forecast(past, first!.state, 550)).toMatchObject({ until: 'end', usualMs: 2500, leftMs: 2000 });
});

test('progress is the share of steps that are done, and 100 only for a completed one', () => {
  fc.assert(
    fc.property(several, ([, one]) => {
      const seen = [...states(one)].map(({ state }) => progressOf(state));
      const percents = seen.map((p) => p.percent);
      expect(percents).toEqual(percents.toSorted((a, b) => a - b));
      expect(percents.indexOf(100)).toBe(percents.length - 1);
      expect(seen.every((p) => p.steps === one.steps.length + 1)).toBe(true);
      expect(seen.at(-1)!.stepsDone).toBe(seen.at(-1)!.steps);
    }),
    seeded(runs(300)),
  );
});

test('expiry is near within its last tenth, at most an hour; a clock that stands still is never near', () => {
  const state = (minutes: number): HandoffState =>
    initialState({ now: 0, expiresInMs: minutes * MINUTE, clockWhilePaused: 'stop' });
  const near = (minutes: number, passed: number): unknown => deadlineOf(state(minutes), passed * MINUTE)?.near;
  expect([near(100, 89), near(100, 90), near(100, 101)]).toEqual([false, true, true]);
  expect([near(10_000, 9939), near(10_000, 9940)]).toEqual([false, true]);
  const held = reduce(state(100), { type: 'pause', by: 'x', reason: 'y', now: 95 * MINUTE });
  expect(deadlineOf(held, 1e12)).toEqual({ what: 'expiry', leftMs: 5 * MINUTE, stands: true, near: false });
});
