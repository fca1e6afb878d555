import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAs, printAs } from '../../src/contracts/formats.js';
import { DEFAULT_LIMITS } from '../../src/contracts/limits.js';
import { markdownOf } from '../../src/contracts/markdown.js';
import { prepareArtifact } from '../../src/contracts/prepare.js';
import { Transformers, transformer, type Transformer } from '../../src/contracts/transformers.js';
import { sha256 } from '../../src/core/digest.js';
import type { ArtifactSpec } from '../../src/core/request.js';
import { Place, lines } from './place.js';

const BOUNDS = { depth: 256, values: 4_000_000 };
const LIMIT = 64 << 20;
const through = (format: string, value: unknown): unknown =>
  parseAs(format, Buffer.from(printAs(format, value, LIMIT)), BOUNDS);

let place: Place;
beforeAll(async () => {
  place = await Place.make();
});
afterAll(() => place.remove());

const never = new AbortController().signal;
const turn = async (from: string, to: string, content: string, own: Transformer[] = []): Promise<string> =>
  (
    await new Transformers(own).transform(
      Buffer.from(content),
      { artifact: 'a', from, to, signal: never },
      { ...DEFAULT_LIMITS, timeMs: 2000 },
    )
  ).bytes.toString();

/** Text of all kinds: control characters, line breaks, marks that formats give a meaning, whole characters only. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom(
    'null',
    '~',
    'yes',
    '1e3',
    '0x1f',
    '-0',
    '.inf',
    '2026-01-13',
    ' a ',
    '"',
    "'",
    ',',
    '\r\n',
    '\n',
    '#',
    '- a',
    '',
  ),
);
const json = fc
  .jsonValue({ stringUnit: 'binary' })
  .map((v) => JSON.parse(JSON.stringify(v)) as unknown)
  .filter((v) => !/-0\b/.test(JSON.stringify(v)));

describe('round trips', () => {
  test('JSON → YAML → JSON is the same', () => {
    fc.assert(
      fc.property(fc.oneof(json, text, fc.dictionary(text, fc.array(text))), (value) => {
        expect(JSON.stringify(through('yaml', value))).toBe(JSON.stringify(value));
      }),
      { numRuns: 500 },
    );
  });

  test('JSON → CSV → JSON is the same for arrays of flat objects of text', () => {
    const table = fc
      .uniqueArray(text, { minLength: 1, maxLength: 5 })
      .chain((columns) =>
        fc.array(
          fc
            .tuple(...columns.map(() => text))
            .map((cells) => Object.fromEntries(columns.map((c, i) => [c, cells[i]!] as const))),
        ),
      );
    fc.assert(
      fc.property(table, (rows) => {
        expect(through('csv', rows)).toEqual(rows);
      }),
      { numRuns: 500 },
    );
  });

  test('JSON → JSON is the same', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(JSON.stringify(through('json', value))).toBe(JSON.stringify(value));
      }),
    );
  });

  test('Markdown of any value is text in which nothing of the value makes a heading, a link or HTML of its own', () => {
    fc.assert(
      fc.property(json, (value) => {
        const markdown = markdownOf(value);
        expect(markdown.replaceAll('<br>', '').replaceAll(/\\./gs, '')).not.toMatch(/[<>`[\]]/);
      }),
    );
  });
});

describe('the built-in transformers', () => {
  test.each([
    ['json', 'yaml', '{"a":[1,"yes",null,{"b":"1"}]}', 'a:\n  - 1\n  - yes\n  - null\n  - b: "1"\n'],
    [
      'yaml',
      'json',
      'a: [1, yes, ~]\nb: 2026-01-13\n',
      '{\n  "a": [\n    1,\n    "yes",\n    null\n  ],\n  "b": "2026-01-13"\n}\n',
    ],
    ['csv', 'json', 'a,b\n1,"x, y"\n', '[\n  {\n    "a": "1",\n    "b": "x, y"\n  }\n]\n'],
    ['json', 'csv', '[{"a":1,"b":null},{"b":true,"c":"x\\ny"}]', 'a,b,c\n1,,\n,true,"x\ny"\n'],
    ['csv', 'yaml', 'a\n1\n', '- a: "1"\n'],
    ['yaml', 'csv', '- a: 1\n- a: 2\n', 'a\n1\n2\n'],
    ['json', 'csv', '[]', ''],
    ['csv', 'json', '', '[]\n'],
    [
      'json',
      'markdown',
      '{"title":"A *b*","modules":[{"name":"users","uses":"a|b"},{"name":"<posts>"}],"api":{"kind":"rest","paths":["/a","# b","1. c"]},"none":[]}',
      [
        '- **title**: A \\*b\\*',
        '# modules',
        '| name | uses |\n| --- | --- |\n| users | a\\|b |\n| \\<posts> |  |',
        '# api',
        '- **kind**: rest',
        '## paths',
        '- /a\n- \\# b\n- 1\\. c',
        '# none',
        '*none*\n',
      ].join('\n\n'),
    ],
    ['csv', 'markdown', 'a,b\n1,x_y\n', '| a | b |\n| --- | --- |\n| 1 | x_y |\n'],
    ['yaml', 'markdown', '- [1, 2]\n- {a: {b: c}}\n', '-\n  - 1\n  - 2\n- **a**:\n  - **b**: c\n'],
  ])('%s to %s: %j', async (from, to, content, expected) => {
    expect(await turn(from, to, content)).toBe(expected);
  });
});

describe("a user's transformer", () => {
  const a = (more: Partial<ArtifactSpec> = {}): ArtifactSpec => ({
    name: 'a.txt',
    path: 'a.txt',
    transformTo: 'json',
    ...more,
  });
  const prepare = (own: Transformer[], spec = a()) =>
    prepareArtifact(spec, undefined, {
      sources: place.sources,
      transformers: new Transformers(own),
      limits: { timeMs: 500 },
    });

  test('makes what arrives, from bytes, and both digests are told', async () => {
    await place.file('a.txt', 'hello');
    const made = await prepare([
      transformer('text', 'json', (content, about) => JSON.stringify([content.toString('hex'), about.artifact])),
    ]);
    const bytes = '["68656c6c6f","a.txt"]';
    expect({ ...made!, bytes: made!.bytes.toString() }).toEqual({
      bytes,
      from: 'text',
      to: 'json',
      transformer: 'text_to_json',
      originalSha256: sha256('hello'),
      sha256: sha256(bytes),
    });
  });

  test('takes the place of a built-in one of the same key', async () => {
    expect(await turn('json', 'yaml', '{}', [transformer('json', 'yaml', () => 'mine')])).toBe('mine');
  });

  test('of the same format is not asked: the artifact is as it is', async () => {
    expect(await prepare([], a({ transformTo: 'text' }))).toBeUndefined();
    expect(await prepare([], a({ transformTo: undefined }))).toBeUndefined();
    expect(await prepare([], a({ format: 'yml', transformTo: 'yaml' }))).toBeUndefined();
  });

  const NOTHING = undefined as unknown as string;
  test.each<[string, Transformer['transform'], string]>([
    [
      'throws',
      () => {
        throw new Error('no\nluck');
      },
      'expected text_to_json to work, found its error: no luck',
    ],
    ['returns nothing', () => NOTHING, 'expected text or bytes from text_to_json, found nothing'],
    ['returns a number', () => 7 as unknown as string, 'expected text or bytes from text_to_json, found 7'],
    ['never ends', () => new Promise(() => {}), 'expected text_to_json within 0.5 s, found one that takes longer'],
    [
      'returns too much',
      () => Buffer.alloc((64 << 20) + 1),
      'expected at most 67108864 bytes from text_to_json, found 67108865',
    ],
  ])('that %s is a clear fault', async (_, transform, said) => {
    await place.file('a.txt', 'hello');
    const own = [transformer('text', 'json', transform)];
    await expect(prepare(own)).rejects.toMatchObject({
      code: 'TRANSFORM_FAILED',
      message: `The transformer text_to_json failed: a.txt: ${said}`,
    });
    const { errors } = await place.validate({ 'a.txt': { format: 'json' } }, undefined, {
      transformers: own,
      limits: { timeMs: 500 },
    });
    expect(errors.map((e) => e.message)).toEqual([`a.txt: ${said}`]);
  });

  test('that is not there is named, with those that are', async () => {
    await expect(prepare([], a({ transformTo: 'xml' }))).rejects.toMatchObject({
      code: 'NO_TRANSFORMER',
      message:
        'No transformer available: text_to_xml. There are: csv_to_json, csv_to_markdown, csv_to_yaml, json_to_csv, json_to_markdown, json_to_yaml, yaml_to_csv, yaml_to_json, yaml_to_markdown.',
    });
  });

  test.each([
    ['', 'json'],
    ['a_b/', 'json'],
    ['json', '../x'],
    ['json', '7z'],
  ])('needs formats with a name: %j to %j', (from, to) => {
    expect(() => transformer(from, to, () => '')).toThrow(expect.objectContaining({ code: 'INVALID_ID' }));
    expect(() => new Transformers([{ from, to, transform: () => '' }])).toThrow(/Format .* is not a valid id/);
  });

  test('what it makes is what the contract is looked at by', async () => {
    await place.file('a.txt', 'hello');
    const own = [transformer('text', 'json', (content) => JSON.stringify({ n: content.toString() }))];
    const { errors } = await place.validate(
      { 'a.txt': { format: 'json', schema: { properties: { n: { type: 'number' } } }, required_fields: ['m'] } },
      undefined,
      { transformers: own },
    );
    expect(lines(errors)).toEqual([
      'missing_field a.txt: expected the field m, found an object with n',
      'wrong_type a.txt at /n: expected number, found "hello"',
    ]);
  });
});
