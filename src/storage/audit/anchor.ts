import { open } from 'node:fs/promises';
import { ANCHORED, ANCHOR_EVERY, AUDIT_GENESIS } from '../../core/audit/entry.js';
import { sha256 } from '../../core/digest.js';
import type { Db, Queries } from '../database.js';
import { appendAnchors, lineOf, readAnchors, type Anchor, type AnchorsFile } from './anchors.js';
import { FIRST_LINK, brokenBy, type Link } from './chain.js';
import { isSignedBy, readKey, readOrMakeKey, signed, type AuditKey } from './key.js';
import { appendAudit } from './log.js';

/** Where the key and the anchors are; both outside the database. */
export interface AuditPlaces {
  key: string;
  anchors: string;
  /** The write-ahead log of the database. */
  log: string;
}

/** An anchor survives a lost power supply, so what it is about must; the database alone does not sync at each commit. */
async function syncLog(file: string): Promise<void> {
  const handle = await open(file, 'r').catch(() => undefined);
  try {
    await handle?.datasync();
  } finally {
    await handle?.close();
  }
}

/** Anchors that are written under one lock: the rows of all are read there. */
const AT_ONCE = 20;

export interface Anchoring {
  /** The last anchored row. */
  anchoredTo: number;
  /** Why nothing is signed any more: `handoff audit verify` says where. */
  refused?: string;
}

const dueAt = (head: number): number => head - (head % ANCHOR_EVERY);

export async function headSeq(db: Queries): Promise<number> {
  const row = await db
    .selectFrom('audit')
    .select((e) => e.fn.max('seq').as('seq'))
    .executeTakeFirst();
  return Number(row?.seq ?? 0);
}

/**
 * Signs and writes the anchors that are due. Under the write lock of the database, so that of several processes one does
 * and the others find it done. It signs nothing that does not follow from the last anchor.
 */
export async function anchorDue(db: Db, places: AuditPlaces, anchoredTo: number): Promise<Anchoring> {
  for (let done = anchoredTo; ;) {
    if (dueAt(await headSeq(db)) <= done) return { anchoredTo: done };
    const next = await db.transaction().execute((trx) => anchorSome(trx, places));
    if (next.refused !== undefined || next.anchoredTo <= done) return next;
    done = next.anchoredTo;
  }
}

async function anchorSome(trx: Queries, places: AuditPlaces): Promise<Anchoring> {
  const file = await readAnchors(places.anchors);
  const last = file.lines.at(-1);
  const from: Link = last?.anchor ?? FIRST_LINK;
  const no = (why: string): Anchoring => ({ anchoredTo: from.seq, refused: why });
  const unfit = await misfit(trx, places, file);
  if (unfit !== undefined) return no(unfit);
  // Its process died before it could tell.
  if (last?.anchor) await tell(trx, last.anchor, last.hash);
  const due = Math.min(dueAt(await headSeq(trx)), from.seq + AT_ONCE * ANCHOR_EVERY);
  if (due <= from.seq) return { anchoredTo: from.seq };
  const key = last ? await readKey(places.key) : await readOrMakeKey(places.key);
  const at = await hashesFollowing(trx, from, due);
  if (typeof at === 'string') return no(at);
  const made: Anchor[] = [];
  for (const { seq, hash } of at) {
    const before = made.at(-1);
    const prev = before ? sha256(lineOf(before)) : (last?.hash ?? AUDIT_GENESIS);
    made.push(signed({ kind: 'anchor' as const, seq, hash, at: Date.now(), prev, key: key!.id }, key!, places.key));
  }
  await syncLog(places.log);
  await appendAnchors(places.anchors, file.size, made);
  for (const anchor of made) await tell(trx, anchor, sha256(lineOf(anchor)));
  return { anchoredTo: due };
}

/** The log itself tells of its anchors, so that a file that was cut cannot be made up for without a trace. */
const tell = (trx: Queries, anchor: Anchor, line: string): Promise<void> =>
  appendAudit(trx, {
    key: `anchor/${anchor.seq}`,
    at: anchor.at,
    actor: 'system',
    act: ANCHORED,
    subject: `audit/${anchor.seq}`,
    outcome: 'done',
    data: { seq: anchor.seq, line },
  });

/** Why the anchors that are there are not ours to go on from. */
async function misfit(trx: Queries, places: AuditPlaces, { lines }: AnchorsFile): Promise<string | undefined> {
  const told = await trx
    .selectFrom('audit')
    .select('data')
    .where('act', '=', ANCHORED)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  const { seq = 0, line } = told ? (JSON.parse(told.data) as { seq?: number; line?: string }) : {};
  if (seq > 0 && !lines.some((l) => l.anchor?.seq === seq && l.hash === line)) {
    return `the anchor of row ${seq} is not in ${places.anchors} as it was written`;
  }
  const last = lines.at(-1);
  if (!last) return undefined;
  if (!last.anchor) return `the last line of ${places.anchors} is no anchor`;
  const key: AuditKey | undefined = await readKey(places.key);
  if (!key) return `the key at ${places.key} is gone`;
  return key.id === last.anchor.key && isSignedBy(key, last.anchor)
    ? undefined
    : `the last line of ${places.anchors} is not signed by the key at ${places.key}`;
}

/** The link at each anchor that is due; or why a row does not follow. */
async function hashesFollowing(trx: Queries, from: Link, due: number): Promise<Link[] | string> {
  const rows = await trx
    .selectFrom('audit')
    .selectAll()
    .where('seq', '>=', from.seq)
    .where('seq', '<=', due)
    .orderBy('seq')
    .execute();
  if (from.seq > 0) {
    const first = rows.shift();
    if (first?.seq !== from.seq || first.hash !== from.hash) return `row ${from.seq} is not the one that was anchored`;
  }
  let link = from;
  for (const row of rows) {
    const why = brokenBy(link, row);
    if (why !== undefined) return why;
    link = row;
  }
  return rows.filter((r) => r.seq % ANCHOR_EVERY === 0).map(({ seq, hash }) => ({ seq, hash }));
}
