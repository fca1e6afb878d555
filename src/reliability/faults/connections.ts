import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from '../fault.js';
import type { ProxyControl, Stack } from '../stack.js';
import { until } from '../until.js';
import { between, seconds } from './hold.js';

const lacks = ({ proxy }: Stack): string | undefined =>
  proxy ? undefined : 'there is no proxy between the workers and the server';

const BACK_MS = 60_000;
const untilBack = (stack: Stack): Promise<void> =>
  until('the workers’ way to the server', BACK_MS, () => stack.proxy!.open() >= stack.workers.length);

export const connections_cut: Fault = {
  name: 'connections_cut',
  about: 'every connection between workers and server is reset',
  lacks,
  strike: async (stack) => {
    const cut = stack.proxy!.cut();
    await untilBack(stack);
    return { fired: cut > 0, what: `reset ${cut} connections` };
  },
};

/** Spoils what passes the proxy for a while, and counts what it met. */
async function spoiled(proxy: ProxyControl, ms: number, begin: () => void, end: () => void): Promise<number> {
  const before = proxy.struck();
  begin();
  try {
    await sleep(ms);
    return proxy.struck() - before;
  } finally {
    end();
  }
}

export const connections_slow: Fault = {
  name: 'connections_slow',
  about: 'whatever passes between workers and server takes longer',
  lacks,
  strike: async (stack, random) => {
    const proxy = stack.proxy!;
    const [ms, delay] = [between(random, 2000, 4000), between(random, 100, 600)];
    const begin = (): void => proxy.slow(delay);
    const struck = await spoiled(proxy, ms, begin, () => proxy.slow(0));
    return { fired: struck > 0, what: `delayed ${struck} chunks by ${delay} ms, for ${seconds(ms)}` };
  },
};

export const connections_half_open: Fault = {
  name: 'connections_half_open',
  about: 'connections stay open, and nothing comes through',
  lacks,
  strike: async (stack, random) => {
    const proxy = stack.proxy!;
    const ms = between(random, 2000, 7000);
    const begin = (): void => proxy.silent(true);
    const struck = await spoiled(proxy, ms, begin, () => proxy.silent(false));
    await untilBack(stack);
    return { fired: struck > 0, what: `swallowed ${struck} chunks in ${seconds(ms)}` };
  },
};
