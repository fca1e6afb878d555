import { copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { AUDIT_GENESIS, type AuditReport, type AuditRow } from '../../src/core/audit/entry.js';
import { hashOfRow } from '../../src/storage/audit/chain.js';
import { readOrMakeKey, signed } from '../../src/storage/audit/key.js';
import { verifyAudit } from '../../src/storage/audit/verify.js';
import type { Queries } from '../../src/storage/database.js';
import { containing, matching } from '../rig/matchers.js';
import { seeded, runs } from '../properties/seed.js';
import { storagePlace } from '../storage/place.js';
import { anchorLines, fill } from './log.js';

const place = storagePlace();
/** Rows that are there, and the last one that is anchored. */
const ROWS = 347;
const ANCHORED = 300;

beforeAll(async () => {
  await fill(place.storage, 1, 150);
  await place.storage.audit.ensureAnchored();
  await fill(place.storage, 151, 140);
  await place.storage.audit.ensureAnchored();
  await fill(place.storage, 291, 54);
  await place.storage.audit.ensureAnchored();
});

test('a log that nobody touched is as it was written', async () => {
  const report = await place.storage.audit.verify();
  // Three rows of these tell of the anchors.
  expect(report).toMatchObject({ ok: true, rows: ROWS, anchors: 3, anchored_to: ANCHORED, faults: [] });
});

class Undone extends Error {}

/** What the check says after somebody with the database at hand did this to it; it is as it was afterwards. */
async function after(deed: (trx: Queries) => Promise<void>): Promise<AuditReport> {
  let report: AuditReport | undefined;
  const { db, audit } = place.storage;
  await db
    .transaction()
    .execute(async (trx) => {
      await deed(trx);
      report = await verifyAudit(trx, audit.places);
      throw new Undone();
    })
    .catch((error: unknown) => {
      if (!(error instanceof Undone)) throw error;
    });
  return report!;
}

const rowsOf = (trx: Queries): Promise<AuditRow[]> => trx.selectFrom('audit').selectAll().orderBy('seq').execute();

/** Writes the whole log anew. `chained`: with all hashes computed anew, as somebody would who knows how. */
async function rewrite(trx: Queries, rows: AuditRow[], { chained }: { chained: boolean }): Promise<void> {
  await trx.deleteFrom('audit').execute();
  let prev = AUDIT_GENESIS;
  const keys = new Set<string>();
  for (const [i, row] of rows.entries()) {
    const key = row.key === null || keys.has(row.key) ? null : row.key;
    if (key !== null) keys.add(key);
    const numbered = { ...row, key, seq: i + 1 };
    const next = chained ? { ...numbered, prev } : numbered;
    const hash = chained ? hashOfRow(next) : next.hash;
    prev = hash;
    await trx
      .insertInto('audit')
      .values({ ...next, hash })
      .execute();
  }
}

const COLUMNS = [
  'at',
  'actor',
  'act',
  'subject',
  'outcome',
  'digest',
  'source',
  'data',
  'prev',
  'hash',
  'key',
] as const;
const changed = (row: AuditRow, column: (typeof COLUMNS)[number]): AuditRow => ({
  ...row,
  [column]: column === 'at' ? row.at + 1 : `${String(row[column] ?? '')}~${randomUUID().slice(0, 4)}`,
});
const seqs = fc.integer({ min: 1, max: ROWS });

describe('what somebody does who can write the database', () => {
  test('any edit of any column of any row is found, and where', async () => {
    await fc.assert(
      fc.asyncProperty(seqs, fc.constantFrom(...COLUMNS), async (seq, column) => {
        const report = await after(async (trx) => {
          const row = (await rowsOf(trx))[seq - 1]!;
          await trx.updateTable('audit').set(changed(row, column)).where('seq', '=', seq).execute();
        });
        expect(report.ok).toBe(false);
        expect(report.faults.map((f) => f.seq)).toContain(seq);
        expect(report.faults.every((f) => f.seq === seq || f.seq === seq + 1)).toBe(true);
      }),
      seeded(runs(60)),
    );
  });

  test('an edit whose own hash was computed anew is found by the row after, or by the anchor', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: ROWS - 1 }), async (seq) => {
        const report = await after(async (trx) => {
          const row = changed((await rowsOf(trx))[seq - 1]!, 'actor');
          await trx
            .updateTable('audit')
            .set({ ...row, hash: hashOfRow(row) })
            .where('seq', '=', seq)
            .execute();
        });
        expect(report.faults).toContainEqual(expect.objectContaining({ kind: 'row_unchained', seq: seq + 1 }));
      }),
      seeded(runs(20)),
    );
  });

  type Deed = { name: string; first: number; rows: (rows: AuditRow[]) => AuditRow[] };
  const deeds: fc.Arbitrary<Deed> = fc.oneof(
    fc.tuple(seqs, fc.constantFrom(...COLUMNS.slice(0, 8))).map(([seq, c]) => ({
      name: `edit ${c} of ${seq}`,
      first: seq,
      rows: (rows: AuditRow[]) => rows.with(seq - 1, changed(rows[seq - 1]!, c)),
    })),
    seqs.map((seq) => ({
      name: `delete ${seq}`,
      first: seq,
      rows: (rows: AuditRow[]) => rows.toSpliced(seq - 1, 1),
    })),
    fc.tuple(seqs, seqs).map(([seq, like]) => ({
      name: `insert one like ${like} at ${seq}`,
      first: seq,
      rows: (rows: AuditRow[]) => rows.toSpliced(seq - 1, 0, changed(rows[like - 1]!, 'subject')),
    })),
    fc
      .tuple(seqs, seqs)
      .filter(([a, b]) => a < b)
      .map(([a, b]) => ({
        name: `swap ${a} and ${b}`,
        first: a,
        rows: (rows: AuditRow[]) => rows.with(a - 1, rows[b - 1]!).with(b - 1, rows[a - 1]!),
      })),
    fc.integer({ min: 0, max: ROWS - 1 }).map((left) => ({
      name: `cut to ${left}`,
      first: left + 1,
      rows: (rows: AuditRow[]) => rows.slice(0, left),
    })),
  );

  test('with all hashes computed anew, whatever touches an anchored row is found; what does not lies beyond the last anchor', async () => {
    await fc.assert(
      fc.asyncProperty(deeds, async ({ name, first, rows }) => {
        const report = await after(async (trx) => rewrite(trx, rows(await rowsOf(trx)), { chained: true }));
        // The last row tells of the last anchor, and what it tells is compared with that.
        const isOfAnchor = name === `edit data of ${ROWS}`;
        expect(report.ok).toBe(first > ANCHORED && !isOfAnchor);
      }),
      seeded(runs(40)),
    );
  });

  test('without that, it is found wherever it is, but for a cut behind the last anchor', async () => {
    await fc.assert(
      fc.asyncProperty(deeds, async ({ name, first, rows }) => {
        const report = await after(async (trx) => rewrite(trx, rows(await rowsOf(trx)), { chained: false }));
        const isCut = name.startsWith('cut') || name === `delete ${ROWS}`;
        expect(report.ok).toBe(isCut && first > ANCHORED);
        const [fault] = report.faults;
        expect(isCut ? first : fault?.seq).toBe(first);
      }),
      seeded(runs(40)),
    );
  });

  test('a deletion says which rows are missing', async () => {
    const report = await after(async (trx) => {
      await trx.deleteFrom('audit').where('seq', '>=', 120).where('seq', '<', 130).execute();
    });
    expect(report.faults).toEqual([
      expect.objectContaining({ kind: 'row_missing', seq: 120, message: 'rows 120 to 129 are missing' }),
    ]);
  });

  test('a cut up to behind the last anchor says how many rows there were at least', async () => {
    const report = await after(async (trx) => {
      await trx.deleteFrom('audit').where('seq', '>', 250).execute();
    });
    expect(report.faults).toEqual([expect.objectContaining({ kind: 'truncated', seq: 251 })]);
    expect(report.faults[0]!.message).toContain('rows 251 to 300 are cut off');
    const all = await after(async (trx) => void (await trx.deleteFrom('audit').execute()));
    expect(all.faults).toEqual([expect.objectContaining({ kind: 'truncated', seq: 1 })]);
  });

  test('what hides behind a NUL, or as bytes, is found', async () => {
    for (const [sql, kind] of [
      [`update audit set data = data || char(0) || 'more' where seq = 200`, 'row_changed'],
      [`update audit set actor = x'6162' where seq = 200`, 'row_changed'],
    ] as const) {
      const report = await after(async (trx) => {
        await trx.executeQuery({ sql, parameters: [], query: { kind: 'RawNode' }, queryId: { queryId: '1' } } as never);
      });
      expect(report.faults.map((f) => [f.seq, f.kind])).toEqual([
        [200, matching(new RegExp(`${kind}|row_unreadable`))],
      ]);
    }
  });

  test('rows before the first are found', async () => {
    const report = await after(async (trx) => {
      const row = { ...(await rowsOf(trx))[5]!, seq: -3, key: null };
      await trx
        .insertInto('audit')
        .values({ ...row, hash: hashOfRow(row) })
        .execute();
    });
    expect(report.ok).toBe(false);
    expect(report.faults[0]).toMatchObject({ kind: 'row_missing', seq: -3 });
  });
});

describe('what somebody does who can write the anchors', () => {
  const check = async (file: Buffer | string | undefined, key?: string): Promise<AuditReport> => {
    const anchors = path.join(place.folder, `copy-${randomUUID()}.jsonl`);
    if (file !== undefined) await writeFile(anchors, file);
    try {
      return await place.storage.audit.verify({ anchors, ...(key ? { key } : {}) });
    } finally {
      await rm(anchors, { force: true });
    }
  };

  test('any byte that is changed is found', async () => {
    const good = await readFile(place.storage.audit.places.anchors);
    expect((await check(good)).ok).toBe(true);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: good.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        async (at, xor) => {
          const bad = Buffer.from(good);
          bad[at] = bad[at]! ^ xor;
          expect((await check(bad)).ok).toBe(false);
        },
      ),
      seeded(runs(100)),
    );
  });

  test('any cut is found, and a file that is gone', async () => {
    const good = await readFile(place.storage.audit.places.anchors);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: good.length - 1 }), async (size) => {
        const report = await check(good.subarray(0, size));
        expect(report.faults.map((f) => f.kind)).toContain('anchors_cut');
      }),
      seeded(runs(40)),
    );
    expect((await check(undefined)).faults.map((f) => [f.kind, f.seq])).toEqual([
      ['anchors_cut', 100],
      ['anchors_cut', 200],
      ['anchors_cut', 300],
    ]);
  });

  test('lines taken out, changed round, doubled, or put in are found', async () => {
    const [a, b, c] = (await anchorLines(place.storage)) as [string, string, string];
    for (const lines of [
      [a, c],
      [b, c],
      [b, a, c],
      [a, b, c, c],
      [a, a, b, c],
      [a, b, '{}', c],
      [a, b, c, 'x'],
      [a, b, '', c],
    ]) {
      expect([lines.length, (await check(lines.map((l) => `${l}\n`).join(''))).ok]).toEqual([lines.length, false]);
    }
  });

  test('all of it signed anew with another key is found, with the old key and with the new', async () => {
    const foreign = path.join(place.folder, 'foreign.pem');
    const key = await readOrMakeKey(foreign);
    const lines = (await anchorLines(place.storage)).map((line) => {
      const { signature: _, ...anchor } = JSON.parse(line) as Record<string, unknown>;
      return JSON.stringify(signed({ ...anchor, key: key.id }, key, foreign));
    });
    const text = lines.map((l) => `${l}\n`).join('');
    expect((await check(text)).faults).toContainEqual(expect.objectContaining({ kind: 'key_wrong', seq: 100 }));
    expect((await check(text, foreign)).ok).toBe(false);
  });

  test('a key that is gone, is another, or is none says so, and is not made', async () => {
    const { anchors } = place.storage.audit.places;
    const gone = path.join(place.folder, 'gone.pem');
    expect((await place.storage.audit.verify({ anchors, key: gone })).faults).toEqual([
      expect.objectContaining({ kind: 'key_missing', message: containing(gone) }),
    ]);
    await expect(readFile(gone)).rejects.toThrow('ENOENT');
    const broken = path.join(place.folder, 'broken.pem');
    await writeFile(broken, '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n');
    expect((await place.storage.audit.verify({ key: broken })).faults).toEqual([
      expect.objectContaining({ kind: 'key_wrong' }),
    ]);
    const other = path.join(place.folder, 'other.pem');
    await readOrMakeKey(other);
    expect((await place.storage.audit.verify({ key: other })).faults.map((f) => f.kind)).toEqual(['key_wrong']);
  });
});

test('the public half of the key is enough to check', async () => {
  const { createPublicKey } = await import('node:crypto');
  const file = path.join(place.folder, 'public.pem');
  const pem = await readFile(place.storage.audit.places.key, 'utf8');
  await writeFile(file, createPublicKey(pem).export({ type: 'spki', format: 'pem' }));
  expect(await place.storage.audit.verify({ key: file })).toMatchObject({ ok: true, anchors: 3 });
});

test('nothing more is signed once the log or the anchors do not fit', async () => {
  const { storage } = place;
  const copy = path.join(place.folder, 'anchors.copy');
  await copyFile(storage.audit.places.anchors, copy);
  await fill(storage, 400, 60);
  const row = await storage.db.selectFrom('audit').selectAll().where('seq', '=', 350).executeTakeFirstOrThrow();
  await storage.db.updateTable('audit').set({ actor: '@mallory' }).where('seq', '=', 350).execute();
  expect((await storage.audit.ensureAnchored()).refused).toBe('row 350 does not have its recorded hash');
  await storage.db.updateTable('audit').set({ actor: row.actor }).where('seq', '=', 350).execute();
  const [a, b] = (await anchorLines(storage)) as [string, string];
  await writeFile(storage.audit.places.anchors, `${a}\n${b}\n`);
  expect((await storage.audit.ensureAnchored()).refused).toMatch(
    /^the anchor of row 300 is not in .* as it was written$/,
  );
  await copyFile(copy, storage.audit.places.anchors);
  expect(await storage.audit.ensureAnchored()).toEqual({ anchoredTo: 400 });
  expect(await storage.audit.verify()).toMatchObject({ ok: true, anchored_to: 400 });
});
