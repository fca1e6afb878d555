import type { Storage } from '../../storage/storage.js';
import type { ConnectOverrides } from '../../temporal/connect.js';
import type { Lifetime } from '../lifetime.js';
import type { MetricsOptions } from './options.js';

/** Serves the metrics of a process with a worker, where it was asked to; returns where. Throws PORT_IN_USE. */
export async function metricsFor(
  life: Lifetime,
  options: MetricsOptions & { taskQueue?: string },
  place: { storage: Storage; connect: ConnectOverrides },
): Promise<string | undefined> {
  const { metricsPort: port, metricsHost: host, taskQueue } = options;
  if (port === undefined) return undefined;
  const { serveMetrics } = await import('./server.js');
  return serveMetrics(life, { ...place, port, host, taskQueue });
}
