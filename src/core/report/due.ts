import { countsAt } from './counts.js';
import type { Escalation, ReportState } from './report.js';

const HOUR = 3_600_000;
export const DAY = 24 * HOUR;

/**
 * Whom a late review goes to next, and when. A review is late once it has waited for `reviewTimeoutDays`; that calls the
 * first of the chain. Each further such time calls the next one. Between them, and after the last for as long as
 * nobody reviews, the one who was called last is reminded every `reminderHours`.
 */
export function nextEscalation(s: ReportState): Escalation | undefined {
  const { escalationChain: chain, reviewTimeoutDays, reminderHours } = s.terms;
  if (s.status !== 'under_review' || s.reviewDueAt === undefined || chain.length === 0) return undefined;
  const due = s.reviewDueAt;
  const last = s.escalations.findLast((e) => e.at >= due);
  if (!last) return { at: due, level: 1, to: chain[0]! };
  const reminder = { ...last, at: last.at + reminderHours * HOUR };
  if (last.level >= chain.length) return reminder;
  const next = { at: due + last.level * reviewTimeoutDays * DAY, level: last.level + 1, to: chain[last.level]! };
  return next.at <= reminder.at ? next : reminder;
}

/** When something happens by itself: a late review, or a sign-off that expires. Milliseconds; undefined: nothing will. */
export function nextDue(s: ReportState): number | undefined {
  const ends = s.signOffs.filter((given) => countsAt(s, given, -Infinity)).map((given) => given.expiresAt);
  const times = [...ends, nextEscalation(s)?.at ?? Infinity];
  const first = Math.min(...times);
  return first === Infinity ? undefined : first;
}
