// A pipeline of three phases that is paused, resumed and moved to a second worker. Beside a Temporal server, such as that
// of `handoff dev`: node examples/12-pipeline.mjs [DATA_FOLDER]
//
// You will see each step once, the package that the pause leaves, and the worker at which the rest ran. The two workers
// stand here in one program; as two processes on one machine they would do the same.
import { setTimeout as sleep } from 'node:timers/promises';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { HandoffClient, connectClient, createHandoffWorker, definePhase, openStorage } from 'handoff';

/** Three phases of two steps, as one worker has them: each says where it runs. */
const phasesOf = (worker) =>
  [
    ['extraction', 'read', 'parse'],
    ['analysis', 'index', 'compare'],
    ['synthesis', 'draft', 'polish'],
  ].map(([phase, ...names]) =>
    definePhase({
      phase,
      steps: names.map((name) => ({
        name,
        async run({ context, effect, stepNumber, totalSteps, signal }) {
          await sleep(500, undefined, { signal });
          // Made once, however often the step is tried, paused or moved.
          await effect('line', {}, async () => {
            console.log(`${phase} ${stepNumber}/${totalSteps}: ${name}, on ${worker}`);
          });
          // Travels in the package.
          await context.set(`${phase}.${name}`, { by: worker });
        },
      })),
    }),
  );

// Temporal's own log: what it warns of is nothing that a reader of this needs.
Runtime.install({ logger: new DefaultLogger('ERROR') });

const storage = await openStorage({ folder: process.argv[2] ?? '.handoff' });
const startWorker = async (taskQueue) => {
  const worker = await createHandoffWorker({ taskQueue, storage, phases: phasesOf(taskQueue) });
  return { worker, running: worker.run() };
};
const first = await startWorker('reports');
const second = await startWorker('reports-2');

const { client: temporal, connection } = await connectClient();
const { pipelines } = new HandoffClient({ temporal, storage, taskQueue: 'reports' });
const session = `report-${Date.now().toString(36)}`;
const by = 'op';
try {
  await pipelines.start({ session, phases: ['extraction', 'analysis', 'synthesis'] });

  const handoff = await pipelines.pause(session, { by, reason: 'audit' });
  const { checkpoint, context } = handoff;
  console.log(`paused: the package keeps ${context.entries.length} entries and goes on at ${checkpoint.resumePoint}`);

  await pipelines.resume(handoff.id, { by });
  const { targetProcess } = await pipelines.transfer(session, 'reports-2', { by });
  console.log(`moved to ${targetProcess}`);

  const { status, steps } = await pipelines.result(session);
  console.log(`${status}: ${steps} steps`);
} finally {
  // They drain: what is in flight ends first.
  for (const { worker } of [first, second]) worker.shutdown();
  await Promise.all([first.running, second.running]);
  await connection.close();
  await storage.close();
}
