import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { workflowIdOf } from '../../src/core/ids.js';
import { workflowBundle } from '../../src/temporal/bundle.js';
import { replayHistories } from '../../src/temporal/replay.js';
import { json } from '../cli/rig.js';
import { actions } from '../rig/crash-parts.mjs';
import { Fleet, factsOf, type Situation } from './fleet.js';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.create();
});
afterEach(() => fleet.killWorkers());
afterAll(() => fleet.close());

/** So many at a time: the machine is small, and a real fleet does not move in one instant either. */
async function each<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const left = [...items];
  const one = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: 10 }, one));
}

/** Which of these a build would take over, and which not. */
async function replayedWith(ids: readonly string[], bundle: { codePath: string }): Promise<Record<string, string[]>> {
  async function* histories() {
    for (const id of ids) yield { from: id, workflowId: workflowIdOf(id), history: await fleet.history(id) };
  }
  const found: Record<string, string[]> = { same: [], differs: [], unreadable: [] };
  for await (const { result, from, why } of replayHistories(histories(), { workflowBundle: bundle }))
    found[result]!.push(from + (result === 'unreadable' ? `: ${why ?? ''}` : ''));
  return found;
}

const KINDS: [Situation, number][] = [
  ['waiting', 12],
  ['paused', 9],
  ['back-off', 9],
  ['incident', 9],
  ['accepted', 5],
  ['pending', 6],
];

describe('with a worker deployment, handoffs upgrade by themselves', () => {
  test(
    'from one build to the next and back with 50 open runs: each ends as asked, and no effect happens twice',
    { timeout: 300_000 },
    async () => {
      const all = KINDS.flatMap(([situation, count]) =>
        Array.from({ length: count }, (_, i) => ({ id: `${situation}-${i}-${fleet.rig.taskQueue}`, situation, i })),
      );
      expect(all).toHaveLength(50);
      const first = await fleet.worker('A', {});
      await fleet.makeCurrent('A');
      await each(all, ({ id, situation }) => fleet.start(id, situation));
      await each(all, ({ id, situation }) => fleet.settle(id, situation));

      // To build B. Its predecessor does not even get to drain.
      await first.kill();
      const b = await fleet.worker('B', {});
      await fleet.makeCurrent('B');
      const part = (n: number) => all.filter(({ i, situation }) => i % 3 === n && situation !== 'pending');
      const ended = part(0);
      await each(ended, ({ id, situation }) => fleet.release(id, situation));
      await each(ended, ({ id, i }) => (i % 2 ? fleet.cancel(id) : fleet.complete(id)));
      await each(ended, ({ id }) => fleet.rig.client.result(id));
      // Some meet a patch while they are open, some go on without one, and some begin under B.
      const metPatch = part(1).filter(({ situation }) => situation !== 'accepted');
      await each(metPatch, async ({ id, situation }) => {
        await fleet.release(id, situation);
        await fleet.accept(id);
      });
      const metNone = part(2).filter(({ i }) => i > 2);
      await each(metNone, ({ id, situation }) => fleet.release(id, situation));
      const born = Array.from({ length: 5 }, (_, i) => ({
        id: `born-b-${i}-${fleet.rig.taskQueue}`,
        situation: 'waiting' as const,
        i,
      }));
      await each(born, ({ id, situation }) => fleet.start(id, situation));
      await each(born, ({ id, situation }) => fleet.settle(id, situation));

      // Back to build A, as docs/upgrade.md says. `handoff replay` of A tells what A cannot take over …
      const marked = [...metPatch, ...born].map(({ id }) => id);
      const at = ['--address', fleet.rig.address, '--task-queue', fleet.rig.taskQueue];
      const asked = await json<{ results: { result: string; workflowId: string }[] }>([
        'replay',
        '--from-server',
        ...at,
      ]);
      const differ = asked.results.filter((r) => r.result === 'differs').map((r) => r.workflowId);
      expect(differ.toSorted()).toEqual(marked.map(workflowIdOf).toSorted());
      expect(asked.results).toHaveLength(all.length - ended.length + born.length);
      // … these are pinned to B, whose worker stays, and the rest goes back.
      const here = `TaskQueue = '${fleet.rig.taskQueue}' AND ExecutionStatus = 'Running'`;
      fleet.pin('B', '--query', `${here} AND TemporalChangeVersion IN ('next-start', 'next-accept')`);
      await expect.poll(() => pinned(marked), { timeout: 30_000, interval: 200 }).toBe(marked.length);
      const a = await fleet.worker('A', {});
      await fleet.makeCurrent('A');
      const later = Array.from({ length: 5 }, (_, i) => ({
        id: `born-a-${i}-${fleet.rig.taskQueue}`,
        situation: 'waiting' as const,
        i,
      }));
      await each(later, ({ id, situation }) => fleet.start(id, situation));
      await each(later, ({ id, situation }) => fleet.settle(id, situation));

      const rest = [...all, ...born, ...later].filter((one) => !ended.some(({ id }) => id === one.id));
      const isMarked = ({ id }: { id: string }) => marked.includes(id);
      await each(
        rest.filter((one) => !isMarked(one) && !metNone.includes(one as never) && one.situation !== 'pending'),
        ({ id, situation }) => fleet.release(id, situation),
      );
      const cancelled = ({ i, situation }: { i: number; situation: Situation }): boolean =>
        i % 2 === 1 || situation === 'pending';
      await each(rest, ({ id, ...one }) => (cancelled(one) ? fleet.cancel(id) : fleet.complete(id)));
      await each(rest, ({ id }) => fleet.rig.client.result(id));

      const [expected, actual]: Record<string, unknown>[] = [{}, {}];
      for (const { id, i, situation } of [...all, ...born, ...later]) {
        const { outcome } = await fleet.rig.client.result(id);
        const { acts, undos, lines } = fleet.world(id);
        const { failed, builds, patches } = factsOf(await fleet.history(id));
        actual![id] = {
          outcome,
          acts,
          undos,
          lines: lines.length,
          failed,
          last: builds.at(-1),
          met: patches.length > 0,
        };
        const off = cancelled({ i, situation });
        const sent = situation === 'pending' ? 0 : 1;
        // A run that met a patch of B ends on B; every other one where the current build is.
        const met = ended.some((one) => one.id === id) || marked.includes(id);
        expected![id] = {
          outcome: off ? 'cancelled' : 'completed',
          acts: sent,
          undos: off ? sent : 0,
          lines: off ? 0 : sent,
          failed: [],
          last: met ? 'B' : 'A',
          met,
        };
      }
      expect(actual).toEqual(expected);
      const ids = [...all, ...born, ...later].map(({ id }) => id);
      expect(await replayedWith(ids, { codePath: fleet.next })).toMatchObject({ differs: [], unreadable: [] });
      const withA = await replayedWith(ids, workflowBundle());
      expect(withA['differs']!.toSorted()).toEqual([...ended.map(({ id }) => id), ...marked].toSorted());
      await Promise.all([a.stop(), b.stop()]);
    },
  );

  test(
    'a run that was forgotten waits, unharmed, until the build that it needs is current again',
    { timeout: 120_000 },
    async () => {
      const [a, b] = [await fleet.worker('A', {}), await fleet.worker('B', {})];
      await fleet.makeCurrent('B');
      const id = await fleet.start(`forgotten-${fleet.rig.taskQueue}`, 'waiting');
      await fleet.settle(id, 'waiting');
      await fleet.makeCurrent('A');
      await fleet.cancel(id);
      await expect.poll(async () => factsOf(await fleet.history(id)).failed, { timeout: 60_000 }).not.toEqual([]);
      // The server has begun to move it: a pin comes too late now.
      await fleet.makeCurrent('B');
      expect((await fleet.rig.client.result(id)).outcome).toBe('cancelled');
      expect(fleet.world(id)).toEqual({ acts: 1, undos: 1, lines: [] });
      const { failed, builds } = factsOf(await fleet.history(id));
      expect(failed[0]).toContain('Nondeterminism');
      expect(new Set(builds)).toEqual(new Set(['B']));
      await Promise.all([a.stop(), b.stop()]);
    },
  );

  const pinned = async (ids: readonly string[]): Promise<number> => {
    const described = await Promise.all(
      ids.map((id) => fleet.rig.temporal.workflow.getHandle(workflowIdOf(id)).describe()),
    );
    return described.filter(({ raw }) => raw.workflowExecutionInfo?.versioningInfo?.versioningOverride?.pinned).length;
  };
});

describe('with pinned handoffs', () => {
  test(
    'each stays on the build that it began with, and new ones go to the current one',
    { timeout: 120_000 },
    async () => {
      const pinned = { behavior: 'PINNED' } as const;
      const [a, b] = [await fleet.worker('A', pinned), await fleet.worker('B', pinned)];
      const ids: Record<string, string> = {};
      for (const [name, build] of [
        ['first', 'A'],
        ['second', 'B'],
        ['third', 'A'],
      ] as const) {
        await fleet.makeCurrent(build);
        ids[name] = await fleet.start(`pinned-${name}-${fleet.rig.taskQueue}`, 'waiting');
        await fleet.settle(ids[name], 'waiting');
      }
      for (const id of Object.values(ids)) await fleet.complete(id);
      const builds: Record<string, string[]> = {};
      for (const [name, id] of Object.entries(ids)) {
        expect((await fleet.rig.client.result(id)).outcome).toBe('completed');
        builds[name] = [...new Set(factsOf(await fleet.history(id)).builds)];
      }
      expect(builds).toEqual({ first: ['A'], second: ['B'], third: ['A'] });
      await Promise.all([a.stop(), b.stop()]);
    },
  );
});

describe('without versioning, a build whose patches are switched off', () => {
  let plain: Fleet;
  beforeAll(async () => {
    plain = await Fleet.create();
  });
  afterAll(() => plain.close());
  const worker = (build: 'A' | 'B', patches = true) =>
    plain.rig.startWorker({
      actions,
      worker: {
        stickyQueueScheduleToStartTimeout: '1s',
        ...(build === 'B' ? { workflowBundle: { codePath: plain.next } } : {}),
        ...(patches ? {} : { patchActivationCallback: () => false }),
      },
    });

  test(
    'can go back to the build before; with them on, the way back is to switch them off',
    { timeout: 120_000 },
    async () => {
      const begun = async (name: string): Promise<string> => {
        const id = await plain.start(`${name}-${plain.rig.taskQueue}`, 'waiting');
        await plain.settle(id, 'waiting');
        return id;
      };
      const over = async (id: string): Promise<string[]> => {
        await plain.complete(id);
        expect((await plain.rig.client.result(id)).outcome).toBe('completed');
        const { failed, patches } = factsOf(await plain.history(id));
        expect(failed).toEqual([]);
        return patches;
      };
      const steps: string[][] = [];
      await worker('B', false);
      const [one, two] = [await begun('dark-1'), await begun('dark-2')];
      await plain.accept(one);
      await plain.rig.stopWorker();
      await worker('A');
      steps.push(await over(one));
      await plain.rig.stopWorker();
      await worker('B');
      const [three, four] = [await begun('dark-3'), await begun('dark-4')];
      steps.push(await over(two), await over(three));
      await plain.rig.stopWorker();
      await worker('B', false);
      steps.push(await over(four), await over(await begun('dark-5')));
      await plain.rig.stopWorker();
      expect(steps).toEqual([
        [],
        ['next-accept', 'next-end'],
        ['next-start', 'next-accept', 'next-end'],
        ['next-start'],
        [],
      ]);
    },
  );
});
