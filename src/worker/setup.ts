import type { Client, Connection, ConnectionLike } from '@temporalio/client';
import type { Action } from '../activities/action.js';
import { createActivities, createParts } from '../activities/index.js';
import { termsOf, type PhaseHandler } from '../activities/pipeline/phase.js';
import type { Transformer } from '../contracts/transformers.js';
import type { Rule } from '../rules/rule.js';
import { HandoffError, formatIssues } from '../core/errors.js';
import { lintProcedure } from '../core/procedure-lint.js';
import { parseProcedure } from '../core/procedure-schema.js';
import { isUsers, reversibleActions, type Procedure } from '../core/procedure.js';
import type { Storage } from '../storage/storage.js';
import { ensureReconcileSchedule } from '../temporal/reconcile-schedule.js';
import { ensureSearchAttributes } from '../temporal/search-attributes.js';

/** A user's own parts of a worker, and what it does by itself. */
export interface WorkerParts {
  /** Your own procedures; each is linted and made known to clients on the same storage. */
  procedures?: readonly Procedure[];
  /** Your own rules; one with the id of a built-in rule replaces it. */
  rules?: readonly Rule[];
  /** Ids of built-in rules to leave out. */
  withoutRules?: readonly string[];
  actions?: readonly Action[];
  /** Your own, made by `transformer(from, to, fn)`; one with the formats of a built-in one replaces it. */
  transformers?: readonly Transformer[];
  /** Phases that pipelines run; each is made known to clients on the same storage. See docs/pipeline.md. */
  phases?: readonly PhaseHandler[];
  /** Seconds between two searches for handoffs whose run was terminated. 0: no schedule. Default 60. */
  reconcileSeconds?: number;
}

/** A client of the user's own may stand on something that takes workflow calls only; the start of a handoff then tells what is missing. */
const hasOperators = (connection: ConnectionLike): connection is Connection => 'operatorService' in connection;

/**
 * Prepares storage, namespace and task queue for a worker, and returns its activities. Throws INVALID_PROCEDURE,
 * INVALID_ID, SEARCH_ATTRIBUTES_REFUSED.
 */
export async function setUp(
  place: { storage: Storage; client: Client; taskQueue: string },
  options: WorkerParts,
): Promise<Record<string, unknown>> {
  const { storage, client, taskQueue } = place;
  const { reconcileSeconds = 60 } = options;
  const parts = createParts({ storage, client }, options);
  const activities = createActivities(parts);
  await publish(storage, parts, options.procedures ?? []);
  await storage.pipelines.publishPhases(termsOf(parts.phases));
  const { connection } = client;
  if (hasOperators(connection)) await ensureSearchAttributes(connection, client.options.namespace);
  if (reconcileSeconds > 0) await ensureReconcileSchedule(client, taskQueue, reconcileSeconds);
  return activities;
}

async function publish(
  storage: Storage,
  parts: { actions: ReadonlyMap<string, Action>; rules: ReadonlyMap<string, Rule> },
  procedures: readonly Procedure[],
): Promise<void> {
  const actions = new Set(['validate', 'confirm', ...parts.actions.keys()]);
  const rules = new Set(parts.rules.keys());
  for (const input of procedures) {
    const procedure = parseProcedure(input);
    const all = [
      ...lintProcedure(procedure, { actions, rules }),
      ...reversibleActions(procedure)
        .filter((a) => isUsers(a) && parts.actions.has(a) && !parts.actions.get(a)!.undo)
        .map((a) => ({
          path: '/steps',
          message: `action ${a} has no undo: give it one, or declare its steps irreversible`,
        })),
    ];
    if (all.length > 0)
      throw new HandoffError('INVALID_PROCEDURE', {
        procedure: procedure.procedure_id,
        issues: formatIssues(all),
        list: all,
      });
    await storage.procedures.add(procedure);
  }
  await storage.procedures.publishParts({ actions, rules });
}
