import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from '../fault.js';
import type { WorkerVictim } from '../stack.js';
import { between, isStopped, oneOf, seconds } from './hold.js';

const list = (workers: readonly WorkerVictim[]): string =>
  workers.map((w) => `${w.name} (process ${w.pid})`).join(', ');

/** Kills, waits a little, and starts again; true if all died of it. */
async function killAndRestart(workers: readonly WorkerVictim[], downMs: number): Promise<boolean> {
  const how = await Promise.all(
    workers.map(async (worker) => {
      await worker.kill();
      return worker.gone();
    }),
  );
  await sleep(downMs);
  await Promise.all(workers.map((worker) => worker.restart()));
  return how.every((signal) => signal === 'SIGKILL');
}

const upAgain = (workers: readonly WorkerVictim[]): string =>
  `up again after ${seconds(Math.max(...workers.map((w) => w.upMs)))}`;

export const worker_kill: Fault = {
  name: 'worker_kill',
  about: 'a worker process is killed with -9, and started again',
  strike: async (stack, random) => {
    const struck = [oneOf(random, stack.workers)];
    const who = list(struck);
    const fired = await killAndRestart(struck, between(random, 0, 500));
    return { fired, what: `killed ${who}; ${upAgain(struck)}` };
  },
};

export const all_workers_kill: Fault = {
  name: 'all_workers_kill',
  about: 'all worker processes are killed with -9 at once, and started again',
  strike: async (stack, random) => {
    const who = list(stack.workers);
    const fired = await killAndRestart(stack.workers, between(random, 0, 1000));
    return { fired, what: `killed ${who}; ${upAgain(stack.workers)}` };
  },
};

/** The server takes a worker for dead after 5 s without a heartbeat. */
const SILENT_MS = [5500, 7500] as const;

export const worker_stop: Fault = {
  name: 'worker_stop',
  about: 'a worker process stands still (SIGSTOP) for longer than the heartbeat time-out, then goes on',
  strike: async (stack, random) => {
    const worker = oneOf(random, stack.workers);
    const ms = between(random, ...SILENT_MS);
    worker.stop();
    try {
      const fired = await isStopped(worker.pid);
      await sleep(ms);
      return { fired, what: `stopped ${list([worker])} for ${seconds(ms)}` };
    } finally {
      worker.continue();
    }
  },
};

export const worker_restart: Fault = {
  name: 'worker_restart',
  about: 'a worker process is asked to end (SIGTERM), drains, and is started again',
  strike: async (stack, random) => {
    const worker = oneOf(random, stack.workers);
    const who = list([worker]);
    await worker.drain();
    const fired = (await worker.gone()) === 0;
    await worker.restart();
    return { fired, what: `drained ${who}; ${upAgain([worker])}` };
  },
};
