import fc from 'fast-check';
import { expect, test } from 'vitest';
import { clampAt, dueAt, extend, isDue, remaining, resume, startCountdown, stop } from '../../src/core/clock.js';
import { runs, seeded } from './seed.js';

/** The naive model: a clock that is asked at every millisecond whether it runs. */
class Ticking {
  private left: number;
  private now = 0;
  running = true;
  constructor(total: number) {
    this.left = total;
  }
  upTo(now: number): number {
    for (; this.now < now; this.now++) if (this.running) this.left--;
    return this.left;
  }
  extend(by: number): void {
    this.left += by;
  }
}

const act = fc.record({
  kind: fc.constantFrom('stop', 'resume', 'extend', 'ask'),
  wait: fc.integer({ min: 0, max: 400 }),
  by: fc.integer({ min: 0, max: 500 }),
});

test('a countdown that is stopped, resumed and extended at random agrees with one that ticks', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2000 }), fc.array(act, { maxLength: 30 }), (total, acts) => {
      const model = new Ticking(total);
      let clock = startCountdown(total, 0);
      let now = 0;
      for (const { kind, wait, by } of acts) {
        now += wait;
        const left = model.upTo(now);
        expect(remaining(clock, now)).toBe(left);
        expect(isDue(clock, now)).toBe(model.running && left <= 0);
        expect(dueAt(clock)).toBe(model.running ? now + left : undefined);
        if (kind === 'stop') [clock, model.running] = [stop(clock, now), false];
        if (kind === 'resume') [clock, model.running] = [resume(clock, now), true];
        if (kind === 'extend') {
          clock = extend(clock, by);
          model.extend(by);
        }
        expect(remaining(clock, now)).toBe(model.upTo(now));
      }
    }),
    seeded(runs(2000)),
  );
});

test("a sender's own time is held between the last event and now", () => {
  const time = fc.integer({ min: 0, max: 1e6 });
  fc.assert(
    fc.property(
      fc.option(fc.oneof(time, fc.constantFrom(NaN, Infinity)), { nil: undefined }),
      time,
      time,
      (at, a, b) => {
        const [last, now] = a < b ? [a, b] : [b, a];
        const clamped = clampAt(at, last, now);
        expect(clamped).toBeGreaterThanOrEqual(last);
        expect(clamped).toBeLessThanOrEqual(now);
        const said = at !== undefined && Number.isFinite(at) ? at : now;
        expect([last, said, now]).toContain(clamped);
        expect(clamped === said).toBe(said >= last && said <= now);
      },
    ),
    seeded(runs(2000)),
  );
});
