/**
 * What pauses, resumes and deadlines come to, written down without the engine: from what the server says was sent when,
 * and when a task looked at it. Times in milliseconds. A time that nobody can know exactly is a span, and where a deadline
 * falls into one the model has two states, of which evidence later leaves one.
 */
export type Span = readonly [least: number, most: number];
export type Who = 'operator' | 'parent';

export interface Sent {
  name: 'pause' | 'resume' | 'cancel' | 'accept' | 'complete' | 'extendExpiry';
  /** When the server took it. */
  taken: number;
  holder?: Who;
  at?: number;
  until?: number;
  leaseMs?: number;
  byMs?: number;
  /** Sent while no worker was there, so that nothing else can have happened to the run in between. */
  alone?: boolean;
}

/** A clock with what was left when it last changed; `since` while it runs. */
interface Left {
  left: Span;
  since?: Span | undefined;
}

export interface Clock {
  stage: 'offered' | 'accepted' | 'stuck' | 'cancelled' | 'expired';
  /** Whether the target has said that its work is done. */
  done?: boolean;
  holds: Partial<Record<Who, { until?: number | undefined }>>;
  expiry: Left;
  lease?: Left | undefined;
  lapses: number;
  /** When the last message counted. */
  last: Span;
}

/** What a look at the run says; `due` where the clock runs, `left` where it stands still. */
export interface Seen {
  open: boolean;
  accepted: boolean;
  holds: readonly string[];
  expiry: { due?: number; left?: number };
  lease?: { due?: number; left?: number } | undefined;
}

export interface Terms {
  spanMs: number;
  startAfter?: number;
  /** Whether clocks run on in a pause. */
  runsOn: boolean;
}

/** What drift is allowed. */
export const SECOND = 1000;
const LAPSES = 3;

const sum = (a: Span, b: Span): Span => [a[0] + b[0], a[1] + b[1]];
const dueOf = ({ left, since }: Left): Span | undefined => since && sum(since, left);
const stopped = (c: Left, at: Span): Left => {
  const due = dueOf(c);
  return due ? { left: [due[0] - at[1], due[1] - at[0]] } : c;
};
const started = (c: Left, at: Span): Left => (c.since ? c : { ...c, since: at });
const over = ({ stage }: Clock): boolean => stage === 'cancelled' || stage === 'expired';
export const isHeld = ({ holds }: Clock): boolean => Object.keys(holds).length > 0;
/** Whether steps may start. */
export const mayWork = (c: Clock): boolean => !over(c) && !isHeld(c);

export function begin({ spanMs, startAfter }: Terms, created: Span): Clock {
  const wait = Math.max(0, (startAfter ?? 0) - created[1]);
  const since: Span = wait > 0 ? [created[1], created[1]] : created;
  const expiry = { left: [spanMs + wait, spanMs + wait] as const, since };
  return { stage: 'offered', holds: {}, expiry, lapses: 0, last: created };
}

/** When a message counts: from its sender's own time, held between the last one and the task that looked at it. */
function when(c: Clock, m: Sent, task: number): Span {
  if (m.at === undefined) return [Math.min(Math.max(m.taken, c.last[0]), task), task];
  const at = Math.min(Math.max(m.at, c.last[0]), task);
  return [at, m.alone && m.at >= c.last[1] ? at : task];
}

function letGo(c: Clock, holder: Who, at: Span): Clock {
  const { [holder]: _, ...holds } = c.holds;
  const next = { ...c, holds, last: at };
  if (isHeld(next)) return next;
  return {
    ...next,
    expiry: c.stage === 'offered' ? started(c.expiry, at) : c.expiry,
    lease: c.lease && started(c.lease, at),
  };
}

const NEEDS: Partial<Record<Sent['name'], Clock['stage']>> = {
  accept: 'offered',
  extendExpiry: 'offered',
  complete: 'accepted',
};

/** What a message makes of a state; undefined where it cannot have been taken in that state, and was. */
export function take(c: Clock, m: Sent, task: number, { runsOn }: Terms): Clock | undefined {
  const needs = NEEDS[m.name];
  if (needs) {
    if (c.stage !== needs) return undefined;
  } else if (over(c)) return c;
  const at = when(c, m, task);
  const holder = m.holder ?? 'operator';
  const stands = isHeld(c) && !runsOn;
  switch (m.name) {
    case 'pause': {
      const held = { ...c, last: at, holds: { ...c.holds, [holder]: { until: m.until } } };
      if (isHeld(c) || runsOn) return held;
      return { ...held, expiry: stopped(c.expiry, at), lease: c.lease && stopped(c.lease, at) };
    }
    case 'resume':
      return c.holds[holder] ? letGo(c, holder, at) : c;
    case 'cancel':
      return { ...c, stage: 'cancelled', holds: {} };
    case 'accept': {
      const now: Span = [task, task];
      const lease = m.leaseMs === undefined ? undefined : { left: [m.leaseMs, m.leaseMs] as const };
      return {
        ...c,
        stage: 'accepted',
        last: now,
        expiry: stopped(c.expiry, now),
        lease: lease && (stands ? lease : started(lease, now)),
      };
    }
    case 'complete':
      return { ...c, done: true, lease: undefined, last: [task, task] };
    case 'extendExpiry':
      return { ...c, last: [task, task], expiry: { ...c.expiry, left: sum(c.expiry.left, [m.byMs!, m.byMs!]) } };
  }
}

/** What the time decides in a task, once its messages are taken. */
export function pass(c: Clock, task: number, terms: Terms): Clock[] {
  if (over(c)) return [c];
  let now = c;
  const ends = (Object.entries(c.holds) as [Who, { until?: number }][]).filter(
    ([, h]) => (h.until ?? Infinity) <= task,
  );
  for (const [holder, { until }] of ends.toSorted((a, b) => a[1].until! - b[1].until!))
    now = letGo(now, holder, [Math.min(Math.max(until!, now.last[0]), task), task]);
  const lapse = dueOf(now.lease ?? { left: [0, 0] });
  if (lapse) return either(lapse, task, now, () => lapsed(now, [Math.min(lapse[0], task), task], terms));
  const due = now.stage === 'offered' ? dueOf(now.expiry) : undefined;
  return due ? either(due, task, now, () => ({ ...now, stage: 'expired', holds: {} })) : [now];
}

const either = (due: Span, task: number, not: Clock, then: () => Clock): Clock[] => [
  ...(due[1] + SECOND > task ? [not] : []),
  ...(due[0] - SECOND <= task ? [then()] : []),
];

function lapsed(c: Clock, at: Span, { spanMs, runsOn }: Terms): Clock {
  const lapses = c.lapses + 1;
  const without = { ...c, lapses, lease: undefined };
  if (lapses > LAPSES) return { ...without, stage: 'stuck' };
  const expiry: Left = { left: [spanMs, spanMs] };
  return { ...without, stage: 'offered', expiry: isHeld(c) && !runsOn ? expiry : started(expiry, at) };
}

/** In what a look at the run differs from a state of the model; undefined where it agrees. */
export function differs(c: Clock, seen: Seen): string | undefined {
  if (!seen.open) return over(c) || c.done ? undefined : `it is over, not ${c.stage}`;
  if (over(c)) return `it is open, not ${c.stage}`;
  if (seen.accepted === (c.stage === 'offered')) return `it is ${seen.accepted ? '' : 'not '}accepted, not ${c.stage}`;
  const holds = Object.keys(c.holds).toSorted().join();
  if (seen.holds.toSorted().join() !== holds) return `held by ${seen.holds.join()}, not ${holds}`;
  return (
    (c.stage === 'offered' ? clockDiffers('expiry', c.expiry, seen.expiry) : undefined) ??
    (c.lease && clockDiffers('lease', c.lease, seen.lease ?? {}))
  );
}

function clockDiffers(what: string, c: Left, { due, left }: { due?: number; left?: number }): string | undefined {
  const [least, most] = dueOf(c) ?? c.left;
  const is = c.since ? due : left;
  if (is === undefined) return `the ${what} ${c.since ? 'stands still' : 'runs'}`;
  if (is >= least - SECOND && is <= most + SECOND) return undefined;
  const by = is < least ? is - least : is - most;
  return `${c.since ? 'due time' : 'rest'} of the ${what} is ${Math.round(by)} ms off`;
}
