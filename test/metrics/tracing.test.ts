import { fork, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { HandoffClient } from '../../src/client.js';
import { workflowIdOf } from '../../src/core/ids.js';
import type { Procedure } from '../../src/core/procedure.js';
import type { HandoffRequest } from '../../src/core/request.js';
import { workflowBundle } from '../../src/temporal/bundle.js';
import { connectClient } from '../../src/temporal/connect.js';
import { HandoffPlugin } from '../../src/worker.js';
import { AGENTS, Rig } from '../rig/rig.js';
import { tracing, type Span } from './otel.mjs';

const spans: Span[] = [];
const plugin = tracing((span) => void spans.push(span));

let rig: Rig;
let client: HandoffClient;
let child: ChildProcess;
let close: () => Promise<void>;

beforeAll(async () => {
  rig = await Rig.create({ start: false });
  const { client: temporal, connection } = await connectClient({ address: rig.address }, { plugins: [plugin] });
  const steps = [
    { step_id: 'send', name: 'Send', action: 'send_line', compensation: 'back' },
    { step_id: 'gate', name: 'Gate', action: 'gate', compensation: 'irreversible' },
  ];

  close = () => connection.close();
  const procedure: Procedure = {
    procedure_id: 'TRACED',
    version: '1.0.0',
    name: 'Traced',
    steps,
    rollback_procedures: [{ rollback_id: 'back', name: 'Back', steps: ['send'] }],
    validation_rules: [],
  };
  client = new HandoffClient({
    temporal,
    storage: rig.storage,
    taskQueue: rig.taskQueue,
    procedures: [procedure],
    actions: ['send_line', 'gate'],
  });
  const { address, taskQueue, folder } = rig;
  const place = { address, taskQueue, folder: path.join(folder, 'data'), sources: [path.join(folder, 'in')] };
  child = fork(path.join(import.meta.dirname, 'traced-worker.mjs'), {
    env: { ...process.env, TRACED_WORKER: JSON.stringify(place) },
    execArgv: [],
  });
  await new Promise<void>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the worker ended with ${code ?? 'a signal'}`)));
    child.on('message', (said: { span?: Span; ready?: number }) => {
      if (said.span) spans.push(said.span);
      else {
        console.log(`a worker with tracing is up in ${Math.round(said.ready!)} ms`);
        resolve();
      }
    });
  });
}, 60_000);

afterAll(async () => {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await gone;
  // The rig replays all of it with the bundle that has no tracing.
  await rig.close();
  await close();
});

/** The names from a span up to its root. */
const wayUp = (span: Span): string => {
  const parent = spans.find((s) => s.spanId === span.parent);
  return parent ? `${span.name} < ${wayUp(parent)}` : span.name;
};

/** The spans of a handoff's run, once the whole of it has ended. */
async function spansOf(handoffId: string): Promise<Span[]> {
  const isRun = (s: Span): boolean => s.name.startsWith('RunWorkflow:');
  const started = await vi.waitFor(() => {
    const found = spans.find((s) => s.attributes['temporalWorkflowId'] === workflowIdOf(handoffId))!;
    expect(spans.some((s) => s.traceId === found.traceId && isRun(s))).toBe(true);
    return found;
  });
  return spans.filter((s) => s.traceId === started.traceId);
}

const run = async (procedure: string, over: Partial<HandoffRequest> = {}): Promise<string> => {
  const request = await rig.request(procedure, over);
  await client.start(request);
  rig.started.add(request.handoffId);
  return request.handoffId;
};

test('client, workflow and activities are one tree over two processes, and its undo with it; nothing is doubled', async () => {
  const good = await run('PHASE_TRANSITION_STANDARD');
  expect((await client.result(good)).outcome).toBe('completed');
  // Sent, and then failed: the one effect is undone.
  const lines = path.join(rig.folder, 'lines');
  const bad = await run('TRACED', { metadata: { lines, folder: rig.folder, fail: true } });
  expect((await client.result(bad)).outcome).toBe('failed');

  for (const [id, type, acts] of [
    // Its quick steps run with the registration.
    [good, 'PHASE_TRANSITION_STANDARD', ['openHandoff']],
    [bad, 'TRACED', ['openHandoff', 'send_line', 'gate', 'beginUndo', 'undo']],
  ] as const) {
    const all = await spansOf(id);
    const names = all.map(wayUp);
    const top = `RunWorkflow:${type} < StartWorkflow:${type}`;
    expect(names).toContain(`StartWorkflow:${type}`);
    expect(names).toContain(top);
    for (const act of acts) expect(names).toContain(`RunActivity:${act} < StartActivity:${act} < ${top}`);
    // The worker keeps no run in its cache: each task has replayed all before it.
    expect(all.filter((s) => s.name.startsWith('RunWorkflow:'))).toHaveLength(1);
    expect(new Set(all.map((s) => s.spanId)).size).toBe(all.length);
    const client = all.filter((s) => s.pid === process.pid);
    expect(client.map((s) => s.name)).toEqual([`StartWorkflow:${type}`]);
    expect(all.find((s) => s.name.startsWith('RunWorkflow:'))!.error).toBe(type === 'TRACED');
  }
}, 60_000);

test('what ran with tracing replays without it, and the other way round', async () => {
  const untraced = await Rig.create();
  const plain = await untraced.start('PHASE_TRANSITION_STANDARD');
  await untraced.client.result(plain);
  const traced = await run('AGENT_HANDOFF_STANDARD');
  await rig.untilStatus(traced, 'awaiting_acceptance');
  await client.reject(traced, { by: AGENTS.target, reason: 'not now' });
  expect((await client.result(traced)).outcome).toBe('rejected');

  const histories = [];
  for (const [at, id] of [[untraced, plain], ...[...rig.started].map((one) => [rig, one] as const)] as const)
    histories.push({ workflowId: workflowIdOf(id), history: await at.history(id) });
  expect(histories).toHaveLength(4);
  const before = spans.length;
  for (const options of [{ plugins: [plugin, new HandoffPlugin()] }, { workflowBundle: workflowBundle() }]) {
    const failed: unknown[] = [];
    for await (const { error } of Worker.runReplayHistories(options, histories)) if (error) failed.push(error);
    expect(failed).toEqual([]);
  }
  expect(spans).toHaveLength(before);
  await untraced.close();
}, 60_000);
