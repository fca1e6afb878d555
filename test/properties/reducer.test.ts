import fc from 'fast-check';
import { expect, test } from 'vitest';
import { remaining } from '../../src/core/clock.js';
import {
  LIFE,
  STATUSES,
  allStepsDone,
  initialState,
  isClosed,
  isPaused,
  type HandoffState,
  type Holder,
} from '../../src/core/handoff.js';
import { autoResumeDue, due, mayComplete, reduce, type HandoffEvent } from '../../src/core/reducer.js';
import { refuse } from '../../src/core/refusal.js';
import { runs, seeded } from './seed.js';

const STEPS = ['one', 'two', 'confirm'] as const;
const MINUTE = 60_000;

/** A caller's message, or something that the engine may do; what it means depends on the state it meets. */
interface Deed {
  kind: (typeof KINDS)[number];
  step: (typeof STEPS)[number];
  holder: Holder;
  /** Milliseconds that pass before. */
  wait: number;
  /** Of a sender's own time before or after the present one. */
  skew: number;
  n: number;
}
const KINDS = [
  'pause',
  'resume',
  'cancel',
  'accept',
  'reject',
  'complete',
  'extendExpiry',
  'retryStep',
  'resolveIncident',
  'rollback',
  'begin',
  'start',
  'finish',
  'fail',
  'hold',
  'park',
  'offer',
  'undo',
  'undo_fails',
  'close',
  'wait',
  'next',
] as const;

const deed: fc.Arbitrary<Deed> = fc.record({
  kind: fc.oneof({ arbitrary: fc.constant('next' as const), weight: 3 }, fc.constantFrom(...KINDS)),
  step: fc.constantFrom(...STEPS),
  holder: fc.constantFrom('operator' as const, 'parent' as const),
  wait: fc.oneof(
    { arbitrary: fc.integer({ min: 0, max: 20_000 }), weight: 9 },
    fc.integer({ min: 0, max: 90 * MINUTE }),
  ),
  skew: fc.integer({ min: -100_000, max: 100_000 }),
  n: fc.integer({ min: 0, max: 4 }),
});

const fresh = (clockWhilePaused: 'stop' | 'run'): HandoffState =>
  initialState({ now: 0, expiresInMs: 60 * MINUTE, clockWhilePaused });

const error = { code: 'X', message: 'x' };

/** The event that a deed is in this state, as the workflow would make it; undefined where it would make none. */
function eventOf(s: HandoffState, d: Deed, now: number): HandoffEvent | undefined {
  const { step, holder } = d;
  const by = 'somebody';
  const reason = 'because';
  const incidentId = `inc-${d.n}`;
  const at = now + d.skew;
  const state = s.steps[step];
  const atWork = state?.status === 'running' && state.facts?.['offered'] !== true;
  switch (d.kind) {
    case 'pause':
      return { type: 'pause', by, reason, holder, at, now, ...(d.n > 2 ? { until: now + d.wait } : {}) };
    case 'resume':
      return { type: 'resume', by, holder, at, now };
    case 'cancel':
    case 'reject':
      return { type: d.kind, by, reason, now };
    case 'accept':
      return { type: 'accept', by, now, ...(d.n > 1 ? { leaseMinutes: d.n } : {}) };
    case 'complete':
      return { type: 'complete', by, epoch: d.n, now };
    case 'extendExpiry':
      return { type: 'extendExpiry', by, minutes: d.n + 1, now };
    case 'retryStep':
    case 'resolveIncident':
    case 'rollback':
      return { type: d.kind, by, reason, incidentId, now };
    case 'begin':
      return s.status === 'pending' && !isPaused(s) ? { type: 'began', steps: STEPS, epochs: {}, now } : undefined;
    case 'start':
      return state?.status === 'waiting' && !isPaused(s) && !s.ending && s.status !== 'pending'
        ? { type: 'step_started', step, now }
        : undefined;
    case 'finish':
      return atWork && step !== 'confirm' ? { type: 'step_finished', step, now } : undefined;
    case 'fail':
    case 'hold':
      return atWork ? { type: 'step_failed', step, error, hold: d.kind === 'hold', now } : undefined;
    case 'park':
      return atWork ? { type: 'step_parked', step, attempts: d.n, now } : undefined;
    case 'offer':
      return s.steps['confirm']?.status === 'running' && s.status === 'running' && !isPaused(s)
        ? { type: 'offered', step: 'confirm', now, ...(d.n === 0 ? { auto: { by } } : {}) }
        : undefined;
    case 'undo':
      return s.ending
        ? { type: 'effect_undone', effect: { key: 'k', resource: 'r', result: 'undone' }, now }
        : undefined;
    case 'undo_fails':
      return s.ending ? { type: 'undo_failed', effect: `k${d.n}`, step, error, now } : undefined;
    case 'close': {
      if (s.ending) return s.incidents.length > 0 ? undefined : { type: 'closed', outcome: s.ending.outcome, now };
      return mayComplete(s, false) && allStepsDone(s) ? { type: 'closed', outcome: 'completed', now } : undefined;
    }
    case 'wait':
      return undefined;
    case 'next':
      return nextOf(s, d, now);
  }
}

/** What a handoff that nothing disturbs does next; random deeds alone hardly ever get to its end. */
function nextOf(s: HandoffState, d: Deed, now: number): HandoffEvent | undefined {
  if (s.status === 'awaiting_acceptance') return { type: 'accept', by: 'target', now };
  const done = s.status === 'accepted' && allStepsDone(s) && !s.completion && s.incidents.length === 0;
  if (done && !s.acceptance.auto) return { type: 'complete', by: 'target', epoch: s.acceptance.epoch, now };
  const tries = (['begin', 'close', 'offer', 'finish', 'start'] as const).flatMap((kind) =>
    STEPS.map((step) => eventOf(s, { ...d, kind, step }, now)),
  );
  return tries.find((e) => e !== undefined);
}

const MESSAGES = new Set<string>(KINDS.slice(0, KINDS.indexOf('begin')));

/** Plays deeds on a handoff as the workflow's main loop does, and shows every change to `look`. */
function play(
  start: HandoffState,
  deeds: readonly Deed[],
  look: (before: HandoffState, event: HandoffEvent, after: HandoffState) => void,
): HandoffState {
  let s = start;
  let now = 0;
  const dispatch = (event: HandoffEvent): void => {
    const before = s;
    s = reduce(s, event);
    look(before, event, s);
  };
  for (const d of deeds) {
    now += d.wait;
    const event = eventOf(s, d, now);
    const refused = event && MESSAGES.has(event.type) && refuse('h', s, { ...event, name: event.type as never }, now);
    if (event && !refused) dispatch(event);
    if (isClosed(s.status)) continue;
    for (let h = autoResumeDue(s, now); h; h = autoResumeDue(s, now))
      dispatch({ type: 'resume', by: 'clock', holder: h, now });
    const decided = due(s, now);
    if (decided) dispatch({ type: decided, now });
  }
  return s;
}

/** A plain check: there are a million of them, and `expect` takes its time. */
function holds(fact: boolean, what: string): void {
  if (!fact) throw new Error(`does not hold: ${what}`);
}

const deeds = fc.array(deed, { minLength: 1, maxLength: 60, size: 'max' });
const clock = fc.constantFrom('stop' as const, 'run' as const);
const left = (s: HandoffState, now: number): number => remaining(s.expiry, now);

test('every change of status is one that LIFE allows, the first ending stays, and epochs only grow', () => {
  const reached = new Set<string>();
  fc.assert(
    fc.property(clock, deeds, (clockWhilePaused, all) => {
      play(fresh(clockWhilePaused), all, (before, event, after) => {
        reached.add(after.status);
        const moved = after.status !== before.status;
        holds(!moved || LIFE[before.status].next.includes(after.status), `${event.type} led to ${after.status}`);
        holds(!before.ending || after.ending === before.ending, 'the first ending wins');
        const ended = isClosed(after.status) && after.status !== 'completed';
        holds(!ended || after.status === after.ending?.outcome, 'the status is what was decided');
        holds(after.acceptance.epoch >= before.acceptance.epoch, 'the acceptance epoch grows');
        for (const [id, step] of Object.entries(before.steps))
          holds(after.steps[id]!.epoch >= step.epoch, 'the epoch of a step grows');
        holds(after.incidentCount >= before.incidentCount, 'incidents are counted on');
        holds(new Set(after.incidents.map((i) => i.id)).size === after.incidents.length, 'incident ids are unique');
        holds(after.lastEventAt >= before.lastEventAt, 'time goes on');
      });
    }),
    seeded(runs(1000)),
  );
  // A generator that never gets there would prove nothing.
  expect([...reached].toSorted()).toEqual([...STATUSES].toSorted());
});

test('a paused run whose clock stops is never due, whatever time passes, and loses no remaining time', () => {
  let pauses = 0;
  fc.assert(
    fc.property(deeds, (all) => {
      play(fresh('stop'), all, (before, event, after) => {
        if (!isPaused(after) || after.ending) return;
        pauses++;
        holds(due(after, Number.MAX_SAFE_INTEGER) === undefined, 'nothing is due while it stands still');
        if (!isPaused(before) || event.type === 'lease_lapsed') return;
        const grown = event.type === 'extendExpiry' ? event.minutes * MINUTE : 0;
        const offeredAgain = after.acceptance.epoch > before.acceptance.epoch;
        const kept = left(after, event.now) === left(before, event.now) + grown;
        holds(offeredAgain || kept, `${event.type} keeps the remaining time`);
      });
    }),
    seeded(runs(1000)),
  );
  expect(pauses).toBeGreaterThan(100);
});

test('no paused run expires or loses its lease; the same run with a clock that goes on does', () => {
  const decided = { stop: 0, run: 0 };
  fc.assert(
    fc.property(clock, deeds, (clockWhilePaused, all) => {
      play(fresh(clockWhilePaused), all, (before, { type }) => {
        if ((type === 'expired' || type === 'lease_lapsed') && isPaused(before)) decided[clockWhilePaused]++;
      });
    }),
    seeded(runs(1000)),
  );
  expect(decided.stop).toBe(0);
  expect(decided.run).toBeGreaterThan(0);
});

test('the holders of a pause are a set: the run is paused while it has a member', () => {
  fc.assert(
    fc.property(deeds, (all) => {
      const held = new Set<Holder>();
      play(fresh('stop'), all, (before, event, after) => {
        const holder = 'holder' in event ? (event.holder ?? 'operator') : 'operator';
        if (event.type === 'pause' && before.status !== 'compensating') held.add(holder);
        if (event.type === 'resume') held.delete(holder);
        if (after.ending) held.clear();
        holds(Object.keys(after.holds).toSorted().join() === [...held].toSorted().join(), 'the holders');
        holds(isPaused(after) === held.size > 0, 'paused while it has a holder');
        holds((after.pausedSince === undefined) === (held.size === 0), 'paused since');
      });
    }),
    seeded(runs(1000)),
  );
});

test('a closed handoff never changes, not even by events that nobody should send it', () => {
  let closed = 0;
  const raw = fc.array(deed, { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(deeds, fc.constantFrom('cancelled', 'failed', 'expired', 'rejected'), raw, (all, outcome, after) => {
      let s = play(fresh('stop'), all, () => undefined);
      if (!isClosed(s.status)) {
        s = reduce(s, { type: 'cancel', by: 'x', reason: 'x', now: s.lastEventAt });
        s = reduce(s, {
          type: 'closed',
          outcome: s.ending ? s.ending.outcome : outcome,
          now: s.lastEventAt,
        });
      }
      holds(isClosed(s.status), 'closed');
      closed++;
      const now = s.lastEventAt + 1;
      const everything: HandoffEvent[] = [
        ...after.flatMap((d) => eventOf(s, d, now) ?? []),
        { type: 'waits', on: 'x', now },
        { type: 'began', steps: ['x'], epochs: {}, now },
        { type: 'step_started', step: 'one', now },
        { type: 'step_finished', step: 'one', now },
        { type: 'step_failed', step: 'one', error, hold: true, now },
        { type: 'steps_over', expectsReturn: true, now },
        { type: 'offered', step: 'confirm', now },
        { type: 'expired', now },
        { type: 'lease_lapsed', now },
        { type: 'undo_failed', effect: 'k', step: 'one', error, now },
        { type: 'effect_undone', effect: { key: 'k', resource: 'r', result: 'undone' }, now },
        { type: 'closed', outcome: 'completed', now },
      ];
      for (const event of everything) holds(reduce(s, event) === s, `${event.type} changes nothing`);
    }),
    seeded(runs(400)),
  );
  expect(closed).toBeGreaterThan(100);
});

test('the first ending wins, whatever else would end it', () => {
  let ended = 0;
  fc.assert(
    fc.property(deeds, (all) => {
      play(fresh('stop'), all, (_, { now }, s) => {
        if (s.status !== 'compensating') return;
        ended++;
        const others: HandoffEvent[] = [
          { type: 'cancel', by: 'x', reason: 'x', now },
          { type: 'reject', by: 'x', reason: 'x', now },
          { type: 'rollback', by: 'x', reason: 'x', incidentId: 'inc-1', now },
          { type: 'step_failed', step: 'one', error, hold: false, now },
          { type: 'expired', now },
        ];
        for (const event of others) holds(reduce(s, event).ending === s.ending, `${event.type} is too late`);
      });
    }),
    seeded(runs(400)),
  );
  expect(ended).toBeGreaterThan(100);
});

test('reduce never touches the state that it is given', () => {
  const freeze = (v: unknown): void => {
    if (v === null || typeof v !== 'object' || Object.isFrozen(v)) return;
    Object.freeze(v);
    Object.values(v).forEach(freeze);
  };
  fc.assert(
    fc.property(clock, deeds, (clockWhilePaused, all) => {
      const start = fresh(clockWhilePaused);
      freeze(start);
      play(start, all, (_, __, after) => freeze(after));
    }),
    seeded(runs(500)),
  );
});
