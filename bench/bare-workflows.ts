import {
  ApplicationFailure,
  condition,
  defineUpdate,
  proxyActivities,
  proxyLocalActivities,
  setHandler,
} from '@temporalio/workflow';
import type { Subject } from '../src/core/request.js';
import type { StepTask } from '../src/core/task.js';
import type { BareActivities } from './bare-activities.js';

/*
 * The standard phase transition as one would write it by hand on bare Temporal: four activities in a row and the
 * default retries. No undo, no messages, no record of its own.
 */

const regular = proxyActivities<BareActivities>({ startToCloseTimeout: '1 minute' });
const local = proxyLocalActivities<BareActivities>({ startToCloseTimeout: '1 minute' });

export async function bareRegular(subject: Subject): Promise<void> {
  return phaseTransition(subject, regular);
}

export async function bareLocal(subject: Subject): Promise<void> {
  return phaseTransition(subject, local);
}

async function phaseTransition(subject: Subject, activities: BareActivities): Promise<void> {
  const before = await activities.validate(
    taskOf(subject, 'phase_completion_validation', 'validate', ['VR001', 'VR002']),
  );
  if (!before.passed) throw ApplicationFailure.nonRetryable(before.failures.join('; '));
  await activities.transfer({ ...taskOf(subject, 'resource_handoff', 'transfer'), with: { what: ['artifacts'] } });
  await activities.syncState(taskOf(subject, 'state_synchronization', 'sync_state'));
  const after = await activities.validate(taskOf(subject, 'handoff_validation', 'validate', ['VR003']));
  if (!after.passed) throw ApplicationFailure.nonRetryable(after.failures.join('; '));
}

const taskOf = (subject: Subject, step: string, action: string, rules: string[] = []): StepTask => ({
  subject,
  step,
  action,
  epoch: 1,
  rules,
  with: {},
  stopAt: 'high',
  severities: {},
  irreversible: false,
});

/** What the least entity does: it is there, and answers. */
export const bareEntityUpdate = defineUpdate<number>('answer');

export async function bareEntity(): Promise<void> {
  let answered = 0;
  setHandler(bareEntityUpdate, () => ++answered);
  await condition(() => false);
}
