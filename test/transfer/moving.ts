import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { workflowIdOf } from '../../src/core/ids.js';
import { treeDigest } from '../../src/storage/transfer/print.js';
import { removeTree } from '../../src/storage/transfer/remove.js';
import { keepForReplay } from '../crash/replay.js';
import { AGENTS, Rig } from '../rig/rig.js';
import { WorkerProcess, type WorkerPlace } from '../rig/worker-process.js';

const MB = 1 << 20;

/** Real bytes: what a file system could leave out as zeros would prove nothing. */
export function makeLarge(at: string, megabytes: number): void {
  const fd = openSync(at, 'w');
  for (let n = 0; n < megabytes; n++) writeSync(fd, randomBytes(MB));
  closeSync(fd);
}

export function makeMany(at: string, files: number): void {
  for (let n = 0; n < files; n++) {
    const folder = path.join(at, `d${n % 20}`);
    if (n < 20) mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, `f${n}`), randomBytes(10_240), { mode: n % 7 === 0 ? 0o755 : 0o640 });
  }
  mkdirSync(path.join(at, 'empty'));
}

/** One handoff of one large artifact, whose worker is a process that may be killed. */
export class Moving {
  readonly workers: WorkerProcess[] = [];
  readonly log: string;
  private constructor(
    readonly rig: Rig,
    readonly id: string,
    readonly source: string,
    private readonly procedure: string,
    private readonly more: Partial<WorkerPlace>,
  ) {
    this.log = path.join(rig.folder, 'failpoints.log');
  }

  static async create(
    source: string,
    procedure = 'AGENT_HANDOFF_STANDARD',
    more: Partial<WorkerPlace> = {},
  ): Promise<Moving> {
    const rig = await Rig.create({ start: false, deadlineMs: 4000 });
    return new Moving(rig, `m-${path.basename(rig.folder).slice(-6)}`, source, procedure, more);
  }

  get destination(): string {
    return this.rig.arrival(this.id, 'thing');
  }

  async worker(failpoints = ''): Promise<WorkerProcess> {
    const { address, taskQueue, storage } = this.rig;
    const place = { address, taskQueue, folder: storage.folder, sources: [path.dirname(this.source)], ...this.more };
    const worker = await WorkerProcess.start(place, failpoints, this.log);
    this.workers.push(worker);
    return worker;
  }

  async begin(): Promise<void> {
    this.rig.started.add(this.id);
    await this.rig.client.start(
      await this.rig.request(this.procedure, {
        handoffId: this.id,
        artifacts: [{ name: 'thing', path: path.basename(this.source) }],
        context: {},
      }),
    );
  }

  /** A worker that is killed at a failpoint. */
  async dies(worker: WorkerProcess, point: string, ms = 60_000): Promise<void> {
    const late = new Promise<string>((resolve) => setTimeout(resolve, ms, 'still alive').unref());
    const end = await Promise.race([worker.gone, late]);
    if (end !== 'SIGKILL' || worker.fired(point.replace(/@\d+$/, ''), '=kill') !== 1)
      throw new Error(`${point} did not kill the worker: ${String(end)}`);
  }

  async reject(): Promise<void> {
    await this.rig.client.reject(this.id, { by: AGENTS.target, reason: 'not for me' });
  }

  staged(): string[] {
    const { stagingFolder } = this.rig.storage;
    return existsSync(stagingFolder) ? readdirSync(stagingFolder) : [];
  }

  async close(): Promise<void> {
    await Promise.all(this.workers.map((w) => w.kill()));
    const open = await this.rig.open();
    for (const id of open) this.rig.leftOpen.add(id);
    if (open.length === 0) {
      await keepForReplay(this.rig.temporal, workflowIdOf(this.id));
      this.rig.started.clear();
    }
    // A tree may have folders that nobody may write to.
    removeTree(this.rig.storage.undoFolder);
    await this.rig.close();
  }
}

/** It has arrived, whole, and stands in the ledger once; the facts of its step. */
export async function expectArrived(
  m: Moving,
  step = 'knowledge_transfer',
  ms = 120_000,
): Promise<Record<string, unknown>> {
  const status = await m.rig.until(m.id, (s) => s.from === 'run' && s.status === 'awaiting_acceptance', ms);
  const [sent, there] = [await treeDigest(m.source), await treeDigest(m.destination)];
  expect(there.sha256).toBe(sent.sha256);
  const effects = (await m.rig.client.effects(m.id)).filter((e) => e.kind === 'file');
  expect(effects.map((e) => [e.status, e.result?.['sha256']])).toEqual([['applied', sent.sha256]]);
  expect(m.staged()).toEqual([]);
  return status.state!.steps[step]!.facts!;
}

/** It is undone; `before` is the digest of what was there, if anything was. */
export async function expectUndone(m: Moving, before: string | undefined, as = 'rejected'): Promise<void> {
  expect((await m.rig.client.result(m.id)).outcome).toBe(as);
  expect((await m.rig.client.effects(m.id)).filter((e) => e.status !== 'undone')).toEqual([]);
  expect(existsSync(m.destination) ? (await treeDigest(m.destination)).sha256 : undefined).toBe(before);
  expect(m.staged()).toEqual([]);
}
