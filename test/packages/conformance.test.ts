import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import type { HandoffStorage, PackageFilter, PipelineHandoffPackage } from '../../src/core/package/package.js';
import { FileHandoffStorage, type FileHandoffStorageOptions } from '../../src/storage/packages/file-storage.js';
import { checkPackageFilter, fitsPackageFilter } from '../../src/storage/packages/filter.js';
import { decodePackage, packageBytes } from '../../src/storage/packages/format.js';
import { checkedPackageId } from '../../src/storage/packages/seal.js';
import { handoffStorageSuite } from '../../src/testing.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'handoff-packages-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let count = 0;
const files = (options: FileHandoffStorageOptions) => (): HandoffStorage =>
  new FileHandoffStorage(path.join(folder, String(++count), 'not', 'there yet'), options);

/** What an adapter looks like. */
class MemoryStorage implements HandoffStorage {
  private readonly kept = new Map<string, Buffer>();

  async save(handoff: PipelineHandoffPackage): Promise<void> {
    const bytes = packageBytes(handoff);
    this.kept.set(handoff.id, bytes);
  }
  async load(id: string): Promise<PipelineHandoffPackage | null> {
    const bytes = this.kept.get(checkedPackageId(id));
    return bytes ? decodePackage(bytes) : null;
  }
  async list(filter: PackageFilter = {}): Promise<PipelineHandoffPackage[]> {
    checkPackageFilter(filter);
    return [...this.kept.values()]
      .map((bytes) => decodePackage(bytes))
      .filter((one) => fitsPackageFilter(one, filter))
      .toSorted((a, b) => a.createdAt.getTime() - b.createdAt.getTime());
  }
  async delete(id: string): Promise<boolean> {
    return this.kept.delete(checkedPackageId(id));
  }
}

describe.each<[string, () => HandoffStorage]>([
  ['files', files({})],
  ['compressed files', files({ compressOver: 0 })],
  ['files, some of them compressed', files({ compressOver: 1170 })],
  ['signed files', files({ key: 'a secret', keyId: 'k1' })],
  ['memory', () => new MemoryStorage()],
])('%s', (_, create) => {
  handoffStorageSuite({ test, create });
});
