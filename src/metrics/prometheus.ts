import { Counter, Gauge, Registry, type Histogram } from 'prom-client';
import type { Storage } from '../storage/storage.js';
import type { ServerMetrics } from './metrics.js';
import { databaseSamples, serverSamples, type Samples } from './samples.js';
import { SERIES, type Series } from './series.js';

export interface PrometheusSources {
  storage: Storage;
  /** Asks Temporal. It does not throw, and answers in time. */
  server: () => Promise<ServerMetrics>;
}

/**
 * Makes what answers scrapes of `/metrics`: the text, and its media type. A part that cannot be had leaves its metrics
 * out and sets `handoff_up` or `handoff_database_up` to 0. Counters of one of these never go backwards: a handoff that
 * is open again because its run was reset stays counted, and is not counted twice.
 */
export function createPrometheus({
  storage,
  server,
}: PrometheusSources): () => Promise<{ type: string; text: string }> {
  const highest = new Map<string, number>();
  return async () => {
    const begun = performance.now();
    const asked = server();
    const database = await databaseSamples(storage).catch(() => undefined);
    const live = await asked;
    const samples: Samples = {
      ...database,
      ...serverSamples(live),
      handoff_up: [{ labels: {}, value: live.up ? 1 : 0 }],
      handoff_database_up: [{ labels: {}, value: database ? 1 : 0 }],
      handoff_scrape_duration_seconds: [{ labels: {}, value: (performance.now() - begun) / 1000 }],
    };
    const registry = new Registry();
    for (const series of SERIES) register(registry, series, samples, highest);
    return { type: registry.contentType, text: await registry.metrics() };
  };
}

function register(registry: Registry, series: Series, samples: Samples, highest: Map<string, number>): void {
  const { name, type, help, labels } = series;
  const values = (samples[name as keyof Samples] ?? []).map((s) => {
    if (type === 'gauge') return s;
    const key = JSON.stringify([name, s.suffix, s.labels]);
    const value = Math.max(s.value, highest.get(key) ?? 0);
    highest.set(key, value);
    return { ...s, value };
  });
  if (type === 'histogram') {
    // A Histogram of prom-client counts by itself; ours was counted by the database.
    const counted = values.map(({ labels: l, value, suffix }) => ({
      labels: l,
      value,
      metricName: name + (suffix ?? ''),
    }));
    const get = () => Promise.resolve({ name, help, type, aggregator: 'sum', values: counted });
    registry.registerMetric({ name, get } as unknown as Histogram);
    return;
  }
  const metric = { name, help, labelNames: labels, registers: [registry] };
  const gauge = type === 'gauge' ? new Gauge(metric) : undefined;
  const counter = gauge ? undefined : new Counter(metric);
  for (const { labels: l, value } of values) {
    gauge?.set(l, value);
    counter?.inc(l, value);
  }
}
