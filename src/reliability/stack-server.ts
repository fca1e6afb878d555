import path from 'node:path';
import { HandoffError } from '../core/errors.js';
import { findServer } from '../temporal/find-server.js';
import { launchServer } from '../temporal/launch-server.js';
import { signalGroup } from '../temporal/process-group.js';
import { SEARCH_ATTRIBUTES } from '../temporal/search-attributes.js';
import type { Victim } from './stack.js';

export interface ServerPlace {
  folder: string;
  namespace: string;
  durability: 'process' | 'power';
  env: NodeJS.ProcessEnv;
  log: (line: string) => void;
}

/** An embedded server on a database file in `folder`, that keeps its port and its file when it is killed. */
export async function startServer(place: ServerPlace): Promise<{ victim: Victim; address: string }> {
  const { folder, namespace, durability, env, log } = place;
  const found = await findServer({ env, log });
  if (found.kind === 'address') throw new HandoffError('INTERNAL', { why: 'a stack was given an address' });
  const settings = {
    executable: found.path,
    dbFile: path.join(folder, 'temporal.db'),
    logFile: path.join(folder, 'server.log'),
    headless: true,
    searchAttributes: SEARCH_ATTRIBUTES,
    ...(namespace === 'default' ? {} : { namespace }),
    ...(durability === 'power' ? { synchronous: 'FULL' as const } : {}),
  };
  let server = await launchServer(settings);
  const { address } = server;
  const port = Number(address.slice(address.lastIndexOf(':') + 1));
  const victim: Victim = {
    name: 'the Temporal server',
    get pid() {
      return server.pid;
    },
    kill: () => server.kill(),
    stop: () => signalGroup(server.pid, 'SIGSTOP'),
    continue: () => signalGroup(server.pid, 'SIGCONT'),
    restart: async () => {
      await server.exited;
      server = await launchServer({ ...settings, port });
    },
  };
  return { victim, address };
}
