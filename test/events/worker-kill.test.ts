import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AGENTS, Rig } from '../rig/rig.js';
import { WorkerProcess } from '../rig/worker-process.js';

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.create({ start: false });
});
afterAll(() => rig.close());

const log = (): string => path.join(rig.folder, 'failpoints.log');
const worker = (failpoints = ''): Promise<WorkerProcess> =>
  WorkerProcess.start(
    { address: rig.address, taskQueue: rig.taskQueue, folder: rig.storage.folder, sources: rig.storage.sources },
    failpoints,
    log(),
  );

/** What was told of a handoff, in its order. */
const told = async (id: string): Promise<string[]> =>
  (await rig.storage.outbox.after(0, 10_000))
    .filter((e) => e.subject === `handoff/${id}`)
    .map((e) => e.type.replace('handoff:', ''));

test('a worker that dies between a change and its event, or right after both: each event is there once, in its order', async () => {
  // What it puts on record before it can take work is no part of the handoff.
  let one = await worker('open.after=kill,database.commit=delay:0');
  const commits = one.fired('database.commit', '=delay');
  const id = await rig.start('AGENT_HANDOFF_STANDARD', { expiresInMinutes: 60 });
  const way = (async () => {
    await rig.untilStatus(id, 'awaiting_acceptance', 90_000);
    await rig.client.accept(id, { by: AGENTS.target });
    await rig.client.complete(id, { by: AGENTS.target, epoch: 1 });
    return rig.client.result(id);
  })();
  way.catch(() => {});
  // Registered and not yet told to Temporal; the record of a step; a change that is not committed; the outcome.
  for (const next of ['step.recorded=kill', `database.commit=kill@${commits + 2}`, 'close.after=kill', '']) {
    // Only so are these the crashes that are tested.
    expect(await Promise.race([one.gone, way])).toBe('SIGKILL');
    one = await worker(next);
  }
  expect((await way).outcome).toBe('completed');
  expect(await told(id)).toEqual(['started', 'awaiting_acceptance', 'accepted', 'completed']);
  await one.stop();
}, 240_000);
