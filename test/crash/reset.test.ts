import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { workflowIdOf } from '../../src/core/ids.js';
import { cancelSignal } from '../../src/messages.js';
import { FULL, withCase, type Case, expectCompleted, expectStanding, expectUndone } from './case.js';
import { keepForReplay, replayKept } from './replay.js';

afterAll(replayKept);

// Of temporal.api.enums.v1: what a reset must not send to the new run again.
const NO_SIGNALS = 1;
const NO_UPDATES = 2;

/** The ids of the events at which workflow tasks completed. */
async function taskEnds(c: Case): Promise<number[]> {
  const { events } = await c.rig.history(c.id);
  return (events ?? []).filter((e) => e.workflowTaskCompletedEventAttributes).map((e) => Number(e.eventId));
}

/** Resets a run, by default the current one. */
async function reset(c: Case, workflowTaskFinishEventId: number, of?: string): Promise<void> {
  const { temporal } = c.rig;
  const workflowId = workflowIdOf(c.id);
  const { runId: now } = await temporal.workflow.getHandle(workflowId).describe();
  const runId = of ?? now;
  await keepForReplay(temporal, workflowId, runId);
  await temporal.workflowService.resetWorkflowExecution({
    namespace: temporal.options.namespace,
    workflowExecution: { workflowId, runId },
    reason: 'a test',
    requestId: randomUUID(),
    workflowTaskFinishEventId: workflowTaskFinishEventId as never,
    resetReapplyExcludeTypes: [NO_SIGNALS, NO_UPDATES],
  });
}

/** First, middle and last in the short form; all of them in the long one. */
const some = (ends: number[]): number[] =>
  FULL ? ends : [...new Set([ends[0]!, ends[Math.floor(ends.length / 2)]!, ends.at(-1)!])];

describe.concurrent('a run that is reset', { timeout: 120_000 }, () => {
  test.for(['CRASH_WHOLE', 'PHASE_TRANSITION_STANDARD', 'AGENT_HANDOFF_STANDARD'])(
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
      await reset(c, Number(task.eventId));
      await expectCompleted(c, await c.finish(), 2, undone);
    });
  });

  const op = (n: number) => ({ by: 'op', reason: 'at 3 a.m.', incidentId: `inc-${n}` });
  const incident = (c: Case, n: number) => c.rig.until(c.id, (s) => s.state?.incidents[0]?.id === `inc-${n}`, 40_000);
  const undone = (c: Case): string[] => [
    ...['context:architecture', 'phase:8', `phase:p-${c.id}`].map((e) => `sync/1/${e}`),
    'send/1/line',
  ];
  /** A run that was rolled back to a step, mended there, and has completed: the ledger is ahead of its beginnings. */
  async function mended(c: Case): Promise<void> {
    await c.returns();
    await c.begin();
    await incident(c, 1);
    await c.rig.client.rollback(c.id, { ...op(1), toStep: 'sync' });
    await incident(c, 2);
    writeFileSync(path.join(c.rig.folder, 'in', `${c.id}.passes`), '');
    await c.rig.client.retry(c.id, op(2));
    await c.rig.client.result(c.id);
  }

  test('after a rollback to a step to a moment before it: what was made anew is not repeated', async () => {
    await withCase({ procedure: 'CRASH_HOLD', fails: true, occupied: true }, async (c) => {
      await mended(c);
      const { runId } = await c.rig.temporal.workflow.getHandle(workflowIdOf(c.id)).describe();
      const { events } = await c.rig.history(c.id);
      const failed = Number(events!.find((e) => e.activityTaskFailedEventAttributes)!.eventId);
      const ends = await taskEnds(c);
      for (const end of some(ends.filter((e) => e < failed))) {
        await reset(c, end, runId);
        expect((await c.finish()).outcome).toBe('completed');
        await expectStanding(c, { bring: 1, sync: 3, send: 2 }, undone(c));
        expect(c.calls('act'), `calls after a reset to event ${end}`).toBe(2);
      }
      // To the moment at which the incident stood: it is still to be decided.
      await reset(
        c,
        ends.find((e) => e > failed)!,
        runId,
      );
      await incident(c, 1);
      await c.rig.client.retry(c.id, op(1));
      expect((await c.finish()).outcome).toBe('completed');
      await expectStanding(c, { bring: 1, sync: 3, send: 2 }, undone(c));
      expect(c.calls('act')).toBe(2);
    });
  });

  test('into the midst of a rollback to a step: it stands there again, and is mended at a later epoch', async () => {
    await withCase({ procedure: 'CRASH_HOLD', fails: true }, async (c) => {
      await mended(c);
      const { events } = await c.rig.history(c.id);
      const began = events!.find((e) => e.activityTaskScheduledEventAttributes?.activityType?.name === 'beginUndo')!;
      // By then it is known what is to be undone.
      const isIts = (of: unknown): boolean => of !== undefined && Number(of) === Number(began.eventId);
      const known = events!.find((e) => isIts(e.activityTaskCompletedEventAttributes?.scheduledEventId))!;
      await reset(
        c,
        (await taskEnds(c)).find((e) => e > Number(known.eventId))!,
      );
      await incident(c, 2);
      await c.rig.client.retry(c.id, op(2));
      expect((await c.finish()).outcome).toBe('completed');
      const later = undone(c).filter((e) => e.startsWith('sync/'));
      const older = [...undone(c), ...later.map((e) => e.replace('sync/1', 'sync/3'))];
      await expectStanding(c, { bring: 1, sync: 4, send: 2 }, older);
    });
  });

  test('after a cancellation to a moment after a skip: what was skipped stays skipped, the rest is done again', async () => {
    await withCase({ procedure: 'CRASH_SENT', slowMs: 3000 }, async (c) => {
      await c.returns();
      await c.begin();
      await incident(c, 1);
      await c.rig.client.skip(c.id, op(1));
      await c.rig.until(c.id, (s) => s.state?.steps['gate']?.status === 'running');
      const atGate = (await taskEnds(c)).at(-1)!;
      await c.rig.client.cancel(c.id, { by: 'test', reason: 'enough' });
      await expectUndone(c, await c.rig.client.result(c.id), 'cancelled');
      const older = (await c.ledger()).map((r) => r.replace(' undone', ''));
      await reset(c, atGate);
      const outcome = await c.finish();
      expect(outcome).toMatchObject({ outcome: 'completed', steps: { send: { status: 'skipped' } } });
      await expectStanding(c, { bring: 2, sync: 2 }, older);
      expect(c.calls('act')).toBe(1);
    });
  });
});
