import { existsSync } from 'node:fs';
import { readdir, readFile, rename, rm, utimes } from 'node:fs/promises';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { FileHandoffStorage } from '../../src/storage/packages/file-storage.js';
import { packageBytes } from '../../src/storage/packages/format.js';
import { lookInto, openStorage } from '../../src/storage/storage.js';
import { codeAndText, corner, packageOf } from './parts.js';

const { under } = corner();
const large = packageOf({ id: 'hof-1', checkpoint: { ...packageOf().checkpoint, notes: 'x'.repeat(5000) } });
const small = packageOf({ id: 'hof-1' });

test('a file is the canonical JSON; over the set size it is that, compressed', async () => {
  const folder = under();
  const storage = new FileHandoffStorage(folder, { compressOver: 4000 });
  const other = packageOf({ id: 'hof-2' });
  await storage.save(large);
  await storage.save(other);
  expect((await readdir(folder)).toSorted()).toEqual(['hof-1.json.gz', 'hof-2.json']);
  const packed = await readFile(path.join(folder, 'hof-1.json.gz'));
  expect(packed.length).toBeLessThan(1500);
  expect(gunzipSync(packed).equals(packageBytes(large))).toBe(true);
  expect((await readFile(path.join(folder, 'hof-2.json'))).equals(packageBytes(other))).toBe(true);
});

test.each([
  ['plain', small, large, 'hof-1.json'],
  ['compressed', large, small, 'hof-1.json.gz'],
])('what is saved again stays %s, and delete leaves nothing', async (_, first, second, name) => {
  const folder = under();
  const storage = new FileHandoffStorage(folder, { compressOver: 4000 });
  await storage.save(first);
  await storage.save(second);
  expect(await readdir(folder)).toEqual([name]);
  expect(await storage.load('hof-1')).toEqual(second);
  expect(await storage.delete('hof-1')).toBe(true);
  expect(await readdir(folder)).toEqual([]);
});

test('of two forms, as two first saves at once may leave them, the later one counts; delete removes both', async () => {
  const folder = under();
  await new FileHandoffStorage(folder).save(small);
  await new FileHandoffStorage(path.join(folder, 'x'), { compressOver: 0 }).save(large);
  await rename(path.join(folder, 'x', 'hof-1.json.gz'), path.join(folder, 'hof-1.json.gz'));
  await rm(path.join(folder, 'x'), { recursive: true });
  const storage = new FileHandoffStorage(folder);
  for (const [file, later] of [
    ['hof-1.json', large],
    ['hof-1.json.gz', small],
  ] as const) {
    await utimes(path.join(folder, 'hof-1.json'), 2e9, 2e9);
    await utimes(path.join(folder, 'hof-1.json.gz'), 2e9, 2e9);
    await utimes(path.join(folder, file), 1e9, 1e9);
    expect(await storage.load('hof-1')).toEqual(later);
    expect(await storage.list()).toEqual([later]);
  }
  expect(await storage.delete('hof-1')).toBe(true);
  expect(await readdir(folder)).toEqual([]);
});

test('a signed file is read without a key, and with the right one only', async () => {
  const folder = under();
  await new FileHandoffStorage(folder, { key: 'right', keyId: 'k1' }).save(small);
  const loaded = await new FileHandoffStorage(folder).load('hof-1');
  expect(loaded?.integrity.signature).toMatchObject({ algorithm: 'hmac-sha256', keyId: 'k1' });
  expect(await new FileHandoffStorage(folder, { key: 'right' }).load('hof-1')).toEqual(loaded);
  expect(await codeAndText(() => new FileHandoffStorage(folder, { key: 'wrong' }).load('hof-1'))).toContain(
    'its signature does not match',
  );
});

test('the engine has them below its folder; who may only look reads them and writes none', async () => {
  const folder = under();
  const storage = await openStorage({ folder });
  try {
    await storage.look(async (view) => {
      expect(await view.packages.list()).toEqual([]);
      expect(await codeAndText(() => view.packages.save(small))).toMatch(/^INTERNAL: .* in a dry run$/);
    });
    expect(existsSync(path.join(folder, 'packages'))).toBe(false);
    await storage.packages.save(small);
    expect(await readdir(path.join(folder, 'packages'))).toEqual(['hof-1.json']);
  } finally {
    await storage.close();
  }
  await lookInto({ folder }, async (view) => {
    expect(await view.packages.load('hof-1')).toEqual(small);
    expect(await codeAndText(() => view.packages.delete('hof-1'))).toMatch(/^INTERNAL: /);
  });
  expect(await readdir(path.join(folder, 'packages'))).toEqual(['hof-1.json']);
});
