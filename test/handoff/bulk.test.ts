import { existsSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { HandoffClient } from '../../src/client.js';
import type { BulkOptions, BulkResult, BulkSummary } from '../../src/client/bulk.js';
import { Parts, newId, startWork } from '../rig/parts.js';
import { AGENTS, Rig, type RigOptions } from '../rig/rig.js';
import { WorkerProcess } from '../rig/worker-process.js';

const by = 'op';
let rig: Rig;
const workers = new Set<WorkerProcess>();
afterEach(async () => {
  await rig.close();
  for (const worker of workers) await worker.kill();
  workers.clear();
});

const startProcess = async (): Promise<WorkerProcess> => {
  const { address, taskQueue } = rig;
  const { folder, sources } = rig.storage;
  const worker = await WorkerProcess.start({ address, taskQueue, folder, sources });
  workers.add(worker);
  return worker;
};
const kill = async (worker: WorkerProcess): Promise<void> => {
  workers.delete(worker);
  await worker.kill();
};

/** Runs a bulk verb and keeps its lines; `after` so many of them something is done. */
async function lines(
  verb: (options: BulkOptions) => Promise<BulkSummary>,
  after = Infinity,
  then: () => unknown = () => {},
): Promise<{ summary: BulkSummary; results: BulkResult[]; ms: number }> {
  const results: BulkResult[] = [];
  const began = Date.now();
  const summary = await verb({
    rate: 100,
    onResult: (result) => {
      if (results.push(result) === after) then();
    },
  });
  return { summary, results, ms: Date.now() - began };
}

const idsThat = (results: BulkResult[], ...kinds: BulkResult['result'][]): string[] =>
  results
    .filter((r) => kinds.includes(r.result))
    .map((r) => r.handoffId)
    .toSorted();

describe('with workers that are killed', () => {
  test('200 open handoffs are paused, resumed and cancelled, and each ends as its line says', async () => {
    rig = await Rig.create({ start: false });
    const session = `bulk-${newId()}`;
    const shown = async (status: 'paused' | 'awaiting_acceptance'): Promise<string[]> =>
      (await rig.storage.handoffs.ids({ session, status })).toSorted();
    let [first, second] = [await startProcess(), await startProcess()];
    const all = Array.from({ length: 200 }, newId).toSorted();
    const linesOf = (id: string): string => path.join(rig.folder, 'in', id);
    const start = (handoffId: string): Promise<unknown> =>
      rig.client.start({
        handoffId,
        session,
        procedure: 'CRASH_ASK',
        source: { agent: AGENTS.source },
        target: { agent: AGENTS.target },
        metadata: { lines: linesOf(handoffId) },
      });
    for (let i = 0; i < all.length; i += 20) await Promise.all(all.slice(i, i + 20).map(start));
    // A replay takes longer than the handoff did: a fifth of them stand for all.
    for (const [i, id] of all.entries()) if (i % 5 === 2) rig.started.add(id);
    await expect.poll(() => shown('awaiting_acceptance'), { timeout: 90_000, interval: 250 }).toEqual(all);
    expect(all.filter((id) => existsSync(linesOf(id)))).toEqual(all);
    const { handoffIds } = await rig.client.bulk.preview({ session });
    expect(handoffIds.toSorted()).toEqual(all);

    const pause = await lines(
      (o) => rig.client.bulk.pause({ session }, { by, reason: 'audit' }, o),
      60,
      () => kill(first),
    );
    expect(pause.summary).toMatchObject({ matched: 200, failed: 0, refused: 0, left: 0 });
    await expect
      .poll(() => shown('paused'), { timeout: 60_000, interval: 250 })
      .toEqual(idsThat(pause.results, 'done', 'sent'));

    first = await startProcess();
    const resume = await lines(
      (o) => rig.client.bulk.resume({ session }, { by }, o),
      60,
      () => kill(second),
    );
    expect(resume.summary).toMatchObject({ matched: 200, failed: 0, refused: 0, left: 0 });
    const going = idsThat(resume.results, 'done', 'sent');
    await expect.poll(() => shown('awaiting_acceptance'), { timeout: 60_000, interval: 250 }).toEqual(going);

    second = await startProcess();
    // Some close before their turn comes.
    const early = all.filter((_, i) => i % 40 === 7);
    for (const id of early) await rig.client.reject(id, { by: AGENTS.target, reason: 'not mine' });
    const cancel = await lines(
      (o) => rig.client.bulk.cancel(all, { by, reason: 'called off' }, o),
      60,
      () => kill(first),
    );
    expect(cancel.summary).toMatchObject({ matched: 200, failed: 0, left: 0 });
    expect(idsThat(cancel.results, 'refused')).toEqual(early);
    const taken = new Set(idsThat(cancel.results, 'done', 'sent'));
    for (const id of all) {
      const outcome = taken.has(id) ? 'cancelled' : 'rejected';
      expect(await rig.client.result(id)).toMatchObject({ handoffId: id, outcome, undone: [{ result: 'undone' }] });
      expect((await rig.storage.ledger.list(id)).map((e) => e.status)).toEqual(['undone']);
    }
    expect(all.filter((id) => existsSync(linesOf(id)))).toEqual([]);
  }, 240_000);
});

const withParts = async (over: RigOptions = {}): Promise<Parts> => {
  const parts = new Parts();
  rig = await Rig.create({ ...parts.options, ...over });
  return parts;
};
const offered = async (session: string): Promise<string> => {
  const id = await startWork(rig, 'WORK_AND_ASK', { session });
  await rig.untilStatus(id, 'awaiting_acceptance');
  return id;
};

describe('with no worker at all', () => {
  test('a signal is kept, and the line says what that is worth', async () => {
    await withParts();
    const session = newId();
    const all = (await Promise.all(Array.from({ length: 30 }, () => offered(session)))).toSorted();
    await expect
      .poll(() => rig.storage.handoffs.ids({ session, status: 'awaiting_acceptance' }), { timeout: 10_000 })
      .toHaveLength(30);
    await rig.stopWorker();
    const pause = await lines((o) => rig.client.bulk.pause({ session }, { by, reason: 'audit' }, o));
    expect(idsThat(pause.results, 'done')).toEqual(all);
    expect(pause.ms).toBeLessThan(5000);
    // Nobody knows yet that they are paused.
    const resume = await lines((o) => rig.client.bulk.resume({ session }, { by }, o));
    expect(idsThat(resume.results, 'sent')).toEqual(all);
    expect(resume.ms).toBeLessThan(10_000);
    const retry = await lines((o) => rig.client.bulk.retry({ session }, { by, reason: 'again' }, o));
    expect(new Set(retry.results.map((r) => r.error?.code))).toEqual(new Set(['NO_WORKER']));
    expect(retry.summary).toMatchObject({ matched: 30, failed: 30 });
    expect(retry.ms).toBeLessThan(15_000);
    await rig.startWorker();
    for (const id of all) {
      // The expiry counts again from a resumption: so both signals took effect, in their order.
      const { state } = await rig.until(id, (s) => s.from === 'run' && Object.keys(s.state!.holds).length === 0);
      expect(state!.expiry.runningSince).toBeGreaterThan(state!.acceptance.offeredAt!);
    }
    const cancel = await lines((o) => rig.client.bulk.cancel({ session }, { by, reason: 'over' }, o));
    expect(cancel.summary).toMatchObject({ matched: 30, done: 30 });
    for (const id of all) expect(await rig.client.result(id)).toMatchObject({ outcome: 'cancelled' });
  }, 120_000);
});

describe('what a line can say', () => {
  test('refused: not paused, no incident, closed, unknown; and done where it fits', async () => {
    const parts = await withParts();
    const session = newId();
    const [paused, plain, held] = [await offered(session), await offered(session), newId()];
    parts.fail(held, 'act');
    await startWork(rig, 'WORK_OR_HOLD', { session, handoffId: held });
    await rig.until(held, (s) => (s.state?.incidents.length ?? 0) > 0);
    await rig.client.pause(paused, { by, reason: 'x' });
    await rig.untilStatus(paused, 'awaiting_acceptance');
    const codes = (results: BulkResult[]): Record<string, string> =>
      Object.fromEntries(results.map((r) => [r.handoffId, r.error?.code ?? r.result]));
    const resumed = await lines((o) => rig.client.bulk.resume({ session }, { by }, o));
    expect(codes(resumed.results)).toEqual({ [paused]: 'done', [plain]: 'WRONG_STATE', [held]: 'WRONG_STATE' });
    parts.mend(held, 'act');
    const retried = await lines((o) => rig.client.bulk.retry({ session }, { by, reason: 'mended' }, o));
    expect(codes(retried.results)).toEqual({
      [paused]: 'INCIDENT_NOT_OPEN',
      [plain]: 'INCIDENT_NOT_OPEN',
      [held]: 'done',
    });
    expect(retried.results.find((r) => r.handoffId === held)).toMatchObject({ incidents: ['inc-1'] });
    await rig.untilStatus(held, 'awaiting_acceptance');
    const cancelled = await lines((o) => rig.client.bulk.cancel([held, plain, held], { by, reason: 'x' }, o));
    expect(codes(cancelled.results)).toEqual({ [held]: 'done', [plain]: 'done' });
    for (const id of [held, plain]) await rig.client.result(id);
    const after = await lines((o) => rig.client.bulk.pause([held, 'nobody', paused], { by, reason: 'x' }, o));
    expect(codes(after.results)).toEqual({ [held]: 'WRONG_STATE', nobody: 'HANDOFF_NOT_FOUND', [paused]: 'done' });
    await rig.client.bulk.cancel({ session }, { by, reason: 'end of test' });
    await rig.client.result(paused);
  });

  test('the same without storage', async () => {
    await withParts();
    const session = newId();
    const [one, two] = [await offered(session), await offered(session)];
    const bare = new HandoffClient({ temporal: rig.temporal, taskQueue: rig.taskQueue });
    await expect.poll(async () => (await bare.bulk.preview({ session })).count, { timeout: 10_000 }).toBe(2);
    expect(await bare.bulk.pause({ session }, { by, reason: 'x' })).toMatchObject({ done: 2 });
    expect(await bare.bulk.resume([one], { by })).toMatchObject({ done: 1 });
    await rig.until(two, (s) => Object.keys(s.state!.holds).length > 0);
    expect(await bare.bulk.cancel([one, two], { by, reason: 'x' })).toMatchObject({ done: 2 });
    for (const id of [one, two]) expect(await rig.client.result(id)).toMatchObject({ outcome: 'cancelled' });
  });
});

describe('who is meant', () => {
  test('nobody by accident, and nobody who came later', async () => {
    await withParts();
    const session = newId();
    const ids = [await offered(session), await offered(session), await offered(session)];
    for (const filter of [{}, { open: true }, { limit: 5 }]) {
      const refused = { code: 'INVALID_REQUEST', message: expect.stringContaining('all: true') as unknown };
      await expect(rig.client.bulk.cancel(filter, { by, reason: 'oops' })).rejects.toMatchObject(refused);
    }
    await expect(rig.client.bulk.cancel({ session }, { by, reason: '' })).rejects.toMatchObject({
      code: 'INVALID_MESSAGE',
    });
    await expect(rig.client.bulk.cancel({ session }, { by, reason: 'x' }, { rate: 0 })).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
    });
    expect(await rig.client.bulk.preview({}, { all: true })).toMatchObject({ count: 3 });
    // Those that are left out are untouched, and a rate is kept.
    const stop = new AbortController();
    const began = Date.now();
    const paused = await rig.client.bulk.pause(
      { session },
      { by, reason: 'x' },
      {
        rate: 4,
        signal: stop.signal,
        onResult: ({ handoffId }) => handoffId === ids[1] && stop.abort(),
      },
    );
    expect(paused).toMatchObject({ matched: 3, done: 2, left: 1 });
    expect(Date.now() - began).toBeGreaterThanOrEqual(250);
    await rig.until(ids[1]!, (s) => Object.keys(s.state!.holds).length > 0);
    expect((await rig.client.status(ids[0]!)).state!.holds).toEqual({});
    expect(await rig.client.bulk.cancel({}, { by, reason: 'x' }, { all: true })).toMatchObject({ done: 3 });
    for (const id of ids) await rig.client.result(id);
    expect(await rig.client.bulk.cancel({ session }, { by, reason: 'x' })).toMatchObject({ matched: 0 });
  });
});
