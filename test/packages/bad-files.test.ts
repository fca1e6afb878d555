import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { HandoffError } from '../../src/core/errors.js';
import { FileHandoffStorage, type FileHandoffStorageOptions } from '../../src/storage/packages/file-storage.js';
import { packageBytes } from '../../src/storage/packages/format.js';
import { codeAndText, corner, packageOf } from './parts.js';

const { under } = corner();
const ID = 'hof-1';
const one = packageOf({ id: ID });
const good = packageBytes(one);
const text = good.toString();
/** With one text put for another. */
const put = (from: string | RegExp, to: string): string => {
  const changed = text.replace(from, to);
  if (changed === text) throw new Error(`${String(from)} is not in the package`);
  return changed;
};
const SMALL: FileHandoffStorageOptions = { maxBytes: 5000 };
const SIGNED: FileHandoffStorageOptions = { key: 'right', keyId: 'k2' };

const FILES: [
  what: string,
  content: string | Buffer,
  expected: string | RegExp,
  options?: FileHandoffStorageOptions,
][] = [
  ['empty', '', 'it is empty'],
  ['truncated', good.subarray(0, -20), 'it is not JSON'],
  ['cut in the middle of a character', good.subarray(0, good.indexOf('世') + 1), 'it is not UTF-8'],
  ['no JSON', 'hello', 'it is not JSON'],
  ['a picture', Buffer.from('89504e470d0a1a0a', 'hex'), 'it is not UTF-8'],
  ['another JSON', '[1,2]', 'it is JSON, but no package'],
  ['null', 'null', 'it is JSON, but no package'],
  ['an object of somebody else', '{"name":"handoff"}', 'missing version'],
  [
    'a version that is none',
    put('"version":"1.0.0"', '"version":"one"'),
    'version: "one" is not a version such as 1.0.0',
  ],
  [
    'a field that is missing',
    put('"cloneId":"clone-1",', ''),
    '/cloneId: Invalid input: expected string, received undefined',
  ],
  [
    'a date that is none',
    put('2026-11-20T12:30:00.250Z', '2026-13-20T12:30:00.250Z'),
    '/createdAt: must be a date and time such as 2026-01-31T12:00:00.000Z',
  ],
  [
    'an __proto__ key',
    put('"cloneId"', '"__proto__":{"admin":true},"cloneId"'),
    '/__proto__: the name __proto__ is not allowed',
  ],
  [
    'an __proto__ key inside',
    put('{"createdAt":"2026-11-01', '{"__proto__":1,"createdAt":"2026-11-01'),
    '/context/entries/0/metadata/__proto__: the name __proto__ is not allowed',
  ],
  [
    'half a surrogate pair',
    put('"reason":"manual"', '"reason":"\\ud83d"'),
    '/metadata/reason: it has half of a surrogate pair, which is no Unicode text',
  ],
  [
    'the same, otherwise written',
    put('{"checkpoint"', '{ "checkpoint"'),
    'it is JSON, but not byte for byte what was written',
  ],
  ['a line at the end', `${text}\n`, 'it is JSON, but not byte for byte what was written'],
  ['a byte order mark', `\ufeff${text}`, 'it is not JSON'],
  [
    'an escape that need not be',
    put('"reason":"manual"', '"reason":"\\u006danual"'),
    'it is JSON, but not byte for byte what was written',
  ],
  ['a key twice', put('"cloneId"', '"cloneId":"x","cloneId"'), 'it is JSON, but not byte for byte what was written'],
  [
    'another time zone',
    put('2026-11-20T12:30:00.250Z', '2026-11-20T13:30:00.250+01:00'),
    'it is JSON, but not byte for byte what was written',
  ],
  ['a value that was changed', put('"reason":"manual"', '"reason":"Manual"'), 'its checksum does not match'],
  ['a checkpoint that was changed', put('"step":2', '"step":3'), 'its checksum does not match'],
  ['an entry that was changed', put('rest', 'Rest'), 'its checksum does not match'],
  [
    'a checksum that was changed',
    put(/"checksum":"\w{64}"\},"metadata"/, `"checksum":"${'0'.repeat(64)}"},"metadata"`),
    'its checksum does not match',
  ],
  ['another one’s file', packageBytes(packageOf({ id: 'hof-2' })), 'it is the package "hof-2"'],
  ['a depth bomb', '['.repeat(4000) + ']'.repeat(4000), 'it is more than 100 levels deep'],
  ['a depth bomb with names', '{"a":'.repeat(900), 'it is more than 100 levels deep'],
  ['a bomb of brackets that never end', '['.repeat(50_000_000), 'it is more than 100 levels deep'],
  ['a bomb of small values', `[${'{},'.repeat(9_000_000)}{}]`, 'it has more than 4000000 values'],
  ['not signed', good, 'it is not signed, and only signed ones are taken here', SIGNED],
  [
    'signed with another key of the name',
    packageBytes(one, { key: 'wrong', keyId: 'k2' }),
    'its signature does not match',
    SIGNED,
  ],
  [
    'signed with a key of another name',
    packageBytes(one, { key: 'right', keyId: 'k1' }),
    'it is signed with the key k1, not with k2',
    SIGNED,
  ],
];

test.each(FILES)('%s', async (_, content, expected, options) => {
  const folder = under();
  await mkdir(folder);
  const file = path.join(folder, `${ID}.json`);
  const at = `PACKAGE_DAMAGED: Handoff package ${ID} at ${file} is damaged: `;
  await writeFile(file, content);
  const said = await codeAndText(() => new FileHandoffStorage(folder, options).load(ID));
  expect(said.slice(0, at.length)).toBe(at);
  expect(said.slice(at.length)).toBe(expected);
});

test.each<[string, string | Buffer, string, FileHandoffStorageOptions?]>([
  [
    'another major',
    put('"version":"1.0.0"', '"version":"2.0.0"'),
    'PACKAGE_VERSION: Incompatible handoff version: 2.0.0 (expected 1.0.0)',
  ],
  [
    'one of more than the limit',
    Buffer.alloc(5001, 32),
    'INPUT_TOO_LARGE: Package hof-1 is 5001 bytes; at most 5000 are allowed',
    SMALL,
  ],
])('%s', async (_, content, expected, options) => {
  const folder = under();
  await mkdir(folder);
  await writeFile(path.join(folder, `${ID}.json`), content);
  expect(await codeAndText(() => new FileHandoffStorage(folder, options).load(ID))).toBe(expected);
});

test.each(['1.0', '1.9.3', '1.0.0'])('version %s is read', async (version) => {
  const storage = new FileHandoffStorage(under());
  const old = packageOf({ metadata: { ...one.metadata, version } });
  await storage.save(old);
  expect(await storage.load(old.id)).toEqual(old);
});

test.each<[string, Buffer, string]>([
  ['no gzip', good, 'it cannot be unpacked: incorrect header check'],
  ['a truncated one', gzipSync(good).subarray(0, 100), 'it cannot be unpacked: unexpected end of file'],
  ['a bomb', gzipSync(Buffer.alloc(4_000_000, '[')), 'it unpacks to more than 5000 bytes'],
])('compressed: %s', async (_, content, why) => {
  const folder = under();
  await mkdir(folder);
  const file = path.join(folder, `${ID}.json.gz`);
  await writeFile(file, content);
  const said = await codeAndText(() => new FileHandoffStorage(folder, SMALL).load(ID));
  expect(said).toBe(`PACKAGE_DAMAGED: Handoff package ${ID} at ${file} is damaged: ${why}`);
});

test('what is no file is named, nobody waits for it, and no link is followed', async () => {
  const folder = under();
  await mkdir(path.join(folder, 'hof-folder.json'), { recursive: true });
  execFileSync('mkfifo', [path.join(folder, 'hof-pipe.json')]);
  await writeFile(path.join(folder, '..', 'elsewhere.json'), good);
  await symlink('../elsewhere.json', path.join(folder, 'hof-link.json'));
  await symlink('nowhere', path.join(folder, 'hof-nowhere.json'));
  await symlink('hof-circle.json', path.join(folder, 'hof-circle.json'));
  await symlink('.hof-1.json.0.part', path.join(folder, '.hof-1.json.0.part'));
  const reported: HandoffError[] = [];
  const storage = new FileHandoffStorage(folder, { onDamaged: (error) => void reported.push(error) });
  await storage.save(one);
  const odd = [
    ['hof-circle', 'it is a symbolic link'],
    ['hof-folder', 'it is not a file'],
    ['hof-link', 'it is a symbolic link'],
    ['hof-nowhere', 'it is a symbolic link'],
    ['hof-pipe', 'it is not a file'],
  ] as const;
  for (const [id, why] of odd) expect(await codeAndText(() => storage.load(id))).toContain(`is damaged: ${why}`);
  expect((await storage.list()).map((p) => p.id)).toEqual([ID]);
  expect(reported.map((e) => e.params['package'])).toEqual(odd.map(([id]) => id));

  // Deleting takes the link, not what it leads to.
  for (const [id] of odd.filter(([i]) => i !== 'hof-folder')) expect(await storage.delete(id)).toBe(true);
  expect(existsSync(path.join(folder, '..', 'elsewhere.json'))).toBe(true);
  const refused = await codeAndText(() => storage.delete('hof-folder'));
  expect(refused).toMatch(/^DESTINATION_NOT_WRITABLE: Nothing can be written at .*hof-folder\.json: E/);
});

test('list leaves out what is damaged, reports each of them, and has all the others', async () => {
  const folder = under();
  const reported: HandoffError[] = [];
  const storage = new FileHandoffStorage(folder, { onDamaged: (error) => void reported.push(error) });
  const whole = [packageOf(), packageOf()];
  for (const p of whole) await storage.save(p);
  await writeFile(path.join(folder, 'hof-cut.json'), good.subarray(0, 50));
  await writeFile(path.join(folder, 'hof-later.json'), put('"version":"1.0.0"', '"version":"2.0.0"'));
  await writeFile(path.join(folder, 'notes.txt'), 'not ours');
  await writeFile(path.join(folder, '.hof-x.json.1234.part'), 'left by a killed save');
  expect((await storage.list()).map((p) => p.id)).toEqual(whole.map((p) => p.id));
  expect(reported.map((e) => e.code)).toEqual(['PACKAGE_DAMAGED', 'PACKAGE_VERSION']);
  const seen: string[] = [];
  for await (const { id, error } of storage.inspect()) seen.push(error ? `${id} ${error.code}` : id);
  expect(seen).toEqual([...whole.map((p) => p.id), 'hof-cut PACKAGE_DAMAGED', 'hof-later PACKAGE_VERSION'].toSorted());
});

test('without a callback the process is warned', async () => {
  const folder = under();
  await mkdir(folder);
  await writeFile(path.join(folder, `${ID}.json`), 'x');
  const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
  expect(await new FileHandoffStorage(folder).list()).toEqual([]);
  expect((await warned).message).toContain('Handoff package hof-1 at ');
});

test('bad filters are refused', async () => {
  const storage = new FileHandoffStorage(under());
  expect(await codeAndText(() => storage.list({ status: 'old' as 'active' }))).toBe(
    'INVALID_REQUEST: The handoff request is not valid: /status: must be one of active, expired',
  );
  expect(await codeAndText(() => storage.list({ createdAfter: 'now' as unknown as Date }))).toBe(
    'INVALID_REQUEST: The handoff request is not valid: /createdAfter: must be a Date',
  );
});
