import type { NewAuditEntry } from '../../core/audit/entry.js';
import { digestOf } from '../../core/digest.js';
import type { Queries } from '../database.js';
import { FIRST_LINK, storable } from './chain.js';

/**
 * Adds a row to the audit log: called inside the transaction of the change that it tells of, whose write lock keeps two
 * rows from following the same one. After the commit, `storage.audit.ensureAnchored()` signs what is due.
 */
export async function appendAudit(trx: Queries, entry: NewAuditEntry): Promise<void> {
  const { at, actor, act, subject, outcome, digest, from, data = {} } = entry;
  const key = entry.key === undefined ? null : storable(entry.key);
  if (key !== null) {
    const there = await trx.selectFrom('audit').select('seq').where('key', '=', key).executeTakeFirst();
    if (there) return;
  }
  const last = await trx.selectFrom('audit').select(['seq', 'hash']).orderBy('seq', 'desc').limit(1).executeTakeFirst();
  const after = last ?? FIRST_LINK;
  const row = {
    seq: after.seq + 1,
    key,
    at: Math.round(at),
    actor: storable(actor),
    act: storable(act),
    subject: storable(subject),
    outcome,
    digest: digest === undefined ? null : storable(digest),
    source: from === undefined ? null : storable(from),
    // JSON.stringify escapes NUL and half surrogates by itself.
    data: JSON.stringify(data),
    prev: after.hash,
  };
  await trx
    .insertInto('audit')
    .values({ ...row, hash: digestOf(row) })
    .execute();
}
