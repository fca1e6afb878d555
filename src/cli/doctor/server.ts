import { ScheduleNotFoundError, isGrpcServiceError } from '@temporalio/client';
import { reconcileScheduleId } from '../../temporal/reconcile-schedule.js';
import { missingSearchAttributes } from '../../temporal/search-attributes.js';
import { failureOf } from '../failure.js';
import { ago } from '../text/text.js';
import { bad, msOf, ok, skipped, warn, type Connected, type Finding } from './finding.js';

/** A worker that is up asks again within a minute. */
const POLLED_WITHIN_MS = 75_000;

/** `1.29.1`, and that it answers. */
export async function server({ temporal: { client, address } }: Connected): Promise<Finding> {
  const { serverVersion } = await client.connection.workflowService.getSystemInfo({});
  return ok('server', `Temporal ${serverVersion ?? '?'} answers at ${address}`);
}

export async function namespace({ temporal }: Connected): Promise<Finding> {
  const name = temporal.namespace;
  try {
    await temporal.client.connection.workflowService.describeNamespace({ namespace: name });
    return ok('namespace', `${name} is there`);
  } catch (error) {
    if (!isGrpcServiceError(error)) throw error;
    // 5 = NOT_FOUND
    if (Number(error.code) !== 5)
      return bad('namespace', `${name}: ${error.details}`, 'Check the API key and its rights.');
    const mend = `Name another with --namespace, or create it: temporal operator namespace create ${name}`;
    return bad('namespace', `there is no namespace ${name}`, mend);
  }
}

export async function searchAttributes({ temporal }: Connected): Promise<Finding> {
  const { namespace: name, connection } = temporal;
  try {
    const missing = await missingSearchAttributes(connection, name);
    if (missing.length === 0) return ok('search attributes', `all are set up in ${name}`);
    return bad('search attributes', `${name} lacks ${missing.join(', ')}`, `handoff setup --namespace ${name}`);
  } catch (error) {
    const { message } = failureOf(error);
    return bad('search attributes', message, 'Have somebody who may put them right.');
  }
}

/** Whether anybody takes what runs and steps wait for. */
export async function workers({ temporal, taskQueue }: Connected): Promise<Finding> {
  const { client, namespace: name } = temporal;
  const last = await Promise.all(
    [1, 2].map(async (taskQueueType) => {
      const asked = { namespace: name, taskQueue: { name: taskQueue }, taskQueueType };
      const { pollers } = await client.connection.workflowService.describeTaskQueue(asked);
      return Math.max(0, ...(pollers ?? []).map((p) => msOf(p.lastAccessTime) ?? 0));
    }),
  );
  const since = Math.min(...last);
  if (Date.now() - since <= POLLED_WITHIN_MS) return ok('worker', `one polls task queue ${taskQueue}`);
  const seen = since > 0 ? `; the last one was there ${ago(since)}` : '';
  const mend = `Start one: handoff worker --task-queue ${taskQueue} --namespace ${name}`;
  return bad('worker', `no worker polls task queue ${taskQueue}${seen}`, mend);
}

/** Whether terminated runs are looked for. */
export async function schedule({ temporal, taskQueue }: Connected): Promise<Finding> {
  const id = reconcileScheduleId(taskQueue);
  try {
    const { state } = await temporal.client.schedule.getHandle(id).describe();
    if (!state.paused) return ok('reconciliation', 'its schedule runs');
    const why = state.note ? ` (${state.note})` : '';
    const mend = `Web UI: Schedules → ${id} → Unpause, or temporal schedule toggle --schedule-id ${id} --unpause`;
    return warn('reconciliation', `its schedule is paused${why}: terminated runs are not found`, mend);
  } catch (error) {
    // 12 = UNIMPLEMENTED
    const cause = error instanceof Error && isGrpcServiceError(error.cause) ? error.cause : error;
    if (isGrpcServiceError(cause) && Number(cause.code) === 12)
      return skipped('reconciliation', 'the server has no schedules');
    if (!(error instanceof ScheduleNotFoundError)) throw error;
    const mend = `handoff setup --task-queue ${taskQueue} --namespace ${temporal.namespace}`;
    return warn('reconciliation', 'it has no schedule: terminated runs are not found', mend);
  }
}
