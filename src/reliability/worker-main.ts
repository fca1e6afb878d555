import { once } from 'node:events';
import process from 'node:process';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { openStorage, type StorageOptions } from '../storage/storage.js';
import type { Procedure } from '../core/procedure.js';
import type { ConnectOverrides } from '../temporal/connect.js';
import { arm } from '../faults/failpoint.js';
import { createHandoffWorker } from '../worker.js';
import { loadModules } from '../worker/load-module.js';

/** What a worker process of a test is sent when it has started. */
export interface WorkerTask {
  connect: Pick<ConnectOverrides, 'address' | 'namespace'>;
  taskQueue: string;
  storage: StorageOptions;
  /** Modules with parts: the user's, and those of the test. */
  modules: readonly string[];
  procedures: readonly Procedure[];
}

/** What it may be sent later: the points to go by from then on. It answers `armed`. */
export interface ArmTask {
  failpoints: string;
}

// Without a parent nobody would ever end it.
process.once('disconnect', () => process.exit(1));
const [task] = (await once(process, 'message')) as [WorkerTask];
Runtime.install({
  logger: new DefaultLogger('WARN', ({ level, message, meta }) =>
    process.stderr.write(`${new Date().toISOString()} ${level} ${message} ${errorText(meta?.['error'])}\n`),
  ),
  shutdownSignals: [],
});
const { procedures, ...parts } = await loadModules(task.modules, (why) => new Error(why));
const worker = await createHandoffWorker({
  ...parts,
  connect: task.connect,
  taskQueue: task.taskQueue,
  storage: await openStorage(task.storage),
  procedures: [...task.procedures, ...procedures],
  // A schedule would outlive the test on a server that is not ours; nothing here terminates a run.
  reconcileSeconds: 0,
});
process.once('SIGTERM', () => worker.shutdown());
process.on('message', ({ failpoints }: ArmTask) => {
  arm(failpoints);
  process.send?.('armed');
});
const running = worker.run();
process.send?.('ready');
await running;
process.exit(0);

function errorText(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : '';
}
