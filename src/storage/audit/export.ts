import { stringify } from 'csv-stringify/sync';
import type { AuditFilter, AuditRow } from '../../core/audit/entry.js';
import type { AuditTrail } from './trail.js';

const COLUMNS = [
  'seq',
  'at',
  'actor',
  'act',
  'subject',
  'outcome',
  'digest',
  'source',
  'data',
  'key',
  'prev',
  'hash',
] as const satisfies readonly (keyof AuditRow)[];

export const AUDIT_FORMATS = ['json', 'csv'] as const;
export type AuditFormat = (typeof AUDIT_FORMATS)[number];

/** A spreadsheet takes such a cell for a formula. Names of agents begin with `@` and cannot be one. */
const FORMULA = /^[=+\-\t\r]|^@(?![\w.-]*$)/;
const cell = (value: unknown): unknown => (typeof value === 'string' && FORMULA.test(value) ? `'${value}` : value);

/**
 * The rows, oldest first, with the head of the log at this moment, signed: in JSON as `head`, in CSV as the last row. The
 * rows are as they stand in the log, `at` in milliseconds, so that others can compute the hashes again.
 */
export async function* exportAudit(
  audit: AuditTrail,
  format: AuditFormat,
  filter: AuditFilter = {},
): AsyncGenerator<string> {
  const head = await audit.signedHead();
  const rows = audit.rows(filter, head.seq);
  if (format === 'json') {
    yield `{"head":${JSON.stringify(head)},"rows":[`;
    let first = true;
    for await (const row of rows) {
      yield `${first ? '\n' : ',\n'}${JSON.stringify(row)}`;
      first = false;
    }
    yield '\n]}\n';
    return;
  }
  yield stringify([COLUMNS]);
  for await (const row of rows) yield stringify([COLUMNS.map((c) => cell(row[c]))]);
  const { seq, at, hash } = head;
  const last: Record<string, unknown> = {
    seq,
    at,
    actor: 'system',
    act: 'audit.head',
    data: JSON.stringify(head),
    hash,
  };
  yield stringify([COLUMNS.map((c) => last[c])]);
}
