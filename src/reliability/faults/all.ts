import type { Fault } from '../fault.js';
/** Stand-ins. */
export const FAULTS: readonly Fault[] = [
  {
    name: 'worker-kill',
    about: 'a worker is killed and started again',
    strike: async ({ workers }, random) => {
      const w = workers[Math.floor(random() * workers.length)]!;
      const { pid } = w;
      await w.kill();
      await w.restart();
      return { fired: true, what: `killed ${w.name} (pid ${pid})` };
    },
  },
  {
    name: 'server-kill',
    about: 'the server is killed and started again',
    lacks: (s) => (s.server ? undefined : 'the server is not ours'),
    strike: async ({ server }) => {
      await server!.kill();
      await server!.restart();
      return { fired: true, what: 'killed the server' };
    },
  },
  {
    name: 'connections-cut',
    about: 'cut',
    strike: async ({ proxy }) => {
      const n = proxy!.cut();
      return { fired: n > 0, what: `cut ${n} connections` };
    },
  },
];
