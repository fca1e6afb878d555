import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { reconcile } from '../../src/activities/reconcile.js';
import { workflowIdOf } from '../../src/core/ids.js';
import type { Procedure } from '../../src/core/procedure.js';
import { Rig } from '../rig/rig.js';

const one = (id: string, step: Partial<Procedure['steps'][number]>): Procedure => ({
  procedure_id: id,
  version: '1.0.0',
  name: id,
  steps: [{ step_id: 'only', name: 'Only', action: 'validate', ...step }],
});
const irreversible = 'irreversible';

let rig: Rig;
let checks = 0;
let stalled = 0;
beforeAll(async () => {
  rig = await Rig.create({
    procedures: [
      one('SLOW_CHECK', { rules: ['OWN001'] }),
      one('TALKATIVE', { action: 'talk', compensation: irreversible }),
      one('STALLS', { action: 'stall', compensation: irreversible, timeout: 30 }),
      one('TWINS', { action: 'twins', compensation: irreversible }),
    ],
    rules: [
      {
        id: 'OWN001',
        name: 'Slow',
        severity: 'critical',
        async check({ signal }) {
          checks++;
          await sleep(checks === 1 ? 8000 : 0, undefined, { signal });
          return { passed: true, message: 'ok' };
        },
      },
    ],
    actions: [
      { name: 'talk', run: () => Promise.resolve({ text: 'x'.repeat(20_000) }) },
      {
        name: 'stall',
        async run({ effect }) {
          stalled++;
          await sleep(3000);
          await effect('late', {}, () => Promise.resolve());
        },
      },
      {
        name: 'twins',
        async run({ effect }) {
          await effect('it', {}, () => Promise.resolve());
          await effect('it', {}, () => Promise.resolve());
        },
      },
    ],
  });
});
afterAll(() => rig.close());

const bare = { artifacts: [], context: {} };

test('a check that a pause stops has found nothing, and runs again when the handoff goes on', async () => {
  const id = await rig.start('SLOW_CHECK', bare);
  await expect.poll(() => checks, { timeout: 10_000 }).toBe(1);
  await rig.client.pause(id, { by: 'test', reason: 'not now' });
  const paused = await rig.until(id, (s) => s.state?.steps['only']?.status === 'waiting');
  expect(paused.status).toBe('running');
  await rig.client.resume(id, { by: 'test' });
  expect((await rig.client.result(id)).outcome).toBe('completed');
  expect(checks).toBe(2);
});

test('what an action returns is bounded, because it stands in the history', async () => {
  const id = await rig.start('TALKATIVE', bare);
  expect(await rig.client.result(id)).toMatchObject({ outcome: 'failed', code: 'INPUT_TOO_LARGE' });
});

test('two effects of one name in a step are refused: the second would be taken for the first', async () => {
  const id = await rig.start('TWINS', bare);
  expect(await rig.client.result(id)).toMatchObject({ outcome: 'failed', code: 'INVALID_ID' });
});

test('an attempt that outlives its terminated run can add no effect once reconcile has looked', async () => {
  const id = await rig.start('STALLS', bare);
  await expect.poll(() => stalled, { timeout: 10_000 }).toBe(1);
  await rig.temporal.workflow.getHandle(workflowIdOf(id)).terminate('by hand');
  await rig.storage.db.updateTable('handoffs').set({ updated_at: 1 }).where('id', '=', id).execute();
  // The list of what runs lags behind, and a try before this one may have left its own handoff to close.
  const closed = async () => (await reconcile(rig.storage, rig.temporal, rig.taskQueue)).closed;
  await expect.poll(closed, { timeout: 20_000 }).toContain(id);
  await sleep(4000);
  expect(await rig.client.effects(id)).toEqual([]);
  expect(await rig.client.result(id)).toMatchObject({ outcome: 'failed', code: 'HANDOFF_TERMINATED' });
});
