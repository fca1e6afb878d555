import { afterAll, beforeAll, expect, test } from 'vitest';
import { workflowIdOf } from '../../src/core/ids.js';
import { Parts, startWork } from '../rig/parts.js';
import { AGENTS, Rig } from '../rig/rig.js';

const parts = new Parts();
let rig: Rig;
beforeAll(async () => {
  rig = await Rig.create(parts.options);
});
afterAll(() => rig.close());

const { source: one, target: other } = AGENTS;
const offered = async (): Promise<string> => {
  const id = await startWork(rig, 'WORK_AND_ASK');
  await rig.untilStatus(id, 'awaiting_acceptance');
  return id;
};

test('two agents that both accept: exactly one wins, and only its completion counts', async () => {
  const id = await offered();
  const answers = await Promise.allSettled(
    [one, other].flatMap((by) => [1, 2, 3].map(() => rig.client.accept(id, { by }).then(() => by))),
  );
  const winners = answers.flatMap((a) => (a.status === 'fulfilled' ? [a.value] : []));
  expect(winners).toHaveLength(1);
  const codes = answers.flatMap((a) => (a.status === 'rejected' ? [(a.reason as { code: string }).code] : []));
  expect(codes).toEqual(Array.from({ length: 5 }, () => 'ALREADY_ACCEPTED'));
  const { state } = await rig.client.status(id);
  expect(state?.acceptance).toMatchObject({ by: winners[0], epoch: 1 });
  await rig.client.complete(id, { by: winners[0]!, epoch: 1 });
  expect(await rig.client.result(id)).toMatchObject({ outcome: 'completed', by: winners[0] });
});

test('an acceptance and a rejection at once: one of them, never both', async () => {
  for (let round = 0; round < 5; round++) {
    const id = await offered();
    const [accepted, rejected] = await Promise.allSettled([
      rig.client.accept(id, { by: one }),
      rig.client.reject(id, { by: other, reason: 'no time' }),
    ]);
    expect([accepted.status, rejected.status].toSorted()).toEqual(['fulfilled', 'rejected']);
    if (accepted.status === 'fulfilled') await rig.client.complete(id, { by: one, epoch: 1 });
    const { outcome } = await rig.client.result(id);
    expect(outcome).toBe(accepted.status === 'fulfilled' ? 'completed' : 'rejected');
  }
});

test('a completion for an epoch that was never offered, or for none, is refused and leaves no trace', async () => {
  const id = await offered();
  await rig.client.accept(id, { by: one });
  const handle = rig.temporal.workflow.getHandle(workflowIdOf(id));
  // The record of the acceptance is written beside; the history stands still once nothing is in flight.
  const inFlight = async (): Promise<number> => {
    const { raw } = await handle.describe();
    return (raw.pendingActivities?.length ?? 0) + (raw.pendingWorkflowTask ? 1 : 0);
  };
  await expect.poll(inFlight).toBe(0);
  const { historyLength } = await handle.describe();
  await expect(rig.client.complete(id, { by: one, epoch: 2 })).rejects.toMatchObject({
    code: 'STALE_ACCEPTANCE',
    message: `The completion is for epoch 2, but handoff ${id} is now at epoch 1. Only who accepted that one completes it.`,
  });
  await expect(rig.client.complete(id, { by: one } as never)).rejects.toMatchObject({ code: 'INVALID_MESSAGE' });
  expect((await handle.describe()).historyLength).toBe(historyLength);
  const completions = await Promise.allSettled([1, 2, 3].map(() => rig.client.complete(id, { by: one, epoch: 1 })));
  expect(completions.filter((c) => c.status === 'fulfilled')).toHaveLength(1);
  expect((await rig.client.result(id)).outcome).toBe('completed');
});
