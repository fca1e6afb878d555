import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson, digestOf } from '../../src/core/digest.js';
import { MERGE_STRATEGIES, type ContextEntrySerialized, type MergeStrategy } from '../../src/core/package/package.js';
import { ContextManager } from '../../src/packages/context-manager.js';
import { HandoffManager, type HandoffReceiveResult } from '../../src/packages/handoff-manager.js';
import { packageOf } from '../packages/parts.js';
import { storagePlace } from '../storage/place.js';
import { runs, seeded } from './seed.js';

const place = storagePlace();
let made = 0;

interface Known {
  value: unknown;
  source: string;
  tags: string[];
  /** Milliseconds; undefined only in packages. */
  updatedAt: number | undefined;
}
type Context = Record<string, Known>;

// Few of each, so that keys meet, values are equal, and times tie.
const key = fc.constantFrom('plan', 'notes/1', 'notes/2', 'count', 'ключ');
const value: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(null, 0, '', 'x', [], {}),
  fc.constantFrom({ a: 1, b: [2] }, { b: [2], a: 1 }),
);
const name = fc.constantFrom('@writer', '@planner');
const tags = fc.uniqueArray(fc.constantFrom('draft', 'final', 'de'));
const time = fc.constantFrom(1_000_000, 2_000_000, 3_000_000);
const context = (updatedAt: fc.Arbitrary<number | undefined>): fc.Arbitrary<Context> =>
  fc.dictionary(key, fc.record({ value, source: name, tags, updatedAt }), { noNullPrototype: true });

/** The definition in words of its own: for each key, whose entry stands, and whether it was a conflict. */
function model(strategy: MergeStrategy, theirs: Context, ours: Context): { stands: Context; conflicts: string[] } {
  const same = (k: string): boolean => canonicalJson(theirs[k]!.value) === canonicalJson(ours[k]!.value);
  const conflicts = Object.keys(theirs)
    .filter((k) => k in ours && !same(k))
    .toSorted();
  const wins = (k: string): boolean => {
    if (!(k in ours)) return true;
    if (!conflicts.includes(k)) return false;
    if (strategy === 'newest-wins') return (theirs[k]!.updatedAt ?? 0) > ours[k]!.updatedAt!;
    return strategy === 'overwrite';
  };
  if (strategy === 'fail' && conflicts.length > 0) return { stands: ours, conflicts };
  const won = Object.entries(theirs).filter(([k]) => wins(k));
  return { stands: { ...ours, ...Object.fromEntries(won) }, conflicts };
}

const entriesOf = (theirs: Context): ContextEntrySerialized[] =>
  Object.entries(theirs).map(([k, { value: v, source, tags: t, updatedAt }]) => ({
    key: k,
    value: JSON.stringify(v),
    metadata: { source, tags: t, ...(updatedAt === undefined ? {} : { updatedAt: new Date(updatedAt).toISOString() }) },
  }));

/** What stands in a session, written so that it can be compared. */
async function seen(session: string): Promise<Context> {
  const rows = await place.storage.sessions.context(session);
  return Object.fromEntries(
    rows.map((r) => [
      r.key,
      { value: JSON.parse(r.value) as unknown, source: r.source, tags: r.tags, updatedAt: r.updatedAt },
    ]),
  );
}

async function receive(theirs: Context, ours: Context, merge: MergeStrategy): Promise<[string, HandoffReceiveResult]> {
  const session = `merge-${++made}`;
  const handoff = packageOf({ sessionId: session, context: { entries: entriesOf(theirs) } });
  await place.storage.packages.save(handoff);
  await place.storage.sessions.change(session, 'somebody', () => ({
    writes: Object.entries(ours).map(([k, { value: v, ...known }]) => ({
      key: k,
      value: canonicalJson(v),
      digest: digestOf(v),
      ...known,
    })),
    result: null,
  }));
  const manager = new HandoffManager(new ContextManager(place.storage), place.storage.packages);
  return [session, await manager.receiveHandoff(handoff.id, { merge })];
}

test.for(MERGE_STRATEGIES)('%s does what its definition says, for any two contexts', async (strategy) => {
  const some = context(fc.option(time, { nil: undefined }));
  await fc.assert(
    fc.asyncProperty(some, context(time), async (theirs, ours) => {
      const { stands, conflicts } = model(strategy, theirs, ours);
      const before = Date.now();
      const [session, result] = await receive(theirs, ours, strategy);
      const refused = strategy === 'fail' && conflicts.length > 0;
      expect(result.success).toBe(!refused);
      const found = await seen(session);
      for (const [k, known] of Object.entries(stands)) {
        const { updatedAt, ...rest } = known;
        expect([k, found[k]]).toMatchObject([k, rest]);
        // Without a time in the package it is written now.
        const at = found[k]!.updatedAt!;
        expect([k, at, updatedAt === undefined ? at >= before : at === updatedAt]).toEqual([k, at, true]);
      }
      expect(Object.keys(found).toSorted()).toEqual(Object.keys(stands).toSorted());
      const told = result.conflicts ?? [];
      expect(told.map((c) => c.key)).toEqual(conflicts);
      for (const { key: k, decision } of told) expect(decision).toBe(stands[k] === theirs[k] ? 'package' : 'existing');
      if (!result.success) return;
      const written = Object.keys(theirs).filter(
        (k) => !(k in ours) || (stands[k] === theirs[k] && conflicts.includes(k)),
      );
      expect(result.restored.toSorted()).toEqual(written.toSorted());
      for (const row of await place.storage.sessions.context(session))
        expect([row.key, row.version]).toEqual([row.key, row.key in ours && written.includes(row.key) ? 2 : 1]);
    }),
    seeded(runs(60)),
  );
});

test('context → package → file → an empty session is the identity', async () => {
  const contexts = new ContextManager(place.storage);
  const manager = new HandoffManager(contexts, place.storage.packages);
  const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).filter((t) => !/[\u0000-\u001f]/.test(t));
  // The one key that is refused.
  const key = text.filter((t) => t !== '__proto__');
  const entry = fc.tuple(key, fc.jsonValue({ stringUnit: 'grapheme' }), text, fc.uniqueArray(text, { maxLength: 4 }));
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(entry, { selector: ([k]) => k, maxLength: 8 }), async (entries) => {
      const from = await contexts.createContext(`from-${++made}`);
      for (const [k, v, source, t] of entries) await from.set(k, v, { source, tags: t });
      const { id } = await manager.createHandoff(from.sessionId, {
        cloneId: 'c',
        sourcePhase: 'analysis',
        targetPhase: 'analysis',
      });
      const into = `into-${made}`;
      expect(await manager.receiveHandoff(id, { into })).toMatchObject({ success: true, conflicts: [] });
      const there = await (await contexts.getContext(into))!.findByPattern('*');
      expect(there).toEqual(await from.findByPattern('*'));
      expect(there.map((e) => [e.key, e.value, e.metadata.source, e.metadata.tags]).toSorted(byKey)).toEqual(
        entries.map(([k, v, ...known]) => [k, JSON.parse(JSON.stringify(v)) as unknown, ...known]).toSorted(byKey),
      );
    }),
    seeded(runs(40)),
  );
});

const byKey = ([a]: unknown[], [b]: unknown[]): number => (String(a) < String(b) ? -1 : 1);
