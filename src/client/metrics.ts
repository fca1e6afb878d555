import { collectMetrics } from '../metrics/collect.js';
import type { HandoffMetrics, MetricsFilter, ServerMetrics, TaskQueueMetrics } from '../metrics/metrics.js';
import { pipelineTaskQueues } from '../metrics/present.js';
import type { Storage } from '../storage/storage.js';
import { withDeadline, type Caller } from './calls.js';

/** What Temporal gets to answer: a scrape is over within 5 s, whoever is away. Milliseconds. */
const PATIENCE_MS = 3000;

const KINDS = [
  ['workflow', 1],
  ['activity', 2],
] as const;

/** All numbers about the handoffs that match, and what Temporal says of the task queues. Throws INVALID_REQUEST. */
export async function metricsOf(caller: Caller, storage: Storage, filter?: MetricsFilter): Promise<HandoffMetrics> {
  const metrics = await collectMetrics(storage, filter);
  return { ...metrics, server: await serverMetrics(caller, storage) };
}

/** Backlog and workers of the task queues: the caller's, and those of open pipelines. Never throws. */
export async function serverMetrics(caller: Caller, storage?: Storage, withinMs = PATIENCE_MS): Promise<ServerMetrics> {
  const elsewhere = storage ? await pipelineTaskQueues(storage.db).catch(() => []) : [];
  const names = [...new Set([caller.taskQueue, ...elsewhere])];
  try {
    const asked = (): Promise<TaskQueueMetrics[]> =>
      Promise.all(names.flatMap((name) => KINDS.map(([kind, type]) => taskQueueOf(caller, name, kind, type))));
    return { up: true, taskQueues: await withDeadline(caller, 'The state of the task queues', asked, withinMs) };
  } catch (error) {
    return { up: false, why: (error as Error).message, taskQueues: [] };
  }
}

async function taskQueueOf(
  { temporal }: Caller,
  name: string,
  kind: TaskQueueMetrics['kind'],
  taskQueueType: 1 | 2,
): Promise<TaskQueueMetrics> {
  const { stats, pollers } = await temporal.connection.workflowService.describeTaskQueue({
    namespace: temporal.options.namespace,
    taskQueue: { name },
    taskQueueType,
    reportStats: true,
  });
  const last = Math.max(0, ...(pollers ?? []).map((p) => msOf(p.lastAccessTime)));
  return {
    name,
    kind,
    backlog: Number(stats?.approximateBacklogCount ?? 0),
    backlogAgeMs: msOf(stats?.approximateBacklogAge),
    pollers: pollers?.length ?? 0,
    lastPollAt: last > 0 ? new Date(last).toISOString() : null,
  };
}

/** A time or span as the server gives it, milliseconds. */
const msOf = (t: { seconds?: unknown; nanos?: number | null } | null | undefined): number =>
  Number(t?.seconds ?? 0) * 1000 + Math.round((t?.nanos ?? 0) / 1e6);
