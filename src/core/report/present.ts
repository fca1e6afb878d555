import { countsAt, signOffProgress } from './counts.js';
import { overallProgress } from './outline.js';
import {
  COMPONENT_TYPES,
  type ComponentStatus,
  type ComponentType,
  type Fact,
  type ReportContent,
  type ReportState,
  type Review,
  type SignOff,
} from './report.js';
import { autoApproval, countingFacts, verifiedComponents } from './verify.js';
import type { FactView, ReportSummary, ReportView, ReviewView, SignOffView } from './view.js';
import { waitsFor } from './waits.js';

const iso = (ms: number): string => new Date(ms).toISOString();
const maybeIso = <K extends string>(key: K, ms: number | undefined): Partial<Record<K, string>> =>
  ms === undefined ? {} : ({ [key]: iso(ms) } as Record<K, string>);

/** A report as the API, the page and `client.reports()` show it at `now`. */
export function presentReport(s: ReportState, content: ReportContent, now: number): ReportView {
  const { approves: _decided, ...verified } = autoApproval(s);
  const by = verifiedComponents(s);
  return {
    ...content,
    report_id: s.reportId,
    author: s.author,
    status: s.status,
    version: s.version.number,
    digest: s.version.digest,
    seq: s.seq,
    components: Object.fromEntries(
      COMPONENT_TYPES.map((type) => [
        type,
        { ...content.components[type], ...(by.has(type) ? { status: 'verified', verified_by: by.get(type) } : {}) },
      ]),
    ) as ReportView['components'],
    overall_progress: overallProgress(s.outline),
    missing: s.outline.missing,
    facts: factViews(s),
    verified,
    reviews: s.reviews.map((r) => reviewView(s, r)),
    sign_offs: s.signOffs.map((g) => signOffView(s, g, now)),
    required_sign_offs: s.terms.requiredSignOffs,
    sign_off_status: signOffProgress(s, now),
    escalations: s.escalations.map((e) => ({ ...e, at: iso(e.at) })),
    findings: s.findings,
    submissions: s.submissions,
    ...waitsForView(s, now),
    created_at: iso(s.createdAt),
    updated_at: iso(s.updatedAt),
    ...maybeIso('submitted_at', s.submittedAt),
    ...maybeIso('review_due_at', s.reviewDueAt),
    ...maybeIso('approved_at', s.approvedAt),
  };
}

/** Of its content, only the beginning of the work summary. */
export function summaryOfReport(s: ReportState, summary: string, now: number): ReportSummary {
  return {
    report_id: s.reportId,
    author: s.author,
    pipeline_id: s.pipelineId,
    task_id: s.taskId,
    status: s.status,
    version: s.version.number,
    digest: s.version.digest,
    overall_progress: overallProgress(s.outline),
    sign_off_status: signOffProgress(s, now),
    ...waitsForView(s, now),
    summary,
    created_at: iso(s.createdAt),
    updated_at: iso(s.updatedAt),
  };
}

/** The status of each component, with those that facts have verified. */
export function componentStatuses(s: ReportState): Record<ComponentType, ComponentStatus> {
  const by = verifiedComponents(s);
  return Object.fromEntries(
    COMPONENT_TYPES.map((type) => [type, by.has(type) ? 'verified' : s.outline.components[type].status]),
  ) as Record<ComponentType, ComponentStatus>;
}

function waitsForView(s: ReportState, now: number): Pick<ReportView, 'waits_for'> {
  const waiting = waitsFor(s, now);
  return waiting ? { waits_for: { ...waiting, since: iso(waiting.since) } } : {};
}

function factViews(s: ReportState): FactView[] {
  const counting = countingFacts(s);
  return s.facts.map((fact) => {
    const { component, at, ...rest } = fact;
    const alike = counting.includes(fact) ? counting.flatMap((other) => sameFile(fact, other)) : [];
    return {
      ...rest,
      ...(component ? { component_type: component } : {}),
      ...(alike.length > 0 ? { same_file_as: alike } : {}),
      at: iso(at),
    };
  });
}

/** The other's name, where it is the same bytes under another one. */
const sameFile = ({ source: a }: Fact, { source: b }: Fact): string[] =>
  a.kind === 'file' && b.kind === 'file' && a.sha256 === b.sha256 && a.attachment !== b.attachment
    ? [b.attachment]
    : [];

const reviewView = (s: ReportState, r: Review): ReviewView => ({
  by: r.by,
  at: iso(r.at),
  digest: r.digest,
  review_status: r.status,
  review_comments: r.comments,
  ...(r.qualityScore === undefined ? {} : { quality_score: r.qualityScore }),
  ...(r.amendments ? { amendments: r.amendments } : {}),
  automatic: r.automatic ?? false,
  current: r.ended === undefined && r.digest === s.version.digest,
});

const signOffView = (s: ReportState, g: SignOff, now: number): SignOffView => ({
  sign_off_role: g.role,
  by: g.by,
  at: iso(g.at),
  digest: g.digest,
  status: g.status,
  comments: g.comments,
  conditions: g.conditions.map((c) => ({
    text: c.text,
    met: c.metAt !== undefined,
    ...(c.metBy === undefined ? {} : { met_by: c.metBy }),
    ...maybeIso('met_at', c.metAt),
    ...(c.note === undefined ? {} : { note: c.note }),
  })),
  expires_at: iso(g.expiresAt),
  counts: countsAt(s, g, now),
  ...(g.ended ? { ended: { ...g.ended, at: iso(g.ended.at) } } : {}),
});
