import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { Client } from '@temporalio/client';
import { createService, startEvents } from '../api/index.js';
import { HandoffClient } from '../client.js';
import { HandoffError } from '../core/errors.js';
import { DEFAULT_TASK_QUEUE } from '../core/request.js';
import type { ServiceSettings } from '../core/service/settings.js';
import { readSettings } from '../core/service/settings-schema.js';
import type { Storage } from '../storage/storage.js';
import { connectClient } from '../temporal/connect.js';
import type { Answer, Io } from './io.js';
import { withLifetime, type Lifetime } from './lifetime.js';
import { connectTo, storageAt, uiUrlOf, type PlaceOptions } from './place.js';
import { openLog } from './runtime.js';

export interface ServeOptions extends PlaceOptions {
  port?: number;
  host?: string;
  log?: string;
}

/** What requests that are still being answered get when we stop, milliseconds. */
const CLOSE_MS = 5_000;

export interface RunService {
  temporal: Client;
  storage: Storage;
  settings: ServiceSettings;
  taskQueue?: string | undefined;
  temporalUi?: string | undefined;
  /** Gets a line for each answer of 500 and above. */
  log: (line: string) => void;
}

/** Runs the service until the lifetime ends; returns its address. Throws PORT_IN_USE. */
export async function runService(life: Lifetime, options: RunService): Promise<string> {
  const { temporal, storage, settings, taskQueue = DEFAULT_TASK_QUEUE, temporalUi, log } = options;
  const client = new HandoffClient({ temporal, storage, taskQueue, reports: settings });
  const app = await createService({ client, storage, settings, log, ...(temporalUi ? { temporalUi } : {}) });
  life.atEnd(async () => {
    const late = setTimeout(() => app.server.closeAllConnections(), CLOSE_MS);
    await app.close().finally(() => clearTimeout(late));
  });
  const { host, port } = settings;
  await app.listen({ host, port }).catch((cause: NodeJS.ErrnoException) => {
    const why =
      cause.code === 'EADDRINUSE'
        ? `Port ${port} is taken by another program; choose another: AGENT_HANDOFF_PORT, or --port of \`handoff serve\`.`
        : `The service cannot listen at ${host}:${port}: ${cause.message}.`;
    throw new HandoffError('PORT_IN_USE', { why }, { cause });
  });
  const events = startEvents(storage, settings);
  life.atEnd(events.stop);
  const { port: chosen } = app.server.address() as AddressInfo;
  return `http://${host.includes(':') ? `[${host}]` : host}:${chosen}`;
}

const isLoopback = (host: string): boolean => /^(localhost|127\.[\d.]+|::1)$/.test(host);

/** `handoff serve`: the service alone, until it is asked to stop. */
export async function serve(options: ServeOptions, io: Io): Promise<Answer> {
  const read = readSettings(process.env);
  const settings = { ...read, host: options.host ?? read.host, port: options.port ?? read.port };
  const log = options.log === undefined ? undefined : openLog(path.resolve(options.log));
  const onStop = (): void => io.note('Stopping: requests that are being answered end first.');
  return withLifetime(
    async (life) => {
      life.atEnd(() => log?.close());
      const { client: temporal, connection, address, namespace } = await connectClient(await connectTo(options));
      life.atEnd(() => connection.close());
      const storage = await storageAt(options);
      life.atEnd(() => storage.close());
      const temporalUi = uiUrlOf(options.folder, address, namespace);
      const { taskQueue } = options;
      const write = log?.write ?? ((line: string) => io.note(line.trimEnd()));
      const url = await runService(life, { temporal, storage, settings, taskQueue, temporalUi, log: write });
      const ready = { pid: process.pid, url, folder: storage.folder, address, namespace };
      if (io.json) process.stdout.write(`${JSON.stringify(ready)}\n`);
      else io.say(`handoff at ${url} (API: ${url}/docs; process ${process.pid}); Ctrl-C ends it`);
      if (!isLoopback(settings.host))
        io.note('It is reached from outside, without encryption: put a proxy with TLS in front of it (docs/api.md).');
      const keys = await storage.keys.list();
      if (keys.length === 0) io.note('Nobody has a key yet. Make one: handoff agents add @you --role admin');
      await life.untilStopped(new Promise(() => {}));
      return { json: undefined, text: '' };
    },
    { onStop },
  );
}
