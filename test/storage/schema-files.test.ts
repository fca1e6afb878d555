import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readSchemaFiles } from '../../src/storage/schema-files.js';

let base: string;
let one: string;
let two: string;

beforeEach(async () => {
  base = await mkdtemp(path.join(tmpdir(), 'handoff-schemas-'));
  [one, two] = [path.join(base, 'one'), path.join(base, 'two')];
  await mkdir(one);
  await mkdir(two);
});
afterEach(() => rm(base, { recursive: true, force: true }));

/** A folder as it is told: from where one stands, where that is shorter. */
const seen = (folder: string): string => {
  const from = path.relative('.', folder);
  return from.length < folder.length ? from : folder;
};
const write = (folder: string, name: string, content: unknown): Promise<void> =>
  writeFile(path.join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
const readAll = (...names: string[]): ReturnType<typeof readSchemaFiles> => readSchemaFiles(names, [one, two]);
/** Why the one file could not be read. */
async function faultOf(name: string): Promise<string> {
  const { schemas, faults } = await readAll(name);
  expect(schemas).toEqual({});
  expect(faults).toHaveLength(1);
  return faults[0]!.why;
}

test('JSON and YAML are read, from the first folder that has the name', async () => {
  await write(one, 'a.json', { title: 'one' });
  await write(two, 'a.json', { title: 'two' });
  await write(two, 'b.yaml', 'title: b\ntype: object\n');
  await write(two, 'c.json', 'true');
  await write(two, 'd.json', '\uFEFF{"title": "marked"}');
  expect(await readAll('a.json', 'b.yaml', 'c.json', 'd.json')).toEqual({
    schemas: {
      'a.json': { title: 'one' },
      'b.yaml': { title: 'b', type: 'object' },
      'c.json': true,
      'd.json': { title: 'marked' },
    },
    faults: [],
  });
});

test('what is nowhere is said to be missing, with the folders', async () => {
  expect(await readAll('a.json')).toEqual({
    schemas: {},
    faults: [{ root: 'a.json', name: 'a.json', missing: true, why: `is not in ${seen(one)}, ${seen(two)}` }],
  });
  expect((await readSchemaFiles(['a.json'], [])).faults[0]!.why).toBe('is not in any folder');
  expect((await readSchemaFiles(['a.json'], [path.join(base, 'none')])).faults[0]!.missing).toBe(true);
});

describe('what cannot be used', () => {
  test.each([
    ['a.json', '{"a": }', 'a.json is not valid JSON: line 1, column 7: Unexpected token'],
    ['a.json', '', 'a.json is not valid JSON: it is empty'],
    ['a.yaml', 'a: [', /^a\.yaml is not valid YAML: line 1, column 5: /],
    ['a.json', '[]', 'it is no JSON Schema: an object, true or false'],
    ['a.json', '"text"', 'it is no JSON Schema: an object, true or false'],
    ['a.yaml', 'only words', 'it is no JSON Schema: an object, true or false'],
    ['a.json', `{"x":${'{"x":'.repeat(100)}1${'}'.repeat(101)}`, 'The schema is nested more than 64 levels deep'],
    ['a.json', '{"__proto__": {}}', 'the name __proto__ is not allowed'],
  ])('%s with %.20s', async (name, content, why) => {
    await write(one, name, content);
    expect(await faultOf(name)).toMatch(why);
  });

  test('more than a megabyte, alone', async () => {
    await write(one, 'a.json', { description: 'x'.repeat(1024 * 1024) });
    expect(await faultOf('a.json')).toMatch(/^a\.json is 10\d+ bytes; at most 1048576 are allowed$/);
  });

  test('more than sixteen megabytes, together', async () => {
    const names = Array.from({ length: 18 }, (_, i) => `s${i}.json`);
    for (const name of names) await write(one, name, { description: 'x'.repeat(1_000_000) });
    const { schemas, faults } = await readAll(...names);
    expect(Object.keys(schemas)).toHaveLength(16);
    expect(faults.map((f) => f.why)).toEqual(Array(2).fill('the schema files together are more than 16777216 bytes'));
  });

  test('a folder, a pipe that nobody writes to, a link to a device', async () => {
    await mkdir(path.join(one, 'folder.json'));
    execFileSync('sh', ['-c', 'mkfifo "$0"', path.join(one, 'pipe.json')]);
    await symlink('/dev/zero', path.join(one, 'zero.json'));
    expect(await faultOf('folder.json')).toBe('folder.json is not a file');
    expect(await faultOf('pipe.json')).toBe('pipe.json is not a file');
    expect(await faultOf('zero.json')).toBe(`zero.json is a symbolic link that leads out of ${seen(one)}`);
  });
});

describe('symbolic links', () => {
  test('that lead out of the folder are refused, even into the next folder', async () => {
    await write(base, 'secret.json', { title: 'secret' });
    await write(two, 'of-two.json', { title: 'two' });
    await symlink('../secret.json', path.join(one, 'a.json'));
    await symlink('../two/of-two.json', path.join(one, 'b.json'));
    await symlink('a.json', path.join(one, 'c.json'));
    for (const name of ['a.json', 'b.json', 'c.json'])
      expect(await faultOf(name)).toBe(`${name} is a symbolic link that leads out of ${seen(one)}`);
  });

  test('within the folder are followed, and so is one to the folder itself', async () => {
    await write(one, 'a.json', { title: 'a' });
    await symlink('a.json', path.join(one, 'b.json'));
    await symlink(one, path.join(base, 'link'));
    expect((await readSchemaFiles(['b.json'], [path.join(base, 'link')])).schemas).toEqual({
      'b.json': { title: 'a' },
    });
  });

  test('that lead round and round read as missing', async () => {
    await symlink('b.json', path.join(one, 'a.json'));
    await symlink('a.json', path.join(one, 'b.json'));
    expect((await readAll('a.json')).faults[0]!.missing).toBe(true);
  });
});

describe('what schemas refer to', () => {
  test('comes along, from the same folder first, through files that refer to each other', async () => {
    await write(two, 'a.json', { $ref: 'b.json#/$defs/x', properties: { c: { $ref: './c.yaml' } } });
    await write(two, 'b.json', { title: 'two', $defs: { x: { items: [{ $ref: 'a.json' }] } } });
    await write(one, 'b.json', { title: 'one' });
    await write(one, 'c.yaml', 'title: c');
    const { schemas, faults } = await readAll('a.json');
    expect(faults).toEqual([]);
    expect(Object.keys(schemas).toSorted()).toEqual(['a.json', 'b.json', 'c.yaml']);
    expect(schemas['b.json']).toMatchObject({ title: 'two' });
  });

  test('from an inline schema too', async () => {
    await write(one, 'b.json', { title: 'b' });
    const inline = new Map([
      ['/a', { $ref: 'b.json' }],
      ['/c', { $ref: 'none.json' }],
    ]);
    const { schemas, faults } = await readSchemaFiles([], [one], inline);
    expect(schemas).toEqual({ 'b.json': { title: 'b' } });
    expect(faults).toEqual([{ root: '/c', name: 'none.json', missing: true, why: `is not in ${seen(one)}` }]);
  });

  test('and is not there, is missing for the one that the contract names', async () => {
    await write(one, 'a.json', { $ref: 'b.json' });
    await write(one, 'b.json', { $ref: 'c.json' });
    expect((await readAll('a.json')).faults).toMatchObject([{ root: 'a.json', name: 'c.json', missing: true }]);
  });

  test('on the web, in folders and above is not looked for', async () => {
    await write(base, 'up.json', { title: 'up' });
    const refs = [
      'https://example.com/x.json',
      'file:///etc/passwd',
      '../up.json',
      'sub/x.json',
      '/etc/passwd',
      '#/$defs/a',
      '#',
    ];
    await write(one, 'a.json', { anyOf: refs.map(($ref) => ({ $ref })) });
    const { schemas, faults } = await readAll('a.json');
    expect([Object.keys(schemas), faults]).toEqual([['a.json'], []]);
  });

  test('a chain without end is cut', async () => {
    for (let i = 0; i < 2010; i++) await write(one, `s${i}.json`, { $ref: `s${i + 1}.json` });
    const { schemas, faults } = await readAll('s0.json');
    expect(Object.keys(schemas)).toHaveLength(2000);
    expect(faults.map((f) => f.why)).toEqual(['a contract may need 2000 schema files at most']);
  });
});
