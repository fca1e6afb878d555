import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { storagePlace } from './place.js';

const place = storagePlace();
const blobs = () => place.storage.blobs;
const folder = () => path.join(place.folder, 'blobs');
const fileOf = (sha256: string) => path.join(folder(), sha256.slice(0, 2), sha256);
const files = () =>
  readdirSync(folder(), { recursive: true, withFileTypes: true })
    .filter((e) => e.isFile())
    .map((e) => e.name);

test('bytes and texts come back as they were, by their digest', async () => {
  const bytes = Buffer.from([0, 255, 10, 13, 0]);
  const ref = await blobs().put(bytes, 'application/octet-stream');
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  expect(ref).toEqual({ uri: `blob:sha256/${sha256}`, sha256, size: 5, mediaType: 'application/octet-stream' });
  expect(await blobs().get(ref)).toEqual(bytes);
  const text = await blobs().put('{"ä":1}', 'application/json');
  expect(text.size).toBe(8);
  expect(await blobs().getJson(text)).toEqual({ ä: 1 });
  const empty = await blobs().put('', 'text/plain');
  expect(await blobs().get(empty)).toHaveLength(0);
});

test('the same bytes, many at once, are one file and leave no part behind', async () => {
  const before = files().length;
  const refs = await Promise.all(Array.from({ length: 20 }, () => blobs().put('the same', 'text/plain')));
  expect(new Set(refs.map((r) => r.uri)).size).toBe(1);
  expect(files()).toHaveLength(before + 1);
});

test('a damaged blob is refused with what was expected and found, and a missing one is named', async () => {
  const ref = await blobs().put('whole', 'text/plain');
  writeFileSync(fileOf(ref.sha256), 'wholx');
  const found = createHash('sha256').update('wholx').digest('hex');
  await expect(blobs().get(ref)).rejects.toMatchObject({
    code: 'CONTENT_DAMAGED',
    params: { uri: ref.uri, expected: ref.sha256, found },
  });
  rmSync(fileOf(ref.sha256));
  await expect(blobs().get(ref)).rejects.toMatchObject({ code: 'CONTENT_MISSING', params: { uri: ref.uri } });
});

test('storing the bytes again mends a blob that was cut short', async () => {
  const ref = await blobs().put('not cut short', 'text/plain');
  truncateSync(fileOf(ref.sha256), 3);
  await expect(blobs().get(ref)).rejects.toMatchObject({ code: 'CONTENT_DAMAGED' });
  await blobs().put('not cut short', 'text/plain');
  expect((await blobs().get(ref)).toString()).toBe('not cut short');
});

test('a reference whose digest is not that of its address is refused', async () => {
  const [a, b] = [await blobs().put('a', 'text/plain'), await blobs().put('b', 'text/plain')];
  await expect(blobs().get({ ...a, uri: b.uri })).rejects.toMatchObject({ code: 'CONTENT_DAMAGED' });
});

test.each(['blob:sha256/../../handoff.db', '/etc/passwd', 'file:///etc/passwd', `blob:sha256/${'A'.repeat(64)}`, ''])(
  'the address %j reaches nothing',
  async (uri) => {
    const ref = { uri, sha256: 'x', size: 1, mediaType: 'text/plain' };
    await expect(blobs().get(ref)).rejects.toMatchObject({ code: 'CONTENT_MISSING' });
  },
);

test('a blob that cannot be written whole leaves nothing behind', async () => {
  const digest = createHash('sha256').update('in the way').digest('hex');
  // A folder stands where the file should go.
  mkdirSync(path.join(fileOf(digest), 'x'), { recursive: true });
  await expect(blobs().put('in the way', 'text/plain')).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
  expect(files().filter((f) => f.includes('.part'))).toEqual([]);
});
