import { setImmediate as breathe } from 'node:timers/promises';
import { sql } from 'kysely';
import { ANCHORED, type AuditFault, type AuditReport, type AuditRow } from '../../core/audit/entry.js';
import type { Db } from '../database.js';
import { headSeq, type AuditPlaces } from './anchor.js';
import { readAnchors, type AnchorsFile } from './anchors.js';
import { FIRST_LINK, hashOfRow, type Link } from './chain.js';
import { checkAnchors, type Known } from './verify-anchors.js';

/** Rows that are read at a time; faults that are named. */
const BATCH = 2000;
const NAMED = 100;

/** Goes through the whole log in batches, and through the anchors. It writes nothing, and makes no key. */
export async function verifyAudit(db: Db, places: AuditPlaces): Promise<AuditReport> {
  let upTo = await headSeq(db);
  const file = await readAnchors(places.anchors);
  // Rows that came between the two looks, and were anchored already.
  if ((file.lines.at(-1)?.anchor?.seq ?? 0) > upTo) upTo = await headSeq(db);
  const faults: AuditFault[] = [];
  let all = 0;
  const tell = (fault: AuditFault): void => {
    if (++all <= NAMED) faults.push(fault);
  };
  const known = await checkAnchors(places, file, tell);
  const { link, rows } = await checkRows(db, upTo, known, tell);
  checkEnd(known, file, link, tell);
  const notes = notesOn(file, known, link.seq, places);
  return {
    ok: all === 0,
    rows,
    head: { seq: link.seq, hash: link.hash },
    anchors: known.hashes.size,
    anchored_to: known.last,
    faults,
    more_faults: all - faults.length,
    notes,
  };
}

async function checkRows(
  db: Db,
  upTo: number,
  known: Known,
  tell: (fault: AuditFault) => void,
): Promise<{ link: Link; rows: number }> {
  let link = FIRST_LINK;
  let rows = 0;
  for (let after = Number.MIN_SAFE_INTEGER; ;) {
    const batch = await db
      .selectFrom('audit')
      .selectAll()
      // A text that was edited to go on after a NUL reads as it did before.
      .select(
        sql<number>`${sql.raw(TEXTS.map((t) => `length(cast(coalesce("${t}", '') as blob))`).join(' + '))}`.as('bytes'),
      )
      .where('seq', '>', after)
      .where('seq', '<=', upTo)
      .orderBy('seq')
      .limit(BATCH)
      .execute();
    for (const { bytes, ...row } of batch) {
      checkRow(link, row, bytes, tell);
      checkAnchored(known, link.seq, row, tell);
      link = { seq: row.seq, hash: row.hash };
    }
    rows += batch.length;
    if (batch.length < BATCH) return { link, rows };
    after = link.seq;
    await breathe();
  }
}

const TEXTS = ['key', 'actor', 'act', 'subject', 'outcome', 'digest', 'source', 'data', 'prev', 'hash'] as const;

function checkRow(after: Link, row: AuditRow, bytes: number, tell: (fault: AuditFault) => void): void {
  const { seq } = row;
  const expected = after.seq + 1;
  if (seq !== expected) {
    const what = seq < expected ? `row ${seq} was not written by us` : `${span(expected, seq - 1)} missing`;
    tell({
      kind: 'row_missing',
      seq: Math.min(seq, expected),
      expected: `row ${expected}`,
      found: `row ${seq}`,
      message: what,
    });
  } else if (row.prev !== after.hash) {
    const message = `row ${seq} does not follow row ${after.seq}: one of them was put here, moved or changed`;
    tell({ kind: 'row_unchained', seq, expected: after.hash, found: String(row.prev), message });
  }
  try {
    const found = hashOfRow(row);
    if (found !== row.hash) {
      tell({ kind: 'row_changed', seq, expected: row.hash, found, message: `row ${seq} was changed` });
      return;
    }
    const read = TEXTS.reduce((sum, t) => sum + Buffer.byteLength(row[t] ?? ''), 0);
    if (read === bytes) return;
    const message = `row ${seq} was changed: it holds more than can be read`;
    tell({ kind: 'row_changed', seq, expected: `${read} bytes`, found: `${bytes} bytes`, message });
  } catch {
    tell({ kind: 'row_unreadable', seq, message: `row ${seq} was changed: it holds what is no text` });
  }
}

/** Whether a row has the hash that was signed, and what the log tells of its anchors fits the file. */
function checkAnchored(known: Known, before: number, row: AuditRow, tell: (fault: AuditFault) => void): void {
  const signed = known.hashes.get(row.seq);
  if (signed !== undefined && signed !== row.hash) {
    const message = `row ${row.seq} is not the one that was anchored: something in ${span(known.before(row.seq) + 1, row.seq)} written anew`;
    tell({ kind: 'rewritten', seq: row.seq, expected: signed, found: row.hash, message });
  }
  if (row.act !== ANCHORED || row.actor !== 'system' || row.seq <= before) return;
  const { seq = 0, line = '' } = factsOf(row.data);
  const found = known.lines.get(seq);
  if (found === line) return;
  const message = found
    ? `the anchor of row ${seq} is not the one that was written`
    : `the anchor of row ${seq} was written, and is not in the file any more`;
  tell({ kind: found ? 'anchor_changed' : 'anchors_cut', seq, expected: line, ...(found ? { found } : {}), message });
}

function factsOf(data: string): { seq?: number; line?: string } {
  try {
    return JSON.parse(data) as { seq?: number; line?: string };
  } catch {
    return {};
  }
}

function checkEnd(known: Known, file: AnchorsFile, link: Link, tell: (fault: AuditFault) => void): void {
  if (known.last <= link.seq) return;
  const expected = file.lines.at(-1)?.anchor?.hash ?? '';
  const message = `the log ends at row ${link.seq}, and had at least ${known.last}: ${span(link.seq + 1, known.last)} cut off`;
  tell({ kind: 'truncated', seq: link.seq + 1, expected, found: link.hash, message });
}

function notesOn(file: AnchorsFile, known: Known, head: number, places: AuditPlaces): string[] {
  const notes: string[] = [];
  if (file.isTorn) notes.push(`The last line of ${places.anchors} is half written; the next anchor takes its place.`);
  if (head > known.last) {
    notes.push(
      `${capital(span(known.last + 1, head))} chained, but not anchored yet: who can write the database could write them anew.`,
    );
  }
  return notes;
}

const span = (from: number, to: number): string => (from === to ? `row ${from} is` : `rows ${from} to ${to} are`);
const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
