import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { METRICS_PATHS, errorText, metricsHandler, send } from '../../api/metrics.js';
import { serverMetrics } from '../../client/metrics.js';
import { HandoffError } from '../../core/errors.js';
import { DEFAULT_TASK_QUEUE } from '../../core/request.js';
import { collectMetrics } from '../../metrics/collect.js';
import type { ServerMetrics } from '../../metrics/metrics.js';
import { createPrometheus } from '../../metrics/prometheus.js';
import type { Storage } from '../../storage/storage.js';
import { connectClient, type ConnectedClient, type ConnectOverrides } from '../../temporal/connect.js';
import type { Lifetime } from '../lifetime.js';

export interface ServeMetrics {
  storage: Storage;
  connect: ConnectOverrides;
  taskQueue?: string | undefined;
  host?: string | undefined;
  port: number;
}

const LOOPBACK = '127.0.0.1';
/** What Temporal gets to take the connection, milliseconds. */
const CONNECT_MS = 2000;

/** Serves the metrics until the lifetime ends; returns where. Throws PORT_IN_USE. */
export async function serveMetrics(life: Lifetime, options: ServeMetrics): Promise<string> {
  const { storage, host = LOOPBACK, port } = options;
  const temporal = connectingLate(life, options);
  const handle = metricsHandler({
    metrics: async (filter) => ({ ...(await collectMetrics(storage, filter)), server: await temporal() }),
    scrape: createPrometheus({ storage, server: temporal }),
  });
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (await handle(request, response)) return;
    const paths = Object.values(METRICS_PATHS).join(' and ');
    send(response, 404, 'application/json; charset=utf-8', errorText('NOT_FOUND', `Here are ${paths}.`));
  };
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  }).catch((cause: NodeJS.ErrnoException) => {
    const why =
      cause.code === 'EADDRINUSE'
        ? `Port ${port} is taken by another program; choose another.`
        : `The metrics cannot be served at ${host}:${port}: ${cause.message}.`;
    throw new HandoffError('PORT_IN_USE', { why }, { cause });
  });
  life.atEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port: chosen } = server.address() as AddressInfo;
  return `http://${host.includes(':') ? `[${host}]` : host}:${chosen}${METRICS_PATHS.prometheus}`;
}

/** Asks Temporal, and connects when it is first asked and can: an endpoint is up before its server, and outlives it. */
function connectingLate(life: Lifetime, { connect, storage, taskQueue = DEFAULT_TASK_QUEUE }: ServeMetrics) {
  let connected: Promise<ConnectedClient> | undefined;
  life.atEnd(async () => (await connected?.catch(() => undefined))?.connection.close());
  return async (): Promise<ServerMetrics> => {
    try {
      connected ??= connectClient({ ...connect, timeoutMs: CONNECT_MS });
      const { client } = await connected;
      return await serverMetrics({ temporal: client, taskQueue, deadlineMs: CONNECT_MS }, storage);
    } catch (error) {
      connected = undefined;
      return { up: false, why: (error as Error).message, taskQueues: [] };
    }
  };
}
