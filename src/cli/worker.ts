import type { Deployment } from '../worker.js';
import { UsageError } from './failure.js';
import type { Answer, Io } from './io.js';
import { withLifetime } from './lifetime.js';
import { loadParts } from './load-parts.js';
import { metricsFor } from './metrics/worker.js';
import type { PartsOptions } from './parts-options.js';
import { connectTo, storageAt, type PlaceOptions } from './place.js';
import type { MetricsOptions } from './metrics/options.js';
import { startWorker } from './run-worker.js';
import { installRuntime, openLog } from './runtime.js';

export interface WorkerOptions extends PartsOptions, PlaceOptions, MetricsOptions {
  log?: string;
  deployment?: string;
  buildId?: string;
  pinned?: boolean;
}

function deploymentOf({ deployment: name, buildId, pinned }: WorkerOptions): Deployment | undefined {
  if (name === undefined && buildId === undefined && !pinned) return undefined;
  if (name === undefined || buildId === undefined)
    throw new UsageError('--deployment and --build-id go together: a build of a deployment.');
  return { name, buildId, behavior: pinned ? 'PINNED' : 'AUTO_UPGRADE' };
}

/** `handoff worker`: runs until it is asked to stop, and drains. */
export async function worker(options: WorkerOptions, io: Io): Promise<Answer> {
  const deployment = deploymentOf(options);
  const parts = await loadParts(options);
  const log = options.log === undefined ? undefined : openLog(options.log);
  installRuntime(log?.write ?? io.note, { stacks: log !== undefined, metricsPort: options.sdkMetricsPort });
  const onStop = (): void => io.note('Stopping: work in flight ends first. Ctrl-C again leaves at once.');
  return withLifetime(
    async (life) => {
      life.atEnd(() => log?.close());
      const storage = await storageAt(options);
      life.atEnd(() => storage.close());
      const connect = await connectTo(options);
      const worker = await startWorker(life, { connect, storage, taskQueue: options.taskQueue, parts, deployment });
      const { taskQueue, namespace, address } = worker;
      const metrics = await metricsFor(life, options, { storage, connect });
      const build = deployment ? `${deployment.name}:${deployment.buildId}` : undefined;
      const ready = { pid: process.pid, taskQueue, namespace, address, folder: storage.folder, build, metrics };
      if (io.json) process.stdout.write(`${JSON.stringify(ready)}\n`);
      else
        io.say(
          `worker ready on task queue ${taskQueue}, namespace ${namespace}, at ${address} (process ${process.pid}${build ? `, build ${build}` : ''})`,
        );
      if (metrics && !io.json) io.say(`metrics at ${metrics}`);
      if (worker.idle) io.note(worker.idle);
      await life.untilStopped(worker.ended);
      return { json: undefined, text: '' };
    },
    { onStop },
  );
}
