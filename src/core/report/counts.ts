import type { ReportState, SignOff, SignOffRole } from './report.js';

/** Which sign-offs count, and what that comes to. One is of a digest, until its time: an edit, a revocation and the clock end it. */
export const countsAt = (s: ReportState, given: SignOff, now: number): boolean =>
  s.status === 'approved' &&
  given.ended === undefined &&
  given.status !== 'rejected' &&
  given.digest === s.version.digest &&
  now < given.expiresAt;

export const countingSignOffs = (s: ReportState, now: number): SignOff[] =>
  s.signOffs.filter((given) => countsAt(s, given, now));

/** The one of a role that counts; there is never more than one. */
export const signOffOf = (s: ReportState, role: SignOffRole, now: number): SignOff | undefined =>
  countingSignOffs(s, now).find((given) => given.role === role);

/** Required roles that have none that counts. */
export const missingRoles = (s: ReportState, now: number): SignOffRole[] => {
  const there = new Set(countingSignOffs(s, now).map((given) => given.role));
  return s.terms.requiredSignOffs.filter((role) => !there.has(role));
};

/** Roles whose sign-off has a condition that is not met yet. */
export const conditionalRoles = (s: ReportState, now: number): SignOffRole[] =>
  countingSignOffs(s, now)
    .filter((given) => given.conditions.some((c) => c.metAt === undefined))
    .map((given) => given.role);

export type SignOffProgress = 'not_started' | 'pending' | 'complete';

/** `complete`: every required role has one that counts, and no condition is open. */
export function signOffProgress(s: ReportState, now: number): SignOffProgress {
  if (s.status !== 'approved') return 'not_started';
  if (missingRoles(s, now).length === 0 && conditionalRoles(s, now).length === 0) return 'complete';
  return countingSignOffs(s, now).length === 0 ? 'not_started' : 'pending';
}

/** When it became complete; undefined while it is not. */
export function signedOffAt(s: ReportState, now: number): number | undefined {
  if (signOffProgress(s, now) !== 'complete') return undefined;
  const times = countingSignOffs(s, now).flatMap((g) => [g.at, ...g.conditions.map((c) => c.metAt ?? 0)]);
  return Math.max(s.approvedAt ?? 0, ...times);
}
