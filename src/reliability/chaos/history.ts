import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { workflowIdOf } from '../../core/ids.js';

/** Events by which a run shows that somebody works on it again. By number, as in Temporal's EventType. */
const WORKFLOW_TASK_COMPLETED = 7;
const ACTIVITY_TASK_COMPLETED = 12;

/** When, by the server's history, a run did something for the first time after `since`, and when it closed. Milliseconds. */
export async function progressAfter(
  client: Client,
  handoff: string,
  since: number,
): Promise<{ at?: number; closedAt?: number }> {
  const handle = client.workflow.getHandle(workflowIdOf(handoff));
  const { events } = await handle.fetchHistory();
  const at = (events ?? [])
    .filter((e) => e.eventType === WORKFLOW_TASK_COMPLETED || e.eventType === ACTIVITY_TASK_COMPLETED)
    .map((e) => Number(e.eventTime?.seconds ?? 0) * 1000 + Math.floor((e.eventTime?.nanos ?? 0) / 1e6))
    .find((time) => time >= since);
  const closedAt = (await handle.describe()).closeTime?.getTime();
  return { ...(at === undefined ? {} : { at }), ...(closedAt === undefined ? {} : { closedAt }) };
}

const POLL_MS = 100;
/** Looks in a row that find it so. */
const LOOKS = 3;

/** Waits, at most for `ms`, until a run has nothing in flight: what it does then is of its worker's own doing. */
export async function untilQuiet(client: Client, handoff: string, ms: number): Promise<void> {
  const handle = client.workflow.getHandle(workflowIdOf(handoff));
  let length = -1;
  let quiet = 0;
  for (const end = Date.now() + ms; quiet < LOOKS && Date.now() < end; await sleep(POLL_MS)) {
    const { historyLength, raw } = await handle.describe();
    const busy = raw.pendingWorkflowTask != null || (raw.pendingActivities?.length ?? 0) > 0;
    quiet = !busy && historyLength === length ? quiet + 1 : 0;
    length = historyLength;
  }
}
