import type { Insertable } from 'kysely';
import { signOffProgress, signedOffAt } from '../../core/report/counts.js';
import { nextDue } from '../../core/report/due.js';
import { overallProgress } from '../../core/report/outline.js';
import { componentStatuses } from '../../core/report/present.js';
import { COMPONENT_TYPES, type ReportContent, type ReportState } from '../../core/report/report.js';
import { autoApproval, countingFacts, lowestCoverage } from '../../core/report/verify.js';
import { waitsFor } from '../../core/report/waits.js';
import type { ReportTable } from './tables.js';

const SUMMARY_LENGTH = 200;
export const summaryTextOf = (content: ReportContent | undefined): string =>
  (content?.work_summary ?? '').slice(0, SUMMARY_LENGTH).replace(/[\uD800-\uDBFF]$/, '');

/** The row of a state, as of its last change: nothing in it is from anywhere else. */
export function rowOf(s: ReportState, summary: string): Insertable<ReportTable> {
  const now = s.updatedAt;
  const statuses = componentStatuses(s);
  const waiting = waitsFor(s, now);
  const verified = autoApproval(s);
  const scores = s.reviews.flatMap((r) => (r.ended ? [] : (r.qualityScore ?? [])));
  return {
    id: s.reportId,
    author: s.author,
    pipeline: s.pipelineId,
    task: s.taskId,
    status: s.status,
    version: s.version.number,
    digest: s.version.digest,
    seq: s.seq,
    progress: overallProgress(s.outline),
    components: JSON.stringify(
      Object.fromEntries(
        COMPONENT_TYPES.map((type) => [
          type,
          { ...s.outline.components[type], status: statuses[type] } satisfies StoredComponent,
        ]),
      ),
    ),
    blockers: COMPONENT_TYPES.reduce((sum, type) => sum + s.outline.components[type].blockers, 0),
    sign_off_status: signOffProgress(s, now),
    waits_for: waiting ? ` ${waiting.whom.join(' ')} ` : null,
    waits_words: waiting?.words ?? null,
    waits_since: waiting?.since ?? null,
    due_at: nextDue(s) ?? null,
    quality_score: scores.length > 0 ? scores.reduce((a, b) => a + b, 0) / scores.length : null,
    verified_components: verified.components,
    verified_tests: verified.tests,
    verified_coverage: verified.coverage,
    verified_score: verified.score,
    coverage: lowestCoverage(countingFacts(s)) ?? null,
    summary,
    submissions: s.submissions,
    created_at: s.createdAt,
    updated_at: s.updatedAt,
    submitted_at: s.submittedAt ?? null,
    reviewed_at: s.reviews.at(-1)?.at ?? null,
    approved_at: s.approvedAt ?? null,
    signed_off_at: signedOffAt(s, now) ?? null,
    state: JSON.stringify(s),
  };
}

/** One component in the column `components`. */
export interface StoredComponent {
  status: string;
  progress: number;
  /** How many. */
  blockers: number;
}
