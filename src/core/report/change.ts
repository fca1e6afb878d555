import type { ReportEvent } from './reducer.js';
import type { ReportState } from './report.js';

/** One change of a report, as its history and the audit log have it. */
export interface ReportChange {
  /** The act of the policy table, or one of the system's. */
  act: string;
  by: string;
  /** What was said with it. */
  note?: string;
}

/** What an event did, in the words of the history. */
export function changeOf(event: ReportEvent, after: ReportState): ReportChange {
  switch (event.type) {
    case 'edited':
      return { act: 'report.edit', by: event.by, note: event.what };
    case 'submitted':
      return { act: 'report.submit', by: event.by, ...note(event.notes) };
    case 'validated':
      return { act: 'report.validated', by: 'system', ...note(event.findings.join('; ')) };
    case 'reviewed':
      return { act: 'report.review', by: event.by, note: `${event.status}: ${event.comments}` };
    case 'fact_entered':
      return { act: 'report.enter_fact', by: event.by, ...note(event.fact.note) };
    case 'signed_off':
      return { act: 'report.sign_off', by: event.by, note: `${event.role}: ${event.status} ${event.comments}`.trim() };
    case 'revoked':
      return { act: 'report.revoke_sign_off', by: event.by, note: `${event.role}: ${event.reason}` };
    case 'condition_met':
      return {
        act: 'report.meet_condition',
        by: event.by,
        note: `${event.role} ${event.condition + 1}: ${event.note ?? ''}`.trim(),
      };
    case 'commented':
      return { act: 'report.comment', by: event.by, note: event.text };
    case 'ticked':
      return ticked(after);
  }
}

const note = (text: string | undefined): { note?: string } => (text ? { note: text } : {});

function ticked(after: ReportState): ReportChange {
  const now = after.updatedAt;
  const late = after.escalations.at(-1);
  if (after.status === 'under_review' && late?.at === now)
    return { act: 'report.review_escalated', by: 'system', note: `level ${late.level}: ${late.to}` };
  const over = after.signOffs.filter((g) => g.ended?.why === 'expired' && g.ended.at === now);
  return { act: 'report.sign_off_expired', by: 'system', note: over.map((g) => g.role).join(', ') };
}
