import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from '../fault.js';
import { between, heldUntil, seconds } from './hold.js';

const WAIT_MS = 10_000;

export const agent_silent: Fault = {
  name: 'agent_silent',
  about: 'the agents do not answer what lies in their inboxes, for seconds',
  strike: async ({ agents }, random) => {
    const before = agents.silenced();
    const ms = between(random, 1000, 3000);
    agents.silence(true);
    try {
      const fired = await heldUntil(WAIT_MS, () => agents.silenced() > before);
      await sleep(ms);
      const told = agents.silenced() - before;
      return { fired, what: `agents were silent for ${seconds(ms)}, and would have answered ${told} times` };
    } finally {
      agents.silence(false);
    }
  },
};
