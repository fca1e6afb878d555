import { z } from 'zod';
import {
  COMPONENT_STATUSES,
  COMPONENT_TYPES,
  REPORT_STATUSES,
  REVIEW_STATUSES,
  SIGN_OFF_ROLES,
  SIGN_OFF_STATUSES,
  type ReportContent,
} from '../../core/report/report.js';
import type { ReportHistory, ReportPage, ReportSummary, ReportView } from '../../core/report/view.js';
import type { Agreed } from './agreed.js';

/** What the routes of reports answer; each agrees with its type in `core/report/view.ts`, or this does not compile. */
const texts = z.array(z.string()).optional();
const time = z.string().describe('ISO 8601');
const share = z.number().min(0).max(1);
const place = z.object({ path: z.string().describe('JSON pointer'), message: z.string() });
const status = z.enum(REPORT_STATUSES);
const role = z.enum(SIGN_OFF_ROLES);
const componentType = z.enum(COMPONENT_TYPES);

const progress = z.object({
  status: z.enum(COMPONENT_STATUSES).exclude(['verified']),
  progress_percentage: z.number(),
  started_at: time.optional(),
  completed_at: time.optional(),
  notes: z.string().optional(),
  test_results: z
    .object({ coverage: z.number().optional(), passed: z.number().optional(), failed: z.number().optional() })
    .optional(),
  code_review_status: z.string().optional(),
  security_review_status: z.string().optional(),
  dependencies: z.array(componentType).optional(),
  blockers: texts,
});

const attachment = z.object({
  name: z.string(),
  media_type: z.string(),
  size: z.number(),
  sha256: z.string(),
  component_type: componentType.optional(),
});

export const contentSchema = z.object({
  pipeline_id: z.string(),
  task_id: z.string(),
  work_summary: z.string(),
  achievements: texts,
  challenges_encountered: texts,
  lessons_learned: texts,
  components_implemented: texts,
  apis_integrated: texts,
  services_configured: texts,
  tests_written: texts,
  documentation_created: texts,
  quality_score: z.number().optional(),
  test_coverage_percentage: z.number().optional(),
  components: z.record(componentType, progress),
  attachments: z.array(attachment),
  submission_notes: z.string().optional(),
});

const fact = z.object({
  id: z.string(),
  component_type: componentType.optional(),
  source: z.union([
    z.object({
      kind: z.literal('file'),
      attachment: z.string(),
      sha256: z.string(),
      format: z.enum(['junit', 'lcov', 'cobertura', 'istanbul']),
    }),
    z.object({ kind: z.literal('reviewer'), by: z.string() }),
  ]),
  tests: z.object({ run: z.number(), passed: z.number(), failed: z.number(), skipped: z.number() }).optional(),
  coverage: z.number().optional(),
  verified: z.boolean().optional(),
  note: z.string().optional(),
  digest: z.string(),
  same_file_as: texts.describe('Attachments that are the same bytes'),
  at: time,
});

const review = z.object({
  by: z.string(),
  at: time,
  digest: z.string(),
  review_status: z.enum(REVIEW_STATUSES),
  review_comments: z.string(),
  quality_score: z.number().optional(),
  amendments: texts,
  automatic: z.boolean(),
  current: z.boolean().describe('Whether it is of the present version'),
});

const signOff = z.object({
  sign_off_role: role,
  by: z.string(),
  at: time,
  digest: z.string(),
  status: z.enum(SIGN_OFF_STATUSES),
  comments: z.string(),
  conditions: z.array(
    z.object({
      text: z.string(),
      met: z.boolean(),
      met_by: z.string().optional(),
      met_at: time.optional(),
      note: z.string().optional(),
    }),
  ),
  expires_at: time,
  counts: z.boolean(),
  ended: z.object({ why: z.string(), at: time, by: z.string().optional(), reason: z.string().optional() }).optional(),
});

const waitsFor = z.object({ words: z.string(), whom: z.array(z.string()), since: time }).optional();
const signOffStatus = z.enum(['not_started', 'pending', 'complete']);

export const viewSchema = contentSchema.omit({ components: true }).extend({
  report_id: z.string(),
  author: z.string(),
  status,
  version: z.number(),
  digest: z.string().describe('Of the content (RFC 8785, SHA-256); reviews and sign-offs are of it'),
  seq: z.number().describe('Rises with every change; the ETag is "<seq>"'),
  components: z.record(
    componentType,
    progress.extend({ status: z.enum(COMPONENT_STATUSES), verified_by: z.array(z.string()).optional() }),
  ),
  overall_progress: z.number(),
  missing: z.array(place).describe('Why it cannot be handed in yet'),
  facts: z.array(fact),
  verified: z.object({ components: share, tests: share, coverage: share, score: share }),
  reviews: z.array(review),
  sign_offs: z.array(signOff),
  required_sign_offs: z.array(role),
  sign_off_status: signOffStatus,
  escalations: z.array(z.object({ at: time, level: z.number(), to: z.string() })),
  findings: z.array(z.string()),
  submissions: z.number(),
  waits_for: waitsFor,
  created_at: time,
  updated_at: time,
  submitted_at: time.optional(),
  review_due_at: time.optional(),
  approved_at: time.optional(),
});

export const summarySchema = z.object({
  report_id: z.string(),
  author: z.string(),
  pipeline_id: z.string(),
  task_id: z.string(),
  status,
  version: z.number(),
  digest: z.string(),
  overall_progress: z.number(),
  sign_off_status: signOffStatus,
  waits_for: waitsFor,
  summary: z.string(),
  created_at: time,
  updated_at: time,
});

export const pageSchema = z.object({ reports: z.array(summarySchema), next_cursor: z.string().optional() });

export const historySchema = z.object({
  report_id: z.string(),
  versions: z.array(z.object({ version: z.number(), digest: z.string(), by: z.string(), at: time })),
  entries: z.array(
    z.object({
      seq: z.number(),
      at: time,
      by: z.string(),
      act: z.string(),
      status,
      version: z.number(),
      digest: z.string(),
      changes: z.array(z.object({ path: z.string(), before: z.unknown().optional(), after: z.unknown().optional() })),
      note: z.string().optional(),
    }),
  ),
  next_cursor: z.string().optional(),
});

true satisfies Agreed<z.infer<typeof contentSchema>, ReportContent>;
true satisfies Agreed<z.infer<typeof viewSchema>, ReportView>;
true satisfies Agreed<z.infer<typeof summarySchema>, ReportSummary>;
true satisfies Agreed<z.infer<typeof pageSchema>, ReportPage>;
true satisfies Agreed<z.infer<typeof historySchema>, ReportHistory>;
