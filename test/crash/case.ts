import { randomUUID } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { reconcile } from '../../src/activities/reconcile.js';
import type { HandoffOutcome } from '../../src/core/handoff.js';
import { workflowIdOf } from '../../src/core/ids.js';
import type { HandoffRequest } from '../../src/core/request.js';
import { AGENTS, Rig } from '../rig/rig.js';
import { actions, procedures } from '../rig/crash-parts.mjs';
import { WorkerProcess } from '../rig/worker-process.js';
import { keepForReplay } from './replay.js';
import { linesFile, look, model, readLines, type World } from './world.js';

/** All combinations instead of one of each kind. */
export const FULL = process.env['HANDOFF_CRASH'] === 'full';

/** Cases that run in the short form too. */
export const chosen = <T>(cases: readonly T[], short: (c: T, i: number) => boolean): T[] =>
  FULL ? [...cases] : cases.filter(short);

export interface CaseOptions {
  procedure?: string;
  /** Whether the gate of `CRASH_WHOLE` fails, so that all is undone. */
  fails?: boolean;
  /** Whether something stood at each place before: files with other modes, a context entry, a phase record. */
  occupied?: boolean;
  address?: string;
  over?: Partial<HandoffRequest>;
  /** How long the gate takes. */
  slowMs?: number;
  /** At which start `flaky` passes. */
  passesAt?: number;
  /** How long `send_line` takes to take a line back. */
  undoMs?: number;
}

/** One handoff whose worker is a process that may be killed, and the world as it was before. */
export class Case {
  readonly workers: WorkerProcess[] = [];
  readonly log: string;

  private constructor(
    readonly rig: Rig,
    readonly request: HandoffRequest & { handoffId: string; session: string },
    readonly before: World,
  ) {
    this.log = path.join(rig.folder, 'failpoints.log');
  }

  static async create(options: CaseOptions = {}): Promise<Case> {
    const { procedure = 'CRASH_WHOLE', fails, occupied, address, over = {}, slowMs, passesAt, undoMs } = options;
    const rig = await Rig.create({ start: false, deadlineMs: 4000, ...(address ? { address } : {}) });
    const id = `c-${randomUUID().slice(0, 8)}`;
    const folder = path.join(rig.folder, 'in');
    const metadata = {
      folder,
      lines: linesFile(rig.folder, id),
      fail: fails ?? false,
      slowMs: slowMs ?? 0,
      passesAt: passesAt ?? 0,
      undoMs: undoMs ?? 0,
    };
    const request = await rig.request(procedure, { handoffId: id, metadata, ...over });
    chmodSync(path.join(folder, 'modules.json'), 0o754);
    if (occupied) await occupy(rig, id);
    const before = await look(rig.storage, request, metadata.lines);
    return new Case(rig, request, before);
  }

  get id(): string {
    return this.request.handoffId;
  }

  /** A worker in a process of its own. */
  async worker(failpoints = ''): Promise<WorkerProcess> {
    const { address, taskQueue, storage } = this.rig;
    const { folder, sources } = storage;
    const worker = await WorkerProcess.start({ address, taskQueue, folder, sources }, failpoints, this.log);
    this.workers.push(worker);
    return worker;
  }

  /** The worker that comes back after a crash, or is there from the start: this process runs it, which is cheaper. */
  async returns(): Promise<void> {
    await this.rig.startWorker({ actions, procedures, worker: { stickyQueueScheduleToStartTimeout: '1s' } });
  }

  async begin(): Promise<void> {
    this.rig.started.add(this.id);
    await this.rig.client.start(this.request);
  }

  /** A worker that dies at a failpoint, and its death. */
  async dieAt(point: string, more = ''): Promise<void> {
    const worker = await this.worker(`${point}=kill${more}`);
    await this.begin();
    await this.diesAt(worker, point);
  }

  async diesAt(worker: WorkerProcess, point: string): Promise<void> {
    const late = new Promise<string>((resolve) => setTimeout(resolve, 30_000, 'still alive').unref());
    const end = await Promise.race([worker.gone, late]);
    const fired = worker.fired(point.replace(/@\d+$/, ''), '=kill');
    if (end !== 'SIGKILL' || fired !== 1) throw new Error(`${point} fired ${fired} times, the worker: ${String(end)}`);
  }

  /** Accepts and completes where the procedure asks for it; the outcome. */
  async finish(): Promise<HandoffOutcome> {
    const { client } = this.rig;
    if (this.request.procedure === 'AGENT_HANDOFF_STANDARD') {
      const status = await this.rig.until(
        this.id,
        (s) => s.from === 'run' && !['pending', 'running', 'compensating'].includes(s.status),
        40_000,
      );
      if (status.status === 'awaiting_acceptance') {
        const { epoch } = await client.accept(this.id, { by: AGENTS.target });
        await client.complete(this.id, { by: AGENTS.target, epoch });
      } else if (status.status === 'accepted') {
        await client.complete(this.id, { by: AGENTS.target, epoch: status.state!.acceptance.epoch });
      }
    }
    return client.result(this.id);
  }

  look(): Promise<World> {
    return look(this.rig.storage, this.request, linesFile(this.rig.folder, this.id));
  }

  /** How often the steps `gate` and `flaky` were started. */
  starts(): number {
    return readLines(path.join(this.rig.folder, 'in', `${this.id}.starts`)).length;
  }

  /** How often the receiver of `send_line` was asked. */
  calls(what: 'act' | 'undo'): number {
    return readLines(`${linesFile(this.rig.folder, this.id)}.calls`).filter((l) => l.startsWith(what)).length;
  }

  async ledger(): Promise<string[]> {
    return (await this.rig.client.effects(this.id)).map((e) => `${e.key.slice(this.id.length + 1)} ${e.status}`);
  }

  /** Keeps the run for replay, and lets `reconcile` remove what a killed attempt left in staging. */
  async close(): Promise<void> {
    const { rig } = this;
    try {
      await Promise.all(this.workers.map((w) => w.kill()));
      if ((await rig.open()).length === 0) {
        for (const id of rig.started) await keepForReplay(rig.temporal, workflowIdOf(id));
        rig.started.clear();
      }
      const old = await rig.storage.db
        .updateTable('handoffs')
        .set({ closed_at: 1 })
        .where('closed_at', '>', 0)
        .execute();
      if (old[0]?.numUpdatedRows) await reconcile(rig.storage, rig.temporal, rig.taskQueue);
      for (const folder of [rig.storage.stagingFolder, rig.storage.undoFolder]) {
        const left = existsSync(folder) ? readdirSync(folder) : [];
        if (left.length > 0) throw new Error(`reconcile left ${left.join(', ')} in ${folder}`);
      }
    } finally {
      await rig.close();
    }
  }
}

/** The world is the new one, each effect is there once, and nothing of it was undone. `older`: rows of earlier epochs. */
export async function expectCompleted(
  c: Case,
  outcome: HandoffOutcome,
  epoch = 1,
  older: string[] = [],
): Promise<void> {
  const { world, effects } = model(c.request, c.before, path.join(c.rig.folder, 'in'), epoch);
  expect(outcome).toMatchObject({ outcome: 'completed', undone: [] });
  expect(await c.ledger()).toEqual([...older, ...effects.map((e) => `${e} applied`)]);
  expect(await c.look()).toEqual(world);
}

/**
 * The world is what the steps left at these epochs, and their effects stand in the ledger; `older` stands there as undone.
 */
export async function expectStanding(c: Case, epochs: Record<string, number>, older: string[] = []): Promise<void> {
  const { world, effects } = model(c.request, c.before, path.join(c.rig.folder, 'in'), epochs);
  const rows = [...older.map((e) => `${e} undone`), ...effects.map((e) => `${e} applied`)];
  expect((await c.ledger()).toSorted()).toEqual(rows.toSorted());
  expect(await c.look()).toEqual(world);
}

/** The world is the old one, and what the ledger knows is undone and named by the outcome. */
export async function expectUndone(c: Case, outcome: HandoffOutcome, as: string): Promise<void> {
  expect(outcome.outcome).toBe(as);
  const rows = await c.rig.client.effects(c.id);
  expect(rows.filter((r) => r.status !== 'undone')).toEqual([]);
  expect(outcome.undone.map((u) => u.key)).toEqual(rows.map((r) => r.key).toReversed());
  expect(await c.look()).toEqual(c.before);
}

/** What was there before a handoff came: not ours to lose. */
async function occupy(rig: Rig, id: string): Promise<void> {
  const folder = rig.arrival(id);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'architecture.json'), 'an older one');
  chmodSync(path.join(folder, 'architecture.json'), 0o640);
  writeFileSync(path.join(folder, 'bystander.txt'), 'of somebody else');
  const session = `s-${id}`;
  await rig.client.sessions.set(session, 'architecture', { old: true }, 'somebody');
  await rig.client.sessions.set(session, 'other', 1, 'somebody');
  await rig.client.sessions.setPhase(session, `p-${id}`, 'in_progress', 'somebody');
  await rig.client.sessions.setPhase(session, 8, 'completed', 'rig');
}

/** Runs a case and closes it, whatever happens. */
export async function withCase(options: CaseOptions, body: (c: Case) => Promise<void>): Promise<void> {
  const c = await Case.create(options);
  let failed = true;
  try {
    await body(c);
    failed = false;
  } finally {
    if (failed) c.rig.leftOpen.add(c.id);
    await c.close().catch((error: unknown) => {
      // What failed first is the better story.
      if (!failed) throw error;
    });
  }
}
