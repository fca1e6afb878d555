import { existsSync } from 'node:fs';
import path from 'node:path';
import Database from 'libsql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HandoffClient } from '../../src/client.js';
import { inboxOf } from '../../src/client/inbox.js';
import { STATUS_KEY } from '../../src/client/visible.js';
import { workflowIdOf } from '../../src/core/ids.js';
import type { HandoffRequest } from '../../src/core/request.js';
import { Parts, newId, startWork } from '../rig/parts.js';
import { AGENTS, Rig } from '../rig/rig.js';
import { WorkerProcess } from '../rig/worker-process.js';

const parts = new Parts();
let rig: Rig;
beforeAll(async () => {
  rig = await Rig.create(parts.options);
});
afterAll(() => rig.close());

const REASON = { by: 'op', reason: 'test' };

/** An agent of a test's own, so that its inbox holds nothing else. */
async function agent(): Promise<string> {
  const name = `@${newId()}`;
  await rig.client.agents.add({ name, heartbeatSeconds: 86_400 });
  return name;
}
const ids = async (name: string): Promise<string[]> => (await rig.client.inbox(name)).map((i) => i.handoffId);
async function offered(target: string, over: Partial<HandoffRequest> = {}): Promise<string> {
  const id = await startWork(rig, 'WORK_AND_ASK', { target: { agent: target }, ...over });
  await shows(id);
  return id;
}
/** Asks without a pause, so that what comes next meets the first moment in which the offer shows. */
async function shows(id: string, epoch = 1): Promise<void> {
  for (const end = Date.now() + 20_000; Date.now() < end;) {
    const { state } = await rig.client.status(id).catch(() => ({ state: undefined }));
    if (state?.status === 'awaiting_acceptance' && state.acceptance.epoch === epoch) return;
  }
  throw new Error(`${id} was not offered`);
}
const cancelled = async (id: string): Promise<void> => {
  await rig.client.cancel(id, REASON);
  await rig.client.result(id);
};

describe('an inbox', () => {
  test('has what waits for the agent, the most urgent first and then the oldest', async () => {
    const me = await agent();
    const low = await offered(me, { priority: 'background' });
    const first = await offered(me, { instructions: '\n  Build the API.\nThen test it.' });
    const second = await offered(me, { instructions: { task: 'Review it', expectedOutput: 'a report' } });
    const urgent = await offered(me, { priority: 'critical', session: 's-1', expiresInMinutes: 30 });
    const others = await offered(await agent());
    await startWork(rig, 'WORK_ONLY', { target: { agent: me } });
    const items = await rig.client.inbox(me);
    expect(items.map((i) => [i.handoffId, i.priority, i.task])).toEqual([
      [urgent, 'immediate', undefined],
      [first, 'normal', 'Build the API.'],
      [second, 'normal', 'Review it'],
      [low, 'background', undefined],
    ]);
    const { state } = await rig.client.status(urgent);
    const [item] = items;
    expect(item).toEqual({
      handoffId: urgent,
      type: 'AGENT_HANDOFF',
      priority: 'immediate',
      source: { agent: AGENTS.source },
      target: { agent: me },
      session: 's-1',
      procedure: 'WORK_AND_ASK',
      createdAt: (await rig.storage.handoffs.find(urgent))!.createdAt,
      offeredAt: state!.acceptance.offeredAt,
      epoch: 1,
      remainingMs: item!.remainingMs,
      expiresAt: state!.createdAt + 30 * 60_000,
    });
    expect(item!.remainingMs).toBeGreaterThan(28 * 60_000);
    expect((await rig.client.inbox(me, { limit: 2 })).map((i) => i.handoffId)).toEqual([urgent, first]);
    // Its run has not said so yet: its time is over all the same.
    const later = await inboxOf(rig.storage, me, { limit: 1 }, Date.now() + 45 * 60_000);
    expect(later.map((i) => i.handoffId)).toEqual([first]);
    for (const id of [low, first, second, urgent, others]) await cancelled(id);
    expect(await ids(me)).toEqual([]);
  });

  test('of nobody says so, and needs storage', async () => {
    const me = await agent();
    await expect(rig.client.inbox(me.slice(1))).rejects.toMatchObject({
      code: 'AGENT_UNKNOWN',
      message: expect.stringContaining(`Or do you mean ${me}?`) as string,
    });
    await expect(rig.client.inbox('@nobody-at-all')).rejects.toMatchObject({ code: 'AGENT_UNKNOWN' });
    await expect(rig.client.inbox('../x')).rejects.toMatchObject({ code: 'INVALID_ID' });
    await expect(rig.client.inbox(me, { limit: 0.5 })).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    const bare = new HandoffClient({ temporal: rig.temporal, taskQueue: rig.taskQueue });
    await expect(bare.inbox(me)).rejects.toMatchObject({ code: 'STORAGE_REQUIRED' });
  });

  test('says what is paused, whose clock stands still, and what has more time now', async () => {
    const me = await agent();
    const id = await offered(me, { expiresInMinutes: 60 });
    const { expiresAt } = await rig.client.extend(id, { by: 'op', minutes: 30 });
    expect((await rig.client.inbox(me))[0]).toMatchObject({ expiresAt: Date.parse(expiresAt) });
    await rig.client.pause(id, REASON);
    await expect.poll(async () => (await rig.client.inbox(me))[0]?.paused).toMatchObject(REASON);
    const [paused] = await rig.client.inbox(me);
    expect(paused).not.toHaveProperty('expiresAt');
    expect((await rig.client.inbox(me))[0]!.remainingMs).toBe(paused!.remainingMs);
    await rig.client.extend(id, { by: 'op', minutes: 10 });
    expect((await rig.client.inbox(me))[0]!.remainingMs).toBe(paused!.remainingMs + 10 * 60_000);
    // A pause does not keep anybody from accepting.
    const { epoch } = await rig.client.accept(id, { by: me });
    expect(await ids(me)).toEqual([]);
    await rig.client.resume(id, { by: 'op' });
    await rig.client.complete(id, { by: me, epoch });
    await rig.client.result(id);
  });
});

describe('it is right at once', () => {
  test('in the first moment in which an offer shows, and when an answer has returned', async () => {
    const me = await agent();
    for (let round = 0; round < 4; round++) {
      const id = await offered(me);
      expect(await ids(me)).toEqual([id]);
      const { epoch } = await rig.client.accept(id, { by: me });
      expect(await ids(me)).toEqual([]);
      await rig.client.complete(id, { by: me, epoch });
      expect(await ids(me)).toEqual([]);
      const other = await offered(me);
      expect(await ids(me)).toEqual([other]);
      await rig.client.reject(other, { by: me, reason: 'no time' });
      expect(await ids(me)).toEqual([]);
      await rig.client.result(other);
      await rig.client.result(id);
    }
  });

  test('what an inbox shows can be accepted, however soon', async () => {
    const me = await agent();
    for (let round = 0; round < 4; round++) {
      const id = await startWork(rig, 'WORK_AND_ASK', { target: { agent: me } });
      await expect.poll(() => ids(me), { interval: 1, timeout: 20_000 }).toEqual([id]);
      const { epoch } = await rig.client.accept(id, { by: me });
      expect([epoch, await ids(me)]).toEqual([1, []]);
      await rig.client.complete(id, { by: me, epoch });
      await rig.client.result(id);
    }
  });

  test('of two that accept at once one wins, and it is gone for both', async () => {
    const me = await agent();
    const id = await offered(me);
    const answers = await Promise.allSettled([
      rig.client.accept(id, { by: me }),
      rig.client.accept(id, { by: 'other' }),
    ]);
    expect(await ids(me)).toEqual([]);
    expect(answers.map((a) => a.status).toSorted()).toEqual(['fulfilled', 'rejected']);
    const { by } = (await rig.client.status(id)).state!.acceptance;
    await rig.client.complete(id, { by: by!, epoch: 1 });
    expect(await ids(me)).toEqual([]);
    await rig.client.result(id);
  });

  test('what was accepted by itself never lies there', async () => {
    const me = await agent();
    const id = await startWork(rig, 'WORK_AND_ASK', { target: { agent: me }, acceptance: 'auto' });
    const end = rig.client.result(id).then(() => 'over');
    for (let over: string | undefined; over === undefined;) {
      expect(await ids(me)).toEqual([]);
      over = await Promise.race([end, new Promise<undefined>((resolve) => setImmediate(() => resolve(undefined)))]);
    }
  });
});

test('while the database is locked an offer does not show, and an answer waits rather than lies', async () => {
  const place = await Rig.create({ start: false });
  const { storage, client, folder, temporal } = place;
  const worker = await WorkerProcess.start({
    address: place.address,
    taskQueue: place.taskQueue,
    folder: storage.folder,
    sources: storage.sources,
  });
  const lock = new Database(path.join(storage.folder, 'handoff.db'));
  const me = AGENTS.target;
  const waiting = async (): Promise<string[]> => (await client.inbox(me)).map((i) => i.handoffId);
  try {
    await client.addProcedure({
      procedure_id: 'GATE_AND_ASK',
      version: '1.0.0',
      name: 'Waits and asks',
      steps: [
        { step_id: 'gate', name: 'Gate', action: 'gate', compensation: 'irreversible' },
        { step_id: 'ask', name: 'Ask', action: 'confirm' },
      ],
    });
    const id = newId();
    const recording = async (times: number): Promise<boolean> => {
      const { events } = await place.history(id);
      const started = events!.filter(
        (e) => e.activityTaskScheduledEventAttributes?.activityType?.name === 'projectHandoff',
      );
      return started.length >= times;
    };
    await client.start({
      handoffId: id,
      procedure: 'GATE_AND_ASK',
      source: { agent: AGENTS.source },
      target: { agent: me },
      metadata: { folder, slowMs: 1000 },
    });
    place.started.add(id);
    await expect.poll(() => existsSync(path.join(folder, `${id}.starts`)), { timeout: 20_000 }).toBe(true);
    lock.exec('BEGIN IMMEDIATE');
    await expect.poll(() => recording(1), { timeout: 20_000 }).toBe(true);
    const { typedSearchAttributes } = await temporal.workflow.getHandle(workflowIdOf(id)).describe();
    expect([typedSearchAttributes.get(STATUS_KEY), await waiting()]).toEqual(['running', []]);
    lock.exec('COMMIT');
    await place.untilStatus(id, 'awaiting_acceptance');
    expect(await waiting()).toEqual([id]);

    lock.exec('BEGIN IMMEDIATE');
    let answered = false;
    const accepted = client.accept(id, { by: me }).then((answer) => {
      answered = true;
      return answer;
    });
    await expect.poll(() => recording(2), { timeout: 20_000 }).toBe(true);
    expect([answered, await waiting()]).toEqual([false, [id]]);
    lock.exec('COMMIT');
    const { epoch } = await accepted;
    expect(await waiting()).toEqual([]);
    await client.complete(id, { by: me, epoch });
    await client.result(id);
  } finally {
    lock.close();
    await worker.stop();
    await place.close();
  }
});
