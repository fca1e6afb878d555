import type { NewEvent } from '../../core/events/event.js';
import { ROLES, refuseAct } from '../../core/service/policy.js';
import type { RecordReportTask } from '../../core/report/task.js';
import type { ReportState } from '../../core/report/report.js';
import { waitsFor } from '../../core/report/waits.js';
import { appendAudit } from '../audit/log.js';
import type { Queries } from '../database.js';
import { appendEvent } from '../events/outbox.js';
import { rowOf } from './row.js';

/**
 * Puts one change on record, inside a transaction: its row, the projection, the version, the event and the audit entry,
 * all or none, and once: of a change that is there already nothing is written. Returns whether it was new.
 */
export async function recordChange(
  trx: Queries,
  { state: s, change }: RecordReportTask,
  summary: string,
): Promise<boolean> {
  const { reportId: report, seq } = s;
  const there = await trx
    .selectFrom('report_changes')
    .select('seq')
    .where('report', '=', report)
    .where('seq', '=', seq)
    .executeTakeFirst();
  if (there) return false;
  const { number, digest, size } = s.version;
  const at = s.updatedAt;
  const { act, by, note = null, from } = change;
  await trx
    .insertInto('report_changes')
    .values({ report, seq, act, by, at, status: s.status, version: number, digest, note })
    .execute();
  await trx
    .insertInto('report_versions')
    .values({ report, number, digest, size, by, at })
    .onConflict((c) => c.columns(['report', 'number']).doNothing())
    .execute();
  await writeRow(trx, s, summary);
  await appendEvent(trx, eventOf(s, change));
  const subject = `report/${report}`;
  await appendAudit(trx, {
    at,
    actor: by,
    act,
    subject,
    outcome: 'done',
    digest,
    key: `${subject}/${seq}`,
    data: { status: s.status, version: number, seq },
    ...(from === undefined ? {} : { from }),
  });
  return true;
}

/** Writes the projection of a state. One that is older than what is written changes nothing. */
export async function writeRow(trx: Queries, s: ReportState, summary: string): Promise<void> {
  const row = rowOf(s, summary);
  const { id: _key, ...rest } = row;
  await trx
    .insertInto('reports')
    .values(row)
    .onConflict((c) => c.column('id').doUpdateSet(rest).where('reports.seq', '<=', s.seq))
    .execute();
}

const TYPES: Record<string, NewEvent['type']> = {
  'report.create': 'handoff:report_created',
  'report.submit': 'handoff:report_submitted',
  'report.review': 'handoff:report_reviewed',
  'report.sign_off': 'handoff:report_signed_off',
};

function eventOf(s: ReportState, { act, by }: RecordReportTask['change']): NewEvent {
  const waiting = waitsFor(s, s.updatedAt);
  const whom = waiting?.whom ?? [];
  const subject = `report/${s.reportId}`;
  return {
    type: TYPES[act] ?? 'handoff:report_updated',
    subject,
    key: `${subject}/${s.seq}`,
    audience: [...new Set([`agent:${s.author}`, ...whom.map(audienceOf), ...readersOf(s)])],
    data: {
      report_id: s.reportId,
      act,
      by,
      status: s.status,
      version: s.version.number,
      digest: s.version.digest,
      seq: s.seq,
      ...(waiting ? { waits_for: { whom, since: new Date(waiting.since).toISOString() } } : {}),
    },
    at: s.updatedAt,
  };
}

/** The roles that may read it: who looks at it sees that it changed. */
const readersOf = (s: ReportState): string[] =>
  ROLES.filter((role) => !refuseAct('report.read', [role], { relations: ['not_owner'], state: s.status })).map(
    (role) => `role:${role}`,
  );

/** A name is of a role or of an agent, as the chain of escalation has them. */
const audienceOf = (name: string): string =>
  (ROLES as readonly string[]).includes(name) ? `role:${name}` : `agent:${name}`;
