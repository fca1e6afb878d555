import assert from 'node:assert/strict';
import type { HandoffStorage, PipelineHandoffPackage } from './core/package/package.js';
import { HandoffError } from './core/errors.js';
import { newPackageId, sealPackage } from './storage/packages/seal.js';
import type { UnsealedPackage } from './storage/packages/written.js';

export interface StorageSuite {
  /** Of your test runner: `test` or `it` of node:test, vitest, jest, mocha. */
  test: (name: string, run: () => Promise<void>) => unknown;
  /** A new, empty storage. */
  create: () => HandoffStorage | Promise<HandoffStorage>;
}

const MINUTE = 60_000;
const at = (minutesAgo: number): Date => new Date(Date.now() - minutesAgo * MINUTE);

/**
 * The tests that every HandoffStorage must pass, as tests of your runner; they use node:assert alone.
 *
 * ```ts
 * handoffStorageSuite({ test, create: () => new MyStorage() });
 * ```
 */
export function handoffStorageSuite({ test, create }: StorageSuite): void {
  const fresh = async (): Promise<HandoffStorage> => create();

  test('what is saved is loaded as it was: dates, unknown fields, any Unicode, all of it', async () => {
    const storage = await fresh();
    const one = sample({
      metadata: { ...META, expiresAt: new Date(Date.now() + MINUTE), team: { blue: [1, 2, null] } },
    });
    await storage.save(one);
    const loaded = await storage.load(one.id);
    assert.deepEqual(plain(loaded), plain(one));
    assert.ok(loaded?.createdAt instanceof Date && loaded.metadata.expiresAt instanceof Date);
  });

  test('an id that nobody saved is null, and deleting it is false', async () => {
    const storage = await fresh();
    assert.equal(await storage.load(newPackageId()), null);
    assert.equal(await storage.delete(newPackageId()), false);
  });

  test('an empty storage lists nothing', async () => {
    assert.deepEqual(await (await fresh()).list(), []);
  });

  test('what is loaded is a copy: changing it changes nothing that is stored', async () => {
    const storage = await fresh();
    const one = sample();
    await storage.save(one);
    const before = plain(one);
    (await storage.load(one.id))!.context.entries.length = 0;
    one.metadata.reason = 'changed after it was saved';
    assert.deepEqual(plain(await storage.load(one.id)), before);
  });

  test('saving an id again replaces the package', async () => {
    const storage = await fresh();
    const [first, second] = [sample({ id: 'hof-again' }), sample({ id: 'hof-again', cloneId: 'other' })];
    await storage.save(first);
    await storage.save(second);
    assert.equal((await storage.load('hof-again'))?.cloneId, 'other');
    assert.equal((await storage.list()).length, 1);
  });

  test('list: oldest first, whatever the order of the saves', async () => {
    const storage = await fresh();
    const all = [5, 60, 1, 30].map((minutes) => sample({ createdAt: at(minutes) }));
    for (const one of all) await storage.save(one);
    assert.deepEqual(
      idsOf(await storage.list()),
      [all[1]!, all[3]!, all[0]!, all[2]!].map((p) => p.id),
    );
  });

  test('list: by session, clone and time, and by all of them together', async () => {
    const storage = await fresh();
    const old = sample({ sessionId: 'a', cloneId: 'x', createdAt: at(60) });
    const young = sample({ sessionId: 'a', cloneId: 'y', createdAt: at(10) });
    const other = sample({ sessionId: 'b', cloneId: 'x', createdAt: at(5) });
    for (const one of [old, young, other]) await storage.save(one);
    assert.deepEqual(idsOf(await storage.list({ sessionId: 'a' })), [old.id, young.id]);
    assert.deepEqual(idsOf(await storage.list({ cloneId: 'x' })), [old.id, other.id]);
    assert.deepEqual(idsOf(await storage.list({ createdAfter: at(30) })), [young.id, other.id]);
    assert.deepEqual(idsOf(await storage.list({ createdAfter: young.createdAt })), [young.id, other.id]);
    assert.deepEqual(idsOf(await storage.list({ sessionId: 'a', cloneId: 'x', createdAfter: at(30) })), []);
    assert.deepEqual(await storage.list({ sessionId: 'nobody' }), []);
  });

  test('list: by status; without an expiry a package is always active', async () => {
    const storage = await fresh();
    const until = (minutes: number): PipelineHandoffPackage['metadata'] => ({ ...META, expiresAt: at(-minutes) });
    const [never, later, over] = [sample(), sample({ metadata: until(5) }), sample({ metadata: until(-5) })];
    for (const one of [never, later, over]) await storage.save(one);
    assert.deepEqual(idsOf(await storage.list({ status: 'active' })).toSorted(), [never.id, later.id].toSorted());
    assert.deepEqual(idsOf(await storage.list({ status: 'expired' })), [over.id]);
  });

  test('what is deleted is gone, and only that', async () => {
    const storage = await fresh();
    const [one, two] = [sample(), sample()];
    await storage.save(one);
    await storage.save(two);
    assert.equal(await storage.delete(one.id), true);
    assert.equal(await storage.delete(one.id), false);
    assert.equal(await storage.load(one.id), null);
    assert.deepEqual(idsOf(await storage.list()), [two.id]);
  });

  test('an id that is none is refused with INVALID_ID by load and delete', async () => {
    const storage = await fresh();
    for (const id of [
      '../hof-1',
      'hof-../../x',
      'hof-',
      '',
      'hof-a/b',
      'hof-a\0',
      '/etc/passwd',
      `hof-${'a'.repeat(300)}`,
    ]) {
      await assert.rejects(storage.load(id), hasCode('INVALID_ID'), id);
      await assert.rejects(storage.delete(id), hasCode('INVALID_ID'), id);
    }
  });

  test('a package that is not whole is refused, and nothing of it is kept', async () => {
    const storage = await fresh();
    const faulty: [PipelineHandoffPackage, string][] = [
      [{ ...sample(), cloneId: 'changed' }, 'INVALID_PACKAGE'],
      [{ ...sample(), id: '../hof-1' }, 'INVALID_PACKAGE'],
      [{ ...sample(), createdAt: new Date(Number.NaN) }, 'INVALID_PACKAGE'],
      [sample({ metadata: { ...META, version: '2.0.0' } }), 'PACKAGE_VERSION'],
    ];
    for (const [one, code] of faulty) await assert.rejects(storage.save(one), hasCode(code));
    assert.deepEqual(await storage.list(), []);
  });

  test('twenty saves at once, then twenty deletes: none is lost, none is left', async () => {
    const storage = await fresh();
    const all = Array.from({ length: 20 }, (_, i) => sample({ createdAt: at(40 - i) }));
    await Promise.all(all.map((one) => storage.save(one)));
    assert.deepEqual(idsOf(await storage.list()), idsOf(all));
    assert.ok((await Promise.all(all.map((one) => storage.delete(one.id)))).every(Boolean));
    assert.deepEqual(await storage.list(), []);
  });

  test('a load beside saves of the same id sees one of them, whole', async () => {
    const storage = await fresh();
    const versions = Array.from({ length: 8 }, (_, i) => sample({ id: 'hof-raced', cloneId: `clone-${i}` }));
    await storage.save(versions[0]!);
    const loads = versions.map(async (one) => {
      const saved = storage.save(one);
      const seen = await storage.load('hof-raced');
      await saved;
      return seen;
    });
    const known = new Set(versions.map((v) => v.cloneId));
    for (const seen of await Promise.all(loads)) assert.ok(seen && known.has(seen.cloneId));
  });
}

const META = { version: '1.0.0', pipelineVersion: '1.0.0', createdBy: 'system', reason: 'manual' };

/** A small package that is whole. */
function sample(over: Partial<UnsealedPackage> = {}): PipelineHandoffPackage {
  return sealPackage({
    id: newPackageId(),
    sessionId: 'session-1',
    cloneId: 'clone-1',
    createdAt: new Date(),
    sourcePhase: 'analysis',
    targetPhase: 'synthesis',
    context: {
      entries: [
        { key: 'plan', value: '{"steps":[1,2]}', metadata: { source: '@architect', tags: ['design'], own: true } },
        { key: 'naïve/ключ', value: '"Grüße, 世界 🎉\\n"', metadata: { source: '@architect', tags: [] } },
      ],
    },
    checkpoint: { phase: 'analysis', step: 1, totalSteps: 3, status: 'paused', resumePoint: 'analysis:1' },
    metadata: { ...META },
    ...over,
  });
}

const idsOf = (all: readonly PipelineHandoffPackage[]): string[] => all.map((one) => one.id);
/** A package as it is now; a signature that the storage added does not count. */
const plain = (one: PipelineHandoffPackage | null): unknown =>
  one && structuredClone({ ...one, integrity: { ...one.integrity, signature: undefined } });
const hasCode = (code: string) => (error: unknown) => error instanceof HandoffError && error.code === code;
