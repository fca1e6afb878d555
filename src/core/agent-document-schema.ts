import { z } from 'zod';
import {
  DOCUMENT_STATUSES,
  PRIORITY_ORDER,
  type ExecutionTraceSnapshot,
  type HandoffPackage,
} from './agent-document.js';
import type { ErrorCode } from './errors.js';
import { date, version } from './fields-schema.js';
import { invalid } from './json-copy.js';
import { issuesOf } from './request-schema.js';

const text = z.string();
const texts = z.array(text).optional();
const name = text.min(1, 'must not be empty');
const fields = z.record(text, z.unknown()).optional();
const toDate = date.transform((iso) => new Date(iso));

// What a later version adds is kept: every object is loose.
const instructions = z.looseObject({
  task: text,
  expectedOutput: text.optional(),
  doneCriteria: texts,
  constraints: texts,
  focusAreas: texts,
  avoid: texts,
  deadline: toDate.optional(),
});

const context = z.looseObject({
  sessionId: text.optional(),
  artifacts: texts,
  workingDirectory: text.optional(),
  userRequest: text.optional(),
  decisions: z.array(z.looseObject({ what: text, why: text, alternatives: texts })).optional(),
  custom: fields,
});

const traceShape = (keepsMore: boolean) => {
  const object = <S extends z.ZodRawShape>(shape: S) => (keepsMore ? z.looseObject(shape) : z.object(shape));
  return object({
    operation: text,
    timestamp: date,
    durationMs: z.number().min(0),
    decisions: z.array(object({ point: text, choice: text, reason: text })),
    metrics: z.array(object({ name: text, value: z.number(), unit: text.optional() })),
    errors: z.array(object({ code: text, message: text })),
    success: z.boolean(),
  });
};

/** A trace's snapshot, as JSON. */
export const traceSchema = traceShape(true);
const exported = z.object({ trace: traceShape(false) });

/** Of what a trace says as JSON, what a snapshot has. Throws INVALID_PACKAGE with every issue and its JSON pointer. */
export function snapshotFrom(trace: unknown): ExecutionTraceSnapshot {
  const parsed = exported.safeParse({ trace });
  if (!parsed.success) throw invalid('INVALID_PACKAGE', issuesOf(parsed.error));
  return parsed.data.trace as ExecutionTraceSnapshot;
}

const document = z.looseObject({
  id: name,
  version,
  sourceAgent: name,
  targetAgent: name,
  priority: z.enum(Object.keys(PRIORITY_ORDER) as [keyof typeof PRIORITY_ORDER]),
  status: z.enum(DOCUMENT_STATUSES),
  context,
  instructions,
  trace: traceSchema.optional(),
  createdAt: toDate,
  expiresAt: toDate.nullish(),
  metadata: fields,
});

/** A document's JSON with its dates as dates. Throws `code` with every issue and its JSON pointer. */
export function documentFrom(json: unknown, code: ErrorCode = 'INVALID_PACKAGE'): HandoffPackage {
  const parsed = document.safeParse(json);
  if (!parsed.success) throw invalid(code, issuesOf(parsed.error));
  const { expiresAt, ...rest } = parsed.data;
  return { ...rest, ...(expiresAt ? { expiresAt } : {}) } as HandoffPackage;
}

/** Instructions that have the shape of a document's; undefined of others. */
export const shapedInstructions = (given: unknown): HandoffPackage['instructions'] | undefined =>
  instructions.safeParse(given).data;
