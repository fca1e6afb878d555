import { execFile } from 'node:child_process';
import { appendFile, stat, truncate } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { openStorage, type Storage } from '../../src/storage/storage.js';
import { containing } from '../rig/matchers.js';
import { storagePlace } from '../storage/place.js';
import { anchorLines, entryOf, fill } from './log.js';

const place = storagePlace();
const run = promisify(execFile);

/** Runs `body` in a process of its own on the folder; it has `storage`, `add(n, entry)` and `me`. */
async function inProcess(folder: string, me: number, body: string, failpoints = ''): Promise<string> {
  const dist = (name: string): string => pathToFileURL(path.resolve('dist/storage', name)).href;
  const script = `
    const { openStorage } = await import('${dist('storage.js')}');
    const { appendAudit } = await import('${dist('audit/log.js')}');
    const storage = await openStorage({ folder: process.argv[1] });
    const me = process.argv[2];
    const add = (from, count) => storage.db.transaction().execute(async (trx) => {
      for (let n = from; n < from + count; n++)
        await appendAudit(trx, { at: Date.now(), actor: '@p' + me, act: 'report.edit', subject: 'report/' + n, outcome: 'done' });
    });
    ${body}
    await storage.close();`;
  const env = { ...process.env, ...(failpoints ? { HANDOFF_FAILPOINTS: failpoints } : {}) };
  const done = await run(process.execPath, ['--input-type=module', '-e', script, folder, String(me)], { env }).catch(
    (error: { signal?: string }) => ({ stdout: `ended by ${error.signal ?? 'itself'}` }),
  );
  return done.stdout.trim();
}

async function at(name: string): Promise<Storage> {
  return openStorage({ folder: path.join(place.folder, name) });
}

const seqsOf = async (storage: Storage): Promise<number[]> =>
  (await anchorLines(storage)).map((l) => (JSON.parse(l) as { seq: number }).seq);

test('three processes that add rows and anchor at once: one chain, each anchor once and in order, one key', async () => {
  const storage = await at('together');
  const body = `for (let n = 0; n < 120; n++) { await add(n, 1); await storage.audit.ensureAnchored(); }`;
  await Promise.all([1, 2, 3].map((me) => inProcess(storage.folder, me, body)));
  const report = await storage.audit.verify();
  expect(report).toMatchObject({ ok: true, faults: [], rows: 363, anchored_to: 300 });
  expect(await seqsOf(storage)).toEqual([100, 200, 300]);
  expect((await stat(storage.audit.places.key)).mode & 0o777).toBe(0o600);
  expect((await stat(storage.audit.places.anchors)).mode & 0o777).toBe(0o600);
  await storage.close();
});

test('killed between the commit of the hundredth row and its anchor: the next process makes up for it', async () => {
  const storage = await at('killed');
  expect(await inProcess(storage.folder, 1, `await add(0, 230); process.kill(process.pid, 'SIGKILL');`)).toBe(
    'ended by SIGKILL',
  );
  const before = await storage.audit.verify();
  expect(before).toMatchObject({ ok: true, rows: 230, anchored_to: 0 });
  expect(before.notes).toEqual([containing('Rows 1 to 230 are chained, but not anchored yet')]);
  expect(await inProcess(storage.folder, 2, `console.log((await storage.audit.ensureAnchored()).anchoredTo);`)).toBe(
    '200',
  );
  expect(await seqsOf(storage)).toEqual([100, 200]);
  expect(await storage.audit.verify()).toMatchObject({ ok: true, anchored_to: 200 });
  await storage.close();
});

test('killed after the anchor was written and before the log tells of it: the log tells of it later, once', async () => {
  const storage = await at('untold');
  // The second commit is that of the transaction which anchors.
  const ended = await inProcess(
    storage.folder,
    1,
    'await add(0, 100); await storage.audit.ensureAnchored();',
    'database.commit=kill@2',
  );
  expect(ended).toBe('ended by SIGKILL');
  expect(await seqsOf(storage)).toEqual([100]);
  expect((await storage.audit.list({ act: 'audit.anchored' })).rows).toEqual([]);
  expect(await storage.audit.verify()).toMatchObject({ ok: true, rows: 100, anchored_to: 100 });
  await fill(storage, 0, 110);
  await storage.audit.ensureAnchored();
  expect((await storage.audit.list({ act: 'audit.anchored' })).rows.map((r) => r.key)).toEqual([
    'anchor/200',
    'anchor/100',
  ]);
  expect(await seqsOf(storage)).toEqual([100, 200]);
  expect(await storage.audit.verify()).toMatchObject({ ok: true, anchored_to: 200 });
  await storage.close();
});

test('killed in the midst of a line: the half is not taken for an anchor, and gives way to the whole', async () => {
  const storage = await at('torn');
  await fill(storage, 0, 100);
  await storage.audit.ensureAnchored();
  await fill(storage, 100, 110);
  await appendFile(storage.audit.places.anchors, '{"kind":"anchor","seq":200,"ha');
  expect(await storage.audit.verify()).toMatchObject({
    ok: true,
    anchored_to: 100,
    notes: [containing('half written'), containing('Rows 101')],
  });
  await storage.audit.ensureAnchored();
  expect(await seqsOf(storage)).toEqual([100, 200]);
  expect(await storage.audit.verify()).toMatchObject({ ok: true, anchored_to: 200 });
  // Half of a line that was whole is no half line.
  await truncate(storage.audit.places.anchors, (await stat(storage.audit.places.anchors)).size - 10);
  expect((await storage.audit.verify()).faults).toEqual([expect.objectContaining({ kind: 'anchors_cut', seq: 200 })]);
  await storage.close();
});

test('a row with a key is written once, whoever writes it and how often', async () => {
  const storage = await at('once');
  const { appendAudit } = await import('../../src/storage/audit/log.js');
  for (let i = 0; i < 3; i++) {
    await storage.db.transaction().execute((trx) => appendAudit(trx, entryOf(i, { key: 'report/r_1/4' })));
  }
  expect((await storage.audit.list()).rows.map((r) => [r.seq, r.data])).toEqual([[1, containing('"n":0')]]);
  await storage.close();
});

test('a change that is rolled back leaves no row', async () => {
  const storage = await at('back');
  const { appendAudit } = await import('../../src/storage/audit/log.js');
  await storage.db
    .transaction()
    .execute(async (trx) => {
      await appendAudit(trx, entryOf(1));
      throw new Error('not after all');
    })
    .catch(() => {});
  expect((await storage.audit.list()).rows).toEqual([]);
  await storage.close();
});

test('a hundred thousand rows are checked without holding up the rest of the process', async () => {
  const storage = await at('large');
  const seconds = await inProcess(
    storage.folder,
    1,
    `const { digestOf } = await import('${pathToFileURL(path.resolve('dist/core/digest.js')).href}');
     let prev = '0'.repeat(64);
     await storage.db.transaction().execute(async (trx) => {
       for (let from = 1; from <= 100_000; from += 1000) {
         const rows = Array.from({ length: 1000 }, (_, i) => {
           const row = { seq: from + i, key: null, at: from, actor: '@p', act: 'report.edit', subject: 'report/' + i, outcome: 'done', digest: null, source: null, data: '{}', prev };
           prev = digestOf(row);
           return { ...row, hash: prev };
         });
         await trx.insertInto('audit').values(rows).execute();
       }
     });
     await storage.audit.ensureAnchored();
     let longest = 0, last = Date.now();
     const timer = setInterval(() => { longest = Math.max(longest, Date.now() - last); last = Date.now(); }, 1);
     const began = Date.now();
     const report = await storage.audit.verify();
     clearInterval(timer);
     console.log(JSON.stringify({ ok: report.ok, rows: report.rows, to: report.anchored_to, ms: Date.now() - began, longest }));`,
  );
  const seen = JSON.parse(seconds) as { ok: boolean; rows: number; to: number; ms: number; longest: number };
  console.log(`100,000 rows: ${seen.ms} ms, at most ${seen.longest} ms in one go`);
  expect(seen).toMatchObject({ ok: true, to: 101_000 });
  // In batches: no turn of the loop takes as long as a third of all of it.
  expect(seen.longest).toBeLessThan(seen.ms / 3);
  await storage.close();
});
