import { describe, expect, test } from 'vitest';
import { HandoffError } from '../../src/core/errors.js';
import { DEPTH_LIMIT, checkNotExpired, parseRequest } from '../../src/core/request-schema.js';
import { REQUEST_LIMIT } from '../../src/core/request.js';
import { containing, matching } from '../rig/matchers.js';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const least = { procedure: 'AAA', source: { agent: '@a' }, target: { agent: '@b' } };
const parse = (over: object): ReturnType<typeof parseRequest> => parseRequest({ ...least, ...over }, NOW, () => 'ho_1');

/** The one error that `over` must give: its code and text. */
function refusalOf(input: unknown): { code: string; message: string } {
  try {
    parseRequest(input, NOW, () => 'ho_1');
  } catch (error) {
    if (error instanceof HandoffError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('it was taken');
}
const refused = (over: object): string => {
  const { code, message } = refusalOf({ ...least, ...over });
  expect(code).toBe('INVALID_REQUEST');
  return message;
};

describe('what is taken', () => {
  test('the least request gets all defaults', () => {
    expect(parse({})).toEqual({
      ...least,
      handoffId: 'ho_1',
      session: 'ho_1',
      type: 'AGENT_HANDOFF',
      priority: 'normal',
      acceptance: 'explicit',
      clockWhilePaused: 'stop',
      artifacts: [],
      context: {},
      metadata: {},
    });
  });

  test('a phase may be a number, and makes it a phase transition', () => {
    expect(parse({ source: { agent: '@a', phase: 8 }, target: { phase: '13' } })).toMatchObject({
      type: 'PHASE_TRANSITION',
      source: { phase: '8' },
      target: { phase: '13' },
    });
  });

  test.each([
    ['critical', 'immediate'],
    ['high', 'immediate'],
    ['medium', 'normal'],
    ['low', 'background'],
    ['background', 'background'],
  ])('priority %s means %s', (given, meant) => {
    expect(parse({ priority: given }).priority).toBe(meant);
  });

  test.each([
    ['2026-03-01', '2026-03-01T00:00:00.000Z'],
    ['2028-02-29T10:00:00+01:00', '2028-02-29T09:00:00.000Z'],
    [new Date('2026-05-05T05:05:05Z'), '2026-05-05T05:05:05.000Z'],
  ])('the date %s', (given, iso) => {
    expect(parse({ startAfter: given }).startAfter).toBe(iso);
  });

  test('what nests as deep as it may', () => {
    let deep: unknown = 1;
    for (let i = 0; i < DEPTH_LIMIT - 2; i++) deep = [deep];
    expect(parse({ context: { deep } }).context['deep']).toEqual(deep);
  });
});

describe('what is refused, and where', () => {
  test.each([[null], [undefined], ['text'], [5], [[]]])('a request that is %o', (input) => {
    expect(refusalOf(input)).toMatchObject({ code: 'INVALID_REQUEST', message: containing('/: ') });
  });

  test.each(['../x', 'a/b', 'a\0b', '', '.', 'a'.repeat(10_000), 7, null, {}])('the handoff id %o', (handoffId) => {
    expect(refused({ handoffId })).toContain('/handoffId: ');
  });

  test.each(['../s', 'a b', 'a'.repeat(129), ''])('the session %o', (session) => {
    expect(refused({ session })).toContain('/session: ');
  });

  test.each(['aaa', 'A', 'toString', '', 5])('the procedure %o', (procedure) => {
    expect(refused({ procedure })).toContain('/procedure: ');
  });

  test.each(['../8', 'a b', '', 'x'.repeat(65), -1, 1.5, Number.NaN, 1e300, {}, [8]])('the phase %o', (phase) => {
    expect(refused({ source: { phase } })).toMatch(/\/source\/phase: .{10}/);
    expect(refused({ target: { phase } })).toContain('/target/phase: ');
  });

  test('a source that names neither agent nor phase', () => {
    expect(refused({ source: {} })).toContain('/source: name an agent, a phase, or both');
    expect(refused({ target: { agnet: '@a' } })).toContain('/target: Unrecognized key: "agnet"');
  });

  test.each(['tomorrow', '2026-02-30T00:00:00Z', '2026-02-30', '2026-13-01', '2026-03-01T25:00:00Z', '5', 'March 7'])(
    'the date %o',
    (text) => {
      const why = `"${text}" is not a date (ISO 8601, such as 2026-01-13T11:30:00Z)`;
      expect(refused({ expiresAt: text })).toContain(`/expiresAt: ${why}`);
      expect(refused({ startAfter: text })).toContain(`/startAfter: ${why}`);
    },
  );

  test.each([1_767_225_600_000, {}, true, new Date(Number.NaN)])('the date %o', (startAfter) => {
    expect(refused({ startAfter })).toMatch(/\/startAfter: .* is not a date/);
  });

  test('a date that is further off than anybody means', () => {
    expect(refused({ startAfter: '9999-12-31T23:59:59Z' })).toContain('/startAfter: 9999-12-31T23:59:59.000Z is more');
    expect(refused({ expiresAt: '2036-01-02' })).toContain(
      '/expiresAt: 2036-01-02T00:00:00.000Z is more than ten years',
    );
  });

  test('an expiry that is over, or before the start, or given twice', () => {
    const late = parse({ expiresAt: '2025-12-31' });
    expect(() => checkNotExpired(late, NOW)).toThrow('/expiresAt: 2025-12-31T00:00:00.000Z is already over');
    expect(() => checkNotExpired(late, NOW - 10 ** 9)).not.toThrow();
    expect(refused({ expiresAt: '2026-01-02', startAfter: '2026-01-02' })).toContain('/expiresAt: must be after');
    expect(refused({ expiresAt: '2026-01-02', expiresInMinutes: 5 })).toContain('/expiresAt: give expiresAt or');
  });

  test.each([0, -5, '60', Number.NaN, 1e12])('an expiry in %o minutes', (expiresInMinutes) => {
    expect(refused({ expiresInMinutes })).toContain('/expiresInMinutes: ');
  });

  test.each(['a/b', '../a', 'a..b', '.env', 'a\0', 'a\\b', '', '界'.repeat(100)])('the artifact name %o', (name) => {
    expect(
      refused({
        artifacts: [
          { name: 'ok', path: 'x' },
          { name, path: 'x' },
        ],
      }),
    ).toContain('/artifacts/1/name: ');
  });

  test('artifacts that a file system could take for the same', () => {
    const pairs = [
      ['A.txt', 'a.TXT'],
      ['e\u0301.txt', '\u00e9.txt'],
      ['x', 'x'],
    ].map((names) => refused({ artifacts: names.map((name) => ({ name, path: 'p' })) }));
    for (const text of pairs)
      expect(text).toMatch(/\/artifacts\/1\/name: is (the same as artifact 0|.*not an artifact)/);
  });

  test('a path with NUL, a checksum that is none', () => {
    expect(refused({ artifacts: [{ name: 'a', path: 'x\0y' }] })).toContain('/artifacts/0/path: must not contain NUL');
    expect(refused({ artifacts: [{ name: 'a', path: 'x', sha256: 'F'.repeat(64) }] })).toContain('/artifacts/0/sha256');
  });

  test('unknown fields, each by name', () => {
    expect(refused({ prority: 'high' })).toContain('/: Unrecognized key: "prority"');
    expect(refused({ artifacts: [{ name: 'a', path: 'x', mode: 7 }] })).toContain('/artifacts/0: Unrecognized key');
  });

  test('every fault at once', () => {
    const text = refused({ handoffId: '../x', source: {}, expiresInMinutes: 0 });
    for (const place of ['/handoffId', '/source', '/expiresInMinutes']) expect(text).toContain(`${place}: `);
  });
});

describe('what is no JSON of a bounded size', () => {
  test.each([
    ['a BigInt', 1n],
    ['a function', () => 1],
    ['a symbol', Symbol('x')],
    ['NaN', Number.NaN],
    ['undefined', undefined],
    ['a Date', new Date()],
    ['a Map', new Map([[1, 2]])],
    ['half of a surrogate pair', 'x\ud800'],
    ['half of a surrogate pair as a name', { '\udfff': 1 }],
    ['what throws when it is written', { toJSON: () => expect.fail('it was called') }],
  ])('%s is refused with its place', (_, value) => {
    expect(refused({ context: { key: value } })).toContain('/context/key');
  });

  test('a name that schemas pass over is refused, not lost', () => {
    const hidden = JSON.parse('{"a": {"__proto__": {"polluted": 1}}}') as object;
    expect(refused({ context: hidden })).toContain('/context/a/__proto__: the name __proto__ is not allowed');
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  test('what refers to itself, or nests too deep', () => {
    const ring: Record<string, unknown> = {};
    ring['ring'] = ring;
    let deep: unknown = 1;
    for (let i = 0; i < 10_000; i++) deep = [deep];
    for (const value of [ring, deep])
      expect(refused({ context: { value } })).toContain('nested more than 64 levels deep (or refers to itself)');
  });

  test('what is small in memory and endless when it is written is refused at once', () => {
    let wide: unknown = 1;
    for (let i = 0; i < 50; i++) wide = [wide, wide];
    const began = Date.now();
    expect(refusalOf({ ...least, context: { wide } }).code).toBe('INPUT_TOO_LARGE');
    expect(Date.now() - began).toBeLessThan(2000);
  });

  test('more than a megabyte', () => {
    expect(refusalOf({ ...least, context: { big: 'x'.repeat(REQUEST_LIMIT) } })).toMatchObject({
      code: 'INPUT_TOO_LARGE',
      message: matching(/^The request is \d+ bytes; at most 1048576 are allowed$/),
    });
  });
});
