import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { PipelineHandoffPackage } from '../../src/core/package/package.js';
import { FileHandoffStorage } from '../../src/storage/packages/file-storage.js';
import { packageFault, sealPackage } from '../../src/storage/packages/seal.js';
import { codeAndText, corner, packageOf } from './parts.js';

const { under } = corner();
const one = packageOf({ id: 'hof-1' });
const { metadata, checkpoint, context } = one;
const as = (value: unknown): PipelineHandoffPackage => value as PipelineHandoffPackage;
const with_ = (more: object): PipelineHandoffPackage => as({ ...one, ...more });
const cycle: Record<string, unknown> = {};
cycle['self'] = cycle;

test.each<[string, PipelineHandoffPackage, string]>([
  ['nothing', as(undefined), 'INVALID_PACKAGE: Invalid handoff: a package is an object'],
  ['a text', as('{}'), 'INVALID_PACKAGE: Invalid handoff: a package is an object'],
  ['no fields', as({}), 'INVALID_PACKAGE: Invalid handoff: missing version'],
  [
    'no version',
    with_({ metadata: { ...metadata, version: undefined } }),
    'INVALID_PACKAGE: Invalid handoff: missing version',
  ],
  [
    'a version that is a number',
    with_({ metadata: { ...metadata, version: 1 } }),
    'INVALID_PACKAGE: Invalid handoff: version: number is not a version such as 1.0.0',
  ],
  [
    'another major',
    with_({ metadata: { ...metadata, version: '2.0.0' } }),
    'PACKAGE_VERSION: Incompatible handoff version: 2.0.0 (expected 1.0.0)',
  ],
  [
    'an id of another kind',
    with_({ id: 'ho_1' }),
    'INVALID_PACKAGE: Invalid handoff: /id: must be hof- and then letters, digits, ".", "_" or "-", at most 128',
  ],
  [
    'an id that leaves the folder',
    with_({ id: 'hof-../../x' }),
    'INVALID_PACKAGE: Invalid handoff: /id: must be hof- and then letters, digits, ".", "_" or "-", at most 128',
  ],
  [
    'a date that is a text',
    with_({ createdAt: '2026-11-20T12:30:00.250Z' }),
    'INVALID_PACKAGE: Invalid handoff: /createdAt: must be a Date',
  ],
  [
    'an expiry that is none',
    with_({ metadata: { ...metadata, expiresAt: new Date(Number.NaN) } }),
    'INVALID_PACKAGE: Invalid handoff: /metadata/expiresAt: must be a Date',
  ],
  [
    'two faults',
    with_({ checkpoint: { ...checkpoint, step: -1, status: 'done' } }),
    'INVALID_PACKAGE: Invalid handoff: /checkpoint/step: Too small: expected number to be >=0; /checkpoint/status: Invalid option: expected one of "paused"|"completed"|"error"',
  ],
  [
    'no integrity',
    with_({ integrity: undefined }),
    'INVALID_PACKAGE: Invalid handoff: /integrity/algorithm: Invalid input: expected "sha256"; /integrity/checksum: Invalid input: expected string, received undefined',
  ],
  [
    'changed after it was sealed',
    with_({ sourcePhase: 'generation' }),
    'INVALID_PACKAGE: Invalid handoff: its checksum does not match',
  ],
  ['NaN', with_({ own: [Number.NaN] }), 'INVALID_PACKAGE: Invalid handoff: /own/0: NaN is not JSON'],
  ['a BigInt', with_({ own: 1n }), 'INVALID_PACKAGE: Invalid handoff: /own: a bigint is not JSON'],
  ['a function', with_({ own: () => 1 }), 'INVALID_PACKAGE: Invalid handoff: /own: a function is not JSON'],
  [
    'undefined in a list',
    with_({ own: [undefined] }),
    'INVALID_PACKAGE: Invalid handoff: /own/0: a list cannot hold undefined',
  ],
  [
    'a date where a text is',
    with_({ own: new Date() }),
    'INVALID_PACKAGE: Invalid handoff: /own: only plain objects and lists come back as they were',
  ],
  [
    'a class of its own',
    with_({ own: new Map() }),
    'INVALID_PACKAGE: Invalid handoff: /own: only plain objects and lists come back as they were',
  ],
  [
    'a cycle',
    with_({ own: cycle }),
    `INVALID_PACKAGE: Invalid handoff: /own${'/self'.repeat(99)}: more than 100 levels deep`,
  ],
  [
    'half a surrogate pair',
    with_({ own: 'x\ud800' }),
    'INVALID_PACKAGE: Invalid handoff: /own: it has half of a surrogate pair, which is no Unicode text',
  ],
  [
    'half a pair in an entry',
    with_({ context: { ...context, entries: [{ ...context.entries[0], value: '\udc00' }] } }),
    'INVALID_PACKAGE: Invalid handoff: /context/entries/0/value: it has half of a surrogate pair, which is no Unicode text',
  ],
  [
    'an __proto__ key',
    as(JSON.parse(`{"__proto__":{"admin":true}}`, (k, v: unknown) => (k === '' ? { ...one, own: v } : v))),
    'INVALID_PACKAGE: Invalid handoff: /own/__proto__: the name __proto__ is not allowed',
  ],
])('save refuses %s, and writes nothing', async (_, bad, expected) => {
  const folder = under();
  expect(await codeAndText(() => new FileHandoffStorage(folder).save(bad))).toBe(expected);
  expect(existsSync(folder)).toBe(false);
});

test('save refuses what is too large for a load', async () => {
  const folder = under();
  const storage = new FileHandoffStorage(folder, { maxBytes: 500 });
  expect(await codeAndText(() => storage.save(one))).toMatch(
    /^INPUT_TOO_LARGE: Package hof-1 is \d+ bytes; at most 500 /,
  );
  expect(existsSync(folder)).toBe(false);
});

test('a context whose size or checksum is not that of its entries', async () => {
  const { integrity: _, ...unsealed } = one;
  const stale = { ...context, size: 1 };
  expect(packageFault({ ...one, context: { ...context, size: 1 } })).toBe('its checksum does not match');
  expect(sealPackage({ ...unsealed, context: stale })).toEqual(one);
});

test('a folder that is a file, and one that nobody may write', async () => {
  const file = under();
  await writeFile(file, '');
  const storage = new FileHandoffStorage(file);
  expect(await codeAndText(() => storage.save(one))).toBe(
    `DESTINATION_NOT_WRITABLE: Nothing can be written at ${path.join(file, 'hof-1.json')}: EEXIST.`,
  );
  expect(await codeAndText(() => storage.list())).toBe(
    `STORAGE_DAMAGED: The storage at ${file} cannot be read: ENOTDIR`,
  );
  expect(await storage.load('hof-1')).toBeNull();
  expect(await codeAndText(() => new FileHandoffStorage('/proc').save(one))).toMatch(
    /^DESTINATION_NOT_WRITABLE: .*\/proc/,
  );
});
