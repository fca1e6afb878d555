import { expect, test } from 'vitest';
import { initialState, type HandoffState } from '../../src/core/handoff.js';
import { reduce, type HandoffEvent } from '../../src/core/reducer.js';
import type { Procedure } from '../../src/core/procedure.js';
import type { Subject } from '../../src/core/request.js';
import { blockedBecause, words } from '../../src/core/words.js';

const MINUTE = 60_000;
const at = Date.parse('2026-01-13T11:00:00Z');
const procedure: Procedure = {
  procedure_id: 'P',
  version: '1',
  name: 'P',
  steps: [{ step_id: 'ask', name: 'Ask', action: 'confirm' }],
};
const subject = { source: { agent: '@a' }, target: { agent: '@b' } } as Subject;
const later = (s: HandoffState, ...events: (Omit<HandoffEvent, 'now'> & { after: number })[]): HandoffState =>
  events.reduce((state, { after, ...e }) => reduce(state, { ...e, now: at + after * MINUTE } as HandoffEvent), s);
const accepted = (names: readonly string[], over: object = {}): HandoffState =>
  later(
    initialState({
      now: at,
      expiresInMs: 600 * MINUTE,
      clockWhilePaused: 'stop',
      maxReturnRounds: 3,
      returns: Object.fromEntries(
        names.map((name) => [
          name,
          { critical: true, ifMissing: 'retry' as const, timeoutMs: 30 * MINUTE, expectedInMs: 10 * MINUTE, ...over },
        ]),
      ),
    }),
    { type: 'began', steps: ['ask'], epochs: {}, after: 0 } as never,
    { type: 'step_started', step: 'ask', after: 0 } as never,
    { type: 'offered', step: 'ask', after: 0 } as never,
    { type: 'accept', by: '@b', after: 0 } as never,
  );
const due = { type: 'returns_due', after: 10 } as never;

test('what is awaited from whom, until when, since when it is late, what was wrong with it, and what to press', () => {
  const fault = { code: 'missing_field', artifact: 'app.json', pointer: '/routes', expected: 'a', found: 'b' } as const;
  const s = later(
    accepted(['app.json']),
    due,
    { type: 'return_came', names: ['app.json'], after: 12 } as never,
    { type: 'return_faulty', names: ['app.json'], faults: [{ ...fault, message: 'no\nroutes' }], after: 12 } as never,
  );
  const paragraphs = words(subject, procedure, s).split('\n\n');
  expect(paragraphs[0]).toBe('**accepted** since 2026-01-13 11:00:00 UTC — it waits for 1 return from @b');
  expect(paragraphs.slice(1, 6)).toEqual([
    'Awaited from @b:',
    '- **app.json** until 2026-01-13 11:30:00 UTC, then it is asked for again; critical; late since 2026-01-13 11:10:00 UTC; faults in 1 of 3 rounds',
    'Faults of **app.json**, last time:',
    '- `/routes`: no routes',
    'Press *More Actions → Send an Update* → `submitReturn` `{"by": "@b", "epoch": 1, "artifacts": [{"name": "app.json", "path": "path/to/app.json"}]}`, with one entry for each that comes.',
  ]);
  expect(blockedBecause(s, procedure)).toBe('waits for return of app.json until 2026-01-13T11:30:00Z');
});

test('a list of handoffs gets a keyword that stays short, whatever the names are', () => {
  const names = Array.from({ length: 300 }, (_, i) => `${i}-${'x'.repeat(190)}`);
  const blocked = blockedBecause(accepted(names), procedure)!;
  expect(blocked.length).toBeLessThanOrEqual(200);
  expect(blocked).toMatch(/ until 2026-01-13T11:30:00Z$/);
  expect(words(subject, procedure, accepted(names)).length).toBeLessThan(10_000);
});

test('while one is checked, while it is paused, and while a person is asked no time is told', () => {
  const s = accepted(['app.json']);
  const came = later(s, { type: 'return_came', names: ['app.json'], after: 1 } as never);
  expect(words(subject, procedure, came)).toContain('- **app.json** being checked; critical');
  const paused = later(s, { type: 'pause', by: 'op', reason: 'x', after: 1 } as never);
  expect(words(subject, procedure, paused)).toContain('- **app.json** its clock stands still; critical');
  const over = { type: 'returns_due' };
  const asked = later(s, ...[30, 60, 90, 120].map((after) => ({ ...over, after }) as never));
  expect(words(subject, procedure, asked)).toContain('- **app.json** (inc-1); critical; late since');
  expect(words(subject, procedure, asked)).toContain(
    'the return of app.json failed: app.json did not come, though asked for 3 times more.',
  );
  expect(blockedBecause(asked, procedure)).toBe('incident inc-1: return of app.json (RETURN_MISSING)');
});
