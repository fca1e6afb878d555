import { fork, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Deployment } from '../../src/worker.js';

const MAIN = path.join(path.dirname(fileURLToPath(import.meta.url)), 'worker-main.mjs');

export interface WorkerPlace {
  address: string;
  taskQueue: string;
  folder: string;
  sources: string[];
  /** Default: no worker versioning. */
  deployment?: Deployment;
  /** Default `process`. */
  durability?: 'process' | 'power';
  /** The file of another build's workflows. Default: ours. */
  bundle?: string;
}

/** A worker in a process of its own, which can be killed at any moment. */
export class WorkerProcess {
  private errors = '';
  /** Resolves when the process is gone, for whatever reason. */
  readonly gone: Promise<NodeJS.Signals | null>;

  private constructor(
    private readonly child: ChildProcess,
    private readonly log: string,
  ) {
    child.stderr!.on('data', (chunk: Buffer) => (this.errors += chunk.toString()));
    this.gone = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Starts it and waits until it polls. `failpoints`: as in `HANDOFF_FAILPOINTS`. */
  static async start(place: WorkerPlace, failpoints = '', log = ''): Promise<WorkerProcess> {
    const env = {
      ...process.env,
      CRASH_WORKER: JSON.stringify(place),
      HANDOFF_FAILPOINTS: failpoints,
      HANDOFF_FAILPOINT_LOG: log,
    };
    const child = fork(MAIN, { env, execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    const worker = new WorkerProcess(child, log);
    const ready = new Promise<boolean>((resolve) => child.once('message', () => resolve(true)));
    if (!(await Promise.race([ready, worker.gone.then(() => false)])))
      throw new Error(`the worker did not start: ${worker.errors}`);
    return worker;
  }

  /** How often a failpoint fired, in this process or another with the same log; `what` is `=kill`, `=over`, … */
  fired(name: string, what = '='): number {
    if (!existsSync(this.log)) return 0;
    return readFileSync(this.log, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith(`${name}${what}`)).length;
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.gone;
  }

  /** SIGTERM, after which it drains. */
  async stop(): Promise<void> {
    const late = setTimeout(() => this.child.kill('SIGKILL'), 15_000);
    this.child.kill('SIGTERM');
    await this.gone;
    clearTimeout(late);
  }
}
