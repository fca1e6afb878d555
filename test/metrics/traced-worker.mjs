// A worker with tracing in a process of its own; it tells its parent of each span.
import process from 'node:process';
import { openStorage } from '../../dist/storage/storage.js';
import { createHandoffWorker } from '../../dist/worker.js';
import { tracing } from './otel.mjs';
import { actions, procedures } from '../rig/crash-parts.mjs';

const { address, taskQueue, folder, sources } = JSON.parse(process.env.TRACED_WORKER);
const begun = performance.now();
const worker = await createHandoffWorker({
  connect: { address },
  taskQueue,
  storage: await openStorage({ folder, sources }),
  actions,
  procedures,
  reconcileSeconds: 0,
  worker: {
    plugins: [tracing((span) => process.send({ span }))],
    // So that every task of a run replays it from the start: what was exported must not be exported again.
    maxCachedWorkflows: 0,
  },
});
const running = worker.run();
process.once('SIGTERM', () => worker.shutdown());
process.once('disconnect', () => process.exit(1));
process.send({ ready: performance.now() - begun });
await running;
process.exit(0);
