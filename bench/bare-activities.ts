import { cancellationSignal } from '@temporalio/activity';
import type { Deps } from '../src/activities/action.js';
import { runAction } from '../src/activities/index.js';
import { runValidation } from '../src/activities/validate.js';
import type { Verdict } from '../src/core/rule.js';
import type { StepTask } from '../src/core/task.js';

type Facts = Record<string, unknown>;

export interface BareActivities {
  validate(task: StepTask): Promise<Verdict>;
  transfer(task: StepTask): Promise<Facts>;
  syncState(task: StepTask): Promise<Facts>;
}

/** The bodies of our own activities, ledger and validation record included, without the engine around them. */
export const bareActivities = (deps: Deps): BareActivities => {
  const action = (name: string) => (task: StepTask) =>
    runAction(deps, deps.actions.get(name)!, task, cancellationSignal());
  return {
    validate: (task) => runValidation(deps, task, cancellationSignal()),
    transfer: action('transfer'),
    syncState: action('sync_state'),
  };
};
