import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Client, Connection } from '@temporalio/client';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { expect, inject, onTestFailed } from 'vitest';
import { HandoffClient, type RunStatus } from '../../src/client.js';
import { workflowIdOf } from '../../src/core/ids.js';
import type { HandoffRequest } from '../../src/core/request.js';
import { openStorage, type Storage } from '../../src/storage/storage.js';
import { connectClient } from '../../src/temporal/connect.js';
import { Pipelines } from './pipelines.js';
import { replay, type TestRun } from './replay.js';
import { RigReports } from './reports.js';
import { createHandoffWorker, type HandoffWorker, type HandoffWorkerOptions } from '../../src/worker.js';

Runtime.install({ logger: new DefaultLogger((process.env['RIG_LOG'] as 'INFO' | undefined) ?? 'ERROR') });

export const AGENTS = { source: '@code-architect', target: '@nodejs-specialist' } as const;

export interface RigOptions extends Pick<
  HandoffWorkerOptions,
  'procedures' | 'rules' | 'withoutRules' | 'actions' | 'transformers' | 'phases' | 'worker'
> {
  /** Default: the server of the test run. */
  address?: string;
  /** Whether a worker starts with the rig. Default true. */
  start?: boolean;
  deadlineMs?: number;
}

interface Running {
  worker: HandoffWorker;
  running: Promise<void>;
}

let count = 0;

/**
 * A test's own corner of the one server: task queue, storage folder, agents, worker and client. `close` replays every
 * handoff that was started through it, and fails if one is still open or left anything in staging.
 */
export class Rig {
  readonly started = new Set<string>();
  /** Handoffs that a test leaves open on purpose: replayed, then terminated. */
  readonly leftOpen = new Set<string>();
  readonly pipelines: Pipelines;
  readonly reports: RigReports;
  private worker: Running | undefined;
  private readonly more: Running[] = [];

  private constructor(
    readonly options: RigOptions,
    readonly address: string,
    readonly folder: string,
    readonly taskQueue: string,
    readonly storage: Storage,
    readonly temporal: Client,
    private readonly connection: Connection,
    readonly client: HandoffClient,
  ) {
    this.pipelines = new Pipelines(temporal, storage, taskQueue);
    this.reports = new RigReports(temporal, storage, taskQueue, async () => {
      const { handoffId, session } = await this.request('PHASE_TRANSITION_STANDARD');
      await this.start('PHASE_TRANSITION_STANDARD', { handoffId, session });
      await this.client.result(handoffId);
      return { pipeline_id: session, task_id: handoffId };
    });
  }

  static async create(options: RigOptions = {}): Promise<Rig> {
    const address = options.address ?? inject('address');
    const folder = await mkdtemp(path.join(tmpdir(), 'handoff-rig-'));
    await mkdir(path.join(folder, 'in'));
    const storage = await openStorage({ folder: path.join(folder, 'data'), sources: [path.join(folder, 'in')] });
    const taskQueue = `test-${process.pid}-${++count}`;
    const { client: temporal, connection } = await connectClient({ address });
    const deadline = options.deadlineMs === undefined ? {} : { deadlineMs: options.deadlineMs };
    const client = new HandoffClient({ temporal, storage, taskQueue, ...deadline });
    const rig = new Rig(options, address, folder, taskQueue, storage, temporal, connection, client);
    await rig.client.agents.add({ name: AGENTS.source, heartbeatSeconds: 86_400 });
    await rig.client.agents.add({ name: AGENTS.target, heartbeatSeconds: 86_400, capacity: 100_000 });
    if (options.start !== false) await rig.startWorker();
    return rig;
  }

  async startWorker(more: Partial<HandoffWorkerOptions> = {}): Promise<void> {
    this.worker = await this.newWorker(more);
  }

  /** One more worker, as on another task queue; stopped with the rig. */
  async anotherWorker(more: Partial<HandoffWorkerOptions>): Promise<void> {
    this.more.push(await this.newWorker(more));
  }

  private async newWorker(more: Partial<HandoffWorkerOptions>): Promise<Running> {
    const { procedures, rules, withoutRules, actions, transformers, phases, worker: tuning } = this.options;
    const parts = Object.fromEntries(
      Object.entries({ procedures, rules, withoutRules, actions, transformers, phases, worker: tuning }).filter(
        ([, v]) => v !== undefined,
      ),
    );
    const worker = await createHandoffWorker({
      connect: { address: this.address },
      taskQueue: this.taskQueue,
      storage: this.storage,
      // A hundred task queues on one server; the tests that need it run it themselves.
      reconcileSeconds: 0,
      ...parts,
      ...more,
    });
    return { worker, running: worker.run() };
  }

  async stopWorker(): Promise<void> {
    const { worker } = this;
    this.worker = undefined;
    const all = [...(worker ? [worker] : []), ...this.more.splice(0)];
    for (const one of all) one.worker.shutdown();
    await Promise.all(all.map((one) => one.running));
  }

  /** Writes an artifact's file into the source folder. */
  async file(name: string, content: string): Promise<string> {
    const file = path.join(this.folder, 'in', name);
    await writeFile(file, content);
    return file;
  }

  /**
   * A request that succeeds: its own session with phase 8 completed, two artifacts, one context entry, and a target
   * phase of its own, so that no two handoffs meet.
   */
  async request(
    procedure: string,
    over: Partial<HandoffRequest> = {},
  ): Promise<HandoffRequest & { handoffId: string; session: string }> {
    const id = over.handoffId ?? `h-${randomUUID().slice(0, 8)}`;
    const session = over.session ?? `s-${id}`;
    if (!over.session) await this.client.sessions.setPhase(session, 8, 'completed', 'rig');
    await this.file('architecture.json', '{"modules":["users"]}');
    await this.file('modules.json', '{"users":{}}');
    return {
      procedure,
      source: { agent: AGENTS.source, phase: 8 },
      target: { agent: AGENTS.target, phase: `p-${id}` },
      artifacts: [
        { name: 'architecture.json', path: 'architecture.json' },
        { name: 'modules.json', path: 'modules.json' },
      ],
      context: { architecture: { modules: ['users'] } },
      ...over,
      handoffId: id,
      session,
    };
  }

  /** Starts a handoff that `close` will look after. */
  async start(procedure: string, over: Partial<HandoffRequest> = {}): Promise<string> {
    const request = await this.request(procedure, over);
    await this.client.start(request);
    this.started.add(request.handoffId);
    // What a try that failed leaves open is no fault of the next one.
    if (expect.getState().currentTestName !== undefined) onTestFailed(() => void this.leftOpen.add(request.handoffId));
    return request.handoffId;
  }

  /** Waits until a handoff's status fits; fails with the last one after `ms`. */
  async until(id: string, fits: (s: RunStatus) => boolean, ms = 20_000): Promise<RunStatus> {
    const end = Date.now() + ms;
    for (;;) {
      const status = await this.client.status(id).catch(() => undefined);
      if (status && fits(status)) return status;
      if (Date.now() > end)
        throw new Error(
          `handoff ${id} is not as expected after ${ms} ms: ${status?.words ?? status?.status ?? 'no status'}`,
        );
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  untilStatus(id: string, status: string, ms?: number): Promise<RunStatus> {
    return this.until(id, (s) => s.status === status, ms);
  }

  /** Where an artifact of a handoff arrives. */
  arrival(id: string, name = ''): string {
    return path.join(this.storage.root, 'artifacts', `phase_p-${id}`, name);
  }

  async history(id: string): Promise<Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>> {
    return this.temporal.workflow.getHandle(workflowIdOf(id)).fetchHistory();
  }

  /** Replays every run of this rig. */
  async replayAll(): Promise<void> {
    if (this.started.size + this.pipelines.begun.size + this.reports.begun.size > 0) await replay(this.runs());
  }

  private async *runs(): AsyncGenerator<TestRun> {
    for (const id of this.started) yield { workflowId: workflowIdOf(id), history: await this.history(id) };
    yield* this.pipelines.histories();
    yield* this.reports.histories();
  }

  /** Handoffs whose run is still open. */
  async open(): Promise<string[]> {
    const open = [];
    for (const id of this.started) {
      const { status } = await this.temporal.workflow.getHandle(workflowIdOf(id)).describe();
      if (status.name === 'RUNNING') open.push(id);
    }
    return open;
  }

  async close(): Promise<void> {
    try {
      await this.replayAll();
      const open = await this.open();
      for (const id of open) await this.temporal.workflow.getHandle(workflowIdOf(id)).terminate('end of test');
      const forgotten = [...open.filter((id) => !this.leftOpen.has(id)), ...(await this.pipelines.terminate())];
      if (forgotten.length > 0) throw new Error(`the test left handoffs open: ${forgotten.join(', ')}`);
      await this.reports.terminate();
      await this.stopWorker();
      const { stagingFolder } = this.storage;
      const staged = existsSync(stagingFolder)
        ? readdirSync(stagingFolder, { recursive: true, withFileTypes: true }).filter((e) => e.isFile())
        : [];
      if (staged.length > 0) throw new Error(`files are left in staging: ${staged.map((e) => e.name).join(', ')}`);
    } finally {
      await this.stopWorker();
      await this.connection.close();
      await this.storage.close();
      await rm(this.folder, { recursive: true, force: true });
    }
  }
}
