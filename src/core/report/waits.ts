import { utc } from '../date.js';
import { conditionalRoles, missingRoles, signOffOf } from './counts.js';
import type { ReportState } from './report.js';

/** What a report waits for, in one sentence, for whom (agents and roles), and since when. */
export interface Waiting {
  words: string;
  whom: string[];
  since: number;
}

/** Undefined where it waits for nobody: its author works on it, it is being validated, or all is done. */
export function waitsFor(s: ReportState, now: number): Waiting | undefined {
  if (s.status === 'under_review') return waitsForReview(s);
  if (s.status === 'amendments_required') return waitsForAuthor(s);
  if (s.status !== 'approved') return undefined;
  const missing = missingRoles(s, now);
  const conditional = conditionalRoles(s, now);
  const whom = [...new Set([...missing, ...conditional])];
  if (whom.length === 0) return undefined;
  const words = [
    ...(missing.length > 0 ? [`the sign-off of ${missing.join(', ')}`] : []),
    ...(conditional.length > 0 ? [`conditions of ${conditional.join(', ')} to be met`] : []),
  ];
  const ended = s.signOffs.map((g) => (missing.includes(g.role) ? (g.ended?.at ?? 0) : 0));
  const given = conditional.map((role) => signOffOf(s, role, now)?.at ?? 0);
  const since = missing.length > 0 ? Math.max(s.approvedAt ?? s.updatedAt, ...ended) : Math.max(...given);
  return { words: `waits for ${words.join(', and for ')}`, whom, since };
}

function waitsForReview(s: ReportState): Waiting {
  const since = s.submittedAt ?? s.updatedAt;
  const due = s.reviewDueAt ?? since;
  const called = [...new Set(s.escalations.filter((e) => e.at >= due).map((e) => e.to))];
  const late = called.length > 0 ? `; it is late since ${utc(due)}, and ${called.join(', ')} was called` : '';
  const words = `waits for a review by somebody else than ${s.author}, until ${utc(due)}${late}`;
  return { words, whom: [...new Set(['reviewer', ...called])], since };
}

function waitsForAuthor(s: ReportState): Waiting {
  const rejected = s.signOffs.findLast((g) => g.status === 'rejected' && !g.ended);
  const review = s.reviews.at(-1);
  const [by, at] =
    s.findings.length > 0
      ? ['validation', s.updatedAt]
      : rejected
        ? [rejected.by, rejected.at]
        : [review?.by ?? 'somebody', review?.at ?? s.updatedAt];
  return { words: `waits for ${s.author} to amend it, as ${by} asks`, whom: [s.author], since: at };
}
