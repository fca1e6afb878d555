import { afterAll, describe, expect, test } from 'vitest';
import { FULL, chosen, withCase, expectCompleted, expectUndone } from './case.js';
import { replayKept } from './replay.js';

afterAll(replayKept);

/** Where the way forward is cut: before, within and after each kind of effect. */
const FORWARD = [
  'open.after',
  'transfer.before_delivery',
  'transfer.in_delivery',
  'transfer.after_delivery',
  'transfer.before_intent',
  'transfer.after_intent',
  'transfer.after_copy',
  'transfer.after_stage',
  'transfer.before_rename',
  'transfer.after_rename',
  'transfer.after_apply',
  'sync_state.before_apply',
  'sync_state.in_apply',
  'sync_state.after_apply',
  'effect.after_intent',
  'effect.before_act',
  'effect.after_act',
  'effect.after_apply',
  'close.after',
];
const SECOND = ['transfer.after_copy', 'transfer.before_rename', 'transfer.after_rename', 'transfer.after_apply'].map(
  (p) => `${p}@2`,
);
const THIRD = ['sync_state.in_apply@3'];

/** Where the undo is cut: each of its seven effects, before, within and after. */
const BACK = [
  'begin_undo.before',
  'begin_undo.after',
  'undo.before',
  'undo.after_restore',
  'undo.after',
  'close.after',
];
const LATER = [2, 3, 4, 5, 6, 7].flatMap((n) =>
  ['undo.before', 'undo.after_restore', 'undo.after'].map((p) => `${p}@${n}`),
);

const kill = (point: string): [string, string] => {
  const [name, nth] = point.split('@') as [string, string | undefined];
  return [name, nth ? `@${nth}` : '@1'];
};

/** One before, one within and one after each kind of effect, and the nastiest. */
const SHORT = new Set([
  'open.after',
  'transfer.in_delivery',
  'transfer.after_intent',
  'transfer.after_rename',
  'transfer.after_rename@2',
  'transfer.after_apply',
  'sync_state.in_apply@3',
  'sync_state.after_apply',
  'effect.before_act',
  'effect.after_act',
  'close.after',
]);
const CANCELLED = new Set([
  'transfer.before_intent',
  'transfer.after_rename',
  'sync_state.after_apply',
  'effect.after_act',
]);
const all = [...FORWARD, ...SECOND, ...THIRD].flatMap((point, i) =>
  (FULL ? [false, true] : [i % 2 === 1]).map((occupied) => ({ point, occupied })),
);
const forward = chosen(all, (c) => SHORT.has(c.point));

describe.concurrent('the worker killed with -9 on the way forward', { timeout: 90_000 }, () => {
  test.for(forward)('at $point, places occupied: $occupied: it completes', async ({ point, occupied }) => {
    await withCase({ occupied }, async (c) => {
      await c.dieAt(...kill(point));
      await c.returns();
      const outcome = await c.finish();
      await expectCompleted(c, outcome);
      expect(c.calls('act')).toBeLessThanOrEqual(point === 'effect.after_act' ? 2 : 1);
    });
  });

  const undone = all.filter((f) => !['open.after', 'close.after'].includes(f.point));
  test.for(chosen(undone, (_, i) => i % 6 === 0))(
    'at $point, places occupied: $occupied, and then the gate fails: it is undone',
    async ({ point, occupied }) => {
      await withCase({ occupied: !occupied, fails: true }, async (c) => {
        await c.dieAt(...kill(point));
        await c.returns();
        await expectUndone(c, await c.finish(), 'failed');
      });
    },
  );

  test.for(chosen(undone, (c) => CANCELLED.has(c.point)))(
    'at $point, and cancelled while it is away: it is undone',
    async ({ point, occupied }) => {
      await withCase({ occupied }, async (c) => {
        await c.dieAt(...kill(point));
        await c.rig.client.cancel(c.id, { by: 'test', reason: 'enough' });
        await c.returns();
        await expectUndone(c, await c.finish(), 'cancelled');
      });
    },
  );
});

const back = [...BACK, ...chosen(LATER, (_, i) => i % 7 === 1)].flatMap((point, i) =>
  (FULL ? [false, true] : [i % 2 === 0]).map((occupied) => ({ point, occupied })),
);

describe.concurrent('the worker killed with -9 on the way back', { timeout: 90_000 }, () => {
  test.for(back)('at $point, places occupied: $occupied: it is undone', async ({ point, occupied }) => {
    await withCase({ occupied, fails: true }, async (c) => {
      await c.dieAt(...kill(point));
      await c.returns();
      await expectUndone(c, await c.finish(), 'failed');
    });
  });

  test.for(['cancel.before', 'cancel.after'])('at %s: it closes as cancelled', async (point) => {
    await withCase({ slowMs: 1500 }, async (c) => {
      const worker = await c.worker(`${point}=kill`);
      await c.begin();
      await c.rig.until(c.id, (s) => s.state?.steps['gate']?.status === 'running');
      await c.rig.client.cancel(c.id, { by: 'test', reason: 'enough' });
      await c.diesAt(worker, point);
      await c.returns();
      await expectUndone(c, await c.finish(), 'cancelled');
      const { status } = await c.rig.temporal.workflow.getHandle(`handoff/${c.id}`).describe();
      expect(status.name).toBe('CANCELLED');
    });
  });

  test('twice in a row, there and back', async () => {
    await withCase({ occupied: true, fails: true }, async (c) => {
      await c.dieAt('transfer.after_rename');
      await c.diesAt(await c.worker('undo.after_restore=kill@2'), 'undo.after_restore@2');
      await c.returns();
      await expectUndone(c, await c.finish(), 'failed');
    });
  });

  test.for([false, true])('and the source changed meanwhile, gate fails: %s', async (fails) => {
    await withCase({ occupied: true, fails }, async (c) => {
      await c.dieAt('transfer.after_stage');
      await c.rig.file('architecture.json', 'a newer one');
      await c.returns();
      const outcome = await c.finish();
      await (fails ? expectUndone(c, outcome, 'failed') : expectCompleted(c, outcome));
    });
  });
});
