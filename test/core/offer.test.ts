import { expect, test } from 'vitest';
import { remaining } from '../../src/core/clock.js';
import { initialState, type HandoffState } from '../../src/core/handoff.js';
import { due, reduce, type HandoffEvent } from '../../src/core/reducer.js';
import { refuse } from '../../src/core/refusal.js';

const MINUTE = 60_000;
type Undated = HandoffEvent extends infer E ? (E extends HandoffEvent ? Omit<E, 'now'> : never) : never;

/** What has become of a handoff that expires after an hour, an event a minute. */
function after(...events: Undated[]): HandoffState {
  const begun = initialState({ now: 0, expiresInMs: 60 * MINUTE, clockWhilePaused: 'stop' });
  return events.reduce<HandoffState>((s, e, i) => reduce(s, { ...e, now: (i + 1) * MINUTE }), begun);
}

const OFFERED: Undated[] = [
  { type: 'began', steps: ['one', 'confirm', 'after'], epochs: {} },
  { type: 'step_started', step: 'one' },
  { type: 'step_finished', step: 'one' },
  { type: 'step_started', step: 'confirm' },
  { type: 'offered', step: 'confirm' },
];

test('an offer can be accepted until its time is over, whether or not its run has noticed that', () => {
  const s = after(...OFFERED);
  expect(s.status).toBe('awaiting_acceptance');
  const answer = (now: number) => refuse('h-1', s, { name: 'accept', by: '@b' }, now)?.code;
  expect(answer(60 * MINUTE - 1)).toBeUndefined();
  expect(answer(60 * MINUTE)).toBe('EXPIRED');
});

test('an acceptance that is taken back while the run is paused leaves a whole span, which stands still', () => {
  const s = after(
    ...OFFERED,
    { type: 'accept', by: '@b' },
    { type: 'step_started', step: 'after' },
    { type: 'step_failed', step: 'after', error: { code: 'X', message: 'x' }, hold: true },
    { type: 'pause', by: 'op', reason: 'why' },
    {
      type: 'rollback',
      by: 'op',
      reason: 'why',
      incidentId: 'inc-1',
      toStep: 'one',
      steps: ['one', 'confirm', 'after'],
    },
  );
  expect(s).toMatchObject({ status: 'running', acceptance: { epoch: 1, lapses: 0 } });
  expect(remaining(s.expiry, Number.MAX_SAFE_INTEGER)).toBe(60 * MINUTE);
  expect(due(s, Number.MAX_SAFE_INTEGER)).toBeUndefined();
});
