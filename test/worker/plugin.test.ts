import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { NativeConnection, Worker, bundleWorkflowCode, type WorkerOptions } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { workflowIdOf } from '../../src/core/ids.js';
import { HandoffPlugin, type HandoffPluginOptions } from '../../src/worker.js';
import { newId } from '../rig/parts.js';
import { AGENTS, Rig } from '../rig/rig.js';
import type { OWN_FLOW, goOn, greet } from './own-workflows.js';

const OWN = path.join(import.meta.dirname, 'own-workflows.ts');
const NODE_MODULES = path.resolve(import.meta.dirname, '..', '..', 'node_modules');
const quiet = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} };
const activities = { upper: (text: string) => Promise.resolve(text.toUpperCase()) };

let rig: Rig;
let connection: NativeConnection;
beforeAll(async () => {
  rig = await Rig.create({ start: false });
  connection = await NativeConnection.connect({ address: rig.address });
});
afterAll(async () => {
  await rig.close();
  await connection.close();
});

const plugin = (over: HandoffPluginOptions = {}): HandoffPlugin =>
  new HandoffPlugin({ storage: rig.storage, temporal: rig.temporal, reconcileSeconds: 0, ...over });
const create = (handoff: HandoffPlugin, over: Partial<WorkerOptions> = {}): Promise<Worker> =>
  Worker.create({ connection, taskQueue: rig.taskQueue, plugins: [handoff], ...over });

describe("on a worker of the user's own", () => {
  let worker: Worker;
  let running: Promise<void>;
  beforeAll(async () => {
    worker = await create(plugin({ reconcileSeconds: 3600 }), { workflowsPath: OWN, activities });
    running = worker.run();
  });
  afterAll(async () => {
    await rig.temporal.schedule.getHandle(`handoff-reconcile/${rig.taskQueue}`).delete();
    worker.shutdown();
    await running;
  });

  test('handoffs and their own workflows complete side by side, and all replay', async () => {
    const own = [
      await rig.temporal.workflow.start<typeof greet>('greet', { workflowId: newId(), ...onQueue(), args: ['you'] }),
      await rig.temporal.workflow.start<typeof OWN_FLOW>('OWN_FLOW', {
        workflowId: newId(),
        ...onQueue(),
        args: [{ anything: 7 }],
      }),
    ] as const;
    const phase = await rig.start('PHASE_TRANSITION_STANDARD');
    const agent = await rig.start('AGENT_HANDOFF_STANDARD');
    await rig.untilStatus(agent, 'awaiting_acceptance');
    const { epoch } = await rig.client.accept(agent, { by: AGENTS.target });
    await rig.client.complete(agent, { by: AGENTS.target, epoch });
    for (const id of [phase, agent]) expect((await rig.client.result(id)).outcome).toBe('completed');
    await own[1].signal<[], typeof goOn.name>('goOn');
    expect(await Promise.all([own[0].result(), own[1].result()])).toEqual(['Hello YOU', 7]);

    // With the same plugin; the rig replays the handoffs with our own bundle as well.
    const histories = [...own, ...[phase, agent].map((id) => rig.temporal.workflow.getHandle(workflowIdOf(id)))];
    const all = await Promise.all(
      histories.map(async (h) => ({ workflowId: h.workflowId, history: await h.fetchHistory() })),
    );
    const replayed: unknown[] = [];
    const options = { workflowsPath: OWN, plugins: [new HandoffPlugin()] };
    for await (const { error } of Worker.runReplayHistories(options, all)) replayed.push(error);
    expect(replayed).toEqual([undefined, undefined, undefined, undefined]);
  });

  test('what our own worker does by itself is done here too', async () => {
    const schedule = await rig.temporal.schedule.getHandle(`handoff-reconcile/${rig.taskQueue}`).describe();
    expect(schedule.action).toMatchObject({ workflowType: 'reconcileHandoffs', taskQueue: rig.taskQueue });
    expect(worker.options).toMatchObject({ maxHeartbeatThrottleInterval: 900, shutdownGraceTime: 10_000 });
    const run = await rig.temporal.workflow.start('reconcileHandoffs', { workflowId: newId(), ...onQueue() });
    expect(await run.result()).toMatchObject({ repairs: [] });
  });

  test('the guard stands before our workflows only', async () => {
    const byHand = await rig.temporal.workflow.start('SOME_PROCEDURE', { workflowId: newId(), ...onQueue() });
    await expect(byHand.result()).rejects.toMatchObject({ cause: { type: 'INVALID_REQUEST' } });
    // A type that nobody has yet waits for a worker that has it, as it does without us.
    for (const type of ['tomorrowsWorkflow', 'toString']) {
      const handle = await rig.temporal.workflow.start(type, { workflowId: newId(), ...onQueue() });
      const failed = await failedTask(() => handle.fetchHistory());
      expect(failed).toContain(`no workflow ${type} is in the bundle`);
      expect((await handle.describe()).status.name).toBe('RUNNING');
      await handle.terminate();
    }
  });
});

const onQueue = () => ({ taskQueue: rig.taskQueue });

async function failedTask(history: () => ReturnType<Rig['history']>): Promise<string | undefined> {
  for (const end = Date.now() + 20_000; Date.now() < end; await new Promise((r) => setTimeout(r, 50))) {
    const { events } = await history();
    const failed = events!.find((e) => e.workflowTaskFailedEventAttributes);
    if (failed) return failed.workflowTaskFailedEventAttributes!.failure!.message!;
  }
  return undefined;
}

describe('without workflows of the user', () => {
  test.each<[string, () => Promise<Partial<WorkerOptions>>]>([
    ['our own bundle is taken', () => Promise.resolve({ activities })],
    [
      'a bundle that was made with the plugin beforehand is taken as it is',
      async () => ({
        workflowBundle: await bundleWorkflowCode({ workflowsPath: OWN, logger: quiet, plugins: [new HandoffPlugin()] }),
      }),
    ],
  ])('%s', async (_, options) => {
    const worker = await create(plugin(), await options());
    await worker.runUntil(async () => {
      const id = await rig.start('PHASE_TRANSITION_STANDARD');
      expect((await rig.client.result(id)).outcome).toBe('completed');
    });
  });
});

describe('what does not fit is said when the worker is made', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'handoff-plugin-'));
  symlinkSync(NODE_MODULES, path.join(folder, 'node_modules'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const file = (name: string, text: string): string => {
    writeFileSync(path.join(folder, name), text);
    return path.join(folder, name);
  };

  test.each<[string, (of: HandoffPlugin) => Promise<unknown>, string]>([
    [
      'a catch-all of their own',
      () => bundled(file('catch-all.ts', 'export default async function any(): Promise<void> {}')),
      `catch-all.ts exports default, which handoff needs for its own workflows (default, repairHandoff, reconcileHandoffs, handoffPipeline); name yours otherwise.`,
    ],
    [
      'a workflow with the name of one of ours',
      () => bundled(file('same.mjs', 'export async function mine() {}\nexport async function repairHandoff() {}')),
      'same.mjs exports repairHandoff, which',
    ],
    ['workflows that are not there', () => bundled(path.join(folder, 'none.ts')), 'there is no workflowsPath'],
    [
      'an activity with the name of one of ours',
      (of) => create(of, { activities: { transfer: () => Promise.resolve() } }),
      'both have an activity transfer; name yours otherwise',
    ],
    [
      'a bundle that was made without it',
      async (of) => create(of, { workflowBundle: await bundleWorkflowCode({ workflowsPath: OWN, logger: quiet }) }),
      'its workflowBundle was made without it',
    ],
    [
      'a client of another namespace',
      (of) => create(of, { namespace: 'elsewhere' }),
      'its client is for namespace default',
    ],
    [
      'a second worker',
      async (of) => {
        const first = await create(of);
        await first.runUntil(Promise.resolve());
        return create(of);
      },
      'one plugin serves one worker',
    ],
  ])('%s', async (_, make, why) => {
    await expect(make(plugin())).rejects.toMatchObject({
      code: 'PLUGIN_CONFLICT',
      message: expect.stringContaining(why) as string,
    });
  });

  const bundled = (workflowsPath: string): Promise<unknown> =>
    bundleWorkflowCode({ workflowsPath, logger: quiet, plugins: [new HandoffPlugin()] });
});
