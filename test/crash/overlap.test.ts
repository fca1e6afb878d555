import { afterAll, describe, expect, test } from 'vitest';
import { chosen, withCase, type Case, expectCompleted, expectUndone } from './case.js';
import { replayKept } from './replay.js';

afterAll(replayKept);

/** Where an attempt stalls while its successor, or the rollback, goes on. */
const POINTS = [
  'effect.before_act',
  'transfer.after_intent',
  'effect.after_intent',
  'transfer.after_stage',
  'effect.after_act',
  'sync_state.before_apply',
  'transfer.before_delivery',
  'transfer.before_intent',
  'transfer.after_copy',
  'transfer.after_apply',
  'transfer.after_delivery',
];
const points = chosen(POINTS, (_, i) => i < 6);
const STALL_MS = 4500;
const TRIES = 4;

/** The late attempt has woken up and has had time for mischief. */
async function wokenUp(c: Case, point: string): Promise<void> {
  const end = Date.now() + 30_000;
  while (c.workers[0]!.fired(point, '=over') === 0) {
    if (Date.now() > end) throw new Error(`the attempt at ${point} never woke up`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await new Promise((resolve) => setTimeout(resolve, 700));
}

describe.concurrent('an attempt that runs on past its time-out', { timeout: 90_000 }, () => {
  test.for(points)('at %s, beside its successor: the effect happens once', async (point) => {
    await withCase({ procedure: 'CRASH_OVERLAP', occupied: true, slowMs: STALL_MS }, async (c) => {
      await c.worker(`${point}=delay:${STALL_MS}@1`);
      await c.begin();
      await wokenUp(c, point);
      await expectCompleted(c, await c.finish());
      expect(c.calls('act')).toBe(1);
    });
  });

  test.for(points)('at %s, and the handoff is rolled back meanwhile: it brings nothing back', async (point) => {
    const found = { isReached: false };
    // Each step has one attempt: on a busy machine one before the point may run into its time-out.
    for (let n = 1; n <= TRIES && !found.isReached; n++)
      await withCase({ procedure: 'CRASH_ONCE', occupied: true }, async (c) => {
        await c.worker(`${point}=delay:${STALL_MS}@1`);
        await c.begin();
        const outcome = await c.finish();
        found.isReached = c.workers[0]!.fired(point, '=delay') === 1;
        if (found.isReached) await wokenUp(c, point);
        await expectUndone(c, outcome, 'failed');
      });
    expect(found.isReached).toBe(true);
  });

  test('an attempt that wakes up in the midst of the undo does not act any more', async () => {
    await withCase({ procedure: 'CRASH_ONCE', undoMs: 2000 }, async (c) => {
      await c.worker('effect.after_intent=delay:3600@1');
      await c.begin();
      const outcome = await c.finish();
      await wokenUp(c, 'effect.after_intent');
      await expectUndone(c, outcome, 'failed');
      expect(c.calls('act')).toBe(0);
    });
  });
});

test('a late attempt does not take what its successor put there for what was there before', async () => {
  await withCase({}, async (c) => {
    await c.returns();
    const { ledger } = c.rig.storage;
    const ref = { handoff: c.id, session: c.request.session, step: 'bring', epoch: 1 };
    const intent = { effect: 'x', kind: 'file' as const, resource: 'file:x', data: { destination: 'x' } };
    const [effect] = await ledger.intend(ref, [intent], () => Promise.resolve(false));
    const once = ['before', 'madeFolders'];
    await ledger.amend(effect!.key, { before: null, madeFolders: ['y'], after: 'a' }, once);
    await ledger.amend(effect!.key, { before: 'a', madeFolders: [], after: 'b' }, once);
    expect((await ledger.find(effect!.key))!.data).toEqual({ before: null, madeFolders: ['y'], after: 'b' });
    await c.rig.storage.db.deleteFrom('effects').where('handoff', '=', c.id).execute();
    await c.begin();
    await expectCompleted(c, await c.finish());
  });
});
