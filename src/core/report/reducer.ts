import { countsAt, signOffOf } from './counts.js';
import { DAY, nextEscalation } from './due.js';
import type {
  ContentOutline,
  Fact,
  ReportState,
  Review,
  ReviewStatus,
  SignOff,
  SignOffRole,
  SignOffStatus,
  VersionRef,
} from './report.js';

interface NewVersion {
  version: Omit<VersionRef, 'number'>;
  outline: ContentOutline;
}

/** All that can happen to a report. `now`: milliseconds, as the run handles it. */
export type ReportEvent = { now: number } & (
  | ({ type: 'edited'; by: string; what: 'content' | 'component' | 'attachment' } & NewVersion)
  | { type: 'submitted'; by: string; notes?: string; edit?: NewVersion }
  | { type: 'validated'; findings: string[]; facts: Fact[] }
  | {
      type: 'reviewed';
      by: string;
      status: ReviewStatus;
      comments: string;
      qualityScore?: number;
      amendments?: string[];
      automatic?: boolean;
    }
  | { type: 'fact_entered'; by: string; fact: Omit<Fact, 'id' | 'at' | 'digest' | 'source'> }
  | {
      type: 'signed_off';
      by: string;
      role: SignOffRole;
      status: SignOffStatus;
      comments: string;
      conditions?: string[];
    }
  | { type: 'revoked'; by: string; role: SignOffRole; reason: string }
  | { type: 'condition_met'; by: string; role: SignOffRole; condition: number; note?: string }
  | { type: 'commented'; by: string; text: string }
  | { type: 'ticked' }
);

/** What a state keeps of the past, entries and characters; all of it is on record. */
const REVIEWS_KEPT = 20;
const ENDED_KEPT = 30;
const ESCALATIONS_KEPT = 50;
const PAST_LENGTH = 80_000;
export const FACTS_LIMIT = 200;

export function initialReport(
  input: Pick<ReportState, 'reportId' | 'author' | 'pipelineId' | 'taskId' | 'terms' | 'version' | 'outline'>,
  now: number,
): ReportState {
  const { reportId, author, pipelineId, taskId, terms, version, outline } = input;
  return {
    reportId,
    author,
    pipelineId,
    taskId,
    terms,
    status: 'draft',
    version,
    outline,
    facts: [],
    reviews: [],
    signOffs: [],
    escalations: [],
    submissions: 0,
    findings: [],
    comments: 0,
    seq: 1,
    createdAt: now,
    updatedAt: now,
  };
}

/** The only place where a report's state changes. An event that does not fit changes nothing; every change raises `seq`. */
export function reduceReport(before: ReportState, event: ReportEvent): ReportState {
  const now = Math.max(before.updatedAt, event.now);
  const after = changed(before, event, now);
  return after === before ? before : { ...after, seq: before.seq + 1, updatedAt: now };
}

function changed(s: ReportState, event: ReportEvent, now: number): ReportState {
  switch (event.type) {
    case 'edited':
      return s.status === 'submitted' || s.status === 'rejected' ? s : edited(s, event, now);
    case 'submitted':
      return s.status === 'draft' || s.status === 'amendments_required' ? submitted(s, event, now) : s;
    case 'validated':
      return s.status === 'submitted' ? validated(s, event, now) : s;
    case 'reviewed':
      return s.status === 'under_review' ? reviewed(s, event, now) : s;
    case 'fact_entered': {
      if (s.status !== 'under_review' || s.facts.length >= FACTS_LIMIT) return s;
      const source = { kind: 'reviewer' as const, by: event.by };
      const fact: Fact = { ...event.fact, id: `f${s.seq + 1}`, source, digest: s.version.digest, at: now };
      return { ...s, facts: [...s.facts, fact] };
    }
    case 'signed_off':
      return s.status === 'approved' ? signedOff(s, event, now) : s;
    case 'revoked': {
      const given = signOffOf(s, event.role, now);
      const ended = { why: 'revoked' as const, at: now, by: event.by, reason: event.reason };
      return given ? { ...s, signOffs: s.signOffs.map((g) => (g === given ? { ...g, ended } : g)) } : s;
    }
    case 'condition_met':
      return conditionMet(s, event, now);
    case 'commented':
      return s.status === 'rejected' ? s : { ...s, comments: s.comments + 1 };
    case 'ticked':
      return ticked(s, now);
  }
}

/** An approval is of what was looked at: whatever is edited, and had been handed in, is a draft again. */
function edited(s: ReportState, { version, outline }: NewVersion, now: number): ReportState {
  if (version.digest === s.version.digest) return s;
  const ended = { why: 'edited' as const, at: now };
  const { approvedAt: _gone, reviewDueAt: _over, ...rest } = s;
  const attached = new Set(outline.attachments.map((a) => a.sha256));
  return {
    ...rest,
    status: s.status === 'under_review' || s.status === 'approved' ? 'draft' : s.status,
    version: { number: s.version.number + 1, digest: version.digest, size: version.size },
    outline,
    facts: s.facts.filter((f) => f.source.kind === 'file' && attached.has(f.source.sha256)),
    reviews: s.reviews.map((r) => (r.ended ? r : { ...r, ended })),
    signOffs: kept(s.signOffs.map((g) => (g.ended ? g : { ...g, ended }))),
    findings: [],
  };
}

function submitted(s: ReportState, { edit }: ReportEvent & { type: 'submitted' }, now: number): ReportState {
  const whole = edit ? edited(s, edit, now) : s;
  const handedIn = { ...whole, submissions: s.submissions + 1, submittedAt: now, findings: [] };
  return s.terms.autoValidation ? { ...handedIn, status: 'submitted' } : underReview(handedIn, now);
}

const underReview = (s: ReportState, now: number): ReportState => ({
  ...s,
  status: 'under_review',
  reviewDueAt: now + s.terms.reviewTimeoutDays * DAY,
});

/** What files say is read anew each time; what a reviewer said of this very version stays. */
function validated(s: ReportState, event: ReportEvent & { type: 'validated' }, now: number): ReportState {
  const { findings } = event;
  const entered = s.facts.filter((f) => f.source.kind === 'reviewer' && f.digest === s.version.digest);
  const facts = [...event.facts, ...entered].slice(0, FACTS_LIMIT);
  if (findings.length > 0) return { ...s, status: 'amendments_required', findings, facts };
  return underReview({ ...s, findings, facts }, now);
}

function reviewed(s: ReportState, event: ReportEvent & { type: 'reviewed' }, now: number): ReportState {
  const { type: _type, now: _asked, ...said } = event;
  const review: Review = { ...said, at: now, digest: s.version.digest };
  const { reviewDueAt: _over, ...rest } = s;
  const after = { ...rest, status: event.status, reviews: lastOf([...s.reviews, review], REVIEWS_KEPT) };
  return event.status === 'approved' ? { ...after, approvedAt: now } : after;
}

/** A role has one that counts: one more replaces it, and a rejection ends the approval with all that stood on it. */
function signedOff(s: ReportState, event: ReportEvent & { type: 'signed_off' }, now: number): ReportState {
  const { by, role, status, comments, conditions = [] } = event;
  const there = signOffOf(s, role, now);
  if (status !== 'rejected' && there) return s;
  const given: SignOff = {
    role,
    by,
    at: now,
    digest: s.version.digest,
    status,
    comments,
    conditions: conditions.map((text) => ({ text })),
    expiresAt: now + s.terms.signOffExpiryDays * DAY,
  };
  if (status !== 'rejected') return { ...s, signOffs: kept([...s.signOffs, given]) };
  const ended = { why: 'rejected_again' as const, at: now, by };
  const { approvedAt: _gone, ...rest } = s;
  const over = s.signOffs.map((g) => (g.ended ? g : { ...g, ended }));
  return { ...rest, status: 'amendments_required', signOffs: kept([...over, given]) };
}

function conditionMet(s: ReportState, event: ReportEvent & { type: 'condition_met' }, now: number): ReportState {
  const { by, role, condition: at, note } = event;
  const given = signOffOf(s, role, now);
  const open = given?.conditions[at];
  if (!given || !open || open.metAt !== undefined) return s;
  const met = { ...open, metBy: by, metAt: now, ...(note === undefined ? {} : { note }) };
  const conditions = given.conditions.with(at, met);
  return { ...s, signOffs: s.signOffs.map((g) => (g === given ? { ...g, conditions } : g)) };
}

/** Whatever the time has brought: sign-offs that have expired, or a review that is late. */
function ticked(s: ReportState, now: number): ReportState {
  const late = nextEscalation(s);
  if (late && late.at <= now) {
    const { escalationChain: chain, reviewTimeoutDays } = s.terms;
    // Where nobody was there to see the time pass, the one whose turn it is now is called.
    const level = Math.min(chain.length, 1 + Math.floor((now - s.reviewDueAt!) / (reviewTimeoutDays * DAY)));
    const escalation = { at: now, level, to: chain[level - 1]! };
    return { ...s, escalations: [...s.escalations, escalation].slice(-ESCALATIONS_KEPT) };
  }
  const isOver = (g: SignOff): boolean => countsAt(s, g, -Infinity) && g.expiresAt <= now;
  if (!s.signOffs.some(isOver)) return s;
  const ended = { why: 'expired' as const, at: now };
  return { ...s, signOffs: kept(s.signOffs.map((g) => (isOver(g) ? { ...g, ended } : g))) };
}

/** Those that may still count, and the last of the others. */
function kept(all: SignOff[]): SignOff[] {
  const past = lastOf(
    all.filter((g) => g.ended || g.status === 'rejected'),
    ENDED_KEPT,
  );
  return all.filter((g) => past.includes(g) || !(g.ended || g.status === 'rejected'));
}

/** The last ones, of many or of long ones fewer, and always the very last: a run carries its state in every step. */
function lastOf<T>(all: readonly T[], count: number): T[] {
  let length = 0;
  const from = all.findLastIndex(
    (one, i) => (length += JSON.stringify(one).length) > PAST_LENGTH && i < all.length - 1,
  );
  return all.slice(Math.max(from + 1, all.length - count));
}
