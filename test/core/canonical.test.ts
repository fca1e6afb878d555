import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalText } from '../../src/core/json/canonical.js';
import { canonicalJson, digestOf } from '../../src/core/digest.js';

// The samples of RFC 8785: section 3.2, and the test data that its authors publish with it.
const SAMPLES: [name: string, input: string, output: string][] = [
  ['arrays', '[56, {"d": true, "10": null, "1": [ ]}]', '[56,{"1":[],"10":null,"d":true}]'],
  [
    'french',
    '{"peach": "This sorting order", "péché": "is wrong according to French", "pêche": "but canonicalization MUST", "sin": "ignore locale"}',
    '{"peach":"This sorting order","péché":"is wrong according to French","pêche":"but canonicalization MUST","sin":"ignore locale"}',
  ],
  [
    'structures',
    '{"1": {"f": {"f": "hi","F": 5} ,"\\n": 56.0}, "10": { }, "": "empty", "a": { }, "111": [ {"e": "yes", "E": "no"} ], "A": { }}',
    '{"":"empty","1":{"\\n":56,"f":{"F":5,"f":"hi"}},"10":{},"111":[{"E":"no","e":"yes"}],"A":{},"a":{}}',
  ],
  ['unicode', '{"Unnormalized Unicode": "A\\u030a"}', '{"Unnormalized Unicode":"A\u030a"}'],
  [
    'values',
    '{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001], "string": "\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/", "literals": [null, true, false]}',
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  ],
  [
    'weird',
    '{"\\u20ac": "Euro Sign", "\\r": "Carriage Return", "\\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One", "\\ud83d\\ude00": "Emoji: Grinning Face", "\\u0080": "Control", "\\u00f6": "Latin Small Letter O With Diaeresis", "</script>": "Browser Challenge", "\\u000a": "Newline"}',
    '{"\\n":"Newline","\\r":"Carriage Return","1":"One","</script>":"Browser Challenge","\u0080":"Control","ö":"Latin Small Letter O With Diaeresis","€":"Euro Sign","😀":"Emoji: Grinning Face","\ufb33":"Hebrew Letter Dalet With Dagesh"}',
  ],
];

test.each(SAMPLES)('RFC 8785: %s', (_, input, output) => {
  expect(canonicalJson(JSON.parse(input))).toBe(output);
  expect(canonicalJson(JSON.parse(output))).toBe(output);
});

test('RFC 8785: the bytes of the sample in section 3.2.4', () => {
  const sample =
    '{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001], "string": "\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/", "literals": [null, true, false]}';
  expect(Buffer.from(canonicalJson(JSON.parse(sample))).toString('hex')).toBe(
    '7b226c69746572616c73223a5b6e756c6c2c747275652c66616c73655d2c226e756d62657273223a5b3333333333333333332e333333333333332c31652b33302c342e352c302e3030322c31652d32375d2c22737472696e67223a22e282ac245c75303030665c6e4127425c225c5c5c5c5c222f227d',
  );
});

// Appendix B: IEEE 754 bits and what they are as JSON.
test.each([
  ['0000000000000000', '0'],
  ['8000000000000000', '0'],
  ['0000000000000001', '5e-324'],
  ['8000000000000001', '-5e-324'],
  ['7fefffffffffffff', '1.7976931348623157e+308'],
  ['ffefffffffffffff', '-1.7976931348623157e+308'],
  ['4340000000000000', '9007199254740992'],
  ['c340000000000000', '-9007199254740992'],
  ['4430000000000000', '295147905179352830000'],
  ['44b52d02c7e14af5', '9.999999999999997e+22'],
  ['44b52d02c7e14af6', '1e+23'],
  ['44b52d02c7e14af7', '1.0000000000000001e+23'],
  ['444b1ae4d6e2ef4e', '999999999999999700000'],
  ['444b1ae4d6e2ef4f', '999999999999999900000'],
  ['444b1ae4d6e2ef50', '1e+21'],
  ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
  ['3eb0c6f7a0b5ed8d', '0.000001'],
  ['41b3de4355555553', '333333333.3333332'],
  ['41b3de4355555554', '333333333.33333325'],
  ['41b3de4355555555', '333333333.3333333'],
  ['41b3de4355555556', '333333333.3333334'],
  ['41b3de4355555557', '333333333.33333343'],
  ['becbf647612f3696', '-0.0000033333333333333333'],
  ['43143ff3c1cb0959', '1424953923781206.2'],
])('RFC 8785, appendix B: %s is %s', (bits, text) => {
  expect(canonicalJson(Buffer.from(bits, 'hex').readDoubleBE())).toBe(text);
});

const cycle: unknown[] = [];
cycle.push({ of: cycle });
const deep = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels));

describe('what is no JSON is refused with its place', () => {
  test.each<[unknown, string]>([
    [Number.NaN, 'The value is not valid JSON: NaN is not JSON'],
    [{ a: [1, Infinity] }, '/a/1 is not valid JSON: Infinity is not JSON'],
    [{ 'x/y': { z: 1n } }, '/x~1y/z is not valid JSON: a bigint is not JSON'],
    [{ a: 'x\ud83d' }, '/a is not valid JSON: it has half of a surrogate pair, which is no Unicode text'],
    [['\ude00x'], '/0 is not valid JSON: it has half of a surrogate pair, which is no Unicode text'],
    [{ '\ud800': 1 }, '/\ud800 is not valid JSON: it has half of a surrogate pair, which is no Unicode text'],
    [deep(1001), `${'/0'.repeat(200)}… (2000 characters) is not valid JSON: more than 1000 levels deep`],
    [cycle, `${`/0/of`.repeat(80)}… (2500 characters) is not valid JSON: more than 1000 levels deep`],
  ])('%#', (value, message) => {
    expect(() => digestOf(value)).toThrow(expect.objectContaining({ code: 'INVALID_JSON', message }));
  });

  test('two texts that differ in half a character have no digest at all, rather than one', () => {
    expect(digestOf('\ufffd')).toMatch(/^[0-9a-f]{64}$/);
    expect(() => digestOf('\ud800')).toThrow('surrogate');
  });

  test('a thousand levels are written', () => {
    expect(canonicalJson(deep(1000))).toBe(JSON.stringify(deep(1000)));
  });
});

test.each<[unknown, string]>([
  [{ a: undefined, b: 1 }, '{"b":1}'],
  [[undefined, () => 1], '[null,null]'],
  [{ at: new Date(0) }, '{"at":"1970-01-01T00:00:00.000Z"}'],
  [undefined, 'null'],
  [JSON.parse('{"b":1,"__proto__":2}'), '{"__proto__":2,"b":1}'],
])('like JSON.stringify: %#', (value, text) => expect(canonicalJson(value)).toBe(text));

test.each<[unknown, string]>([
  [[undefined], '/0 is not valid JSON: a list cannot hold undefined'],
  [{ a: () => 1 }, '/a is not valid JSON: a function is not JSON'],
  [{ a: new Date(0) }, '/a is not valid JSON: only plain objects and lists come back as they were'],
  [new Map(), 'The value is not valid JSON: only plain objects and lists come back as they were'],
  [
    JSON.parse('{"a":{"__proto__":{"admin":true}}}'),
    '/a/__proto__ is not valid JSON: the name __proto__ is not allowed',
  ],
])('strict: %#', (value, message) => {
  expect(() => canonicalText(value, { strict: true })).toThrow(expect.objectContaining({ message }));
});

test('any JSON value has the text that another writer gives it, and comes back from it', () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'binary', maxDepth: 6 }), (value) => {
      const text = canonicalJson(value);
      expect(text).toBe(canonicalize(value));
      expect(canonicalJson(JSON.parse(text))).toBe(text);
    }),
    { numRuns: 2000 },
  );
});
