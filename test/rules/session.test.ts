import { afterEach, describe, expect, test } from 'vitest';
import { BUILTIN_RULES } from '../../src/core/rule.js';
import type { Severity } from '../../src/core/procedure.js';
import { Corner, ruleOf, type Own } from './corner.js';

let corner: Corner | undefined;
afterEach(() => corner?.close());
const open = async (own?: Own): Promise<Corner> => (corner = await Corner.open(own));

const failing = (id: string, severity: Severity) =>
  ruleOf(id, () => Promise.resolve({ passed: false, message: `${id} says no` }), severity);

/** A rejection that is no Error, as careless code makes it. */
const rejecting = (what: unknown) => async () => AbortSignal.abort(what).throwIfAborted();

test('the built-in rules have the severities of S3 and S2', () => {
  expect(Object.fromEntries(Object.entries(BUILTIN_RULES).map(([id, r]) => [id, r.severity]))).toEqual({
    VR001: 'critical',
    VR002: 'critical',
    VR003: 'high',
    VR004: 'critical',
    VR005: 'critical',
    VR006: 'high',
    VR007: 'medium',
    VR008: 'high',
    DC001: 'critical',
    DC002: 'critical',
    DC003: 'critical',
    DC004: 'high',
    DC005: 'high',
    DC006: 'high',
    DC007: 'critical',
    DC008: 'critical',
  });
});

test.each([
  ['critical', ['AA001']],
  ['high', ['AA001', 'AA002']],
  ['medium', ['AA001', 'AA002', 'AA003']],
  ['low', ['AA001', 'AA002', 'AA003', 'AA004']],
] as const)('stop_at_severity %s: what stops and what only warns', async (stopAt, stops) => {
  const rules = [
    failing('AA001', 'critical'),
    failing('AA002', 'high'),
    failing('AA003', 'medium'),
    failing('AA004', 'low'),
  ];
  const c = await open({ rules });
  const ids = rules.map((r) => r.id);
  const verdict = await c.validate(await c.subject('h'), ids, { stopAt });
  const line = (id: string): string => `${id} Rule ${id}: ${id} says no`;
  expect(verdict).toEqual({
    session: 'vs_h.step.1',
    passed: false,
    rules: 4,
    failures: stops.map(line),
    warnings: ids.filter((id) => !(stops as readonly string[]).includes(id)).map(line),
  });
});

test('failures below the line let it pass, with warnings', async () => {
  const c = await open({ rules: [failing('AA001', 'medium')] });
  const verdict = await c.validate(await c.subject('h'), ['AA001']);
  expect(verdict).toMatchObject({ passed: true, failures: [], warnings: ['AA001 Rule AA001: AA001 says no'] });
});

test("a procedure's own severity for a rule counts instead of the rule's", async () => {
  const c = await open({ rules: [failing('AA001', 'critical')] });
  const subject = await c.subject('h');
  expect((await c.validate(subject, ['AA001'], { severities: { AA001: 'low' } })).passed).toBe(true);
  expect((await c.validate(subject, ['AA001'], { severities: { AA001: 'high' } })).passed).toBe(false);
});

test('rules run in parallel: three that wait for each other all end', async () => {
  let arrived = 0;
  let open3: () => void = () => undefined;
  const allThere = new Promise<void>((resolve) => (open3 = resolve));
  const meets = (id: string) =>
    ruleOf(id, async () => {
      if (++arrived === 3) open3();
      // One after the other, the first would wait for ever; the limit only makes that a failure instead of a hang.
      const met = await Promise.race([
        allThere.then(() => true),
        new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 2000)),
      ]);
      return { passed: met, message: met ? 'met the others' : 'was alone' };
    });
  const c = await open({ rules: ['AA001', 'AA002', 'AA003'].map(meets) });
  const verdict = await c.validate(await c.subject('h'), ['AA001', 'AA002', 'AA003']);
  expect(verdict).toMatchObject({ passed: true, failures: [] });
});

describe('a rule that does not do what a rule does has failed, and hides no other', () => {
  test.each<[string, () => unknown, string]>([
    ['rejects', () => Promise.reject(new Error('no connection')), 'the rule itself failed: no connection'],
    [
      'throws before it returns a promise',
      () => {
        throw new Error('at once');
      },
      'the rule itself failed: at once',
    ],
    ['rejects with a text', rejecting('only a text'), 'the rule itself failed: only a text'],
    ['rejects with nothing', rejecting(null), 'the rule itself failed: null'],
    ['returns nothing', () => Promise.resolve(), 'the rule itself failed: it returned no finding'],
    ['returns no promise', () => ({ passed: true, message: 'fine' }), 'fine'],
  ])('%s', async (_, check, message) => {
    const odd = { id: 'AA001', name: 'Odd', severity: 'high' as const, check: check as never };
    const c = await open({ rules: [odd, failing('AA002', 'high')] });
    const subject = await c.subject('h');
    const { session } = await c.validate(subject, ['AA001', 'AA002']);
    expect((await c.results(subject, session)).map((r) => r.message)).toEqual([message, 'AA002 says no']);
  });
});

test("a user's rule is added, replaces a built-in one, and a built-in one is left out", async () => {
  const c = await open({
    rules: [failing('AA001', 'low'), { ...failing('VR001', 'low'), name: 'My own' }],
    withoutRules: ['VR002'],
  });
  const subject = await c.subject('h');
  const { session } = await c.validate(subject, ['AA001', 'VR001']);
  expect((await c.results(subject, session)).map((r) => [r.rule, r.name, r.message])).toEqual([
    ['AA001', 'Rule AA001', 'AA001 says no'],
    ['VR001', 'My own', 'VR001 says no'],
  ]);
  await expect(c.validate(subject, ['VR002'])).rejects.toMatchObject({
    code: 'RULE_UNKNOWN',
    message:
      'No rule VR002 is registered on this worker. Known: AA001, DC001, DC002, DC003, DC004, DC005, DC006, DC007, DC008, VR001, VR003, VR004, VR005, VR006, VR007, VR008. Start it with the module that has the rule.',
  });
});

test("a session's record: each rule with its result, time and message; again, it replaces itself", async () => {
  const c = await open({
    rules: [failing('AA001', 'low'), ruleOf('AA002', () => Promise.resolve({ passed: true, message: 'all well' }))],
  });
  const subject = await c.subject('h');
  const before = Date.now();
  for (let i = 0; i < 2; i++) await c.validate(subject, ['AA001', 'AA002'], { step: 'look', epoch: 3 });
  const sessions = await c.storage.validations.list('h');
  expect(sessions).toEqual([
    {
      id: 'vs_h.look.3',
      handoff: 'h',
      step: 'look',
      procedure: 'SOME_PROCEDURE',
      passed: true,
      startedAt: expect.any(Number) as number,
      endedAt: expect.any(Number) as number,
      results: [
        {
          rule: 'AA001',
          name: 'Rule AA001',
          severity: 'low',
          passed: false,
          message: 'AA001 says no',
          durationMs: expect.any(Number) as number,
        },
        {
          rule: 'AA002',
          name: 'Rule AA002',
          severity: 'high',
          passed: true,
          message: 'all well',
          durationMs: expect.any(Number) as number,
        },
      ],
    },
  ]);
  const [{ startedAt, endedAt, results }] = sessions as [(typeof sessions)[number]];
  expect(startedAt).toBeGreaterThanOrEqual(before);
  expect(endedAt).toBeGreaterThanOrEqual(startedAt);
  for (const r of results) expect(r.durationMs).toBeGreaterThanOrEqual(0);
});

test('a rule gets the content, the parameters of the step, and who hands over to whom', async () => {
  const seen: unknown[] = [];
  const c = await open({
    rules: [
      {
        id: 'AA001',
        name: 'Looks',
        severity: 'high',
        check: ({ subject, step, content, with: given }) => {
          seen.push(subject.target, step, content.context, given);
          return Promise.resolve({ passed: true, message: 'seen' });
        },
      },
    ],
  });
  await c.validate(await c.subject('h', { context: { k: 1 } }), ['AA001'], { with: { strict: true } });
  expect(seen).toEqual([{ phase: '13' }, 'step', { k: 1 }, { strict: true }]);
});
