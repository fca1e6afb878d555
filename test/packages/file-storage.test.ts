import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FileHandoffStorage } from '../../src/storage/packages/file-storage.js';
import { packageOf } from './parts.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'handoff-packages-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('what is saved is loaded as it was', async () => {
  const storage = new FileHandoffStorage(folder);
  const one = packageOf({
    metadata: {
      version: '1.0.0',
      pipelineVersion: '1',
      createdBy: 'x',
      reason: 'y',
      expiresAt: new Date('2030-01-01T00:00:00.000Z'),
    },
  });
  await storage.save(one);
  expect(await storage.load(one.id)).toEqual(one);
  expect(await storage.list()).toEqual([one]);
  expect(await readdir(folder)).toEqual([`${one.id}.json`]);
  expect(await storage.delete(one.id)).toBe(true);
  expect(await storage.load(one.id)).toBeNull();
});
