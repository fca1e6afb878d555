import { z } from 'zod';
import { HandoffError, formatIssues } from './errors.js';
import { ACTION_NAME, AGENT_NAME, PROCEDURE_ID, RULE_ID, STEP_ID } from './ids.js';
import { SEVERITIES, type Procedure } from './procedure.js';
import { issuesOf } from './fields-schema.js';
import { checkBounds } from './request-schema.js';
import { triggerSchema } from './trigger-schema.js';

const id = (pattern: RegExp, what: string) => z.string().max(128).regex(pattern, `must be ${what} (${pattern.source})`);
const stepId = id(STEP_ID, 'a step id in lower snake case');
const name = z.string().min(1).max(200);
const seconds = z.number().positive().max(86_400);

const retry = z.strictObject({
  maximum_attempts: z.int().min(1).max(1000).optional(),
  initial_interval: seconds.optional(),
  backoff_coefficient: z.number().min(1).max(100).optional(),
  maximum_interval: seconds.optional(),
});

const step = z
  .strictObject({
    step_id: stepId,
    name,
    description: z.string().max(2000).optional(),
    action: id(ACTION_NAME, 'an action name in lower snake case'),
    rules: z.array(id(RULE_ID, 'a rule id such as VR001')).max(50).optional(),
    depends_on: z.array(stepId).max(200).optional(),
    timeout: seconds.optional(),
    retry: retry.optional(),
    on_failure: z.enum(['rollback', 'hold']).optional(),
    compensation: z.string().min(1).max(128).optional(),
    with: z.record(z.string(), z.json()).optional(),
  })
  .superRefine(({ action, with: parameters }, ctx) => {
    if (action !== 'trigger' || parameters === undefined) return;
    for (const { path, message } of triggerSchema.safeParse(parameters).error?.issues ?? [])
      ctx.addIssue({ code: 'custom', path: ['with', ...path], message });
  });

/** The shape of a procedure document; {@link file://./procedure-lint.ts} checks what a shape cannot say. */
export const procedureSchema: z.ZodType<Procedure> = z.strictObject({
  procedure_id: id(PROCEDURE_ID, 'a procedure id in upper snake case'),
  version: z.string().regex(/^\d+\.\d+\.\d+$/, 'must be a version such as 1.0.0'),
  name,
  description: z.string().max(4000).optional(),
  steps: z.array(step).min(1).max(200),
  validation_rules: z
    .array(
      z.strictObject({
        rule_id: id(RULE_ID, 'a rule id such as VR001'),
        name: name.optional(),
        severity: z.enum(SEVERITIES).optional(),
      }),
    )
    .max(200)
    .optional(),
  rollback_procedures: z
    .array(
      z.strictObject({
        rollback_id: stepId,
        name,
        description: z.string().max(2000).optional(),
        steps: z.array(stepId).min(1).max(200),
      }),
    )
    .max(200)
    .optional(),
  estimated_duration: z.number().positive().optional(),
  dependencies: z.array(id(PROCEDURE_ID, 'a procedure id')).max(50).optional(),
  required_agents: z.array(id(AGENT_NAME, 'an agent name')).max(50).optional(),
  stop_at_severity: z.enum(SEVERITIES).optional(),
  on_failure: z.enum(['rollback', 'hold']).optional(),
});

/** A procedure document of the right shape. Throws INVALID_PROCEDURE with every issue and its JSON pointer. */
export function parseProcedure(input: unknown): Procedure {
  checkBounds(input, 'The procedure');
  const parsed = procedureSchema.safeParse(input);
  if (parsed.success) return parsed.data;
  const list = issuesOf(parsed.error);
  const named = (input as { procedure_id?: unknown } | null)?.procedure_id;
  throw new HandoffError('INVALID_PROCEDURE', {
    procedure: typeof named === 'string' ? named : 'document',
    issues: formatIssues(list),
    list,
  });
}
