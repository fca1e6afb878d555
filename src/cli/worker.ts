import type { Answer, Io } from './io.js';
import { withLifetime } from './lifetime.js';
import { loadParts } from './load-parts.js';
import type { PartsOptions } from './parts-options.js';
import { connectTo, storageAt, type PlaceOptions } from './place.js';
import { startWorker } from './run-worker.js';
import { installRuntime, openLog } from './runtime.js';

export interface WorkerOptions extends PartsOptions, PlaceOptions {
  log?: string;
}

/** `handoff worker`: runs until it is asked to stop, and drains. */
export async function worker(options: WorkerOptions, io: Io): Promise<Answer> {
  const parts = await loadParts(options);
  const log = options.log === undefined ? undefined : openLog(options.log);
  installRuntime(log?.write ?? io.note, { stacks: log !== undefined });
  const onStop = (): void => io.note('Stopping: work in flight ends first. Ctrl-C again leaves at once.');
  return withLifetime(
    async (life) => {
      life.atEnd(() => log?.close());
      const storage = await storageAt(options);
      life.atEnd(() => storage.close());
      const connect = await connectTo(options);
      const worker = await startWorker(life, { connect, storage, taskQueue: options.taskQueue, parts });
      const { taskQueue, namespace, address } = worker;
      const ready = { pid: process.pid, taskQueue, namespace, address, folder: storage.folder };
      if (io.json) process.stdout.write(`${JSON.stringify(ready)}\n`);
      else
        io.say(
          `worker ready on task queue ${taskQueue}, namespace ${namespace}, at ${address} (process ${process.pid})`,
        );
      await life.untilStopped(worker.ended);
      return { json: undefined, text: '' };
    },
    { onStop },
  );
}
