import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isCanonicalJson } from '../../src/core/json/canonical-scan.js';
import { canonicalText } from '../../src/core/json/canonical.js';
import { seeded } from '../properties/seed.js';

const LIMITS = { maxDepth: 64, maxValues: 100 };
const proven = (text: string, limits = LIMITS): boolean => isCanonicalJson(Buffer.from(text), limits);

/** What the proof stands for: to parse and write it gives the same text. */
function isSameWhenWritten(text: string): boolean {
  try {
    return canonicalText(JSON.parse(text), { strict: true, ...LIMITS }) === text;
  } catch {
    return false;
  }
}

const WHOLE = [
  'null',
  'true',
  '0',
  '-1',
  '123456789012345',
  '9007199254740992',
  '1e+21',
  '5e-324',
  '-1.7976931348623157e+308',
  '[]',
  '{}',
  '[[],{}]',
  '""',
  '"\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u000b\\u001f\u007f\u2028é世😀"',
  '{"":1,"!":1,"a":1,"a!":1,"aa":1,"b":{"a":[1,2]}}',
  '{"\\n":1,"\\r":1," ":1,"\\"":1,"\\\\":1,"é":1}',
  '{"ud83d":1,"😀":1,"\ue000":1,"\uffff":1}',
];
test.each(WHOLE)('canonical: %s', (text) => {
  expect([proven(text), isSameWhenWritten(text)]).toEqual([true, true]);
});

const OTHER = [
  ['', ' ', '1 ', '\n1', '01', '-0', '-', '+1', '.5', '1.', '1.0', '1e5', '1E+21', '1e21', '1e400', '00', '--1'],
  [
    '9007199254740993',
    '12345678901234567890',
    '0x1',
    'NaN',
    'Infinity',
    'nul',
    'nulll',
    'True',
    'undefined',
    '1'.repeat(400),
  ],
  ['[', ']', '[1', '[1,', '[1,]', '[,1]', '[1 ,2]', '[1, 2]', '[1]]', '[1}', '{"a":1]', '[1][2]', '1,2', '[1 2]'],
  ['{', '{"a"', '{"a":', '{"a":1', '{"a":1,', '{"a":1,}', '{a:1}', '{"a" :1}', '{"a": 1}', '{1:1}', '{"a",1}'],
  ['"', '"a', '"\\', '"\\"', '"\n"', '"\u001f"', '"\\/"', '"\\u0041"', '"\\u000a"', '"\\u001F"', '"\\u00"', '"\\x"'],
  ['"\\u007f"', '"\\ud83d"', '"\\ud83d\\ude00"', '"\\u0008"', '"a"b', "'a'", '\ufeff1'],
  ['{"b":1,"a":1}', '{"a":1,"a":2}', '{"aa":1,"a":1}', '{"\ue000":1,"😀":1}', '{"\\"":1," ":1}', '{"\\r":1,"\\n":1}'],
  ['{"__proto__":1}', '{"a":{"__proto__":{}}}', '{"":1,"":1}'],
].flat();
test.each(OTHER)('not canonical: %s', (text) => {
  expect([proven(text), isSameWhenWritten(text)]).toEqual([false, false]);
});

test('the limits are those of what is written', () => {
  const deep = (n: number): string => '['.repeat(n) + ']'.repeat(n);
  expect([proven(deep(64)), proven(deep(65))]).toEqual([true, false]);
  expect([isSameWhenWritten(deep(64)), isSameWhenWritten(deep(65))]).toEqual([true, false]);
  const many = (n: number): string => JSON.stringify(Array.from({ length: n }, () => 0));
  expect([proven(many(99)), proven(many(100))]).toEqual([true, false]);
  expect([isSameWhenWritten(many(99)), isSameWhenWritten(many(100))]).toEqual([true, false]);
  expect(proven('['.repeat(5_000_000))).toBe(false);
});

const text = fc.string({
  unit: fc.constantFrom(...Array.from('ab"\\/\n\u0001\u007fé\ud7ff\ue000\uffff😀')),
  maxLength: 4,
});
const json = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: 'small' },
    text,
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (n === 0 ? 0 : n)),
    fc.integer(),
    fc.constantFrom(true, false, null),
    fc.array(tie('any'), { maxLength: 4 }),
    fc.dictionary(text, tie('any'), { maxKeys: 5, noNullPrototype: true }),
  ),
})).any;

test('whatever is written is proven', () => {
  fc.assert(
    fc.property(json, (value) => {
      expect(proven(canonicalText(value))).toBe(true);
    }),
    seeded(1000),
  );
});

test('with one character changed, put in or taken out: proven where it is still the same when written', () => {
  const change = fc.tuple(
    fc.nat(),
    fc.nat(2),
    fc.constantFrom(...Array.from('"\\,:[]{}0019-.eEun\n tb\u0001é\ue000😀')),
  );
  fc.assert(
    fc.property(json, change, (value, [where, taken, put]) => {
      const whole = Array.from(canonicalText(value));
      whole.splice(where % (whole.length + 1), taken, put);
      const changed = whole.join('');
      expect([changed, proven(changed)]).toEqual([changed, isSameWhenWritten(changed)]);
    }),
    seeded(10_000),
  );
});
