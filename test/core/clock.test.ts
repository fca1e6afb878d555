import { describe, expect, test } from 'vitest';
import { clampAt, dueAt, extend, isDue, remaining, resume, startCountdown, stop } from '../../src/core/clock.js';

const T = 1_700_000_000_000;

describe('a countdown', () => {
  test('is due when its span is over, and not a millisecond before', () => {
    const c = startCountdown(1000, T);
    expect([remaining(c, T + 999), isDue(c, T + 999)]).toEqual([1, false]);
    expect([remaining(c, T + 1000), isDue(c, T + 1000)]).toEqual([0, true]);
    expect(dueAt(c)).toBe(T + 1000);
  });

  test('stands still while it is stopped, and is never due then', () => {
    const c = stop(startCountdown(1000, T), T + 400);
    expect([remaining(c, T + 10 ** 9), isDue(c, T + 10 ** 9), dueAt(c)]).toEqual([600, false, undefined]);
  });

  test('goes on with what was left', () => {
    const c = resume(stop(startCountdown(1000, T), T + 400), T + 50_000);
    expect(dueAt(c)).toBe(T + 50_600);
  });

  test('stopped twice or resumed twice is as stopped or resumed once', () => {
    const c = startCountdown(1000, T);
    expect(resume(c, T + 500)).toBe(c);
    const s = stop(c, T + 400);
    expect(stop(s, T + 900)).toBe(s);
  });

  test('stopped when it was overdue keeps that, and is due as soon as it goes on', () => {
    const s = stop(startCountdown(1000, T), T + 3000);
    expect([remaining(s, T), isDue(s, T + 9000)]).toEqual([-2000, false]);
    expect(isDue(resume(s, T + 9000), T + 9000)).toBe(true);
  });

  test('is extended whether it runs or stands still', () => {
    expect(dueAt(extend(startCountdown(1000, T), 500))).toBe(T + 1500);
    expect(remaining(extend(stop(startCountdown(1000, T), T + 100), 500), T)).toBe(1400);
  });

  test('is not changed by what is made of it', () => {
    const c = Object.freeze(startCountdown(1000, T));
    stop(c, T + 1);
    extend(c, 5);
    expect(c).toEqual({ remainingMs: 1000, runningSince: T });
  });
});

describe("a sender's own time", () => {
  test('counts where it lies between the last event and now', () => {
    expect(clampAt(T + 5, T, T + 10)).toBe(T + 5);
  });

  test.each([
    ['before the last event', T - 1, T],
    ['in the future', T + 11, T + 10],
    ['absent', undefined, T + 10],
    ['no number', Number.NaN, T + 10],
    ['infinite', Number.NEGATIVE_INFINITY, T + 10],
  ])('%s is held in between', (_, at, held) => {
    expect(clampAt(at, T, T + 10)).toBe(held);
  });
});
