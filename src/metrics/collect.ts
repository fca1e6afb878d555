import type { Storage } from '../storage/storage.js';
import { checkedMetricsFilter } from './filter.js';
import { handoffCounts } from './handoffs.js';
import type { HandoffMetrics, MetricsFilter } from './metrics.js';
import { pipelineCounts } from './pipelines.js';
import { presentState } from './present.js';
import { reliabilityCounts } from './reliability.js';
import { validationCounts } from './validation.js';

/** All numbers that a storage has about handoffs. Throws INVALID_REQUEST for a filter that cannot be meant. */
export async function collectMetrics(storage: Storage, filter: MetricsFilter = {}): Promise<HandoffMetrics> {
  const f = checkedMetricsFilter(filter);
  const { db } = storage;
  const { since, until, ...names } = f;
  return {
    at: new Date().toISOString(),
    filter: {
      ...names,
      ...(since === undefined ? {} : { since: new Date(since).toISOString() }),
      ...(until === undefined ? {} : { until: new Date(until).toISOString() }),
    },
    handoffs: await handoffCounts(db, f),
    validation: await validationCounts(db, f),
    pipelines: await pipelineCounts(db, f),
    reliability: await reliabilityCounts(db, f),
    now: await presentState(storage, f),
  };
}
