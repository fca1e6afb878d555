import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { workflowIdOf } from '../../src/core/ids.js';
import { cancelSignal } from '../../src/messages.js';
import { withCase, expectCompleted, expectUndone } from './case.js';
import { replayKept } from './replay.js';
import { reset, some, taskEnds } from './resets.js';

afterAll(replayKept);

describe.concurrent('a run that is reset', { timeout: 120_000 }, () => {
  test.for(['CRASH_WHOLE', 'PHASE_TRANSITION_STANDARD', 'CONTRACT_HANDOFF_STANDARD', 'AGENT_HANDOFF_STANDARD'])(
    'after %s has completed repeats no effect',
    async (procedure) => {
      await withCase({ procedure, occupied: true }, async (c) => {
        await c.returns();
        await c.begin();
        await expectCompleted(c, await c.finish());
        const { runId } = await c.rig.temporal.workflow.getHandle(workflowIdOf(c.id)).describe();
        for (const end of some(await taskEnds(c))) {
          await reset(c, end, runId);
          await expectCompleted(c, await c.finish());
          expect(c.calls('act'), `calls after a reset to event ${end}`).toBe(procedure === 'CRASH_WHOLE' ? 1 : 0);
        }
      });
    },
  );

  test('while it is open repeats no effect', async () => {
    await withCase({ procedure: 'AGENT_HANDOFF_STANDARD' }, async (c) => {
      await c.returns();
      await c.begin();
      await c.rig.untilStatus(c.id, 'awaiting_acceptance');
      await reset(c, (await taskEnds(c))[0]!);
      await expectCompleted(c, await c.finish());
    });
  });

  /** The first, the middle and the last moment at which all that was done stands in the history, and none of the undo. */
  test.for([0, 0.5, 1])(
    'after a rollback does everything again under a new step epoch (%d of its way)',
    async (part) => {
      await withCase({ fails: true, occupied: true }, async (c) => {
        await c.returns();
        await c.begin();
        await expectUndone(c, await c.finish(), 'failed');
        const undone = (await c.ledger()).map((l) => l.replace('applied', 'undone'));
        const { events } = await c.rig.history(c.id);
        const failed = Number(events!.find((e) => e.activityTaskFailedEventAttributes)!.eventId);
        const ends = (await taskEnds(c)).filter((e) => e < failed);
        writeFileSync(path.join(c.rig.folder, 'in', `${c.id}.passes`), '');
        await reset(c, ends[Math.round(part * (ends.length - 1))]!);
        await expectCompleted(c, await c.finish(), 2, undone);
        // One line for each epoch, and the first was taken back.
        expect(c.calls('act')).toBe(2);
      });
    },
  );

  test('after a rollback to a moment after the last step: all is done again before it completes', async () => {
    await withCase({ procedure: 'AGENT_HANDOFF_STANDARD' }, async (c) => {
      await c.returns();
      await c.begin();
      await c.rig.untilStatus(c.id, 'awaiting_acceptance');
      await c.rig.client.accept(c.id, { by: 'test' });
      // A task of its own after the acceptance, so that a reset to it keeps the acceptance.
      await c.rig.client.pause(c.id, { by: 'test', reason: 'a moment' });
      await c.rig.until(c.id, (s) => s.state?.pausedSince !== undefined);
      await c.rig.client.resume(c.id, { by: 'test' });
      await c.rig.until(c.id, (s) => s.state?.pausedSince === undefined);
      const accepted = (await taskEnds(c)).at(-1)!;
      await c.rig.client.cancel(c.id, { by: 'test', reason: 'enough' });
      await expectUndone(c, await c.rig.client.result(c.id), 'cancelled');
      const undone = await c.ledger();
      await reset(c, accepted);
      await c.rig.client.complete(c.id, { by: 'test', epoch: 1 });
      // It finds that what it believes done was undone, does it again, and offers it anew.
      await c.rig.untilStatus(c.id, 'awaiting_acceptance', 40_000);
      await expectCompleted(c, await c.finish(), 2, undone);
    });
  });

  test('after a rollback to a check: what it checks is done again first', async () => {
    await withCase({ procedure: 'PHASE_TRANSITION_STANDARD' }, async (c) => {
      await c.worker('validate.after.handoff_validation=delay:3000@1');
      await c.begin();
      await c.rig.until(c.id, () => c.workers[0]!.fired('validate.after.handoff_validation') > 0);
      const handle = c.rig.temporal.workflow.getHandle(workflowIdOf(c.id));
      await handle.signal(cancelSignal, { by: 'test', reason: 'enough' });
      await expectUndone(c, await c.finish(), 'cancelled');
      const { events } = await c.rig.history(c.id);
      const asked = Number(events!.find((e) => e.workflowExecutionSignaledEventAttributes)!.eventId);
      // The task in which the check ran: all that it checks stands in the history before it.
      const task = events!.findLast((e) => e.workflowTaskStartedEventAttributes && Number(e.eventId) < asked)!;
      const undone = await c.ledger();
      // To its end, though it may have none: where the server has scheduled and started a task in one go, as it does while
      // a check lasts, no reset goes between the two.
      await reset(c, Number(task.eventId) + 1);
      await expectCompleted(c, await c.finish(), 2, undone);
    });
  });
});
