import { serverMetrics } from '../../client/metrics.js';
import { DEFAULT_TASK_QUEUE } from '../../core/request.js';
import { collectMetrics } from '../../metrics/collect.js';
import { parseMetricsFilter } from '../../metrics/filter.js';
import type { ServerMetrics } from '../../metrics/metrics.js';
import { createPrometheus } from '../../metrics/prometheus.js';
import { connectClient } from '../../temporal/connect.js';
import { UsageError } from '../failure.js';
import type { Answer, Io } from '../io.js';
import { withLifetime } from '../lifetime.js';
import { connectTo, existingStorage, type PlaceOptions } from '../place.js';
import { metricsText } from '../text/metrics-text.js';
import { serveMetrics } from './server.js';

export interface MetricsVerbOptions extends PlaceOptions {
  since?: string;
  until?: string;
  session?: string;
  procedure?: string;
  type?: string;
  prometheus?: boolean;
  serve?: boolean;
  port?: number;
  host?: string;
}

export const METRICS_PORT = 9464;
/** What Temporal gets to answer, milliseconds: the database answers without it. */
const CONNECT_MS = 2000;

/** `handoff metrics`: the numbers once, or an endpoint that serves them. */
export async function metrics(options: MetricsVerbOptions, io: Io): Promise<Answer> {
  const { since, until, session, procedure, type } = options;
  const narrowed = Object.values({ since, until, session, procedure, type }).some((v) => v !== undefined);
  if (narrowed && (options.serve || options.prometheus))
    throw new UsageError(
      'Prometheus gets all of it: --since, --until, --session, --procedure and --type do not go with it.',
    );
  if (!options.serve && (options.port !== undefined || options.host !== undefined))
    throw new UsageError('--port and --host go with --serve.');
  const filter = parseMetricsFilter({ since, until, session, procedure, type });
  if (options.serve) return serve(options, io);
  const storage = await existingStorage(options);
  try {
    const server = (): Promise<ServerMetrics> => askServer(options, storage);
    if (options.prometheus) {
      const { text } = await createPrometheus({ storage, server })();
      return { json: { text }, text: text.trimEnd() };
    }
    const found = { ...(await collectMetrics(storage, filter)), server: await server() };
    return { json: found, text: metricsText(io.paint, found) };
  } finally {
    await storage.close();
  }
}

async function askServer(options: PlaceOptions, storage: Parameters<typeof serverMetrics>[1]): Promise<ServerMetrics> {
  try {
    const { client, connection } = await connectClient({ ...(await connectTo(options)), timeoutMs: CONNECT_MS });
    try {
      const { taskQueue = DEFAULT_TASK_QUEUE } = options;
      return await serverMetrics({ temporal: client, taskQueue, deadlineMs: CONNECT_MS }, storage);
    } finally {
      await connection.close();
    }
  } catch (error) {
    return { up: false, why: (error as Error).message, taskQueues: [] };
  }
}

async function serve(options: MetricsVerbOptions, io: Io): Promise<Answer> {
  const { port = METRICS_PORT, host, taskQueue } = options;
  return withLifetime(async (life) => {
    const storage = await existingStorage(options);
    life.atEnd(() => storage.close());
    const url = await serveMetrics(life, { storage, connect: await connectTo(options), taskQueue, host, port });
    if (io.json) process.stdout.write(`${JSON.stringify({ pid: process.pid, url, folder: storage.folder })}\n`);
    else io.say(`metrics at ${url} (process ${process.pid}); Ctrl-C ends it`);
    await life.untilStopped(new Promise(() => {}));
    return { json: undefined, text: '' };
  });
}
