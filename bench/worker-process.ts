import { fileURLToPath } from 'node:url';
import { NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { createParts } from '../src/activities/index.js';
import { openStorage } from '../src/storage/storage.js';
import { connectOptions } from '../src/temporal/connect.js';
import { createHandoffWorker } from '../src/worker.js';
import { bareActivities } from './bare-activities.js';
import { BARE_QUEUE, type Place } from './place.js';

/** The workers of all lanes, in a process of their own so that what they use can be told from what the clients use. */
async function work({ address, folder, sources }: Place): Promise<void> {
  Runtime.install({ logger: { ...console, log() {}, trace() {}, debug() {}, info() {} } });
  const connect = { address, namespace: 'default' };
  const storage = await openStorage({ folder, sources });
  const ours = await createHandoffWorker({ connect, storage });
  const connection = await NativeConnection.connect(connectOptions(connect).connection);
  const bare = await Worker.create({
    connection,
    namespace: 'default',
    taskQueue: BARE_QUEUE,
    workflowBundle: { codePath: fileURLToPath(new URL('bare-bundle.js', import.meta.url)) },
    activities: bareActivities(createParts({ storage })),
    // As in createHandoffWorker.
    shutdownGraceTime: 10_000,
    maxHeartbeatThrottleInterval: 900,
  });
  process.once('disconnect', () => {
    // A Ctrl-C reaches this process too, and the SDK then shuts down by itself.
    for (const worker of [ours.worker, bare]) if (worker.getState() === 'RUNNING') worker.shutdown();
  });
  process.send!('ready');
  await Promise.all([ours.run(), bare.run()]);
  await connection.close();
  await storage.close();
}

await work(JSON.parse(process.argv[2]!) as Place);
