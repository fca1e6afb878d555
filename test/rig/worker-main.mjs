// The worker of a crash test, in a process of its own: runs what the build made, so that a kill -9 meets the real thing.
import process from 'node:process';
import { openStorage } from '../../dist/storage/storage.js';
import { createHandoffWorker } from '../../dist/worker.js';
import { actions, procedures } from './crash-parts.mjs';
import { phases } from './pipeline-parts.mjs';

const { address, taskQueue, folder, sources, deployment, bundle, durability } = JSON.parse(process.env.CRASH_WORKER);

const worker = await createHandoffWorker({
  connect: { address },
  taskQueue,
  storage: await openStorage({ folder, sources, durability }),
  actions,
  procedures,
  phases,
  reconcileSeconds: 0,
  // A task of a killed worker's cache would wait 10 s for it: here the next one gets it after 1 s.
  worker: {
    stickyQueueScheduleToStartTimeout: '1s',
    ...(bundle ? { workflowBundle: { codePath: bundle } } : {}),
  },
  deployment,
});
const running = worker.run();
process.once('SIGTERM', () => worker.shutdown());
// Without a parent nobody would ever end it.
process.once('disconnect', () => process.exit(1));
process.send('ready');
await running;
process.exit(0);
