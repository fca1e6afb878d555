import path from 'node:path';
import type { Client } from '@temporalio/client';
import { HandoffClient } from '../client.js';
import type { LocalOptions } from '../client/local.js';
import { openStorage, type Storage } from '../storage/storage.js';
import { connectClient } from '../temporal/connect.js';
import { startChecker, type Checker } from './checker.js';
import type { Stack } from './stack.js';

/** What a test holds of a stack: the server, the storage, our client, and a checker that sees the effects arrive. */
export interface Attached {
  temporal: Client;
  storage: Storage;
  client: HandoffClient;
  checker: Checker;
  close(): Promise<void>;
}

/** Opens them all, or none. `close` leaves the stack as it is. */
export async function attach(
  stack: Stack,
  options: Omit<LocalOptions, 'temporal' | 'storage' | 'taskQueue'>,
): Promise<Attached> {
  const closers: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const end of closers.splice(0).toReversed()) await end();
  };
  try {
    const { address, namespace, env, taskQueue } = stack;
    const { client: temporal, connection } = await connectClient({ address, namespace, env });
    closers.push(() => connection.close());
    const storage = await openStorage(stack.storage);
    closers.push(() => storage.close());
    const folder = path.join(path.dirname(stack.failpointLog), 'checker');
    const checker = await startChecker({ folder, root: stack.storage.root });
    closers.push(() => checker.close());
    const client = new HandoffClient({ ...options, temporal, storage, taskQueue });
    return { temporal, storage, client, checker, close };
  } catch (error) {
    await close();
    throw error;
  }
}
