import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from '../fault.js';
import type { Stack } from '../stack.js';
import { between, isStopped, seconds } from './hold.js';

const lacks = ({ server }: Stack): string | undefined =>
  server ? undefined : 'the Temporal server was given by its address, and is not ours to strike';

export const server_kill: Fault = {
  name: 'server_kill',
  about: 'the Temporal server is killed with -9, and started again on its database',
  lacks,
  strike: async (stack, random) => {
    const server = stack.server!;
    const { pid } = server;
    await server.kill();
    await sleep(between(random, 0, 1500));
    const began = Date.now();
    await server.restart();
    await stack.untilServes();
    const what = `killed the Temporal server (process ${pid}); served again after ${seconds(Date.now() - began)}`;
    return { fired: server.pid !== pid && !isThere(pid), what };
  },
};

export const server_stop: Fault = {
  name: 'server_stop',
  about: 'the Temporal server stands still (SIGSTOP) for seconds, then goes on',
  lacks,
  strike: async (stack, random) => {
    const server = stack.server!;
    const ms = between(random, 2000, 6000);
    server.stop();
    try {
      const fired = await isStopped(server.pid);
      await sleep(ms);
      return { fired, what: `stopped the Temporal server (process ${server.pid}) for ${seconds(ms)}` };
    } finally {
      server.continue();
    }
  },
};

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
