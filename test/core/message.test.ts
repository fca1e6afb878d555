import { describe, expect, test } from 'vitest';
import type { MessageName } from '../../src/core/handoff.js';
import { faultOf } from '../../src/core/message.js';

const repair = { by: 'op', reason: 'why', incidentId: 'inc-1' };
const WHOLE: Record<MessageName, object[]> = {
  pause: [
    { by: 'op', reason: 'why' },
    { by: 'op', reason: 'why', until: '2026-01-13T11:30:00Z', at: '2026-01-13', holder: 'parent' },
    // The Web UI and other languages send null for what is absent.
    { by: 'op', reason: 'why', until: null, at: null, holder: null },
  ],
  resume: [{ by: 'op' }, { by: 'op', note: 'n', at: '2026-01-13T11:30:00.123+01:00', holder: 'operator' }],
  cancel: [{ by: 'op', reason: 'why' }],
  accept: [{ by: '@a' }, { by: '@a', leaseMinutes: 0.5 }],
  reject: [{ by: '@a', reason: 'why' }],
  complete: [
    { by: '@a', epoch: 1 },
    { by: '@a', epoch: 3, note: 'n' },
  ],
  submitReturn: [
    { by: '@a', epoch: 1, artifacts: [{ name: 'app.json', path: 'out/app.json' }] },
    { by: '@a', epoch: 2, artifacts: [{ name: 'tests', path: '/x', sha256: 'a'.repeat(64), format: null }] },
  ],
  extendExpiry: [{ by: '@a', minutes: 5 }],
  retryStep: [repair, { ...repair, input: { a: 1 } }],
  resolveIncident: [repair, { ...repair, choice: 'merge', value: [1] }],
  skipStep: [repair],
  rollback: [repair, { ...repair, toStep: 'transfer' }],
};
const NAMES = Object.keys(WHOLE) as MessageName[];

test.each(NAMES)('%s: a whole message has no fault', (name) => {
  expect(WHOLE[name].map((m) => faultOf(name, m))).toEqual(WHOLE[name].map(() => undefined));
});

describe.each(NAMES)('%s', (name) => {
  test.each([undefined, null, '', 'text', 5, true, [], [{}], () => ({})])('%o is no message', (message) => {
    expect(faultOf(name, message)).toMatch(/^one object is expected, with by/);
  });

  test('each required field that is missing is named', () => {
    const fault = faultOf(name, {})!;
    for (const field of Object.keys(WHOLE[name][0]!)) expect(fault).toContain(`${field}: must be`);
  });

  test('an unknown field is named, with those that are possible', () => {
    const given = { ...WHOLE[name][0], because: 1 };
    expect(faultOf(name, given)).toMatch(/^because: unknown; possible: by/);
  });

  test('a field that every object has is unknown all the same', () => {
    const given = { ...WHOLE[name][0], ...(JSON.parse('{"__proto__": 1, "toString": 2}') as object) };
    expect(faultOf(name, given)).toContain('toString: unknown');
    expect(faultOf(name, JSON.parse(`{"__proto__": ${JSON.stringify(WHOLE[name][0])}}`))).toContain('by: must be');
  });

  test.each([' ', '', 5, null, {}, 'x'.repeat(257)])('by must be a name, not %o', (by) => {
    expect(faultOf(name, { ...WHOLE[name][0], by })).toMatch(/^by: (must be|is longer)/);
  });
});

test.each(['tomorrow', '5', 'March 7', '2026-02-30', '2026-02-30T00:00:00Z', '2026-13-01', '', 12, {}, true])(
  'until: %o is not a date',
  (until) => {
    expect(faultOf('pause', { by: 'op', reason: 'why', until })).toMatch(/^until: must be a date/);
    expect(faultOf('resume', { by: 'op', at: until })).toMatch(/^at: must be a date/);
  },
);

test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e9, '5'])('%o is no number of minutes', (n) => {
  expect(faultOf('extendExpiry', { by: 'op', minutes: n })).toMatch(/^minutes: must be a number of minutes/);
  expect(faultOf('accept', { by: 'op', leaseMinutes: n })).toMatch(/^leaseMinutes: must be a number of minutes/);
});

test.each([0, -1, 1.5, '1', null, Number.NaN])('%o is no epoch', (epoch) => {
  expect(faultOf('complete', { by: 'op', epoch })).toBe('epoch: must be a whole number from 1');
});

test('holder, choice and input have their own shapes', () => {
  expect(faultOf('pause', { by: 'op', reason: 'r', holder: 'child' })).toBe('holder: must be one of operator, parent');
  expect(faultOf('resolveIncident', { ...repair, choice: 'theirs' })).toMatch(/^choice: must be one of keep_theirs/);
  expect(faultOf('retryStep', { ...repair, input: [1] })).toBe('input: must be an object');
});

test('every fault is told at once, and a thousand unknown fields make no long text', () => {
  expect(faultOf('cancel', { by: 1, reason: 2 })?.split('; ')).toHaveLength(2);
  const many = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`f${i}`.padEnd(500, 'x'), 1]));
  expect(faultOf('cancel', { by: 'op', reason: 'r', ...many })!.length).toBeLessThan(1000);
});

const artifact = { name: 'app.json', path: 'out/app.json' };
const submitted = (...artifacts: unknown[]): string | undefined =>
  faultOf('submitReturn', { by: '@a', epoch: 1, artifacts });

test.each([
  [[], 'artifacts: must be a list of 1 to 200 artifacts'],
  [Array.from({ length: 201 }, (_, i) => ({ name: `a${i}`, path: 'a' })), 'artifacts: must be a list of 1 to 200'],
  [['app.json'], 'artifacts: 0: must be an object'],
  [[{ path: 'a' }], 'artifacts: 0: name: must be an artifact name'],
  [[artifact, { name: 'b' }], 'artifacts: 1: path: must be a text'],
  [[{ ...artifact, path: 'a\0b' }], 'artifacts: 0: path: must not contain NUL'],
  [[{ ...artifact, sha256: 'A'.repeat(64) }], 'artifacts: 0: sha256: must be 64 hex digits'],
  [[{ ...artifact, mode: 1 }], 'artifacts: 0: mode: unknown'],
  [[artifact, { ...artifact, name: 'APP.json' }], 'artifacts: 1: "APP.json" stands there twice'],
  [[{ ...artifact, name: 'ü'.repeat(128) }], 'artifacts: 0: name: must be an artifact name'],
  [Array.from({ length: 100 }, (_, i) => ({ name: `a${i}`, path: 'p'.repeat(1000) })), 'artifacts: is longer than'],
])('what cannot be handed in: %#', (artifacts, fault) => {
  expect(submitted(...artifacts)).toContain(fault);
});

test.each([
  '../x',
  'a/b',
  '/etc/passwd',
  '..',
  'a..b',
  '.hidden',
  'a\\b',
  'a\0b',
  '',
  ' x',
  'C:x',
  '__proto__',
  5,
  null,
])('%o is no name of a return', (name) => {
  expect(submitted({ name, path: 'a' })).toMatch(/^artifacts: 0: name: must be an artifact name/);
});
