import { randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { describe, expect, test, type TestContext } from 'vitest';
import { HandoffClient } from '../../src/client.js';
import { workflowIdOf } from '../../src/core/ids.js';
import { Parts, startWork } from '../rig/parts.js';
import { AGENTS, Rig, type RigOptions } from '../rig/rig.js';
import { containing, matching } from '../rig/matchers.js';
import { eventually } from './return-parts.js';

const by = AGENTS.target;
const rigFor = async (ctx: TestContext, over: RigOptions = {}): Promise<Rig> => {
  const rig = await Rig.create({ ...new Parts().options, ...over });
  ctx.onTestFinished(() => rig.close());
  return rig;
};
const offered = async (rig: Rig, expiresInMinutes = 60): Promise<string> => {
  const id = await startWork(rig, 'WORK_AND_ASK', { expiresInMinutes });
  await rig.untilStatus(id, 'awaiting_acceptance');
  return id;
};
/** A client that soon gives up: for calls that nobody will answer. The rig's own has the time that a busy machine takes. */
const impatient = ({ temporal, storage, taskQueue }: Rig, deadlineMs: number): HandoffClient =>
  new HandoffClient({ temporal, storage, taskQueue, deadlineMs });
const seconds = (n: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, n * 1000));
/** Until Temporal has let the timer of the expiry fire, with nobody there to handle it. */
const untilExpiryFired = async (rig: Rig, id: string): Promise<void> => {
  const fired = async () => (await rig.history(id)).events!.some((e) => e.timerFiredEventAttributes);
  await eventually(fired, Boolean);
};

describe('what came while no worker was there', () => {
  test.concurrent('a pause that was sent before the expiry passed wins', async (ctx) => {
    const rig = await rigFor(ctx);
    const id = await offered(rig, 10 / 60);
    const { createdAt } = (await rig.client.status(id)).state!;
    await rig.stopWorker();
    const at = Date.now();
    const pause = { by: 'op', reason: 'wait', at: new Date(at).toISOString() };
    await rig.temporal.workflow.getHandle(workflowIdOf(id)).signal('pause', pause);
    await untilExpiryFired(rig, id);
    await rig.startWorker();
    const { status, state } = await rig.until(id, (s) => s.state?.pausedSince !== undefined);
    expect({ status, expiry: state!.expiry }).toEqual({
      status: 'awaiting_acceptance',
      expiry: { remainingMs: createdAt + 10_000 - at },
    });
    const { epoch } = await rig.client.accept(id, { by });
    await rig.client.resume(id, { by: 'op' });
    await rig.client.complete(id, { by, epoch });
    expect(await rig.client.result(id)).toMatchObject({ outcome: 'completed' });
  });

  test.concurrent('a pause and a resume that its sender dated stop the clock for as long as they say', async (ctx) => {
    const rig = await rigFor(ctx);
    const id = await offered(rig);
    const { createdAt } = (await rig.client.status(id)).state!;
    await rig.stopWorker();
    const handle = rig.temporal.workflow.getHandle(workflowIdOf(id));
    const at = Date.now();
    const dated = (ms: number) => ({ by: 'op', at: new Date(at + ms).toISOString() });
    await handle.signal('pause', { ...dated(0), reason: 'wait' });
    await seconds(1);
    await handle.signal('resume', dated(1000));
    await seconds(3);
    await rig.startWorker();
    const { expiry } = (await rig.until(id, (s) => s.state?.pauses === 1)).state!;
    expect(expiry).toEqual({ runningSince: at + 1000, remainingMs: createdAt + 3_600_000 - at });
    await rig.client.reject(id, { by, reason: 'seen enough' });
    await rig.client.result(id);
  });

  test.concurrent('signals that came before its first task are heard in the order in which they came', async (ctx) => {
    const rig = await rigFor(ctx);
    await rig.stopWorker();
    const by = { by: 'op' };
    const reason = { ...by, reason: 'wait' };
    const begin = async (...signals: [name: string, content: object][]): Promise<string> => {
      const id = await startWork(rig, 'WORK_AND_ASK');
      const handle = rig.temporal.workflow.getHandle(workflowIdOf(id));
      for (const [name, content] of signals) await handle.signal(name, content);
      return id;
    };
    // Those in between nobody knows; the second has a name that the SDK keeps for itself.
    const paused = await begin(
      ['resume', by],
      ['nobodyKnowsMe', by],
      ['__temporal_of_somebody', by],
      ['pause', reason],
    );
    const runs = await begin(['pause', reason], ['resume', by]);
    const cancelled = await begin(['cancel', reason], ['pause', reason]);
    await rig.startWorker();
    expect((await rig.until(paused, (s) => s.from === 'run')).state!.holds).toHaveProperty('operator');
    await rig.untilStatus(runs, 'awaiting_acceptance');
    expect(await rig.client.result(cancelled)).toMatchObject({ outcome: 'cancelled' });
    // Until the other has come as far as it could have.
    expect((await rig.client.status(paused)).state).toMatchObject({ status: 'running', holds: { operator: reason } });
    for (const id of [paused, runs]) await rig.client.cancel(id, reason);
    for (const id of [paused, runs]) await rig.client.result(id);
  });

  test.concurrent('an answer that comes together with the expiry is refused, and all is undone', async (ctx) => {
    const rig = await rigFor(ctx, { deadlineMs: 40_000 });
    const id = await offered(rig, 8 / 60);
    await rig.stopWorker();
    await untilExpiryFired(rig, id);
    const answer = rig.client.accept(id, { by }).then(
      () => 'accepted',
      (error: { code?: string }) => error.code,
    );
    await seconds(0.5);
    await rig.startWorker();
    expect(['EXPIRED', 'WRONG_STATE']).toContain(await answer);
    expect(await rig.client.result(id)).toMatchObject({ outcome: 'expired', undone: [{ result: 'undone' }] });
  });

  test.concurrent('an update sent twice with one id takes effect once', async (ctx) => {
    const rig = await rigFor(ctx);
    const id = await offered(rig);
    await rig.stopWorker();
    const updateId = randomUUID();
    await expect(impatient(rig, 2000).extend(id, { by, minutes: 30 }, { updateId })).rejects.toMatchObject({
      code: matching(/^(NO_WORKER|DEADLINE_EXCEEDED)$/),
      retryable: true,
    });
    await rig.startWorker();
    const first = await rig.client.extend(id, { by, minutes: 30 }, { updateId });
    expect(await rig.client.extend(id, { by, minutes: 30 }, { updateId })).toEqual(first);
    const { state } = await rig.client.status(id);
    expect(state!.expiry.remainingMs).toBe(90 * 60_000);
    await rig.client.reject(id, { by, reason: 'seen enough' });
    await rig.client.result(id);
  });
});

describe('a call that nobody answers', () => {
  test.concurrent('says which queue has no worker, within its deadline', async (ctx) => {
    const rig = await rigFor(ctx, { start: false });
    const client = impatient(rig, 1000);
    const request = { procedure: 'AGENT_HANDOFF_STANDARD', source: { agent: AGENTS.source }, target: { agent: by } };
    const { handoffId: id } = await rig.client.start(request);
    rig.started.add(id);
    rig.leftOpen.add(id);
    const began = Date.now();
    await expect(client.accept(id, { by }, { updateId: 'u-1' })).rejects.toMatchObject({
      code: 'NO_WORKER',
      message: containing(`No worker answers on task queue ${rig.taskQueue} in namespace default.`),
      params: { updateId: 'u-1' },
    });
    await expect(client.accept(id, { by }, { updateId: 'u-1' })).rejects.toThrow(
      'Send it again with update id u-1 (`--update-id`): under one id it takes effect once.',
    );
    // A question has no id to be sent again with.
    await expect(client.progress(id)).rejects.toMatchObject({
      code: 'NO_WORKER',
      message: expect.stringMatching(/`handoff dev`\. Then ask again\.$/) as unknown,
    });
    // No worker has registered it yet, so that there is no record either.
    await expect(client.status(id)).rejects.toMatchObject({ code: 'NO_WORKER' });
    // With the default of 10 s each, it would be twice as long.
    expect(Date.now() - began).toBeLessThan(20_000);
    // A signal needs nobody: it is kept for when a worker comes.
    await rig.client.cancel(id, { by: 'op', reason: 'no need' });
    await rig.startWorker();
    expect(await rig.client.result(id)).toMatchObject({ outcome: 'cancelled', by: 'op' });
  });

  test.concurrent('for the status shows the last record, and says so', async (ctx) => {
    const rig = await rigFor(ctx);
    const id = await offered(rig);
    const { state } = await rig.client.status(id);
    const stored = () => rig.storage.handoffs.find(id);
    await eventually(stored, (s) => s?.status === 'awaiting_acceptance');
    await rig.stopWorker();
    const began = Date.now();
    expect(await impatient(rig, 2000).status(id)).toMatchObject({
      from: 'storage',
      status: 'awaiting_acceptance',
      state: { acceptance: { epoch: state!.acceptance.epoch } },
    });
    expect(Date.now() - began).toBeLessThan(9000);
    await rig.startWorker();
    await rig.until(id, (s) => s.from === 'run');
    await rig.client.reject(id, { by, reason: 'seen enough' });
    await rig.client.result(id);
  });

  test.concurrent('says that there is no server', async (ctx) => {
    const address = '127.0.0.1:1';
    const connection = Connection.lazy({ address, connectTimeout: 300, channelArgs: { 'grpc.enable_http_proxy': 0 } });
    ctx.onTestFinished(() => connection.close());
    const client = new HandoffClient({ temporal: new Client({ connection }), deadlineMs: 1500 });
    const calls = [
      () => client.start({ procedure: 'AGENT_HANDOFF_STANDARD', source: { agent: 'a' }, target: { agent: 'b' } }),
      () => client.status('h-1'),
      () => client.accept('h-1', { by }),
      () => client.pause('h-1', { by, reason: 'why' }),
      () => client.list(),
    ];
    const began = Date.now();
    for (const call of calls)
      await expect(call()).rejects.toMatchObject({
        code: 'TEMPORAL_UNREACHABLE',
        message: containing('The Temporal server does not answer'),
      });
    expect(Date.now() - began).toBeLessThan(calls.length * 3000);
  });
});
