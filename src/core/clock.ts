/**
 * A clock that can stand still. What is left is state, not a timer: a fired timer is only a reason to ask
 * {@link isDue}. All times are milliseconds since the epoch, all spans milliseconds.
 */
export interface Countdown {
  /** What was left when it last started or stopped; negative once overdue. */
  remainingMs: number;
  /** When it last started; undefined while it stands still. */
  runningSince?: number;
}

export const startCountdown = (remainingMs: number, at: number): Countdown => ({ remainingMs, runningSince: at });

/** What is left at `now`. */
export const remaining = (c: Countdown, now: number): number =>
  c.runningSince === undefined ? c.remainingMs : c.remainingMs - (now - c.runningSince);

export const isDue = (c: Countdown, now: number): boolean => c.runningSince !== undefined && remaining(c, now) <= 0;

/** When it will be due if nothing stops it; undefined while it stands still. */
export const dueAt = (c: Countdown): number | undefined =>
  c.runningSince === undefined ? undefined : c.runningSince + c.remainingMs;

export const stop = (c: Countdown, at: number): Countdown =>
  c.runningSince === undefined ? c : { remainingMs: remaining(c, at) };

export const resume = (c: Countdown, at: number): Countdown =>
  c.runningSince === undefined ? { remainingMs: c.remainingMs, runningSince: at } : c;

export const extend = (c: Countdown, byMs: number): Countdown => ({ ...c, remainingMs: c.remainingMs + byMs });

/** A sender's own time of an event, held between the last event we handled and now: no message moves the clock back or on. */
export const clampAt = (at: number | undefined, lastEvent: number, now: number): number =>
  at === undefined || !Number.isFinite(at) ? now : Math.min(Math.max(at, lastEvent), now);
