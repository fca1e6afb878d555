import { z } from 'zod';
import { HandoffError, formatIssues } from '../errors.js';
import { issuesOf } from '../fields-schema.js';
import { checkBounds } from '../request-schema.js';

/** A thousand years. */
const MAX_MINUTES = 526_000_000;

const transitions = z.union([
  z.enum(['none', 'handoff']),
  z.strictObject({
    procedure: z.string().optional(),
    acceptance: z.enum(['auto', 'explicit']).optional(),
    expiresInMinutes: z.number().positive().optional(),
  }),
]);

const request = z.strictObject({
  session: z.string(),
  cloneId: z.string().min(1).max(128).optional(),
  pipelineVersion: z.string().min(1).max(64).optional(),
  phases: z
    .array(z.union([z.string(), z.number().transform(String)]))
    .min(1, 'at least one is needed')
    .refine((names) => new Set(names).size === names.length, 'one stands there twice')
    .optional(),
  transitions: transitions.optional(),
  // A package's time is a date, and those end.
  packageExpiresInMinutes: z.number().positive().max(MAX_MINUTES).optional(),
  stepsPerRun: z.int().positive().optional(),
});

/** A document that says which pipeline to start. Throws INVALID_REQUEST with every fault. */
export function parsePipelineRequest(document: unknown): z.infer<typeof request> {
  checkBounds(document, 'The pipeline request');
  const parsed = request.safeParse(document);
  if (!parsed.success) throw new HandoffError('INVALID_REQUEST', { issues: formatIssues(issuesOf(parsed.error)) });
  return parsed.data;
}
