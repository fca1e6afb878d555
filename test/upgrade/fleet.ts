import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { History } from '@temporalio/common/lib/proto-utils.js';
import { inject } from 'vitest';
import { workflowIdOf } from '../../src/core/ids.js';
import type { Procedure } from '../../src/core/procedure.js';
import type { HandoffRequest } from '../../src/core/request.js';
import type { Deployment } from '../../src/worker.js';
import { AGENTS, Rig } from '../rig/rig.js';
import { WorkerProcess } from '../rig/worker-process.js';
import { nextBuild } from './next-build.js';

/** One effect, a step that can be made to back off, one that can be made an incident, and an acceptance. */
const PROCEDURE: Procedure = {
  procedure_id: 'UPGRADED',
  version: '1.0.0',
  name: 'Upgraded under way',
  on_failure: 'hold',
  steps: [
    { step_id: 'send', name: 'Send', action: 'send_line', compensation: 'back' },
    {
      step_id: 'flaky',
      name: 'Flaky',
      action: 'flaky',
      compensation: 'irreversible',
      retry: { maximum_attempts: 1000, initial_interval: 1, backoff_coefficient: 1 },
    },
    { step_id: 'gate', name: 'Gate', action: 'gate', compensation: 'irreversible' },
    { step_id: 'ask', name: 'Ask', action: 'confirm' },
  ],
  rollback_procedures: [{ rollback_id: 'back', name: 'Back', steps: ['send'] }],
};

export type Situation = 'waiting' | 'paused' | 'back-off' | 'incident' | 'pending' | 'accepted';
const OPERATOR = { by: 'operator', reason: 'upgrade test' };
const MANY = 10_000;

/** Handoffs in mixed situations, the builds that run them, and what really happened to the world. */
export class Fleet {
  readonly ids: string[] = [];
  readonly deployment: string;
  private readonly workers: WorkerProcess[] = [];

  private constructor(
    readonly rig: Rig,
    readonly folder: string,
    /** The next build's bundle. */
    readonly next: string,
  ) {
    this.deployment = `up-${rig.taskQueue}`;
  }

  static async create(): Promise<Fleet> {
    const folder = mkdtempSync(path.join(tmpdir(), 'handoff-upgrade-'));
    const next = await nextBuild(path.join(folder, 'next'));
    mkdirSync(path.join(folder, 'world'));
    const fleet = new Fleet(await Rig.create({ start: false }), folder, next);
    await fleet.rig.storage.procedures.publishParts({ actions: ['send_line', 'flaky', 'gate'], rules: [] });
    await fleet.rig.client.addProcedure(PROCEDURE);
    return fleet;
  }

  /** Ends workers that a test that failed has left, so that the next one has its own only. */
  async killWorkers(): Promise<void> {
    for (const worker of this.workers.splice(0)) await worker.kill();
  }

  async close(): Promise<void> {
    await this.killWorkers();
    await this.rig.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** A worker process of one build. */
  async worker(build: 'A' | 'B', versioning?: Omit<Deployment, 'name' | 'buildId'>): Promise<WorkerProcess> {
    const { address, taskQueue, storage, folder } = this.rig;
    const deployment = versioning && { name: this.deployment, buildId: build, ...versioning };
    const place = { address, taskQueue, folder: storage.folder, sources: [path.join(folder, 'in')], deployment };
    const worker = await WorkerProcess.start({ ...place, ...(build === 'B' ? { bundle: this.next } : {}) });
    this.workers.push(worker);
    return worker;
  }

  /** Temporal's own command line, as docs/upgrade.md uses it: words of a command, and more arguments that may hold blanks. */
  temporal(command: string, ...more: string[]): string {
    const args = [...command.split(' '), ...more];
    const env = { ...process.env, TEMPORAL_CONFIG_FILE: '/nonexistent', TEMPORAL_ADDRESS: '', TEMPORAL_NAMESPACE: '' };
    return execFileSync(inject('serverPath'), [...args, '--address', this.rig.address], { encoding: 'utf8', env });
  }

  /** The server knows a build once its worker has polled. */
  async makeCurrent(build: string): Promise<void> {
    for (let left = 100; ; left--) {
      try {
        const version = `--deployment-name ${this.deployment} --build-id ${build}`;
        this.temporal(`worker deployment set-current-version --yes ${version}`);
        return;
      } catch (error) {
        if (left === 0) throw error;
        await sleep(100);
      }
    }
  }

  /** Pins runs to a build: `which` is a query, or one workflow id. */
  pin(build: string, ...which: ['--query', string] | ['--workflow-id', string]): void {
    const version = `--versioning-override-deployment-name ${this.deployment} --versioning-override-build-id ${build}`;
    const batch = which[0] === '--query' ? ['--yes', '--reason', 'upgrade test'] : [];
    this.temporal(`workflow update-options --versioning-override-behavior pinned ${version}`, ...which, ...batch);
  }

  /** Starts a handoff and brings it into a situation. */
  async start(id: string, situation: Situation, startsInMs = 3_600_000): Promise<string> {
    const lines = this.linesFile(id);
    const metadata = {
      lines,
      folder: path.join(this.folder, 'world'),
      passesAt: situation === 'back-off' ? MANY : 1,
      fail: situation === 'incident',
    };
    const request: HandoffRequest = {
      handoffId: id,
      procedure: PROCEDURE.procedure_id,
      source: { agent: AGENTS.source },
      target: { agent: AGENTS.target },
      metadata,
      ...(situation === 'pending' ? { startAfter: new Date(Date.now() + startsInMs).toISOString() } : {}),
    };
    await this.rig.client.start(request);
    this.ids.push(id);
    return id;
  }

  /** Waits until a started handoff is where it should be. */
  async settle(id: string, situation: Situation): Promise<void> {
    const { rig } = this;
    if (situation === 'pending') await rig.untilStatus(id, 'pending', 60_000);
    else if (situation === 'incident') await rig.until(id, (s) => s.state?.incidents.length === 1, 60_000);
    else if (situation === 'back-off')
      await rig.until(id, () => linesOf(path.join(this.folder, 'world', `${id}.starts`)).length > 1, 60_000);
    else await rig.untilStatus(id, 'awaiting_acceptance', 60_000);
    if (situation === 'paused') {
      await rig.client.pause(id, OPERATOR);
      await rig.until(id, (s) => s.state?.holds.operator !== undefined, 60_000);
    }
    if (situation === 'accepted') await rig.client.accept(id, { by: AGENTS.target });
  }

  /** Takes away what a situation waits for, until the handoff lies in its target's inbox. */
  async release(id: string, situation: Situation): Promise<void> {
    const { client } = this.rig;
    if (situation === 'paused') {
      await client.resume(id, { by: 'operator' });
      await this.rig.until(id, (s) => s.state?.holds.operator === undefined, 60_000);
    }
    if (situation === 'back-off')
      appendFileSync(path.join(this.folder, 'world', `${id}.starts`), 'released\n'.repeat(MANY));
    if (situation === 'incident') {
      writeFileSync(path.join(this.folder, 'world', `${id}.passes`), '');
      const { state } = await client.status(id);
      await client.retry(id, { ...OPERATOR, incidentId: state!.incidents[0]!.id });
    }
    if (situation !== 'accepted') await this.rig.untilStatus(id, 'awaiting_acceptance', 60_000);
  }

  async accept(id: string): Promise<void> {
    await this.rig.client.accept(id, { by: AGENTS.target });
  }

  /** Accepts, where that is to be done, and completes. */
  async complete(id: string): Promise<void> {
    const { state } = await this.rig.client.status(id);
    if (state?.status === 'awaiting_acceptance') await this.accept(id);
    await this.rig.client.complete(id, { by: AGENTS.target, epoch: 1 });
  }

  cancel(id: string): Promise<void> {
    return this.rig.client.cancel(id, OPERATOR);
  }

  history(id: string): Promise<History> {
    return this.rig.temporal.workflow.getHandle(workflowIdOf(id)).fetchHistory();
  }

  private linesFile(id: string): string {
    return path.join(this.folder, 'world', `${id}.lines`);
  }

  /** What the receiver of a handoff's one effect saw: how often it was asked, and what is there now. */
  world(id: string): { acts: number; undos: number; lines: string[] } {
    const file = this.linesFile(id);
    const calls = linesOf(`${file}.calls`).map((line) => line.split(' ')[0]);
    const count = (what: string): number => calls.filter((c) => c === what).length;
    return { acts: count('act'), undos: count('undo'), lines: linesOf(file) };
  }
}

const linesOf = (file: string): string[] =>
  existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];

/** Of a history: patches that it met, failed workflow tasks, and the builds that did its workflow tasks, in order. */
export function factsOf({ events }: History): { patches: string[]; failed: string[]; builds: string[] } {
  const patches = (events ?? []).flatMap((e) => {
    const marker = e.markerRecordedEventAttributes;
    const data = marker?.details?.['patch-data']?.payloads?.[0]?.data;
    return marker?.markerName === 'core_patch' && data
      ? [(JSON.parse(Buffer.from(data).toString()) as { id: string }).id]
      : [];
  });
  const failed = (events ?? []).flatMap((e) => e.workflowTaskFailedEventAttributes?.failure?.message ?? []);
  const builds = (events ?? []).flatMap((e) => {
    const { deploymentVersion, workerDeploymentVersion } = e.workflowTaskCompletedEventAttributes ?? {};
    return deploymentVersion?.buildId ?? workerDeploymentVersion?.split(/[.:]/)[1] ?? [];
  });
  return { patches, failed, builds };
}
