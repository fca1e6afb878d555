import { chmod, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { verifyArtifacts } from '../../src/client/manifest.js';
import type { Difference } from '../../src/core/verification.js';
import { digestAt, treeLine } from '../../src/storage/manifest/digest-at.js';
import { storagePlace, subjectOf } from './place.js';

const place = storagePlace();
let count = 0;

interface Passed {
  handoff: string;
  key: string;
  at: string;
}

/** What is at `at` now, as passed by a handoff of its own. */
async function passed(at: string): Promise<Passed> {
  const { storage } = place;
  const handoff = `v-${++count}`;
  const ref = { handoff, session: 's', step: 'files', epoch: 1 };
  let lines = '';
  const found = await digestAt(at, (entry) => void (lines += treeLine(entry)));
  if (typeof found === 'string') throw new Error(`${at} is ${found}`);
  const { kind, sha256, size, files, mode } = found;
  const listing = kind === 'directory' ? { listing: await storage.blobs.put(lines, 'text/plain') } : { mode };
  await storage.handoffs.register(subjectOf(handoff), 'run', 'running');
  await storage.steps.begin(ref);
  const name = path.basename(at);
  const intent = { effect: name, kind: 'file' as const, resource: `file:${at}`, data: {} };
  const [effect] = await storage.ledger.intend(ref, [intent], () => Promise.resolve(false));
  const key = effect!.key;
  await storage.ledger.apply(ref, key, async (trx) => {
    await storage.manifest.arrived(trx, {
      key,
      handoff,
      session: 's',
      name,
      kind,
      source: { phase: '8' },
      target: { phase: '13' },
      originalPath: `/in/${handoff}`,
      originalSha256: sha256,
      path: at,
      sha256,
      size,
      files,
      ...listing,
    });
    return { sha256, size };
  });
  await storage.db.updateTable('handoffs').set({ closed_at: 1 }).where('id', '=', handoff).execute();
  return { handoff, key, at };
}

async function file(content = 'content'): Promise<Passed> {
  const at = path.join(place.folder, 'artifacts', `${++count}`, 'a.json');
  await mkdir(path.dirname(at), { recursive: true });
  await writeFile(at, content, { mode: 0o644 });
  return passed(at);
}

async function directory(): Promise<Passed> {
  const at = path.join(place.folder, 'artifacts', `${++count}`, 'tree');
  await mkdir(path.join(at, 'b', 'empty'), { recursive: true });
  await writeFile(path.join(at, 'a b.txt'), 'a', { mode: 0o644 });
  await writeFile(path.join(at, 'b', 'ü\n.txt'), 'b', { mode: 0o755 });
  await symlink('b', path.join(at, 'link'));
  return passed(at);
}

const differences = async ({ handoff, at }: Passed): Promise<string[]> => {
  const { ok, differences: all } = await verifyArtifacts(place.storage, [handoff]);
  expect(ok).toBe(all.length === 0);
  const text = (d: Difference): string => {
    expect(d).toMatchObject({ handoff, path: at });
    return [d.kind, d.entry].filter((t) => t !== undefined).join(' ');
  };
  return all.map(text).toSorted();
};

test('what is as it was passed has no difference, and all that was read is counted', async () => {
  const [a, b] = [await file('12345'), await directory()];
  expect(await verifyArtifacts(place.storage, [a.handoff, b.handoff])).toEqual({
    ok: true,
    checked: 2,
    bytes: 7,
    undone: 0,
    takenOver: 0,
    differences: [],
  });
});

test.each<[string, (at: string) => Promise<unknown>, string[]]>([
  ['that is gone', (at) => rm(at), ['missing']],
  ['whose folder is gone', (at) => rm(path.dirname(at), { recursive: true }), ['missing']],
  ['with other content', (at) => writeFile(at, 'CONTENT'), ['changed']],
  ['with another mode', (at) => chmod(at, 0o600), ['mode_changed']],
  ['that is a folder now', (at) => rm(at).then(() => mkdir(at)), ['changed']],
  ['that is a link to the same', (at) => rename(at, `${at}2`).then(() => symlink(`${at}2`, at)), ['other_kind']],
])('a file %s', async (_, spoil, expected) => {
  const one = await file();
  await spoil(one.at);
  expect(await differences(one)).toEqual(expected);
});

test('expected and found are told in full', async () => {
  const one = await file('before');
  await writeFile(one.at, 'after');
  const { differences: found } = await verifyArtifacts(place.storage, [one.handoff]);
  expect(found).toMatchObject([
    {
      kind: 'changed',
      expected: expect.stringMatching(/^sha256 [0-9a-f]{64}$/) as unknown,
      found: expect.stringMatching(/^sha256 [0-9a-f]{64}$/) as unknown,
    },
  ]);
});

test.each<[string, (at: string) => Promise<unknown>, string[]]>([
  ['a file changed', (at) => writeFile(`${at}/a b.txt`, 'x'), ['entry_changed a b.txt']],
  ['a file gone', (at) => rm(`${at}/b/ü\n.txt`), ['entry_missing b/ü\n.txt']],
  ['a file more', (at) => writeFile(`${at}/b/empty/x`, ''), ['entry_extra b/empty/x']],
  ['another mode inside', (at) => chmod(`${at}/a b.txt`, 0o600), ['entry_mode_changed a b.txt']],
  ['an empty folder gone', (at) => rm(`${at}/b/empty`, { recursive: true }), ['entry_missing b/empty']],
  ['a link elsewhere', (at) => rm(`${at}/link`).then(() => symlink('a b.txt', `${at}/link`)), ['entry_changed link']],
  [
    'several',
    (at) => rename(`${at}/a b.txt`, `${at}/c`).then(() => rm(`${at}/link`)),
    ['entry_extra c', 'entry_missing a b.txt', 'entry_missing link'],
  ],
])('a directory with %s', async (_, spoil, expected) => {
  const one = await directory();
  await spoil(one.at);
  expect(await differences(one)).toEqual(expected);
});

test('a directory without a listing is told as a whole', async () => {
  const one = await directory();
  await place.storage.db.updateTable('transfers').set({ listing: null }).where('key', '=', one.key).execute();
  await writeFile(`${one.at}/a b.txt`, 'x');
  expect(await differences(one)).toEqual(['changed']);
});

test('what was undone, or overwritten by a later transfer, is not looked for; the later one is', async () => {
  const { storage } = place;
  const first = await file('first');
  await writeFile(first.at, 'second');
  const second = await passed(first.at);
  expect(await verifyArtifacts(storage, [first.handoff])).toMatchObject({ ok: true, checked: 0, takenOver: 1 });
  expect(await verifyArtifacts(storage, [second.handoff])).toMatchObject({ ok: true, checked: 1 });
  await storage.ledger.undo(second.key, async (trx) => {
    await storage.manifest.takenBack(trx, second.key);
    return 'undone' as const;
  });
  await writeFile(first.at, 'third');
  expect(await verifyArtifacts(storage, [second.handoff])).toMatchObject({ ok: true, undone: 1 });
  expect(await differences(first)).toEqual(['changed']);
});

test('a transfer of which the ledger says something else is named', async () => {
  const { db } = place.storage;
  const [gone, undone, digest, other] = [await file(), await file(), await file(), await file()];
  await db.deleteFrom('effects').where('key', '=', gone.key).execute();
  await db.updateTable('effects').set({ status: 'undone' }).where('key', '=', undone.key).execute();
  await db.updateTable('effects').set({ result: '{"sha256":"x"}' }).where('key', '=', digest.key).execute();
  await db.deleteFrom('transfers').where('key', '=', other.key).execute();
  const told = async ({ handoff }: Passed): Promise<string[]> =>
    (await verifyArtifacts(place.storage, [handoff])).differences.map((d) => [d.kind, d.expected, d.found].join('; '));
  expect(await told(gone)).toEqual(['ledger; success; no such effect in the ledger']);
  expect(await told(undone)).toEqual(['ledger; success; undone in the ledger']);
  expect(await told(digest)).toEqual([expect.stringMatching(/^ledger; sha256 \w{64}; sha256 x in the ledger$/)]);
  expect(await told(other)).toEqual(['ledger; not in the manifest; applied in the ledger']);
});

test('all of it, in pages, names each spoiled place once, and tells how far it is', async () => {
  const { storage } = place;
  const before = await verifyArtifacts(storage);
  const many: Passed[] = [];
  for (let i = 0; i < 230; i++) many.push(await file(`file ${i}`));
  const spoiled = many.filter((_, i) => i % 50 === 7);
  for (const { at } of spoiled) await writeFile(at, 'spoiled');
  let told = 0;
  const onProgress = ({ done }: { done: number }): void => expect(done).toBe(told++);
  const after = await verifyArtifacts(storage, undefined, { onProgress });
  expect(after.checked - before.checked).toBe(230);
  expect(told).toBe(after.checked + after.undone + after.takenOver);
  const named = after.differences.filter((d) => spoiled.some((s) => s.handoff === d.handoff));
  expect(named.map((d) => d.kind)).toEqual(Array(5).fill('changed'));
  expect(after.differences.length - before.differences.length).toBe(5);
});

test('a large file is read in constant memory', async () => {
  const at = path.join(place.folder, 'artifacts', 'large');
  await writeFile(at, Buffer.alloc(200_000_000, 7));
  const one = await passed(at);
  const before = process.memoryUsage().rss;
  expect(await differences(one)).toEqual([]);
  expect(process.memoryUsage().rss - before).toBeLessThan(60_000_000);
  expect((await readFile(at)).length).toBe(200_000_000);
});
