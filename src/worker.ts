import type { VersioningBehavior } from '@temporalio/common';
import type { ClientPlugin } from '@temporalio/client';
import { NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import { HandoffError } from './core/errors.js';
import { DEFAULT_TASK_QUEUE } from './core/request.js';
import { openStorage, type Storage } from './storage/storage.js';
import { connectClient, connectOptions, type ConnectOverrides } from './temporal/connect.js';
import { keepAnchored } from './storage/audit/trail.js';
import { HandoffPlugin } from './worker/plugin.js';
import type { WorkerParts } from './worker/setup.js';

export { definePhase } from './activities/pipeline/phase.js';
export { HandoffPlugin, type HandoffPluginOptions } from './worker/plugin.js';

/** Makes a worker part of a Temporal Worker Deployment: see docs/upgrade.md. */
export interface Deployment {
  /** The deployment's name; the same for every build. Without dots. */
  name: string;
  /** Names this build. A build whose workflow code differs has another. */
  buildId: string;
  /**
   * What an open handoff does when another build becomes current. `AUTO_UPGRADE` (the default): it goes on there.
   * `PINNED`: it stays on its build, whose workers must run until it has ended.
   */
  behavior?: VersioningBehavior;
}

export interface HandoffWorkerOptions extends WorkerParts {
  /** Where to connect. Default: the TOML profile and the `TEMPORAL_*` variables. */
  connect?: ConnectOverrides;
  /** Default `handoff`. */
  taskQueue?: string;
  /** Default: `openStorage()`, the folder `.handoff`. */
  storage?: Storage;
  /** Default: no worker versioning; whichever worker polls gets the next task of a handoff. */
  deployment?: Deployment;
  /** How long work in flight may take to end at shutdown, milliseconds. Default 10,000. */
  shutdownGraceMs?: number;
  /**
   * Passed on to the Temporal worker, for what is not named here. Plugins and interceptors that have a part in the
   * workflows, such as tracing, are bundled with them when it starts: docs/tracing.md.
   */
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
  const { taskQueue = DEFAULT_TASK_QUEUE, shutdownGraceMs, deployment } = options;
  const versioning = deployment ? { workerDeploymentOptions: deploymentOptions(deployment) } : {};
  // What was opened is closed again, whether it ran or could not be made.
  const opened: (() => Promise<unknown>)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of opened.splice(0).toReversed()) await close();
  };
  try {
    const storage = options.storage ?? (await openStorage());
    if (!options.storage) opened.push(() => storage.close());
    const {
      client,
      connection: clientConnection,
      namespace,
    } = await connectClient(options.connect, {
      plugins: options.worker?.plugins?.filter(configuresClient),
    });
    opened.push(() => clientConnection.close());
    const connection = await NativeConnection.connect(connectOptions(options.connect).connection);
    opened.push(() => connection.close());
    const worker = await Worker.create({
      ...(shutdownGraceMs === undefined ? {} : { shutdownGraceTime: shutdownGraceMs }),
      ...versioning,
      ...options.worker,
      connection,
      namespace,
      taskQueue,
      plugins: [...(options.worker?.plugins ?? []), new HandoffPlugin({ ...options, storage, temporal: client })],
    });
    const run = async (): Promise<void> => {
      const stopAnchoring = keepAnchored(storage.audit, (why) => {
        Runtime.instance().logger.error(why);
      });
      try {
        await worker.run();
      } finally {
        await stopAnchoring();
        await closeAll();
      }
    };
    return { worker, storage, run, shutdown: () => worker.shutdown() };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** A plugin that has a part in clients has it in the one that our activities use. */
const configuresClient = (plugin: object): plugin is ClientPlugin & typeof plugin => 'configureClient' in plugin;

/** The server takes a name that it cannot serve and lets the worker wait for ever, so it is checked here. Throws INVALID_ID. */
function deploymentOptions({
  name,
  buildId,
  behavior = 'AUTO_UPGRADE',
}: Deployment): WorkerOptions['workerDeploymentOptions'] {
  for (const [what, id] of [
    ['Deployment', name],
    ['Build', buildId],
  ] as const) {
    const fits = what === 'Deployment' ? /^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/ : /^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$/;
    const why = `it must match ${fits.source}`;
    if (!fits.test(id)) throw new HandoffError('INVALID_ID', { what, id: JSON.stringify(id), why });
  }
  return { version: { deploymentName: name, buildId }, useWorkerVersioning: true, defaultVersioningBehavior: behavior };
}
