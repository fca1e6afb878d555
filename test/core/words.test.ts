import { describe, expect, test } from 'vitest';
import { initialState, shownStep, type HandoffState } from '../../src/core/handoff.js';
import type { Procedure } from '../../src/core/procedure.js';
import { reduce, type HandoffEvent } from '../../src/core/reducer.js';
import type { Subject } from '../../src/core/request.js';
import { blockedBecause, currentStep, span, words } from '../../src/core/words.js';

const T = Date.parse('2026-01-01 00:00:00 UTC');
const MIN = 60_000;
const procedure: Procedure = {
  procedure_id: 'MINE',
  version: '1.0.0',
  name: 'Mine',
  steps: [
    { step_id: 'copy', name: 'Copy It', action: 'transfer' },
    { step_id: 'ask', name: 'Ask Them', action: 'confirm' },
  ],
};
const subject: Subject = {
  handoffId: 'h',
  session: 's',
  type: 'AGENT_HANDOFF',
  priority: 'normal',
  source: { agent: '@a' },
  target: { agent: '@b', phase: '9' },
  procedure: { id: 'MINE', version: '1.0.0', digest: 'd' },
  requestDigest: 'r',
};
type Undated = HandoffEvent extends infer E ? (E extends HandoffEvent ? Omit<E, 'now'> : never) : never;
/** The state after these events, a minute apart. */
const after = (...events: Undated[]): HandoffState =>
  events.reduce<HandoffState>(
    (s, e, i) => reduce(s, { ...e, now: T + (i + 1) * MIN }),
    initialState({ now: T, expiresInMs: 60 * MIN, clockWhilePaused: 'stop' }),
  );
const began = { type: 'began', steps: ['copy', 'ask'], epochs: {} } as const;
const copied = [began, { type: 'step_started', step: 'copy' }, { type: 'step_finished', step: 'copy' }] as const;
const offered = [...copied, { type: 'step_started', step: 'ask' }, { type: 'offered', step: 'ask' }] as const;
const pause = { type: 'pause', by: 'op', reason: 'lunch' } as const;
const failed = { type: 'step_failed', step: 'copy', error: { code: 'DISK_FULL', message: 'full' } } as const;
const say = (s: HandoffState): string => words(subject, procedure, s);

test.each([
  [-5, '0 s'],
  [119_000, '119 s'],
  [120_000, '2 min'],
  [119 * MIN, '119 min'],
  [185 * MIN, '3 h 5 min'],
  [52 * 60 * MIN, '2 d 4 h'],
])('%i ms is %s', (ms, text) => {
  expect(span(ms)).toBe(text);
});

describe('in words: what it waits for, since when, what to press', () => {
  test.each<[string, HandoffState, string[]]>([
    [
      'pending',
      after({ type: 'waits', on: 'agent @b' }),
      ['**pending** since 2026-01-01 00:00:00 UTC — it waits for agent @b'],
    ],
    [
      'running',
      after(began, { type: 'step_started', step: 'copy' }),
      ['— at work: Copy It', 'Next: Ask Them.', '- ▶ Copy It', '- · Ask Them'],
    ],
    [
      'offered',
      after(...offered),
      [
        '**awaiting acceptance** since 2026-01-01 00:05:00 UTC — it waits for @b (phase 9) to accept',
        'Offered to @b (phase 9) since 2026-01-01 00:05:00 UTC (offer 1).',
        '`accept` `{"by": "@b"}`, or `reject` `{"by": "@b", "reason": "why"}`.',
        'Expires at 2026-01-01 01:00:00 UTC unless it is accepted before.',
      ],
    ],
    [
      'accepted',
      after(...offered, { type: 'accept', by: '@b' }),
      [
        '**accepted** since 2026-01-01 00:06:00 UTC — the work is with @b',
        '`complete` `{"by": "you", "epoch": 1}`',
        '- ✓ Ask Them',
      ],
    ],
    [
      'paused',
      after(...offered, { ...pause, until: T + 30 * MIN }),
      [
        '**paused** since 2026-01-01 00:06:00 UTC',
        'Paused by op (operator) since 2026-01-01 00:06:00 UTC: lunch. It resumes by itself at 2026-01-01 00:30:00 UTC.',
        '→ `resume` `{"by": "you"}`.',
        'Its clock stands still, with 54 min left.',
      ],
    ],
    ['draining', after(began, { type: 'step_started', step: 'copy' }, pause), ['**draining**']],
    [
      'an incident',
      after(began, { ...failed, hold: true }),
      [
        '**incident**',
        'Incident **inc-1** since 2026-01-01 00:02:00 UTC: step Copy It failed: full.',
        '`retryStep` `{"by": "you"',
        '- ✗ Copy It — full',
      ],
    ],
    [
      'taking back',
      after(
        began,
        { type: 'step_started', step: 'copy' },
        { ...failed, hold: true },
        { type: 'skipStep', by: 'op', reason: 'no need.', incidentId: 'inc-1' },
      ),
      ['Taking back Copy It, because op: no need. It is skipped then.', 'A cancel now would undo: Copy It.'],
    ],
    [
      'skipped',
      after(
        began,
        { ...failed, hold: true },
        { type: 'skipStep', by: 'op', reason: 'no need', incidentId: 'inc-1' },
        { type: 'taken_back' },
      ),
      ['- ↷ Copy It — skipped by op: no need', 'A cancel now would have nothing to undo.'],
    ],
    [
      'undoing',
      after(began, { ...failed, hold: false }),
      ['— undoing what was done', 'It is undone because handoff: Step copy: full. So far 0 effects were undone.'],
    ],
    [
      'undoing an offer',
      after(...offered, { type: 'reject', by: '@b', reason: 'no time' }),
      ['— undoing what was done', '- ✓ Copy It', '- · Ask Them — stopped'],
    ],
    [
      'closed before a step',
      after(...copied, { type: 'cancel', by: 'op', reason: 'no need' }, { type: 'closed', outcome: 'cancelled' }),
      ['- ✓ Copy It', '- · Ask Them — not reached'],
    ],
    [
      'closed',
      after(began, { type: 'cancel', by: 'op', reason: 'no need' }, { type: 'closed', outcome: 'cancelled' }),
      ['**cancelled**', 'op: no need.'],
    ],
  ])('%s', (_, state, parts) => {
    const text = say(state);
    for (const part of parts) expect(text).toContain(part);
    expect(text).not.toMatch(/undefined|NaN|\[object/);
  });
});

describe('why a run does not move, as a keyword', () => {
  test.each<[string, HandoffState, string | undefined]>([
    ['it moves', after(began), undefined],
    ['pending', after({ type: 'waits', on: 'X to complete' }), 'waits for X to complete'],
    ['offered', after(...offered), 'waits for acceptance'],
    ['accepted', after(...offered, { type: 'accept', by: '@b' }), 'waits for completion'],
    ['paused', after(...offered, pause), 'paused by op: lunch'],
    [
      'an incident is stronger than a pause',
      after(began, pause, { ...failed, hold: true }),
      'incident inc-1: copy (DISK_FULL)',
    ],
    ['a long reason is cut', after(began, { ...pause, reason: 'x'.repeat(999) }), `paused by op: ${'x'.repeat(186)}`],
  ])('%s', (_, state, text) => {
    expect(blockedBecause(state, procedure)?.trim()).toBe(text);
  });
});

test('a step that has not ended is stopped where the handoff is undone, and not reached where it had not begun', () => {
  const cancel = { type: 'cancel', by: 'op', reason: 'no need' } as const;
  const closed = { type: 'closed', outcome: 'cancelled' } as const;
  const stepsOf = (s: HandoffState) => Object.values(s.steps).map((step) => [step.status, shownStep(s, step)].join());
  expect(stepsOf(after(...offered))).toEqual(['finished,finished', 'running,running']);
  expect(stepsOf(after(...offered, cancel))).toEqual(['finished,finished', 'waiting,stopped']);
  // What is in flight still ends.
  const busy = [began, { type: 'step_started', step: 'copy' }, cancel] as const;
  expect(stepsOf(after(...busy))).toEqual(['running,running', 'waiting,not_reached']);
  const parked = { type: 'step_parked', step: 'copy', attempts: 1 } as const;
  expect(stepsOf(after(...busy, parked, closed))).toEqual(['waiting,stopped', 'waiting,not_reached']);
  // As records of older versions have it.
  const old = after(...offered, cancel, closed);
  expect(shownStep(old, { ...old.steps['ask']!, status: 'running' })).toBe('stopped');
  expect(stepsOf(after(...offered, { type: 'accept', by: '@b' }))).toEqual(['finished,finished', 'finished,finished']);
});

test('the step that is shown is the one at work, else the one that failed', () => {
  expect(currentStep(after(began))).toBeUndefined();
  expect(currentStep(after(began, { type: 'step_started', step: 'copy' }))).toBe('copy');
  expect(currentStep(after(began, { ...failed, hold: true }))).toBe('copy');
});
