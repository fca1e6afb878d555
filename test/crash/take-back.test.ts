import { writeFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { RunStatus } from '../../src/client.js';
import { shownStatus } from '../../src/core/handoff.js';
import { workflowIdOf } from '../../src/core/ids.js';
import { chosen, expectStanding, expectUndone, withCase, type Case } from './case.js';
import { replayKept } from './replay.js';
import { linesFile } from './world.js';

afterAll(replayKept);

const op = (n: number) => ({ by: 'op', reason: 'at 3 a.m.', incidentId: `inc-${n}` });
const SYNC = ['context:architecture', 'phase:8'];
/** The effects of `sync` and `send`, by their epochs. */
const made = (c: Case, sync: number | undefined, send?: number): string[] => [
  ...(sync ? [...SYNC, `phase:p-${c.id}`].map((e) => `sync/${sync}/${e}`) : []),
  ...(send ? [`send/${send}/line`] : []),
];
const passes = (c: Case): void => writeFileSync(path.join(c.rig.folder, 'in', `${c.id}.passes`), '');
const incident = (c: Case, n: number, more: (s: RunStatus) => boolean = () => true): Promise<RunStatus> =>
  c.rig.until(
    c.id,
    (s) => s.from === 'run' && (s.state?.incidents.some((i) => i.id === `inc-${n}`) ?? false) && more(s),
    40_000,
  );

/** A repair whose worker may die before its answer is out. */
async function asked(repair: Promise<unknown>): Promise<void> {
  const code = await repair.then(
    () => undefined,
    (e: { code: string }) => e.code,
  );
  expect([undefined, 'NO_WORKER', 'DEADLINE_EXCEEDED']).toContain(code);
}

/** It stands at `sync`, which is undone with all after it; and goes on from there, each effect once. */
async function expectMended(c: Case, n: number): Promise<void> {
  const { state } = await incident(c, n);
  expect(state!.incidents).toMatchObject([{ kind: 'step', step: 'sync', error: { code: 'ROLLED_BACK' } }]);
  await expectStanding(c, { bring: 1 }, made(c, 1, 1));
  passes(c);
  await c.rig.client.retry(c.id, op(n));
  const outcome = await c.finish();
  expect(outcome.outcome).toBe('completed');
  expect(outcome.undone.map((u) => u.key.slice(c.id.length + 1)).toSorted()).toEqual(made(c, 1, 1).toSorted());
  await expectStanding(c, { bring: 1, sync: 3, send: 2 }, made(c, 1, 1));
  expect(c.calls('act')).toBe(2);
}

/** Before, within and after the undo of each effect. */
const POINTS = [
  'begin_undo.before',
  'begin_undo.after',
  ...[1, 2, 3, 4].flatMap((n) => ['undo.before', 'undo.after_restore', 'undo.after'].map((p) => `${p}@${n}`)),
];
const SHORT = new Set([
  'begin_undo.before',
  'begin_undo.after',
  'undo.after_restore@1',
  'undo.before@2',
  'undo.after@3',
]);
const spec = (point: string): string => point.replace(/(@\d+)?$/, (nth) => `=kill${nth || '@1'}`);

describe.concurrent('the worker killed with -9 in the midst of a repair', { timeout: 90_000 }, () => {
  test.for(chosen(POINTS, (p) => SHORT.has(p)))('rollback to a step, at %s', async (point) => {
    await withCase({ procedure: 'CRASH_HOLD', fails: true, occupied: POINTS.indexOf(point) % 2 === 0 }, async (c) => {
      const worker = await c.worker(spec(point));
      await c.begin();
      await incident(c, 1);
      await asked(c.rig.client.rollback(c.id, { ...op(1), toStep: 'sync' }));
      await c.diesAt(worker, point);
      await c.returns();
      await expectMended(c, 2);
    });
  });

  const own = POINTS.filter((p) => !/@[234]/.test(p));
  test.for(chosen(own, (p) => p === 'undo.after_restore@1'))('skip of a step that has sent, at %s', async (point) => {
    await withCase({ procedure: 'CRASH_SENT' }, async (c) => {
      const worker = await c.worker(spec(point));
      await c.begin();
      await incident(c, 1);
      await asked(c.rig.client.skip(c.id, op(1)));
      await c.diesAt(worker, point);
      await c.returns();
      const outcome = await c.finish();
      expect(outcome).toMatchObject({ outcome: 'completed', steps: { send: { status: 'skipped' } } });
      expect(outcome.undone).toMatchObject([{ key: `${c.id}/send/1/line`, result: 'undone' }]);
      await expectStanding(c, { bring: 1, sync: 1 }, made(c, undefined, 1));
      expect(c.calls('act')).toBe(1);
    });
  });

  test.for(chosen(own, (p) => p === 'begin_undo.before' || p === 'undo.after@1'))(
    'retry of a step that has sent, at %s',
    async (point) => {
      await withCase({ procedure: 'CRASH_SENT' }, async (c) => {
        const worker = await c.worker(spec(point));
        await c.begin();
        await incident(c, 1);
        passes(c);
        await asked(c.rig.client.retry(c.id, op(1)));
        await c.diesAt(worker, point);
        await c.returns();
        const outcome = await c.finish();
        expect(outcome).toMatchObject({ outcome: 'completed', undone: [{ key: `${c.id}/send/1/line` }] });
        await expectStanding(c, { bring: 1, sync: 1, send: 2 }, made(c, undefined, 1));
        expect(c.calls('act')).toBe(2);
      });
    },
  );
});

/** Asks for a rollback to `sync` while its undo is slow, or is cut off by the death of the worker. */
async function goingBack(c: Case, dies: boolean): Promise<() => Promise<void>> {
  const worker = await c.worker(dies ? 'undo.after=kill@1' : 'undo.after=delay:4000@1');
  await c.begin();
  await incident(c, 1);
  await asked(c.rig.client.rollback(c.id, { ...op(1), toStep: 'sync' }));
  if (!dies) {
    await c.rig.until(c.id, () => worker.fired('undo.after') > 0);
    return () => Promise.resolve();
  }
  await c.diesAt(worker, 'undo.after');
  return () => c.returns();
}

describe.concurrent('while a part is taken back', { timeout: 90_000 }, () => {
  const both = [false, true];

  test.for(both)('a Cancel of Temporal undoes all; the worker is killed: %s', async (dies) => {
    await withCase({ procedure: 'CRASH_HOLD', fails: true, occupied: true }, async (c) => {
      const back = await goingBack(c, dies);
      await c.rig.temporal.workflow.getHandle(workflowIdOf(c.id)).cancel();
      await back();
      const outcome = await c.finish();
      expect(outcome.undone.map((u) => u.key)).toHaveLength(new Set(outcome.undone.map((u) => u.key)).size);
      await expectUndone(c, outcome, 'cancelled');
      expect(c.calls('undo')).toBe(1);
    });
  });

  test.for(both)('it expires, and all is undone; the worker is killed: %s', async (dies) => {
    const over = { expiresInMinutes: 20 / 60 };
    await withCase({ procedure: 'CRASH_HOLD', fails: true, over }, async (c) => {
      const refuses = `${linesFile(c.rig.folder, c.id)}.refuses`;
      writeFileSync(refuses, '');
      const worker = await c.worker();
      await c.begin();
      await incident(c, 1);
      await asked(c.rig.client.rollback(c.id, { ...op(1), toStep: 'sync' }));
      const { state } = await incident(c, 2);
      expect(state!.incidents).toMatchObject([{ kind: 'undo', step: 'send' }]);
      if (dies) await worker.kill();
      rmSync(refuses);
      if (dies) await c.returns();
      await expectUndone(c, await c.finish(), 'expired');
    });
  });

  test.for(both)('a pause does not hold it back, and nothing starts; the worker is killed: %s', async (dies) => {
    await withCase({ procedure: 'CRASH_HOLD', fails: true }, async (c) => {
      const back = await goingBack(c, dies);
      await c.rig.client.pause(c.id, { by: 'test', reason: 'lunch' });
      await back();
      const { state } = await incident(c, 2);
      expect(state!.holds.operator).toBeDefined();
      expect(state!.expiry.runningSince).toBeUndefined();
      const starts = c.starts();
      await c.rig.client.skip(c.id, op(2));
      await c.rig.until(c.id, (s) => s.state?.steps['sync']?.status === 'skipped' && shownStatus(s.state) === 'paused');
      await expectStanding(c, { bring: 1 }, made(c, 1, 1));
      expect(c.starts()).toBe(starts);
      passes(c);
      await c.rig.client.resume(c.id, { by: 'test' });
      expect((await c.finish()).outcome).toBe('completed');
      await expectStanding(c, { bring: 1, send: 2 }, made(c, 1, 1));
    });
  });
});

/** Where an attempt stalls, and in which step. */
const STALLS = [
  ['sync', 'sync_state.before_apply'],
  ['send', 'effect.after_intent'],
  ['bring', 'transfer.after_stage'],
  ['send', 'effect.before_act'],
  ['bring', 'transfer.after_intent'],
  ['send', 'effect.after_act'],
  ['bring', 'transfer.before_delivery'],
  ['bring', 'transfer.before_intent'],
  ['bring', 'transfer.after_copy'],
  ['bring', 'transfer.after_apply'],
] as const;
const STALL_MS = 6000;

describe.concurrent('an attempt that runs on while its step is taken back', { timeout: 90_000 }, () => {
  test.for(chosen(STALLS, (_, i) => i < 4))('brings nothing back: %s at %s', async ([step, point]) => {
    await withCase({ procedure: 'CRASH_STALL', occupied: true }, async (c) => {
      const worker = await c.worker(`${point}=delay:${STALL_MS}@1`);
      await c.begin();
      const { state } = await incident(c, 1);
      expect(state!.incidents).toMatchObject([{ step, error: { code: 'STEP_TIMEOUT' } }]);
      expect(worker.fired(point, '=over'), 'it still runs').toBe(0);
      await c.rig.client.rollback(c.id, { ...op(1), toStep: step });
      await incident(c, 2);
      await c.rig.until(c.id, () => worker.fired(point, '=over') > 0);
      await new Promise((resolve) => setTimeout(resolve, 700));
      const done: Record<typeof step, Record<string, number>> = {
        bring: {},
        sync: { bring: 1 },
        send: { bring: 1, sync: 1 },
      };
      const rows = (await c.ledger()).filter((r) => r.startsWith(`${step}/`));
      expect(rows.filter((r) => !r.endsWith(' undone'))).toEqual([]);
      await expectStanding(
        c,
        done[step],
        rows.map((r) => r.replace(' undone', '')),
      );
      await c.rig.client.retry(c.id, op(2));
      expect((await c.finish()).outcome).toBe('completed');
      // What comes after the step goes to its next epoch too, and it itself once more by the retry.
      const all = { bring: 1, sync: 1, send: 1 };
      const later = { bring: { bring: 3, sync: 2, send: 2 }, sync: { sync: 3, send: 2 }, send: { send: 3 } }[step];
      await expectStanding(
        c,
        { ...all, ...later },
        rows.map((r) => r.replace(' undone', '')),
      );
    });
  });
});
