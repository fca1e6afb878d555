import fc from 'fast-check';
import { expect, test } from 'vitest';
import { remaining } from '../../src/core/clock.js';
import { isClosed, isPaused, type HandoffState } from '../../src/core/handoff.js';
import type { ReturnState } from '../../src/core/return-state.js';
import { MOST_ASKS } from '../../src/core/returns.js';
import { PRELUDES, deed, owing, play } from './deeds.js';
import { runs, seeded } from './seed.js';

function holds(fact: boolean, what: string): void {
  if (!fact) throw new Error(`does not hold: ${what}`);
}
const deeds = fc
  .tuple(fc.constantFrom(...PRELUDES), fc.array(deed, { minLength: 5, maxLength: 80, size: 'max' }))
  .map(([prelude, more]) => [...prelude, ...more]);
const clock = fc.constantFrom('stop' as const, 'run' as const);
const each = (s: HandoffState): [string, ReturnState][] => Object.entries(s.returns ?? {});

/** What must be true of the return leg after every event, whatever happens. */
test('returns: clocks run only for who holds the work, nothing completes while critical ones are out', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(clock, deeds, (clockWhilePaused, all) => {
      play(owing(clockWhilePaused), all, (before, event, after) => {
        holds(each(after).length === 3, 'no return is forgotten');
        for (const [name, r] of each(after)) {
          const was = before.returns![name]!;
          seen.add(`${r.ifMissing} ${r.status}${r.lateSince === undefined ? '' : ' late'}`);
          holds(r.deadline === undefined || after.status === 'accepted', 'a deadline only while somebody has the work');
          holds(r.deadline === undefined || r.status === 'expected', 'a deadline only of what is expected');
          holds(r.asks <= MOST_ASKS, 'asked no more often than that');
          holds(r.rounds <= after.maxReturnRounds!, 'no more rounds than the contract has');
          const worn = r.rounds === after.maxReturnRounds && r.status === 'expected' && after.status === 'accepted';
          const stands = after.incidents.some((i) => i.kind === 'return' && i.returns!.includes(name));
          const leaseStands = after.incidents.some((i) => i.kind === 'lease');
          holds(!worn || stands || leaseStands, 'after the last round a person is asked');
          holds(!stands || r.deadline === undefined, 'no clock runs against a person');
          const arrived = r.status === 'received' && was.status !== 'received';
          holds(!arrived || event.type === 'return_received', `${event.type} made ${name} arrive`);
          const frozen = isPaused(before) && isPaused(after) && clockWhilePaused === 'stop';
          if (frozen && was.deadline && r.deadline)
            holds(remaining(r.deadline, event.now) >= remaining(was.deadline, event.now), 'a pause costs no time');
        }
        if (event.type === 'accept')
          for (const [name, r] of each(after)) {
            const over = r.status === 'received' || r.waivedBy !== undefined;
            holds(over || (r.deadline !== undefined && r.rounds === 0), `${name} is asked for anew`);
          }
        if (after.status === 'completed') {
          seen.add('completed');
          for (const [, r] of each(after))
            holds(r.status === 'received' || r.note !== undefined, 'all has come, or somebody said why not');
          const critical = each(after).filter(([, r]) => r.critical);
          holds(
            critical.every(([, r]) => r.status === 'received' || r.waivedBy !== undefined),
            'the critical ones',
          );
        }
        if (after.ending?.code === 'RETURN_MISSING') seen.add('failed');
        if (after.incidents.some((i) => i.error.code === 'RETURN_MISSING')) seen.add('asked in vain');
        if (after.incidents.some((i) => i.error.code === 'RETURN_INVALID')) seen.add('worn out');
        holds(!isClosed(after.status) || each(after).every(([, r]) => !r.deadline), 'no clock of a closed one');
      });
    }),
    seeded(runs(1500)),
  );
  // A generator that never gets there would prove nothing.
  const needed = [
    'completed',
    'failed',
    'asked in vain',
    'worn out',
    'retry received',
    'warn missing late',
    'fail received',
  ];
  expect(needed.filter((what) => !seen.has(what))).toEqual([]);
});
