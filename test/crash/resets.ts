import { randomUUID } from 'node:crypto';
import { workflowIdOf } from '../../src/core/ids.js';
import { FULL, type Case } from './case.js';
import { keepForReplay } from './replay.js';

// Of temporal.api.enums.v1: what a reset must not send to the new run again.
const NO_SIGNALS = 1;
const NO_UPDATES = 2;

/** The ids of the events at which workflow tasks completed. */
export async function taskEnds(c: Case): Promise<number[]> {
  const { events } = await c.rig.history(c.id);
  return (events ?? []).filter((e) => e.workflowTaskCompletedEventAttributes).map((e) => Number(e.eventId));
}

/** Resets a run, by default the current one. */
export async function reset(c: Case, workflowTaskFinishEventId: number, of?: string): Promise<void> {
  const { temporal } = c.rig;
  const workflowId = workflowIdOf(c.id);
  const { runId: now } = await temporal.workflow.getHandle(workflowId).describe();
  const runId = of ?? now;
  await keepForReplay(temporal, workflowId, runId);
  await temporal.workflowService.resetWorkflowExecution({
    namespace: temporal.options.namespace,
    workflowExecution: { workflowId, runId },
    reason: 'a test',
    requestId: randomUUID(),
    workflowTaskFinishEventId: workflowTaskFinishEventId as never,
    resetReapplyExcludeTypes: [NO_SIGNALS, NO_UPDATES],
  });
}

/** First, middle and last in the short form; all of them in the long one. */
export const some = (ends: number[]): number[] =>
  FULL ? ends : [...new Set([ends[0]!, ends[Math.floor(ends.length / 2)]!, ends.at(-1)!])];
