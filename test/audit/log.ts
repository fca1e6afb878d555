import { readFile } from 'node:fs/promises';
import type { NewAuditEntry } from '../../src/core/audit/entry.js';
import { appendAudit } from '../../src/storage/audit/log.js';
import type { Storage } from '../../src/storage/storage.js';

/** Texts that have broken one thing or another. */
export const ODD = [
  '',
  'a\0b',
  '\ud800half',
  'line\r\nbreak',
  '"quoted", and; separated',
  "'; drop table audit; --",
  '=cmd|"/c calc"!A1',
  '\u202eright to left',
  'e\u0301 and é',
  '\ufeffbom',
  '👩‍🚀',
  '<script>alert(1)</script>',
  '%00%0a',
  'x'.repeat(5000),
];

export const entryOf = (n: number, over: Partial<NewAuditEntry> = {}): NewAuditEntry => ({
  at: 1_700_000_000_000 + n,
  actor: `@agent-${n % 7}`,
  act: ['report.submit', 'report.review', 'report.sign_off'][n % 3]!,
  subject: `report/r_${n % 11}`,
  outcome: n % 5 === 0 ? 'refused' : 'done',
  ...(n % 2 ? { digest: 'd'.repeat(63) + String(n % 10) } : {}),
  ...(n % 3 ? { from: '127.0.0.1' } : {}),
  data: { n, odd: ODD[n % ODD.length] },
  ...over,
});

/** Adds rows, each in its own transaction where `apart`. */
export async function fill(storage: Storage, from: number, count: number, { apart = false } = {}): Promise<void> {
  const add = async (n: number, upTo: number): Promise<void> =>
    storage.db.transaction().execute(async (trx) => {
      for (let i = n; i < upTo; i++) await appendAudit(trx, entryOf(i));
    });
  if (!apart) return add(from, from + count);
  for (let i = from; i < from + count; i++) await add(i, i + 1);
}

export const anchorLines = async (storage: Storage): Promise<string[]> =>
  (await readFile(storage.audit.places.anchors, 'utf8')).split('\n').filter(Boolean);
