import { port } from '../number.js';
import type { VerbSpec } from '../verb.js';

/** Of a process with a worker: where its metrics are served, if anywhere. */
export interface MetricsOptions {
  metricsPort?: number;
  metricsHost?: string;
  sdkMetricsPort?: number;
}

export const METRICS_OPTIONS: NonNullable<VerbSpec['options']> = [
  ['--metrics-port <n>', 'serve /metrics for Prometheus there (see docs/metrics.md)', port],
  ['--metrics-host <host>', 'the address that it listens on (default: 127.0.0.1)'],
  ['--sdk-metrics-port <n>', "serve the metrics of Temporal's SDK there, for Prometheus too", port],
];
