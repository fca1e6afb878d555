import { NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import type { Action } from './activities/action.js';
import { createActivities, createParts } from './activities/index.js';
import type { Rule } from './rules/rule.js';
import { HandoffError, formatIssues } from './core/errors.js';
import { lintProcedure } from './core/procedure-lint.js';
import { isUsers, reversibleActions, type Procedure } from './core/procedure.js';
import { DEFAULT_TASK_QUEUE } from './core/request.js';
import { parseProcedure } from './core/procedure-schema.js';
import { openStorage, type Storage } from './storage/storage.js';
import { workflowBundle } from './temporal/bundle.js';
import { connectClient, connectOptions, type ConnectOverrides } from './temporal/connect.js';
import { ensureReconcileSchedule } from './temporal/reconcile-schedule.js';
import { ensureSearchAttributes } from './temporal/search-attributes.js';

export interface HandoffWorkerOptions {
  /** Where to connect. Default: the TOML profile and the `TEMPORAL_*` variables. */
  connect?: ConnectOverrides;
  /** Default `handoff`. */
  taskQueue?: string;
  /** Default: `openStorage()`, the folder `.handoff`. */
  storage?: Storage;
  /** Your own procedures; each is linted and made known to clients on the same storage. */
  procedures?: readonly Procedure[];
  /** Your own rules; one with the id of a built-in rule replaces it. */
  rules?: readonly Rule[];
  /** Ids of built-in rules to leave out. */
  withoutRules?: readonly string[];
  actions?: readonly Action[];
  /** How long work in flight may take to end at shutdown, milliseconds. Default 10,000. */
  shutdownGraceMs?: number;
  /** Seconds between two searches for handoffs whose run was terminated. 0: no schedule. Default 60. */
  reconcileSeconds?: number;
  /** Passed on to the Temporal worker, for what is not named here. */
  worker?: Partial<WorkerOptions>;
}

export interface HandoffWorker {
  worker: Worker;
  storage: Storage;
  /** Runs until `shutdown`; then waits for work in flight. Throws where the worker fails. */
  run(): Promise<void>;
  shutdown(): void;
}

/**
 * A worker that runs handoffs. It makes sure of the search attributes, lints and publishes its procedures, and drains
 * before it ends. Throws INVALID_PROCEDURE, TEMPORAL_UNREACHABLE.
 */
export async function createHandoffWorker(options: HandoffWorkerOptions = {}): Promise<HandoffWorker> {
  const { taskQueue = DEFAULT_TASK_QUEUE, reconcileSeconds = 60 } = options;
  // What was opened is closed again, whether it ran or could not be made.
  const opened: (() => Promise<unknown>)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of opened.splice(0).toReversed()) await close();
  };
  try {
    const storage = options.storage ?? (await openStorage());
    if (!options.storage) opened.push(() => storage.close());
    const { client, connection: clientConnection, namespace } = await connectClient(options.connect);
    opened.push(() => clientConnection.close());
    const parts = createParts({ storage, client }, options);
    await publish(storage, parts, options.procedures ?? []);
    await ensureSearchAttributes(clientConnection, namespace);
    if (reconcileSeconds > 0) await ensureReconcileSchedule(client, taskQueue, reconcileSeconds);
    const connection = await NativeConnection.connect(connectOptions(options.connect).connection);
    opened.push(() => connection.close());
    const worker = await Worker.create({
      shutdownGraceTime: options.shutdownGraceMs ?? 10_000,
      // A pause and a cancellation travel with the heartbeat's answer; by default they would wait for 4 s.
      maxHeartbeatThrottleInterval: 900,
      ...options.worker,
      connection,
      namespace,
      taskQueue,
      workflowBundle: workflowBundle(),
      activities: createActivities(parts),
    });
    const run = async (): Promise<void> => {
      try {
        await worker.run();
      } finally {
        await closeAll();
      }
    };
    return { worker, storage, run, shutdown: () => worker.shutdown() };
  } catch (error) {
    await closeAll();
    throw error;
  }
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
