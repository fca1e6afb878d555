import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import { openStorage, type Storage } from '../src/storage/storage.js';
import { connectClient } from '../src/temporal/connect.js';
import { findServer } from '../src/temporal/find-server.js';
import { launchServer } from '../src/temporal/launch-server.js';

export const BARE_QUEUE = 'bare';
export const SOURCE = '@code-architect';
export const TARGET = '@nodejs-specialist';

/** Where a bench happens. Goes to the worker process as JSON. */
export interface Place {
  address: string;
  folder: string;
  sources: string[];
}

export interface Bench extends Place {
  client: Client;
  storage: Storage;
  serverPid: number;
  workerPid: number;
  close(): Promise<void>;
}

/** An embedded server on a new database file, the workers in a child process, and a client, all gone after `close`. */
export async function openBench(log: (line: string) => void): Promise<Bench> {
  // A server that somebody configured has other settings, and its CPU time is not ours to read.
  const env = { ...process.env, TEMPORAL_ADDRESS: '', TEMPORAL_PROFILE: '', TEMPORAL_CONFIG_FILE: '/none' };
  const found = await findServer({ env, log });
  if (found.kind !== 'executable') throw new Error('the bench needs a server of its own');
  const folder = await mkdtemp(path.join(tmpdir(), 'handoff-bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const sources = [path.join(folder, 'in')];
  await mkdir(sources[0]!);
  await writeFile(path.join(sources[0]!, 'architecture.json'), JSON.stringify({ layers: ['api', 'core', 'storage'] }));
  await writeFile(path.join(sources[0]!, 'decisions.md'), '# Decisions\n\n1. One store.\n'.repeat(20));
  const server = await launchServer({
    executable: found.path,
    dbFile: path.join(folder, 'temporal.db'),
    headless: true,
  });
  const place = { address: server.address, folder, sources };
  const storage = await openStorage({ folder, sources });
  await storage.agents.add({ name: SOURCE });
  await storage.agents.add({ name: TARGET });
  const { child: worker } = await startChild('worker-process.js', place);
  const { client, connection } = await connectClient({ address: server.address, namespace: 'default' });
  return {
    ...place,
    client,
    storage,
    serverPid: server.pid,
    workerPid: worker.pid!,
    async close() {
      await connection.close();
      worker.disconnect();
      if (worker.exitCode === null) await once(worker, 'exit');
      await storage.close();
      await server.stop();
    },
  };
}

/** A process of ours that gets the place, and what it says once it is ready. It ends when it is disconnected. */
export async function startChild(name: string, place: Place): Promise<{ child: ChildProcess; said: unknown }> {
  const file = fileURLToPath(new URL(name, import.meta.url));
  const { address, folder, sources } = place;
  const child = fork(file, [JSON.stringify({ address, folder, sources })], { stdio: ['ignore', 2, 2, 'ipc'] });
  const ended = once(child, 'exit').then(() => Promise.reject(new Error(`${name} ended too soon`)));
  const [said] = (await Promise.race([once(child, 'message'), ended])) as [unknown];
  ended.catch(() => {});
  return { child, said };
}
