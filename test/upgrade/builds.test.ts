import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { workflowIdOf } from '../../src/core/ids.js';
import { workflowBundle } from '../../src/temporal/bundle.js';
import { replayHistories } from '../../src/temporal/replay.js';
import { json } from '../cli/rig.js';
import { Fleet, factsOf, type Situation } from './fleet.js';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.create();
});
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
  for await (const { result, from } of replayHistories(histories(), { workflowBundle: bundle }))
    found[result]!.push(from);
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
      fleet.temporal(
        ...['workflow', 'update-options', '--yes', '--reason', 'back to A'],
        ...[
          '--query',
          `TaskQueue = '${fleet.rig.taskQueue}' AND ExecutionStatus = 'Running' AND TemporalChangeVersion IN ('next-start', 'next-accept')`,
        ],
        ...['--versioning-override-behavior', 'pinned'],
        ...['--versioning-override-deployment-name', fleet.deployment, '--versioning-override-build-id', 'B'],
      );
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

      for (const { id, i, situation } of [...all, ...born, ...later]) {
        const { outcome } = await fleet.rig.client.result(id);
        expect(outcome, id).toBe(cancelled({ i, situation }) ? 'cancelled' : 'completed');
        const undone = outcome === 'cancelled' && situation !== 'pending';
        const happened = situation === 'pending' ? 0 : 1;
        expect(fleet.world(id), id).toMatchObject({ acts: happened, undos: undone ? 1 : 0 });
        expect(fleet.world(id).lines, id).toHaveLength(happened && !undone ? 1 : 0);
        const { failed, builds, patches } = factsOf(await fleet.history(id));
        expect(failed, id).toEqual([]);
        // A run that met a patch of B ends on B; every other one where the current build is.
        const last = ended.some((one) => one.id === id) || marked.includes(id) ? 'B' : 'A';
        expect(builds.at(-1), id).toBe(last);
        expect(patches.length > 0, `${id} met ${patches.join(', ')}`).toBe(last === 'B');
      }
      const ids = [...all, ...born, ...later].map(({ id }) => id);
      expect(await replayedWith(ids, { codePath: fleet.next })).toMatchObject({ differs: [], unreadable: [] });
      const withA = await replayedWith(ids, workflowBundle());
      expect(withA['differs']!.toSorted()).toEqual([...ended.map(({ id }) => id), ...marked].toSorted());
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
