/**
 * What is to be expected of a handoff, from how long completed ones of its procedure took. The engine's work and the
 * waits for people are apart: nobody's answer makes the engine late. Times and spans in milliseconds.
 */
import { remaining, type Countdown } from './clock.js';
import { nearestReturn } from './return-words.js';
import { heldStep, isBeforeAcceptance, isPaused, stepIsDone, type HandoffState, type StepState } from './handoff.js';

/** Fewer tell nothing. */
export const LEAST_SAMPLES = 3;
/** What is over by less is not worth a look: for the engine, and for people. */
const GRACE_MS = { work: 10_000, person: 60_000 } as const;
/** An expiry is near within a tenth of its span, and within an hour. */
const NEAR_SHARE = 0.1;
const NEAR_MS = 3_600_000;

export interface Forecast {
  /** What the time is till: the offer to the target, its answer, its completion, or the end. */
  until: 'offer' | 'acceptance' | 'completion' | 'end';
  /** What is usually left: the median of the past less the time that it took so far; never under 0. */
  leftMs: number;
  /** Median and 95th percentile of the whole stretch in the past. */
  usualMs: number;
  slowMs: number;
  /** How many completed handoffs this is from. */
  samples: number;
  /** It takes clearly longer than 95 in 100 did. */
  late: boolean;
}

/** What an open handoff waits or works for now: from when it counts, and how long that took one in the past. */
interface Stretch {
  kind: keyof typeof GRACE_MS;
  from: number;
  of: (past: HandoffState) => { ms: number; until: Forecast['until'] } | undefined;
}

/**
 * The forecast of a handoff from the closed states of completed ones (newest or not: the order does not count).
 * Undefined where the past tells nothing, and where it stands still: paused, with an incident, held by a date, or not begun.
 */
export function forecast(past: readonly HandoffState[], s: HandoffState, now: number): Forecast | undefined {
  if (s.incidents.length > 0 || isPaused(s) || heldStep(s)) return undefined;
  const stretch = stretchOf(s);
  if (!stretch) return undefined;
  const spans = past.flatMap((p) => stretch.of(p) ?? []).filter(({ ms }) => ms >= 0);
  if (spans.length < LEAST_SAMPLES) return undefined;
  const sorted = spans.map(({ ms }) => ms).toSorted((a, b) => a - b);
  const usualMs = percentile(sorted, 0.5);
  const slowMs = percentile(sorted, 0.95);
  const tookMs = awake(s, stretch.from, now);
  const ends = spans.filter(({ until }) => until !== 'offer').length;
  return {
    until: ends * 2 >= spans.length ? spans.find(({ until }) => until !== 'offer')!.until : 'offer',
    leftMs: Math.max(0, usualMs - tookMs),
    usualMs,
    slowMs,
    samples: spans.length,
    late: tookMs > slowMs + GRACE_MS[stretch.kind],
  };
}

function stretchOf(s: HandoffState): Stretch | undefined {
  const { acceptance: a, completion } = s;
  if (s.status === 'running') {
    return { kind: 'work', from: lastDone(s, s) ?? begin(s) ?? s.since, of: (p) => workBeforeOffer(s, p) };
  }
  if (s.status === 'awaiting_acceptance') {
    const of = (p: HandoffState) => answered(p, p.acceptance.offeredAt, p.acceptance.at, 'acceptance');
    return { kind: 'person', from: a.offeredAt ?? s.since, of };
  }
  if (s.status !== 'accepted') return undefined;
  const from = a.at ?? s.since;
  if (!a.auto && !completion) {
    return { kind: 'person', from, of: (p) => answered(p, p.acceptance.at, p.completion?.at, 'completion') };
  }
  const last = Math.max(from, completion?.at ?? 0, lastDone(s, s) ?? 0);
  return { kind: 'work', from: last, of: (p) => workAfterAcceptance(s, p) };
}

/** From where the same steps were done to the offer; to the end, where nobody had to answer. */
function workBeforeOffer(s: HandoffState, p: HandoffState): ReturnType<Stretch['of']> {
  const from = lastDone(s, p) ?? begin(p);
  const { epoch, auto, offeredAt, at } = p.acceptance;
  // Of several offers only the last one's time is known.
  if (from === undefined || epoch > 1) return undefined;
  const offered = auto ? undefined : (offeredAt ?? at);
  return offered === undefined ? { ms: p.since - from, until: 'end' } : { ms: offered - from, until: 'offer' };
}

function workAfterAcceptance(s: HandoffState, p: HandoffState): ReturnType<Stretch['of']> {
  const { at } = p.acceptance;
  if (at === undefined) return undefined;
  return { ms: p.since - Math.max(at, p.completion?.at ?? 0, lastDone(s, p) ?? 0), until: 'end' };
}

function answered(
  { acceptance }: HandoffState,
  from: number | undefined,
  to: number | undefined,
  until: Forecast['until'],
): ReturnType<Stretch['of']> {
  return acceptance.auto || from === undefined || to === undefined ? undefined : { ms: to - from, until };
}

/** When `p` had done all the steps that `s` has done: so steps in parallel need no plan of the procedure. */
function lastDone(s: HandoffState, p: HandoffState): number | undefined {
  const times = Object.keys(s.steps).flatMap((id) => (stepIsDone(s.steps[id]) ? (p.steps[id]?.finishedAt ?? []) : []));
  return times.length > 0 ? Math.max(...times) : undefined;
}

function begin({ steps }: HandoffState): number | undefined {
  const times = Object.values(steps).flatMap(({ startedAt }: StepState) => startedAt ?? []);
  return times.length > 0 ? Math.min(...times) : undefined;
}

/** The time since `from`, or since it last began to move again: the time of a pause does not count. */
function awake({ status, lease, expiry }: HandoffState, from: number, now: number): number {
  const { runningSince = from } = status === 'accepted' ? (lease ?? {}) : expiry;
  return Math.max(0, now - Math.max(from, runningSince));
}

/** The nearest rank: a value that there was. */
function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}

export interface Deadline {
  what: 'expiry' | 'lease' | 'return';
  /** Of several returns the one that is due first. */
  of?: string;
  /** Negative where it is over and nobody has seen it yet. */
  leftMs: number;
  /** It stands still, as in a pause. */
  stands: boolean;
  near: boolean;
}

/** When an open handoff runs out: its expiry until it is accepted, then its lease. */
export function deadlineOf(s: HandoffState, now: number): Deadline | undefined {
  const of = (what: Deadline['what'], clock: Countdown, spanMs: number): Deadline => {
    const leftMs = remaining(clock, now);
    const stands = clock.runningSince === undefined;
    return { what, leftMs, stands, near: !stands && leftMs <= Math.min(spanMs * NEAR_SHARE, NEAR_MS) };
  };
  if (isBeforeAcceptance(s.status)) return of('expiry', s.expiry, s.expiryMs);
  const minutes = s.acceptance.leaseMinutes;
  if (s.status !== 'accepted') return undefined;
  const lease = s.lease && minutes ? of('lease', s.lease, minutes * 60_000) : undefined;
  const first = nearestReturn(s, now);
  const owed = first?.r.deadline && { ...of('return', first.r.deadline, first.r.timeoutMs), of: first.name };
  return lease && owed ? (lease.leftMs <= owed.leftMs ? lease : owed) : (lease ?? owed);
}
