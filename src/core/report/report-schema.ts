import { z } from 'zod';
import { id, issuesOf, date } from '../fields-schema.js';
import { invalid } from '../errors.js';
import { HANDOFF_ID, SESSION_ID } from '../ids.js';
import { NOT_UNICODE, isUnicode } from '../json/unicode.js';
import { attachmentNameFault } from './attachment.js';
import { LINES_LIMIT, LINE_LIMIT, TEXT_LIMIT } from './message.js';
import {
  COMPONENT_STATUSES,
  COMPONENT_TYPES,
  REPORT_STATUSES,
  REVIEW_COMMENTS_MIN,
  REVIEW_STATUSES,
  SIGN_OFF_ROLES,
  SIGN_OFF_STATUSES,
  WORK_SUMMARY_MIN,
} from './report.js';

/**
 * For who reads the schema: so many characters once the space around them is gone. What counts as space is not the same
 * everywhere; this is what does nowhere.
 */
const trimmed = (min: number): string =>
  min === 1 ? String.raw`[^\s\ufeff]` : String.raw`[^\s\ufeff][\s\S]{${min - 2},}[^\s\ufeff]`;

/** Every body of `client/reports/port.ts`, and of the HTTP API. All objects are strict: what is not known is refused. */
const words = (max: number, min = 0) =>
  z
    .string()
    .max(max)
    .refine(isUnicode, NOT_UNICODE)
    .refine((t) => t.trim().length >= min, `needs ${min} characters`)
    .meta(min > 0 ? { minLength: min, pattern: trimmed(min) } : {});
const entries = z.array(words(2000, 1)).max(200);
const lines = z.array(words(LINE_LIMIT, 1)).max(LINES_LIMIT);
const ratio = z.number().min(0).max(1);
const percent = z.number().min(0).max(100);
const count = z.int().min(0);
export const reportId = id(HANDOFF_ID, 'a report id: letters, digits, ".", "_" or "-", at most 128');
export const componentType = z.enum(COMPONENT_TYPES);
export const signOffRole = z.enum(SIGN_OFF_ROLES);
/** The rest of what {@link attachmentNameFault} says, for who reads the schema. */
const UNSEEN = String.raw`\x00-\x1f\x7f-\xa0\u061c\u1680\u2000-\u200f\u2028-\u202f\u205f-\u2069\u3000\ufeff`;
const PART = `([^.${UNSEEN} /\\\\]|[.][^.${UNSEEN} /\\\\]|[.][.][^${UNSEEN} /\\\\])([^${UNSEEN}/\\\\]*[^${UNSEEN} /\\\\])?`;
export const attachmentName = z
  .string()
  .superRefine((name, ctx) => {
    const message = attachmentNameFault(name);
    if (message) ctx.addIssue({ code: 'custom', message });
  })
  .meta({ minLength: 1, maxLength: 200, pattern: `^(?![A-Za-z]:)${PART}(/${PART})*$` });

const fieldsOfComponent = {
  status: z.enum(COMPONENT_STATUSES).exclude(['verified']),
  progress_percentage: percent,
  started_at: date.optional(),
  completed_at: date.optional(),
  notes: words(TEXT_LIMIT).optional(),
  test_results: z
    .strictObject({ coverage: percent.optional(), passed: count.optional(), failed: count.optional() })
    .optional(),
  code_review_status: words(100).optional(),
  security_review_status: words(100).optional(),
  dependencies: z.array(componentType).max(8).optional(),
  blockers: lines.optional(),
};
const component = z.strictObject(fieldsOfComponent);
export const componentChangeSchema = component.partial();
const componentChanges = z.partialRecord(componentType, componentChangeSchema);

const fieldsOfReport = {
  achievements: entries,
  challenges_encountered: entries,
  lessons_learned: entries,
  components_implemented: entries,
  apis_integrated: entries,
  services_configured: entries,
  tests_written: entries,
  documentation_created: entries,
  quality_score: ratio,
  test_coverage_percentage: percent,
  submission_notes: words(TEXT_LIMIT),
};
const work_summary = words(100_000, WORK_SUMMARY_MIN);
const optionalFields = z.strictObject(fieldsOfReport).partial().shape;

export const createReportSchema = z.strictObject({
  report_id: reportId.optional(),
  pipeline_id: id(SESSION_ID, 'a session id'),
  task_id: id(HANDOFF_ID, 'a handoff id'),
  work_summary,
  ...optionalFields,
  components: componentChanges.optional(),
});
const nullable = <T extends z.ZodType>(schema: T) => schema.nullable().optional();
export const updateReportSchema = z.strictObject({
  work_summary: work_summary.optional(),
  achievements: nullable(entries),
  challenges_encountered: nullable(entries),
  lessons_learned: nullable(entries),
  components_implemented: nullable(entries),
  apis_integrated: nullable(entries),
  services_configured: nullable(entries),
  tests_written: nullable(entries),
  documentation_created: nullable(entries),
  quality_score: nullable(ratio),
  test_coverage_percentage: nullable(percent),
  submission_notes: nullable(words(TEXT_LIMIT)),
  components: componentChanges.optional(),
});
export const submitReportSchema = z.strictObject({
  submission_notes: words(TEXT_LIMIT).optional(),
  attachments: z.array(attachmentName).max(1000).optional(),
});
export const reviewReportSchema = z.strictObject({
  review_status: z.enum(REVIEW_STATUSES),
  review_comments: words(TEXT_LIMIT, REVIEW_COMMENTS_MIN),
  quality_score: ratio.optional(),
  amendments: lines.optional(),
});
export const signOffSchema = z.strictObject({
  sign_off_role: signOffRole,
  status: z.enum(SIGN_OFF_STATUSES),
  comments: words(TEXT_LIMIT).optional(),
  conditions: lines.optional(),
});
export const revokeSchema = z.strictObject({ reason: words(TEXT_LIMIT, 1) });
export const meetConditionSchema = z.strictObject({ note: words(TEXT_LIMIT, 1).optional() });
export const commentSchema = z.strictObject({ text: words(TEXT_LIMIT, 1) });
export const enterFactSchema = z
  .strictObject({
    component_type: componentType.optional(),
    tests: z
      .strictObject({ run: count, passed: count, failed: count, skipped: count.default(0) })
      .refine((t) => t.passed + t.failed === t.run, 'passed and failed must come to run; skipped ones were not run')
      .optional(),
    coverage: percent.optional(),
    verified: z.boolean().optional(),
    note: words(TEXT_LIMIT, 1).optional(),
  })
  .refine(
    (f) => f.tests !== undefined || f.coverage !== undefined || f.verified !== undefined,
    'says nothing: give tests, coverage or verified',
  )
  .meta({ anyOf: ['tests', 'coverage', 'verified'].map((field) => ({ required: [field] })) });
export const reportFilterSchema = z.strictObject({
  status: z.enum(REPORT_STATUSES).optional(),
  author: words(256, 1).optional(),
  pipeline_id: words(128, 1).optional(),
  task_id: words(128, 1).optional(),
  waits_for: words(256, 1).optional(),
  limit: z.int().min(1).max(200).optional(),
  cursor: words(500, 1).optional(),
});

export const historyPlaceSchema = reportFilterSchema.pick({ limit: true, cursor: true });

/** What was given, of that shape. Throws INVALID_REPORT with every issue and its JSON pointer. */
export function parsedReport<T extends z.ZodType>(schema: T, given: unknown): z.infer<T> {
  const parsed = schema.safeParse(given);
  if (!parsed.success) throw invalid('INVALID_REPORT', issuesOf(parsed.error));
  return parsed.data;
}
