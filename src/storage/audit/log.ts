import type { NewAuditEntry } from '../../core/audit/entry.js';
import { digestOf } from '../../core/digest.js';
import type { Queries } from '../database.js';

/** What the first row follows. */
const GENESIS = '0'.repeat(64);

/**
 * Adds a row to the audit log: called inside the transaction of the change that it tells of, whose write lock keeps two
 * rows from following the same one.
 */
export async function appendAudit(trx: Queries, entry: NewAuditEntry): Promise<void> {
  const { key = null, at, actor, act, subject, outcome, digest = null, from = null, data = {} } = entry;
  if (key !== null) {
    const there = await trx.selectFrom('audit').select('seq').where('key', '=', key).executeTakeFirst();
    if (there) return;
  }
  const last = await trx.selectFrom('audit').select(['seq', 'hash']).orderBy('seq', 'desc').limit(1).executeTakeFirst();
  const row = {
    seq: (last?.seq ?? 0) + 1,
    key,
    at,
    actor,
    act,
    subject,
    outcome,
    digest,
    source: from,
    data: JSON.stringify(data),
    prev: last?.hash ?? GENESIS,
  };
  await trx
    .insertInto('audit')
    .values({ ...row, hash: digestOf(row) })
    .execute();
}
