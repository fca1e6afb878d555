import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HandoffClient } from '../../src/client.js';
import type { HandoffSummary } from '../../src/client/summary.js';
import type { HandoffFilter } from '../../src/core/filter.js';
import { workflowIdOf } from '../../src/core/ids.js';
import { Parts, startWork } from '../rig/parts.js';
import { AGENTS, Rig } from '../rig/rig.js';

const session = `filters-${process.pid}`;
const by = AGENTS.target;
const parts = new Parts();
let rig: Rig;
/** Knows Temporal only. */
let bare: HandoffClient;
/** What the handoffs of this file are called here, by their ids. */
const names = new Map<string, string>();

const start = async (name: string, procedure: Parameters<typeof startWork>[1], over: object = {}): Promise<string> => {
  const id = await startWork(rig, procedure, { session, ...over, handoffId: `f-${process.pid}-${name}` });
  names.set(id, name);
  return id;
};
const idOf = (name: string): string => `f-${process.pid}-${name}`;

beforeAll(async () => {
  rig = await Rig.create(parts.options);
  bare = new HandoffClient({ temporal: rig.temporal, taskQueue: rig.taskQueue });
  await rig.client.agents.add({ name: 'plain', heartbeatSeconds: 86_400 });
  for (const name of ['draining', 'at-work']) parts.hold(idOf(name), 'act');
  parts.fail(idOf('held'), 'act');
  await start('offered', 'WORK_AND_ASK', { priority: 'immediate' });
  await start('by-phase', 'WORK_AND_ASK', { source: { phase: 8 }, target: { phase: 'p_x' } });
  await start('by-both', 'WORK_AND_ASK', {
    source: { agent: 'plain', phase: '8' },
    target: { agent: by, phase: 'p_x' },
  });
  await start('paused', 'WORK_AND_ASK');
  await start('draining', 'WORK_AND_ASK');
  await start('at-work', 'WORK_ONLY', { priority: 'background' });
  await start('held', 'WORK_OR_HOLD');
  await start('accepted', 'WORK_AND_ASK');
  await start('later', 'WORK_ONLY', { startAfter: new Date(Date.now() + 86_400_000).toISOString() });
  await start('done', 'WORK_ONLY');
  await start('cancelled', 'WORK_AND_ASK');
  await start('gone', 'WORK_AND_ASK');
  for (const name of ['paused', 'accepted', 'cancelled', 'gone'])
    await rig.untilStatus(idOf(name), 'awaiting_acceptance');
  await rig.client.pause(idOf('paused'), { by: 'op', reason: 'lunch' });
  await rig.until(idOf('draining'), (s) => s.status === 'running');
  await rig.client.pause(idOf('draining'), { by: '100%_sure', reason: 'x' });
  await rig.client.accept(idOf('accepted'), { by });
  await rig.client.cancel(idOf('cancelled'), { by: 'op', reason: 'no' });
  await rig.client.result(idOf('cancelled'));
  await rig.client.result(idOf('done'));
  await rig.temporal.workflow.getHandle(workflowIdOf(idOf('gone'))).terminate('by hand');
  // Reconciliation leaves young differences alone.
  const reconciled = async (): Promise<boolean> => {
    const options = { taskQueue: rig.taskQueue, workflowId: `reconcile-${session}` };
    await rig.temporal.workflow.execute('reconcileHandoffs', options);
    return (await rig.storage.handoffs.find(idOf('gone')))?.shown === 'incident';
  };
  for (const end = Date.now() + 30_000; !(await reconciled()) && Date.now() < end;)
    await new Promise((resolve) => setTimeout(resolve, 500));
  await rig.until(idOf('held'), (s) => (s.state?.incidents.length ?? 0) > 0);
}, 90_000);

afterAll(async () => {
  parts.openAll();
  for (const name of ['offered', 'by-phase', 'by-both', 'paused', 'draining', 'accepted', 'later', 'held'])
    await rig.client.cancel(idOf(name), { by: 'op', reason: 'end of test' });
  await rig.client.rollback(idOf('gone'), { by: 'op', reason: 'end of test', incidentId: 'inc-1' });
  await rig.untilStatus(idOf('gone'), 'failed');
  for (const id of names.keys()) await rig.client.result(id);
  await rig.close();
});

const named = (list: HandoffSummary[]): string[] => list.map((h) => names.get(h.handoffId)!).toSorted();

const FILTERS: [string, HandoffFilter, string[]][] = [
  ['status: shown, not what is beneath', { status: 'awaiting_acceptance' }, ['by-both', 'by-phase', 'offered']],
  ['status: paused', { status: 'paused' }, ['paused']],
  ['status: draining', { status: 'draining' }, ['draining']],
  ['status: incident, of a terminated run too', { status: 'incident' }, ['gone', 'held']],
  ['status: running, without the one that is lost', { status: 'running' }, ['at-work']],
  ['status: pending', { status: 'pending' }, ['later']],
  ['status: cancelled', { status: 'cancelled' }, ['cancelled']],
  ['source: an agent', { source: AGENTS.source, status: 'paused' }, ['paused']],
  ['source: an agent without @', { source: 'plain' }, ['by-both']],
  ['source: a phase, whoever works in it', { source: '8' }, ['by-both', 'by-phase']],
  ['target: a phase with a wildcard of SQL in it', { target: 'p_x' }, ['by-both', 'by-phase']],
  ['target: a phase that only looks like it', { target: 'pax' }, []],
  ['priority', { priority: 'immediate' }, ['offered']],
  ['procedure, of a terminated run too', { procedure: 'WORK_OR_HOLD' }, ['held']],
  ['blocked: by its beginning', { blocked: 'paused by' }, ['draining', 'paused']],
  ['blocked: letter by letter', { blocked: 'paused by 100%_' }, ['draining']],
  ['blocked: in its own case', { blocked: 'Paused by' }, []],
  ['blocked: waits for acceptance', { blocked: 'waits for acc' }, ['by-both', 'by-phase', 'offered']],
  ['blocked: waits for completion', { blocked: 'waits for completion' }, ['accepted']],
  ['blocked: a start time', { blocked: 'waits for its start time' }, ['later']],
  ['blocked: incident', { blocked: 'incident' }, ['gone', 'held']],
  ['open', { open: true, procedure: 'WORK_ONLY' }, ['at-work', 'later']],
  ['several at once', { open: true, priority: 'normal', status: 'paused', source: AGENTS.source }, ['paused']],
  ['started since an hour ago', { startedAfter: Date.now() - 3_600_000, status: 'paused' }, ['paused']],
  ['started before an hour ago', { startedBefore: Date.now() - 3_600_000 }, []],
];

describe('a filter means the same with storage and without', () => {
  test.each(FILTERS)('%s', async (_, filter, expected) => {
    expect(named(await rig.client.list({ ...filter, session }))).toEqual(expected);
    // Visibility lags a moment.
    await expect
      .poll(async () => named(await bare.list({ ...filter, session })), { timeout: 10_000 })
      .toEqual(expected);
  });

  test('and so does what the lists say of each', async () => {
    const facts = async (client: HandoffClient): Promise<unknown> =>
      (await client.list({ session }))
        .map(({ handoffId, shown, blocked, procedure, session: s, priority, source, target, closedAt }) => ({
          name: names.get(handoffId)!,
          shown,
          blocked,
          procedure,
          s,
          priority,
          source,
          target,
          closed: closedAt !== undefined,
        }))
        .toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const stored = await facts(rig.client);
    expect(stored).toHaveLength(names.size);
    await expect.poll(() => facts(bare), { timeout: 10_000 }).toEqual(stored);
  });

  test('where and since when it stands, and until when', async () => {
    const [held] = await rig.client.list({ session, status: 'incident', procedure: 'WORK_OR_HOLD' });
    const { state } = await rig.client.status(held!.handoffId);
    expect(held).toMatchObject({ status: 'running', step: 'work', since: state!.incidents[0]!.at });
    const [bareHeld] = await bare.list({ session, status: 'incident', procedure: 'WORK_OR_HOLD' });
    expect(bareHeld).toMatchObject({ step: 'work', expiresAt: held!.expiresAt });
    const [paused] = await rig.client.list({ session, status: 'paused' });
    expect(paused).not.toHaveProperty('expiresAt');
    expect((await bare.list({ session, status: 'paused' }))[0]).not.toHaveProperty('expiresAt');
  });

  test('a limit', async () => {
    expect(await rig.client.list({ session, limit: 2 })).toHaveLength(2);
    expect(await bare.list({ session, limit: 2 })).toHaveLength(2);
  });
});

test.each([
  [{ status: 'foo' }, '/filter/status: "foo" is unknown; possible: pending,'],
  [{ stauts: 'running' }, '/filter/stauts: unknown; possible: status,'],
  [{ priority: 'urgent' }, '/filter/priority: "urgent" is unknown; possible: immediate, normal, background'],
  [{ limit: 0 }, '/filter/limit: must be a whole number from 1'],
  [{ session: '' }, '/filter/session: must be a text that is not empty'],
  [{ startedAfter: Number.NaN }, '/filter/startedAfter: must be a time'],
])('a filter that cannot match is refused by both: %j', async (filter, text) => {
  for (const client of [rig.client, bare])
    await expect(client.list(filter as HandoffFilter)).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      message: expect.stringContaining(text) as unknown,
    });
});
