import assert from 'node:assert/strict';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ContextEntrySerialized, PipelineHandoffPackage } from '../../src/core/package/package.js';
import { FileHandoffStorage } from '../../src/storage/packages/file-storage.js';
import { decodePackage, packageBytes } from '../../src/storage/packages/format.js';
import { newPackageId, packageFault, sealPackage } from '../../src/storage/packages/seal.js';
import type { UnsealedPackage } from '../../src/storage/packages/written.js';
import { seeded } from '../properties/seed.js';
import { corner } from './parts.js';

const { under } = corner();
const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
const date = fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true });
const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(1e21, 1e-7, 2 ** 53, 5e-324),
);
/** RFC 8785 has one zero. */
const positiveZero = number.map((n) => (n === 0 ? 0 : n));
const json = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: 'small' },
    text,
    positiveZero,
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('any'), { maxLength: 4 }),
    fc.dictionary(
      text.filter((k) => k !== '__proto__'),
      tie('any'),
      { maxKeys: 4, noNullPrototype: true },
    ),
  ),
})).any;

const KNOWN = [
  'id',
  'sessionId',
  'cloneId',
  'createdAt',
  'sourcePhase',
  'targetPhase',
  'context',
  'checkpoint',
  'metadata',
  'integrity',
  'version',
  'sourceAgent',
  'targetAgent',
  'priority',
  'status',
  'instructions',
  'trace',
  'expiresAt',
  'entries',
  'size',
  'checksum',
  'artifacts',
  'workingDirectory',
  'userRequest',
  'decisions',
  'custom',
  'source',
  'tags',
  'updatedAt',
  'key',
  'value',
  'phase',
  'step',
  'totalSteps',
  'resumePoint',
  'pipelineVersion',
  'createdBy',
  'reason',
  '__proto__',
];
/** Fields that the format does not know. */
const unknown = fc.dictionary(
  name.filter((k) => !KNOWN.includes(k)),
  json,
  { maxKeys: 3, noNullPrototype: true },
);
const and = <T extends object>(fields: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.tuple(fields, unknown).map(([known, more]) => ({ ...more, ...known }));

const entry = and(
  fc.record({
    key: name,
    value: json.map((v) => JSON.stringify(v)),
    metadata: and(fc.record({ source: text, tags: fc.array(text, { maxLength: 3 }) })),
  }),
) as fc.Arbitrary<ContextEntrySerialized>;

const anyPackage: fc.Arbitrary<UnsealedPackage> = and(
  fc.record({
    id: fc.constant('').map(() => newPackageId()),
    sessionId: name,
    cloneId: text,
    createdAt: date,
    sourcePhase: name,
    targetPhase: name,
    context: and(fc.record({ entries: fc.array(entry, { maxLength: 5 }) })),
    checkpoint: and(
      fc.record({
        phase: name,
        step: fc.nat(),
        totalSteps: fc.nat(),
        status: fc.constantFrom('paused' as const, 'completed' as const, 'error' as const),
        resumePoint: text,
      }),
    ),
    metadata: and(
      fc.record(
        { version: fc.constant('1.0.0'), pipelineVersion: text, createdBy: text, reason: text, expiresAt: date },
        { requiredKeys: ['version', 'pipelineVersion', 'createdBy', 'reason'] },
      ),
    ),
  }),
);

/** Vitest's toStrictEqual takes a field named `constructor` for the object's class. */
const same: (found: unknown, expected: unknown) => void = assert.deepStrictEqual;

test('package → bytes → package is the identity, unknown fields included', () => {
  fc.assert(
    fc.property(anyPackage, (unsealed) => {
      const one = sealPackage(unsealed);
      expect(packageFault(one)).toBeUndefined();
      const bytes = packageBytes(one);
      const back = decodePackage(bytes);
      same(back, one);
      expect(packageBytes(back).equals(bytes)).toBe(true);
    }),
    seeded(500),
  );
});

test.each([
  ['plain', {}],
  ['compressed', { compressOver: 0 }],
])('package → %s file → package is the identity', async (_, options) => {
  const storage = new FileHandoffStorage(under(), options);
  await fc.assert(
    fc.asyncProperty(anyPackage, async (unsealed) => {
      const one = sealPackage(unsealed);
      await storage.save(one);
      same(await storage.load(one.id), one);
    }),
    seeded(100),
  );
});

test('the order of fields does not matter, and what is set on receipt is not stored', async () => {
  const [one] = fc.sample(anyPackage, 1) as [UnsealedPackage];
  const turned = Object.fromEntries(Object.entries(one).toReversed()) as unknown as UnsealedPackage;
  expect(sealPackage(turned).integrity).toEqual(sealPackage(one).integrity);
  const received: PipelineHandoffPackage = sealPackage(one);
  received.integrity = { ...received.integrity, verifiedAt: new Date(), valid: true };
  same(decodePackage(packageBytes(received)), sealPackage(one));
});

test('minus zero is zero, as RFC 8785 has it', () => {
  const [one] = fc.sample(anyPackage, 1) as [UnsealedPackage];
  const back = decodePackage(packageBytes(sealPackage({ ...one, own: -0 } as UnsealedPackage)));
  expect(Object.is((back as unknown as { own: number }).own, 0)).toBe(true);
});

test('ids sort by age', () => {
  const ids = Array.from({ length: 100 }, newPackageId);
  expect(ids.toSorted((a, b) => (a < b ? -1 : 1))).toEqual(ids);
});
