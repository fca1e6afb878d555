import fc from 'fast-check';
import { expect, test } from 'vitest';
import { globMatcher } from '../../src/core/context/glob.js';
import { seeded, runs } from '../properties/seed.js';

test.for([
  ['*', ['', 'a', 'a/b.c', '…'], []],
  ['**', ['', 'a/b'], []],
  ['plan', ['plan'], ['plans', 'a/plan', 'Plan', '']],
  ['plan/*', ['plan/', 'plan/a/b'], ['plan', 'xplan/a']],
  ['*.json', ['a.json', '.json', 'a/b.json'], ['a.jsonx', 'ajson']],
  ['a?c', ['abc', 'a😀c', 'a/c'], ['ac', 'abbc']],
  ['[a-c_]x', ['ax', 'cx', '_x'], ['dx', '-x', 'x']],
  ['[!a-c]x', ['dx', '😀x'], ['ax', 'x']],
  ['[]x]', [']', 'x'], ['', 'a']],
  ['[a-]', ['a', '-'], ['b']],
  ['{draft,final}', ['draft', 'final'], ['draft,final', 'draf']],
  ['{a,b{c,d*}}e', ['ae', 'bce', 'bdxxe'], ['be', 'ce', 'e']],
  ['{,a}b', ['b', 'ab'], ['aab']],
  ['a\\*b', ['a*b'], ['aXb']],
  ['\\{a,b\\}', ['{a,b}'], ['a']],
  ['a,b}', ['a,b}'], ['a']],
  ['(a|b)+$^', ['(a|b)+$^'], ['a']],
] as const)('%s', ([pattern, fitting, others]) => {
  const fits = globMatcher(pattern);
  expect(fitting.filter((text) => !fits(text))).toEqual([]);
  expect(others.filter((text) => fits(text))).toEqual([]);
});

test.for([
  ['[a', 'Not valid for a context: /: the pattern "[a" "[" at 1 is not closed'],
  ['x{a,{b}', 'Not valid for a context: /: the pattern "x{a,{b}" "{" at 2 is not closed'],
  ['a\\', 'Not valid for a context: /: the pattern "a\\\\" ends with "\\"'],
])('%s is refused', ([pattern, message]) => {
  expect(() => globMatcher(pattern!)).toThrow(expect.objectContaining({ code: 'INVALID_CONTEXT', message }) as Error);
});

/** The same by the definition, and as slow as that is. Pattern: any of `*`, `?` and letters. */
function model(pattern: string, text: string): boolean {
  if (pattern === '') return text === '';
  if (pattern[0] === '*') return model(pattern.slice(1), text) || (text !== '' && model(pattern, text.slice(1)));
  return text !== '' && (pattern[0] === '?' || pattern[0] === text[0]) && model(pattern.slice(1), text.slice(1));
}

test('stars and question marks do what their definition says', () => {
  const of = (letters: string, maxLength: number): fc.Arbitrary<string> =>
    fc.string({ unit: fc.constantFrom(...Array.from(letters)), maxLength });
  fc.assert(
    fc.property(of('ab*?', 8), of('ab/', 8), (p, t) => globMatcher(p)(t) === model(p, t)),
    seeded(runs(2000)),
  );
});

test('braces are the union of their alternatives', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 4 });
  const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 });
  fc.assert(
    fc.property(word, fc.array(word, { minLength: 1, maxLength: 3 }), word, text, (before, choices, after, t) => {
      const all = choices.map((choice) => globMatcher(before + choice + after)(t));
      return globMatcher(`${before}{${choices.join(',')}}${after}`)(t) === all.includes(true);
    }),
    seeded(runs(1000)),
  );
});

test('a pattern that would take a backtracking matcher for ever is answered at once', () => {
  const bombs = [`${'*a'.repeat(200)}b`, '{a,b}'.repeat(150), `${'{*,'.repeat(100)}a${'}'.repeat(100)}b`];
  const began = process.cpuUsage();
  for (const bomb of bombs) expect(globMatcher(bomb)('a'.repeat(256))).toBe(false);
  // A matcher that backtracks would need years; this bound is for any machine.
  expect(process.cpuUsage(began).user).toBeLessThan(5_000_000);
});
