import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { HandoffError } from '../../src/core/errors.js';
import type { PipelineHandoffPackage } from '../../src/core/package/package.js';
import { FileHandoffStorage } from '../../src/storage/packages/file-storage.js';
import { decodePackage, packageBytes } from '../../src/storage/packages/format.js';
import { corner, packageOf } from './parts.js';

const { under } = corner();
const FLIPS = 10_000;
const OURS = ['INVALID_PACKAGE', 'PACKAGE_VERSION', 'PACKAGE_DAMAGED', 'INPUT_TOO_LARGE'];

const seed = Number(process.env['HANDOFF_SEED'] ?? Date.now() % 1_000_000);
let state = seed;
/** The same numbers for the same seed. */
function below(n: number): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * n);
}

const flipped = (bytes: Buffer, bit: number): Buffer => {
  const copy = Buffer.from(bytes);
  copy[bit >> 3]! ^= 1 << (bit & 7);
  return copy;
};

/** What a reader makes of bytes: the package, or the code of our error; anything else fails the test. */
function readAs(read: () => PipelineHandoffPackage): PipelineHandoffPackage | string {
  try {
    return read();
  } catch (error) {
    if (error instanceof HandoffError && OURS.includes(error.code)) return error.code;
    throw error;
  }
}

const SOME = [
  packageOf({
    id: 'hof-1',
    metadata: { version: '1.0.0', pipelineVersion: '2', createdBy: 'x', reason: '', expiresAt: new Date(4e12) },
  }),
  packageOf({
    id: 'hof-2',
    context: { entries: [] },
    checkpoint: { ...packageOf().checkpoint, own: [1e21, 0.1, null, true, { a: '\u0000"\\' }] },
  }),
  packageOf({
    id: 'hof-3',
    context: {
      entries: Array.from({ length: 40 }, (_, i) => ({
        key: `k${i}`,
        value: `"${i}-é-😀"`,
        metadata: { source: 's', tags: ['a', 'b'] },
      })),
    },
  }),
];

test(`${FLIPS} random bits of stored packages: every flip is detected (seed ${seed})`, () => {
  const stored = SOME.map((one) => packageBytes(one));
  const missed: string[] = [];
  for (let n = 0; n < FLIPS; n++) {
    const bytes = stored[n % stored.length]!;
    const bit = below(bytes.length * 8);
    const found = readAs(() => decodePackage(flipped(bytes, bit)));
    if (typeof found !== 'string') missed.push(`package ${n % stored.length}, bit ${bit}`);
  }
  expect(missed).toEqual([]);
});

test(`every single bit of a small package (seed ${seed})`, () => {
  const bytes = packageBytes(packageOf({ id: 'hof-4', context: { entries: [] } }));
  const missed = Array.from({ length: bytes.length * 8 }, (_, bit) => bit).filter(
    (bit) => typeof readAs(() => decodePackage(flipped(bytes, bit))) !== 'string',
  );
  expect(missed).toEqual([]);
});

test(`${FLIPS / 2} random bits of compressed packages: detected, or nothing else is loaded (seed ${seed})`, () => {
  const missed: string[] = [];
  const detected = new Set<string>();
  const stored = SOME.map((one) => gzipSync(packageBytes(one)));
  for (let n = 0; n < FLIPS / 2; n++) {
    const bytes = stored[n % stored.length]!;
    const bit = below(bytes.length * 8);
    let unpacked: Buffer;
    try {
      unpacked = gunzipSync(flipped(bytes, bit), { maxOutputLength: 1 << 20 });
    } catch {
      detected.add('gunzip');
      continue;
    }
    const found = readAs(() => decodePackage(unpacked));
    if (typeof found === 'string') detected.add(found);
    else if (!isDeepStrictEqual(found, SOME[n % SOME.length])) missed.push(`package ${n % stored.length}, bit ${bit}`);
  }
  expect(missed).toEqual([]);
  expect(detected).toContain('gunzip');
});

test.each([
  ['plain', {}],
  ['compressed', { compressOver: 0 }],
  ['signed', { key: 'k' }],
])(`300 bits of %s files, through the storage (seed ${seed})`, async (_, options) => {
  const folder = under();
  const storage = new FileHandoffStorage(folder, options);
  const one = SOME[2]!;
  await storage.save(one);
  const whole = await storage.load(one.id);
  const file = path.join(folder, `${one.id}.json${'compressOver' in options ? '.gz' : ''}`);
  const bytes = await readFile(file);
  const missed: number[] = [];
  for (let n = 0; n < 300; n++) {
    const bit = below(bytes.length * 8);
    await writeFile(file, flipped(bytes, bit));
    const found: unknown = await storage.load(one.id).catch((error: unknown) => error);
    const detected = found instanceof HandoffError && OURS.includes(found.code);
    if (!detected && !(file.endsWith('.gz') && isDeepStrictEqual(found, whole))) missed.push(bit);
  }
  expect(missed).toEqual([]);
});
