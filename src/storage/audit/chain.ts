import { AUDIT_GENESIS, type AuditRow } from '../../core/audit/entry.js';
import { digestOf } from '../../core/digest.js';

/** What a row's hash must be. */
export const hashOfRow = ({ hash: _, ...rest }: AuditRow): string => digestOf(rest);

/** Where a chain stands: after its last row. */
export interface Link {
  seq: number;
  hash: string;
}

export const FIRST_LINK: Link = { seq: 0, hash: AUDIT_GENESIS };

/** Why a row does not follow, in words; undefined where it does. Of a row that holds what is no text, too. */
export function brokenBy(after: Link, row: AuditRow): string | undefined {
  if (row.seq !== after.seq + 1) return `row ${row.seq} follows row ${after.seq}`;
  if (row.prev !== after.hash) return `row ${row.seq} does not name the hash of the row before`;
  try {
    return hashOfRow(row) === row.hash ? undefined : `row ${row.seq} does not have its recorded hash`;
  } catch {
    return `row ${row.seq} holds what is no text`;
  }
}

/** SQLite ends a text at NUL when it is read, and half a surrogate pair has no UTF-8: neither would be read as it was hashed. */
export const storable = (text: string): string => text.replaceAll(/[\0\p{Surrogate}]/gu, '\ufffd');
