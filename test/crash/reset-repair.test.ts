import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { workflowIdOf } from '../../src/core/ids.js';
import { withCase, type Case, expectStanding, expectUndone } from './case.js';
import { replayKept } from './replay.js';
import { reset, some, taskEnds } from './resets.js';

afterAll(replayKept);

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

describe.concurrent('a repaired run that is reset', { timeout: 120_000 }, () => {
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
