import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, describe, expect, test } from 'vitest';
import { shownStatus } from '../../src/core/handoff.js';
import { workflowIdOf } from '../../src/core/ids.js';
import { cancelSignal, pauseSignal } from '../../src/messages.js';
import { chosen, withCase, type Case, expectCompleted, expectUndone } from './case.js';
import { replayKept } from './replay.js';

// A handoff's first steps run with its registration, in one local activity, of which the history hears at its end.
afterAll(replayKept);

const PHASE = { procedure: 'PHASE_TRANSITION_STANDARD' } as const;
const TRANSFER = 'resource_handoff';
const SYNC = 'state_synchronization';

/** The regular activities of a run in their order, and their limits of attempts. */
async function regular(c: Case): Promise<[string, number][]> {
  const { events } = await c.rig.history(c.id);
  return (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: a }) =>
    a ? [[a.activityType!.name!, Number(a.retryPolicy?.maximumAttempts ?? 0)] as [string, number]] : [],
  );
}

const attempts = async (c: Case, step: string): Promise<number | undefined> =>
  (await c.rig.storage.steps.list(c.id))[step]?.attempts;

/** `expect.poll` is of one test at a time, and these run side by side. */
async function until(what: () => boolean): Promise<void> {
  for (const end = Date.now() + 30_000; !what(); await new Promise((resolve) => setTimeout(resolve, 20)))
    if (Date.now() > end) throw new Error(`not within 30 s: ${String(what)}`);
}

const reached = (c: Case, point: string): Promise<void> => until(() => c.workers[0]!.fired(point) > 0);

const pause = (c: Case) => c.rig.client.pause(c.id, { by: 'test', reason: 'lunch' });
const paused = (c: Case) => c.rig.until(c.id, (s) => s.from === 'run' && shownStatus(s.state!) === 'paused', 40_000);

/** Tries: a machine that is busy with other things may need longer for the steps than they have. */
const TRIES = 20;

test('nothing stands against it: one local activity, and nothing regular', async () => {
  const found = { isOne: false };
  const attempt = (n: number) =>
    withCase({ ...PHASE, occupied: true }, async (c) => {
      await c.returns();
      await c.begin();
      const outcome = await c.finish();
      await expectCompleted(c, outcome);
      const { events } = await c.rig.history(c.id);
      const markers = events!.filter((e) => e.markerRecordedEventAttributes).length;
      found.isOne = markers === 1 && (await regular(c)).length === 0;
      if (!found.isOne && n < TRIES) return;
      expect(await regular(c)).toEqual([]);
      expect(markers).toBe(1);
      expect(events!.filter((e) => e.workflowTaskCompletedEventAttributes)).toHaveLength(1);
      // What the database was told is what the run came to.
      const stored = (await c.rig.storage.handoffs.find(c.id))!;
      expect(stored.outcome).toEqual(outcome);
      const { state } = await c.rig.client.status(c.id);
      expect(stored.state).toEqual(state);
    });
  for (let n = 1; n <= TRIES && !found.isOne; n++) await attempt(n);
}, 120_000);

describe.concurrent('before a worker is there', { timeout: 60_000 }, () => {
  test.for([PHASE.procedure, 'CRASH_WHOLE'])(
    'a pause of %s: nothing is done before it is resumed',
    async (procedure) => {
      await withCase({ procedure }, async (c) => {
        // It brings its procedures along.
        await (await c.worker()).kill();
        await c.begin();
        await pause(c);
        await c.returns();
        await paused(c);
        expect(await c.ledger()).toEqual([]);
        await c.rig.client.resume(c.id, { by: 'test' });
        await expectCompleted(c, await c.finish());
      });
    },
  );

  test.for(['cancel', 'Cancel of Temporal'])('%s: nothing is done at all', async (how) => {
    await withCase(PHASE, async (c) => {
      await c.begin();
      const handle = c.rig.temporal.workflow.getHandle(workflowIdOf(c.id));
      await (how === 'cancel' ? c.rig.client.cancel(c.id, { by: 'test', reason: 'enough' }) : handle.cancel());
      await c.returns();
      expect((await c.finish()).outcome).toBe('cancelled');
      expect(await c.ledger()).toEqual([]);
    });
  });

  test('its time to be accepted passes: nothing is done', async () => {
    await withCase(PHASE, async (c) => {
      const at = Date.now() + 3000;
      c.request.expiresAt = new Date(at).toISOString();
      await c.begin();
      await until(() => Date.now() > at);
      await c.returns();
      expect((await c.finish()).outcome).toBe('expired');
      expect(await c.ledger()).toEqual([]);
    });
  });
});

/** All is done, and recorded as completed: the task that says so is thrown away by what comes in this moment. */
describe.concurrent('what comes while its last moment lasts comes too late', { timeout: 90_000 }, () => {
  /** `procedure` closes with its registration, or in a task of its own. */
  const atTheEnd = (procedure: string, body: (c: Case) => Promise<void>) =>
    withCase({ procedure, occupied: true }, async (c) => {
      await c.worker('close.after=delay:2000@1');
      await c.begin();
      await reached(c, 'close.after');
      const recorded = (await c.rig.storage.handoffs.find(c.id))!;
      expect(recorded.status).toBe('completed');
      await body(c);
      const outcome = await c.finish();
      await expectCompleted(c, outcome);
      // Nothing that was recorded was taken back, and the run says the same.
      const { updatedAt, ...stored } = (await c.rig.storage.handoffs.find(c.id))!;
      expect({ ...stored, updatedAt }).toEqual(recorded);
      expect(outcome).toEqual(recorded.outcome);
      const { state, from } = await c.rig.client.status(c.id);
      expect([from, state]).toEqual(['run', recorded.state]);
      expect(await describedAs(c)).toBe('COMPLETED');
    });
  const describedAs = async (c: Case): Promise<string> =>
    (await c.rig.temporal.workflow.getHandle(workflowIdOf(c.id)).describe()).status.name;

  /** What the answer is; signals go past our client, which may see already that it is completed. */
  const ways: Record<string, (h: WorkflowHandle, c: Case) => Promise<unknown>> = {
    cancel: (h) => h.signal(cancelSignal, { by: 'test', reason: 'enough' }),
    'Cancel of Temporal': (h) => h.cancel().then(() => undefined),
    pause: (h) => h.signal(pauseSignal, { by: 'test', reason: 'lunch' }),
    async update(_, c) {
      // A task that is thrown away may be done again later than one deadline.
      for (let n = 1; ; n++) {
        const send = c.rig.client.extend(c.id, { by: 'test', minutes: 30 }, { updateId: 'the-one' });
        const code = await send.catch((e: { code: string }) => e.code);
        if (code !== 'DEADLINE_EXCEEDED' || n === 10) return code;
      }
    },
  };
  const all = ['PHASE_TRANSITION_STANDARD', 'CRASH_WHOLE'].flatMap((procedure) =>
    Object.keys(ways).map((how) => ({ how, procedure })),
  );
  test.for(all)('$how of $procedure', async ({ how, procedure }) => {
    await atTheEnd(procedure, async (c) => {
      const answer = await ways[how]!(c.rig.temporal.workflow.getHandle(workflowIdOf(c.id)), c);
      expect(answer).toBe(how === 'update' ? 'WRONG_STATE' : undefined);
    });
  });
});

/** A place in the midst of each step, and after the last. */
const POINTS = [
  'open.after',
  'validate.before.phase_completion_validation',
  'transfer.after_rename',
  'sync_state.in_apply',
  'sync_state.after_apply',
  'validate.before.handoff_validation',
  'close.after',
];

describe.concurrent('the worker is killed with -9', { timeout: 90_000 }, () => {
  test.for(chosen(POINTS, (_, i) => i % 2 === 0))('at %s: what was done stands once', async (point) => {
    await withCase({ ...PHASE, occupied: true }, async (c) => {
      await c.dieAt(point, '@1');
      await c.returns();
      await expectCompleted(c, await c.finish());
      // An attempt whose worker was killed is one of those that are counted; what stood by then was looked at once more.
      const used = await attempts(c, TRANSFER);
      expect(used).toBeGreaterThanOrEqual(point === 'transfer.after_rename' ? 2 : 1);
      expect(used).toBeLessThanOrEqual(2);
    });
  });
});

describe.concurrent('what does not go well locally goes on as a regular activity', { timeout: 90_000 }, () => {
  test('a transfer that takes longer than its time goes on with what is left, and costs no attempt', async () => {
    await withCase(PHASE, async (c) => {
      await c.worker('transfer.after_intent=delay:400@1');
      await c.begin();
      await expectCompleted(c, await c.finish());
      expect((await regular(c))[0]).toEqual(['transfer', 3]);
      expect(await attempts(c, TRANSFER)).toBe(1);
    });
  });

  test('a step that fails once has the attempts that are left', async () => {
    await withCase(PHASE, async (c) => {
      await c.worker('sync_state.before_apply=fail@1');
      await c.begin();
      await expectCompleted(c, await c.finish());
      expect(await attempts(c, SYNC)).toBe(2);
      // It failed locally, and then once less is left; or regularly, on a machine too slow to try it locally.
      const { events } = await c.rig.history(c.id);
      const scheduled = events!.find(
        (e) => e.activityTaskScheduledEventAttributes?.activityType?.name === 'sync_state',
      )!;
      const limit = Number(scheduled.activityTaskScheduledEventAttributes!.retryPolicy!.maximumAttempts);
      const started = events!.find((e) =>
        e.activityTaskStartedEventAttributes?.scheduledEventId?.equals(scheduled.eventId!),
      )!;
      expect(limit - started.activityTaskStartedEventAttributes!.attempt!).toBe(1);
    });
  });

  test('a step that fails each time fails after as many attempts as it has, and all is undone', async () => {
    await withCase({ ...PHASE, occupied: true }, async (c) => {
      await c.worker('sync_state.before_apply=fail');
      await c.begin();
      await expectUndone(c, await c.finish(), 'failed');
      expect(c.workers[0]!.fired('sync_state.before_apply')).toBe(3);
    });
  });

  test('a step that has one attempt only is not tried locally', async () => {
    await withCase({ procedure: 'CRASH_ONCE', occupied: true }, async (c) => {
      await c.returns();
      await c.begin();
      await expectCompleted(c, await c.finish());
      expect((await regular(c))[0]).toEqual(['transfer', 1]);
    });
  });
});
