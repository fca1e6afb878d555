import { z } from 'zod';
import type { OpenIncident } from '../../client/incidents.js';
import type { InboxItem } from '../../client/inbox.js';
import type { RunStatus } from '../../client/runs.js';
import type { Started } from '../../client/start.js';
import type { HandoffSummary } from '../../client/summary.js';
import type { Validation } from '../../client/validate.js';
import type { HandoffPackageJson } from '../../core/document/document.js';
import type { Effect } from '../../core/effect.js';
import type { HandoffFilter } from '../../core/filter.js';
import { STATUSES, type HandoffOutcome } from '../../core/handoff.js';
import { PRIORITY_KEYS, type Priority } from '../../core/request.js';
import type { HandoffProgress } from '../../messages.js';
import type { HandoffPlan } from '../../plan/plan.js';
import { answer, flag, name, time, whole } from './parameters.js';

/** Milliseconds since 1970, as the engine's own documents have times. */
const ms = z.number();
const text = z.string();
const party = z.looseObject({ agent: text.optional(), phase: text.optional() });
const priority = z.enum(Object.keys(PRIORITY_KEYS) as [Priority, ...Priority[]]);
const shown = [...STATUSES, 'incident', 'paused', 'draining'] as const;

/** Which handoffs, as query parameters. */
const filterQuery = {
  status: z.enum(shown).optional(),
  session: name.optional(),
  procedure: name.optional(),
  source: name.optional(),
  target: name.optional(),
  priority: priority.optional(),
  blocked: name.optional(),
  started_after: time.optional(),
  started_before: time.optional(),
  open: flag.optional(),
};
/** The same in a body. */
export const filterBody = z.strictObject({
  status: z.enum(shown).optional(),
  session: name.optional(),
  procedure: name.optional(),
  source: name.optional(),
  target: name.optional(),
  priority: priority.optional(),
  blocked: name.optional(),
  startedAfter: ms.min(0).max(8.64e15).optional(),
  startedBefore: ms.min(0).max(8.64e15).optional(),
  open: z.boolean().optional(),
  limit: z.int().min(1).optional(),
});
export const listQuery = z.strictObject({ ...filterQuery, limit: whole(1, 200).optional(), cursor: name.optional() });
export const incidentsQuery = z.strictObject({ ...filterQuery, limit: whole(1, 100_000).optional() }).omit({
  status: true,
});

export interface GivenFilter extends Omit<HandoffFilter, 'startedAfter' | 'startedBefore'> {
  started_after?: number | undefined;
  started_before?: number | undefined;
}
export const filterOf = ({ started_after, started_before, ...rest }: GivenFilter): HandoffFilter => ({
  ...rest,
  startedAfter: started_after,
  startedBefore: started_before,
});

export const started = answer<Started>(
  z.looseObject({ handoffId: text, workflowId: text, runId: text, existing: z.boolean() }),
);
export const status = answer<RunStatus>(
  z.looseObject({ handoffId: text, status: text, from: z.enum(['run', 'storage']), words: text.optional() }),
);
const summary = answer<HandoffSummary>(
  z.looseObject({
    handoffId: text,
    status: text,
    shown: text,
    procedure: text,
    source: party.optional(),
    target: party.optional(),
    createdAt: ms,
  }),
);
export const page = z.object({ handoffs: z.array(summary), next_cursor: text.optional() });
export const progress = answer<HandoffProgress>(
  z.looseObject({ status: text, percent: z.number().min(0).max(100), stepsDone: z.int(), steps: z.int() }),
);
export const outcome = answer<HandoffOutcome>(
  z.looseObject({
    handoffId: text,
    outcome: z.enum(['completed', 'rejected', 'expired', 'cancelled', 'failed']),
    at: text,
  }),
);
export const effects = answer<{ effects: Effect[] }>(
  z.object({ effects: z.array(z.looseObject({ key: text, resource: text, status: text })) }),
);
export const carried = answer<HandoffPackageJson>(
  z.looseObject({ id: text, version: text, sourceAgent: text, targetAgent: text, status: text }),
);
const planIssue = z.looseObject({ code: text, message: text });
export const plan = answer<HandoffPlan>(
  z.looseObject({
    ready: z.boolean(),
    issues: z.array(planIssue),
    warnings: z.array(planIssue),
    steps: z.array(z.looseObject({ step: text, action: text })),
  }),
);
export const validation = answer<Validation>(
  z.looseObject({ session: z.looseObject({ id: text, passed: z.boolean() }), verdict: z.looseObject({}) }),
);
export const inbox = answer<{ inbox: InboxItem[] }>(
  z.object({
    inbox: z.array(z.looseObject({ handoffId: text, priority, source: party, target: party, epoch: z.int() })),
  }),
);
export const incidents = answer<{ incidents: OpenIncident[] }>(
  z.object({
    incidents: z.array(
      z.looseObject({
        handoffId: text,
        workflowId: text,
        from: z.enum(['run', 'storage', 'visibility']),
        incident: z.looseObject({ id: text, kind: text, at: ms }),
      }),
    ),
  }),
);
