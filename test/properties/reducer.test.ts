import fc from 'fast-check';
import { expect, test } from 'vitest';
import { remaining } from '../../src/core/clock.js';
import { LIFE, STATUSES, isClosed, isPaused, type HandoffState, type Holder } from '../../src/core/handoff.js';
import { due, reduce, type HandoffEvent } from '../../src/core/reducer.js';
import { MINUTE, deed, error, eventOf, fresh, owing, play } from './deeds.js';
import { runs, seeded } from './seed.js';

/** A plain check: there are a million of them, and `expect` takes its time. */
function holds(fact: boolean, what: string): void {
  if (!fact) throw new Error(`does not hold: ${what}`);
}

const deeds = fc.array(deed, { minLength: 1, maxLength: 60, size: 'max' });
const clock = fc.constantFrom('stop' as const, 'run' as const);
/** With a contract that expects something back, and without. */
const begins = fc.constantFrom(fresh, owing);
const left = (s: HandoffState, now: number): number => remaining(s.expiry, now);

test('every change of status is one that LIFE allows, the first ending stays, and epochs only grow', () => {
  const reached = new Set<string>();
  fc.assert(
    fc.property(begins, clock, deeds, (begin, clockWhilePaused, all) => {
      play(begin(clockWhilePaused), all, (before, event, after) => {
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
    fc.property(begins, deeds, (begin, all) => {
      play(begin('stop'), all, (before, event, after) => {
        if (!isPaused(after) || after.ending) return;
        pauses++;
        holds(due(after, Number.MAX_SAFE_INTEGER) === undefined, 'nothing is due while it stands still');
        if (!isPaused(before) || event.type === 'lease_lapsed') return;
        const grown = event.type === 'extendExpiry' ? event.minutes * MINUTE : 0;
        // Taken back to its offer, it gets a full expiry.
        const offeredAgain =
          after.acceptance.epoch > before.acceptance.epoch ||
          (event.type === 'rollback' && before.status === 'accepted' && after.status !== 'accepted');
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
    fc.property(begins, clock, deeds, (begin, clockWhilePaused, all) => {
      play(begin(clockWhilePaused), all, (before, { type }) => {
        if (['expired', 'lease_lapsed', 'returns_due'].includes(type) && isPaused(before)) decided[clockWhilePaused]++;
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
    fc.property(
      begins,
      deeds,
      fc.constantFrom('cancelled', 'failed', 'expired', 'rejected'),
      raw,
      (begin, all, outcome, after) => {
        let s = play(begin('stop'), all, () => undefined);
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
          { type: 'returns_due', now },
          { type: 'return_came', names: ['must'], now },
          { type: 'return_received', by: 'x', received: [{ name: 'must' }], now },
          { type: 'return_faulty', names: ['must'], faults: [], now },
          { type: 'return_failed', names: ['must'], now },
          { type: 'return_undone', epoch: 9, now },
          { type: 'undo_failed', effect: 'k', step: 'one', error, now },
          { type: 'effect_undone', effect: { key: 'k', resource: 'r', result: 'undone' }, now },
          { type: 'closed', outcome: 'completed', now },
        ];
        for (const event of everything) holds(reduce(s, event) === s, `${event.type} changes nothing`);
      },
    ),
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
    fc.property(begins, clock, deeds, (begin, clockWhilePaused, all) => {
      const start = begin(clockWhilePaused);
      freeze(start);
      play(start, all, (_, __, after) => freeze(after));
    }),
    seeded(runs(500)),
  );
});
