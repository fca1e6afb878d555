import { z } from 'zod';
import { invalid } from '../errors.js';
import { PACKAGE_ID } from '../ids.js';
import { issuesOf } from '../fields-schema.js';
import { PACKAGE_VERSION } from './package.js';

// The written form: what is a Date in memory is a text here. Unknown fields are kept on every level.
const text = z.string();
const name = z.string().min(1);
const count = z.int().min(0);
const date = z.iso.datetime({ offset: true, error: 'must be a date and time such as 2026-01-31T12:00:00.000Z' });
const digest = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in 64 hexadecimal digits');
const version = z.string().regex(/^1(\.\d{1,9}){0,2}$/, 'must be a version such as 1.0.0');
const packageId = z.string().regex(PACKAGE_ID, 'must be hof- and then letters, digits, ".", "_" or "-", at most 128');

const entry = z.looseObject({
  key: name,
  value: text.describe('The value as JSON text.'),
  metadata: z.looseObject({
    source: text,
    tags: z.array(text),
    createdAt: date.optional(),
    updatedAt: date.optional(),
    version: count.optional(),
  }),
});

const context = z.looseObject({
  entries: z.array(entry).optional(),
  size: count.describe('Bytes of the canonical JSON of the entries.').optional(),
  checksum: digest.describe('SHA-256 of the canonical JSON of the entries.').optional(),
  sessionId: text.optional(),
  artifacts: z.array(text).optional(),
  workingDirectory: text.optional(),
  userRequest: text.optional(),
  decisions: z.array(z.looseObject({ what: text, why: text, alternatives: z.array(text).optional() })).optional(),
  custom: z.record(z.string(), z.unknown()).optional(),
});

const instructions = z.looseObject({
  task: text,
  expectedOutput: text.optional(),
  doneCriteria: z.array(text).optional(),
  constraints: z.array(text).optional(),
  focusAreas: z.array(text).optional(),
  avoid: z.array(text).optional(),
  deadline: date.optional(),
});

const trace = z.looseObject({
  operation: text,
  timestamp: text,
  durationMs: z.number(),
  decisions: z.array(z.looseObject({ point: text, choice: text, reason: text })),
  metrics: z.array(z.looseObject({ name: text, value: z.number(), unit: text.optional() })),
  errors: z.array(z.looseObject({ code: text, message: text })),
  success: z.boolean(),
});

const checkpoint = z.looseObject({
  phase: name,
  step: count,
  totalSteps: count,
  status: z.enum(['paused', 'completed', 'error']),
  resumePoint: text,
});

const metadata = z.looseObject({
  version,
  pipelineVersion: text,
  createdBy: text,
  reason: text,
  expiresAt: date.optional(),
});

const integrity = z.strictObject({
  algorithm: z.literal('sha256'),
  checksum: digest.describe('SHA-256 of the canonical JSON (RFC 8785) of the package without this block.'),
  signature: z.strictObject({ algorithm: z.literal('hmac-sha256'), keyId: name.optional(), value: digest }).optional(),
});

/** What a document may have, whichever of the two it is. */
const both = {
  id: name,
  createdAt: date,
  context,
  sessionId: name.optional(),
  cloneId: text.optional(),
  sourcePhase: name.optional(),
  targetPhase: name.optional(),
  checkpoint: checkpoint.optional(),
  integrity: integrity.optional(),
  version: version.optional(),
  sourceAgent: name.optional(),
  targetAgent: name.optional(),
  priority: z.enum(['immediate', 'normal', 'background']).optional(),
  status: z.enum(['pending', 'accepted', 'rejected', 'completed', 'expired']).optional(),
  instructions: instructions.optional(),
  trace: trace.optional(),
  expiresAt: date.optional(),
  metadata: z.looseObject({}).optional(),
};

const pipelinePackageSchema = z.looseObject({
  ...both,
  id: packageId,
  sessionId: name,
  cloneId: text,
  sourcePhase: name,
  targetPhase: name,
  context: context.required({ entries: true, size: true, checksum: true }),
  checkpoint,
  metadata,
  integrity,
});

/** The written form of what one agent passes to another. */
export const agentDocumentSchema = z.looseObject({
  ...both,
  version,
  sourceAgent: name,
  targetAgent: name,
  priority: both.priority.unwrap(),
  status: both.status.unwrap(),
  instructions,
});

/** The JSON Schema (draft 2020-12) of both documents, as it is published in schema/handoff-package.json. */
export function packageJsonSchema(): Record<string, unknown> {
  const either = z.union([
    pipelinePackageSchema.meta({ id: 'PipelineHandoffPackage', description: 'What one phase passes to the next.' }),
    agentDocumentSchema.meta({ id: 'HandoffPackage', description: 'What one agent passes to another.' }),
  ]);
  const { $schema, ...rest } = z.toJSONSchema(either, {
    target: 'draft-2020-12',
    // The format says it; zod's pattern of a date fills a page.
    override: ({ jsonSchema }) => void (jsonSchema.format === 'date-time' && delete jsonSchema.pattern),
  });
  return { $schema, title: `Handoff package ${PACKAGE_VERSION}`, ...rest };
}

/** Throws INVALID_PACKAGE with every fault of the written form of a package. */
export function checkPackage(written: unknown): void {
  const parsed = pipelinePackageSchema.safeParse(written);
  if (!parsed.success) throw invalid('INVALID_PACKAGE', issuesOf(parsed.error));
}
