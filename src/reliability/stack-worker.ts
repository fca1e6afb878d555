import { fork, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Connection } from '@temporalio/client';
import { HandoffError } from '../core/errors.js';
import { endWithUs, signalGroup } from '../temporal/process-group.js';
import { until } from './until.js';
import type { WorkerVictim } from './stack.js';
import type { ArmTask, WorkerTask } from './worker-main.js';

/** Processes run what the build made, also where this file runs from src/. */
const MAIN = fileURLToPath(new URL('../../dist/reliability/worker-main.js', import.meta.url));
const START_MS = 60_000;
/** A worker gives work in flight 10 s. */
const DRAIN_MS = 20_000;

export interface WorkerPlace {
  task: WorkerTask;
  /** Past the proxy, to see whether it polls. */
  server: { connection: Connection; namespace: string };
  env: NodeJS.ProcessEnv;
  failpoints: { text: string; log: string; release: string; seed: number };
  logFile: string;
}

/** One worker process, and those that take its place. Throws TEMPORAL_SERVER_FAILED where it does not begin to poll. */
export async function startWorkerProcess(number: number, place: WorkerPlace): Promise<WorkerVictim> {
  let lives = 0;
  let failpoints = place.failpoints.text;
  const logFile = place.logFile;
  let life = await begin();

  async function begin(): Promise<Life> {
    const one = launch(place, failpoints, `worker-${number}-${++lives}`);
    try {
      await untilPolling(one, place);
      one.upMs = Math.round(performance.now() - one.began);
      return one;
    } catch (error) {
      signalGroup(one.pid, 'SIGKILL');
      await one.gone;
      throw error;
    }
  }
  const end = async (signal: NodeJS.Signals, ms: number): Promise<void> => {
    signalGroup(life.pid, signal);
    const late = setTimeout(() => signalGroup(life.pid, 'SIGKILL'), ms);
    await life.gone;
    clearTimeout(late);
  };
  return {
    name: `worker ${number}`,
    get pid() {
      return life.pid;
    },
    get upMs() {
      return life.upMs;
    },
    kill: () => end('SIGKILL', DRAIN_MS),
    drain: () => end('SIGTERM', DRAIN_MS),
    stop: () => signalGroup(life.pid, 'SIGSTOP'),
    continue: () => signalGroup(life.pid, 'SIGCONT'),
    gone: () => life.gone,
    untilPolling: () => untilPolling(life, place),
    rearm: async (others) => {
      failpoints = others;
      await Promise.race([life.rearm(others), life.gone]);
    },
    lastWords: () => lastLines(logFile),
    restart: async (others) => {
      if (others !== undefined) failpoints = others;
      await life.gone;
      life = await begin();
    },
  };
}

interface Life {
  pid: number;
  upMs: number;
  began: number;
  ready: Promise<unknown>;
  rearm: (failpoints: string) => Promise<unknown>;
  gone: Promise<NodeJS.Signals | number | null>;
}

function launch({ task, env, failpoints, logFile }: WorkerPlace, text: string, stream: string): Life {
  const log = openSync(logFile, 'a');
  const began = performance.now();
  const child: ChildProcess = fork(MAIN, {
    env: {
      ...env,
      HANDOFF_FAILPOINTS: text,
      HANDOFF_FAILPOINT_LOG: failpoints.log,
      HANDOFF_FAILPOINT_RELEASE: failpoints.release,
      HANDOFF_FAILPOINT_SEED: String(failpoints.seed),
      HANDOFF_FAILPOINT_STREAM: stream,
    },
    execArgv: [],
    // A group of its own: a Ctrl-C is ours to hear, and its watchdog ends it even where it was stopped.
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  const pid = child.pid!;
  const gone = new Promise<NodeJS.Signals | number | null>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? code));
    child.once('error', () => resolve(null));
  });
  void gone.then(endWithUs(pid));
  // What it is sent may come after its death.
  child.send(task, () => {});
  const answer = (): Promise<unknown> => new Promise((resolve) => child.once('message', resolve));
  const rearm = (others: string): Promise<unknown> => {
    const answered = answer();
    child.send({ failpoints: others } satisfies ArmTask, () => {});
    return answered;
  };
  return { pid, upMs: 0, began, gone, ready: answer(), rearm };
}

/** A worker is there when the server knows its pollers, of workflows and of activities. */
async function untilPolling(life: Life, { server, task, logFile }: WorkerPlace): Promise<void> {
  const over = life.gone.then((how) => {
    const why = `a worker of the test ended before it polled (${String(how)}). Its last words, from ${logFile}:\n${lastLines(logFile)}`;
    throw new HandoffError('INTERNAL', { why });
  });
  over.catch(() => {});
  await Promise.race([life.ready, over]);
  const isPolling = async (taskQueueType: 1 | 2): Promise<boolean> => {
    const { pollers } = await server.connection.workflowService.describeTaskQueue({
      namespace: server.namespace,
      taskQueue: { name: task.taskQueue },
      taskQueueType,
    });
    return pollers?.some((p) => p.identity?.startsWith(`${life.pid}@`)) ?? false;
  };
  const polls = until(`process ${life.pid} polls ${task.taskQueue}`, START_MS, async () => {
    return (await isPolling(1).catch(() => false)) && (await isPolling(2).catch(() => false));
  });
  await Promise.race([polls, over]);
}

function lastLines(file: string): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-20).join('\n');
  } catch {
    return '';
  }
}
