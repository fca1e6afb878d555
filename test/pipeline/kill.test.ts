import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { WorkflowUpdateStage } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resumePipelineAnew } from '../../src/client/pipeline/start.js';
import { STANDARD_PHASES } from '../../src/core/package/package.js';
import { packedIn } from '../../src/core/pipeline/pipeline.js';
import { ledgerIdOf } from '../../src/core/pipeline/ids.js';
import { pipelineResumeUpdate } from '../../src/messages.js';
import { Rig } from '../rig/rig.js';
import { WorkerProcess } from '../rig/worker-process.js';
import { newSession } from './phases.js';

const FULL = process.env['HANDOFF_CRASH'] === 'full';
const STEPS = STANDARD_PHASES.flatMap((phase) => ['a', 'b', 'c'].map((step) => `${phase}/${step}`));

/** Where a worker dies by itself; the last ones in the long form only. */
const ALL_POINTS = [
  'pipeline_open.after',
  'phase_step.before',
  'effect.after_act',
  'effect.after_apply',
  'phase_step.after',
  'phase_step.recorded',
  'checkpoint.after',
  'receive.after',
  'effect.after_intent',
  'checkpoint.before',
  'receive.before',
];
const POINTS = ALL_POINTS.slice(0, FULL ? ALL_POINTS.length : 8);

let rig: Rig;
let other: string;
beforeAll(async () => {
  rig = await Rig.create({ start: false });
  other = `${rig.taskQueue}-other`;
  // So that the phases are known before the first pipeline starts.
  await (await worker()).stop();
});
afterAll(() => rig.close());

const worker = (failpoint = '', taskQueue = rig.taskQueue): Promise<WorkerProcess> =>
  WorkerProcess.start(
    { address: rig.address, taskQueue, folder: rig.storage.folder, sources: rig.storage.sources },
    failpoint,
    path.join(rig.folder, 'failpoints.log'),
  );

const linesOf = (session: string, what: string): string[] => {
  const file = path.join(rig.folder, 'witness', `${session}.${what}`);
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
};

/** Each step once, in order, by the ledger, by the records, and by who received its effects. */
async function expectOnce(session: string): Promise<void> {
  const { subject, status } = (await rig.storage.pipelines.ofSession(session))!;
  expect(status).toBe('completed');
  const done = await rig.storage.pipelines.steps(subject.pipelineId);
  expect(done.map((d) => `${d.phase}/${d.step}`)).toEqual(STEPS);
  const effects = await rig.storage.ledger.list(ledgerIdOf(subject.pipelineId));
  expect(effects.map((e) => `${e.step} ${e.status}`)).toEqual(STEPS.map((s) => `${s} applied`));
  expect(linesOf(session, 'lines')).toEqual(effects.map((e) => e.key));
  const entries = await rig.storage.sessions.context(session);
  expect(JSON.parse(entries.find((e) => e.key === 'steps')!.value)).toEqual(STEPS);
  // What is on record as done was not begun again.
  const doneAt = new Map(done.map((d) => [`${d.phase}/${d.step}`, d.doneAt]));
  const late = linesOf(session, 'starts').filter((line) => {
    const [at, , step] = line.split(' ') as [string, string, string];
    return Number(at) > doneAt.get(step)!;
  });
  expect(late).toEqual([]);
}

/** Sends a resume without waiting for its answer, which the worker may not live to give. */
const askToResume = (session: string): Promise<unknown> =>
  rig.pipelines
    .handle(session)
    .startUpdate(pipelineResumeUpdate, { args: [{ by: 'op' }], waitForStage: WorkflowUpdateStage.ACCEPTED })
    .catch(() => undefined);

const shownOf = async (session: string): Promise<string | undefined> =>
  rig.temporal
    .withDeadline(Date.now() + 2000, () => rig.pipelines.status(session))
    .then(
      (s) => s.shown,
      () => undefined,
    );

/** Pauses and resumes a pipeline, again and again, until its worker is dead or it is over. */
async function steer(session: string, process: WorkerProcess): Promise<void> {
  const dead = (): Promise<boolean> => Promise.race([process.gone.then(() => true), sleep(0).then(() => false)]);
  while (!(await dead())) {
    const shown = await shownOf(session);
    if (shown === 'completed') return;
    if (shown === 'paused') void askToResume(session);
    if (shown === 'running') await rig.pipelines.pause(session).catch(() => undefined);
    await sleep(30 + Math.random() * 120);
  }
}

describe('a worker that is killed', () => {
  test(
    'at any moment: every step’s effect is made once, and nothing that is done is done again',
    async () => {
      const kills = FULL ? 50 : POINTS.length;
      const sessions: string[] = [];
      let session = '';
      for (let kill = 0; kill < kills;) {
        if (session === '' || (await rig.storage.pipelines.ofSession(session))?.closedAt !== undefined) {
          session = newSession();
          sessions.push(session);
          await rig.pipelines.start({ session });
        }
        const point = POINTS[kill % POINTS.length]!;
        const times = 1 + Math.floor(Math.random() * 2);
        const timed = FULL && kill >= POINTS.length && Math.random() < 0.5;
        const one = await worker(timed ? '' : `${point}=kill@${point.startsWith('pipeline') ? 1 : times}`);
        if (timed) void sleep(100 + Math.random() * 1500).then(() => one.kill());
        const steering = steer(session, one);
        await Promise.race([one.gone, steering]);
        if (await Promise.race([one.gone.then(() => true), sleep(0)])) kill++;
        else await one.stop();
        await steering;
      }
      const last = await worker();
      await expect
        .poll(
          async () => {
            if ((await shownOf(session)) === 'paused') await askToResume(session);
            return (await rig.storage.pipelines.ofSession(session))?.status;
          },
          { timeout: 60_000, interval: 200 },
        )
        .toBe('completed');
      for (const one of sessions) await expectOnce(one);
      await last.stop();
      expect(POINTS.filter((point) => last.fired(point, '=kill') === 0)).toEqual([]);
    },
    FULL ? 1_200_000 : 240_000,
  );

  /** A pipeline that stands paused, and the process that brought it there. */
  async function pausedBy(): Promise<{ session: string; packageId: string; first: WorkerProcess; stepsDone: number }> {
    const session = newSession();
    const first = await worker();
    await rig.pipelines.start({ session });
    await rig.pipelines.until(session, (s) => s.stepsDone > 3);
    await rig.pipelines.pause(session);
    const { state, stepsDone } = await rig.pipelines.untilShown(session, 'paused');
    return { session, packageId: state.checkpoint!.packageId, first, stepsDone };
  }

  /** Another process, on another task queue, does the rest of it, and nothing else. */
  async function finishedElsewhere(session: string, first: WorkerProcess, stepsDone: number): Promise<void> {
    const second = await worker('', other);
    await rig.pipelines.handle(session).result();
    await expectOnce(session);
    const pids = linesOf(session, 'starts').map((line) => Number(line.split(' ')[1]));
    expect(pids).toEqual(STEPS.map((_, at) => (at < stepsDone ? first.pid : second.pid)));
    await second.stop();
  }

  test('after its pipeline was paused and sent to another task queue: another process finishes it there', async () => {
    const { session, packageId, first, stepsDone } = await pausedBy();
    expect(await rig.pipelines.resume(session, { taskQueue: other })).toMatchObject({ status: 'transferring' });
    await expect
      .poll(() => rig.storage.pipelines.ofSession(session), { timeout: 20_000 })
      .toMatchObject({ shown: 'transferring', packageId, taskQueue: other });
    // It is there once the server says so: until then the old worker has a last task to do.
    await expect.poll(async () => (await rig.pipelines.handle(session).describe()).taskQueue).toBe(other);
    await first.kill();
    await finishedElsewhere(session, first, stepsDone);
  });

  test('while its pipeline is paused: a client has another process take its package up on another task queue', async () => {
    const { session, packageId, first, stepsDone } = await pausedBy();
    await first.kill();
    const packed = packedIn((await rig.storage.packages.load(packageId))!)!;
    const { runId } = await rig.pipelines.handle(session).describe();
    const from = { packageId, by: 'op' };
    rig.pipelines.track(await resumePipelineAnew(rig.pipelines.caller(other), packed, from, runId));
    await finishedElsewhere(session, first, stepsDone);
    expect(await rig.storage.pipelines.ofSession(session)).toMatchObject({ taskQueue: other, epoch: 2 });
  });
});
