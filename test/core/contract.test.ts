import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { lookAtContract, parseContract } from '../../src/core/contract-schema.js';
import { digestOf } from '../../src/core/digest.js';
import { BAD } from './contract-bad.js';
import { S2_TEXT, s2 } from './contract-document.js';
import { GOOD } from './contract-good.js';
import { ARCH, INCOMPLETE, SHAPE, INNER } from './contract-words.js';

const listed = (notes: readonly { path: string; message: string }[]): string[] =>
  notes.map((n) => `${n.path || '/'}: ${n.message}`);

test("S2's document is taken as it stands; its one warning is the example that lacks two required fields", () => {
  const { document, errors, warnings } = lookAtContract(JSON.parse(S2_TEXT));
  expect({ errors, warnings }).toEqual({
    errors: [],
    warnings: [
      { code: 'example_incomplete', path: `${ARCH}/example`, message: 'lacks dependencies, coding_standards' },
    ],
  });
  expect(document).toEqual(JSON.parse(S2_TEXT));
  expect(digestOf(parseContract(document))).toBe(digestOf(JSON.parse(S2_TEXT)));
});

test('the example in the repository is that document', () => {
  expect(readFileSync(new URL('../../examples/input/contract.json', import.meta.url), 'utf8')).toBe(S2_TEXT);
});

test.each(GOOD)('good: %s', (_, changes, warned = [INCOMPLETE]) => {
  const { document, errors, warnings } = lookAtContract(s2(changes));
  expect({ errors: listed(errors), warnings: listed(warnings) }).toEqual({ errors: [], warnings: warned });
  expect(document).toEqual(s2(changes));
});

test.each(BAD)('bad: %s', (_, changes, expected) => {
  const { document, errors } = lookAtContract(s2(changes));
  expect({ document, errors: listed(errors) }).toEqual({ document: undefined, errors: expected });
});

test('the table is as long as it should be', () => {
  expect(GOOD.length + BAD.length).toBeGreaterThan(120);
});

describe('the part alone', () => {
  test('is taken, and reads as a whole document', () => {
    const part = { sends: { 'a.json': {} }, 'x-own': 1 };
    expect(parseContract(part)).toEqual({ contract: part });
    expect(digestOf(parseContract(part))).toBe(digestOf(parseContract({ contract: part })));
  });

  test.each<[object, string[]]>([
    [{ sends: { 'a.json': { schema: 7 } } }, [`/sends/a.json/schema: ${SHAPE}`]],
    [{ expects_in_return: {}, send: {} }, [`/send: unknown field; known here: ${INNER}`]],
    [{ sends: {}, handoff_id: 'x' }, ['/handoff_id: belongs beside "contract", into which all else here then goes']],
    [{ max_return_rounds: 'x' }, ['/max_return_rounds: Invalid input: expected number, received string']],
  ])('%j has its places as it was given', (part, expected) => {
    expect(listed(lookAtContract(part).errors)).toEqual(expected);
  });
});

describe('what is no document at all', () => {
  test.each<[unknown, string[]]>([
    [null, ['/: Invalid input: expected object, received null']],
    [undefined, ['/: Invalid input: expected object, received undefined']],
    ['text', ['/: Invalid input: expected object, received string']],
    [[], ['/: Invalid input: expected object, received array']],
    [{}, ['/contract: is missing: an object with sends and expects_in_return']],
    [{ metadata: {} }, ['/contract: is missing: an object with sends and expects_in_return']],
  ])('%j', (input, expected) => {
    expect(listed(lookAtContract(input).errors)).toEqual(expected);
  });

  test('a name that would set a prototype is refused at its place', () => {
    const hidden = JSON.parse('{"contract": {"sends": {"__proto__": {"required": false}}}}') as unknown;
    expect(listed(lookAtContract(hidden).errors)).toEqual([
      '/contract/sends/__proto__: the name __proto__ is not allowed',
    ]);
  });

  test('a list as long as a document may be is refused at once', () => {
    const names = Array.from({ length: 120_000 }, (_, i) => i.toString(36));
    const began = Date.now();
    const { errors } = lookAtContract(s2({ [`${ARCH}/required_fields`]: names, [`${ARCH}/requires`]: ['none'] }));
    expect(listed(errors)).toEqual([
      `${ARCH}/required_fields: Too big: expected array to have <=1000 items`,
      `${ARCH}/requires/0: there is no artifact "none" here`,
    ]);
    expect(Date.now() - began).toBeLessThan(2000);
  });

  test('what nests too deep, or is too large', () => {
    let deep: unknown = {};
    for (let i = 0; i < 100; i++) deep = { allOf: [deep] };
    const nested = lookAtContract(s2({ [`${ARCH}/schema`]: deep }));
    expect(listed(nested.errors)).toEqual(['/: The contract is nested more than 64 levels deep (or refers to itself)']);
    expect(() => parseContract(s2({ '/x-big': 'x'.repeat(1024 * 1024) }))).toThrow(
      /^The contract is \d+ bytes; at most 1048576 are allowed$/,
    );
  });
});

test('the error has the code, the name and every fault', () => {
  const list = ['/from_agent', '/to_agent'].map((path) => ({ path, message: '"/" is not an agent name' }));
  const issues = '/from_agent: "/" is not an agent name; /to_agent: "/" is not an agent name';
  const contract = 'ho_008_to_013';
  expect(() => parseContract(s2({ '/from_agent': '/', '/to_agent': '/' }))).toThrow(
    expect.objectContaining({
      code: 'INVALID_CONTRACT',
      message: `The contract ${contract} is not valid: ${issues}`,
      params: { contract, issues, list },
    }),
  );
});
