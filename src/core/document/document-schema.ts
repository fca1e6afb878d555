import { z } from 'zod';
import type { ExecutionTraceSnapshot, HandoffInstructions, HandoffPackage } from './document.js';
import { invalid, type ErrorCode } from '../errors.js';
import { agentDocumentSchema } from '../package/package-schema.js';
import { issuesOf } from '../fields-schema.js';

const instructions = agentDocumentSchema.shape.instructions;
/** A trace's snapshot. */
export const traceSchema = agentDocumentSchema.shape.trace.unwrap();
/** What a request says of a document besides what it has fields of its own for. */
export const documentFields = z.looseObject({
  version: agentDocumentSchema.shape.version.optional(),
  createdAt: agentDocumentSchema.shape.createdAt.optional(),
  context: agentDocumentSchema.shape.context.optional(),
});
const exported = z.object({ trace: traceSchema });

/** A document's JSON with its dates as dates. Throws `code` with every issue and its JSON pointer. */
export function documentFrom(json: Record<string, unknown>, code: ErrorCode = 'INVALID_PACKAGE'): HandoffPackage {
  // Other languages write null for what is absent.
  const { expiresAt: expiry, ...present } = json;
  const parsed = agentDocumentSchema.safeParse(expiry === null ? present : json);
  if (!parsed.success) throw invalid(code, issuesOf(parsed.error));
  const { createdAt, expiresAt, instructions: given, ...rest } = parsed.data;
  return {
    ...rest,
    instructions: withDates(given),
    createdAt: new Date(createdAt),
    ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt) }),
  };
}

const withDates = ({ deadline, ...rest }: z.infer<typeof instructions>): HandoffInstructions => ({
  ...rest,
  ...(deadline === undefined ? {} : { deadline: new Date(deadline) }),
});

/** Instructions that have the shape of a document's; undefined of others. */
export function shapedInstructions(given: unknown): HandoffInstructions | undefined {
  const parsed = instructions.safeParse(given);
  return parsed.success ? withDates(parsed.data) : undefined;
}

/** Of what a trace says as JSON, what a snapshot has. Throws INVALID_PACKAGE with every issue and its JSON pointer. */
export function snapshotFrom(trace: unknown): ExecutionTraceSnapshot {
  const parsed = exported.safeParse({ trace });
  if (!parsed.success) throw invalid('INVALID_PACKAGE', issuesOf(parsed.error));
  const { operation, timestamp, durationMs, decisions, metrics, errors, success } = parsed.data.trace;
  return {
    operation,
    timestamp,
    durationMs,
    decisions: decisions.map(({ point, choice, reason }) => ({ point, choice, reason })),
    metrics: metrics.map(({ name, value, unit }) => ({ name, value, ...(unit === undefined ? {} : { unit }) })),
    errors: errors.map(({ code, message }) => ({ code, message })),
    success,
  };
}
