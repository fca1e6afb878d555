import { Context, activityInfo, cancellationSignal } from '@temporalio/activity';
import type { EngineActivities, StepTask } from '../core/task.js';
import { contentOf, refOf, type Action, type Deps } from './action.js';
import { effectRunner } from './effect-runner.js';
import { beginUndo, checkPending, openHandoff } from './life.js';
import { builtinRules } from './rules/builtin.js';
import type { Rule } from './rules/rule.js';
import { syncStateAction } from './sync-state.js';
import { transferAction } from './transfer.js';
import { reconcile } from './reconcile.js';
import { undoEffects } from './undo.js';
import { runValidation } from './validate.js';
import { Interrupted, activity } from './wrapper.js';

/** Never aborted: an action that cannot stop midway is not told that it should. */
const NEVER = new AbortController().signal;

/** One attempt of an action: counted, given its content, and what it returns kept small. */
export async function runAction(
  deps: Deps,
  action: Action,
  task: StepTask,
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  const { storage } = deps;
  const heard = action.interruptible ? signal : NEVER;
  await storage.ledger.beginAttempt(refOf(task));
  try {
    const content = await contentOf(storage, task.subject);
    const facts = await action.run({ task, content, storage, signal: heard, effect: effectRunner(deps, task, heard) });
    return facts ?? {};
  } catch (error) {
    if (error instanceof Interrupted) await storage.ledger.giveBackAttempt(refOf(task));
    throw error;
  }
}

/** All activities of a worker, by the name that the Web UI shows. */
export function createActivities(
  deps: Deps,
): EngineActivities & Record<string, (...args: never[]) => Promise<unknown>> {
  const { storage } = deps;
  const engine: EngineActivities = {
    openHandoff: activity((task) => openHandoff(deps, task)),
    validate: activity((task: StepTask) => runValidation(deps, task, cancellationSignal())),
    projectHandoff: activity(({ subject, state, outcome }) => storage.handoffs.project(subject, state, outcome)),
    checkPending: activity((task) => checkPending(deps, task)),
    stepAttempts: activity(
      async ({ handoff, step }) => (await storage.ledger.steps(handoff))[step] ?? { epoch: 1, attempts: 0 },
    ),
    beginUndo: activity((task) => beginUndo(deps, task)),
    undo: activity((task) => undoEffects(deps, task, NEVER)),
    reconcile: activity(() => reconcile(storage, Context.current().client, activityInfo().taskQueue)),
    requestCancel: activity(async () => {
      const { workflowId, runId } = activityInfo().workflowExecution ?? {};
      if (workflowId) await Context.current().client.workflow.getHandle(workflowId, runId).cancel();
    }),
  };
  const actions = [...deps.actions.values()].map((action): [string, (task: StepTask) => Promise<unknown>] => [
    action.name,
    activity((task: StepTask) => runAction(deps, action, task, cancellationSignal())),
  ]);
  return { ...Object.fromEntries(actions), ...engine };
}

/** The parts of a worker: the built-in ones, and a user's laid over them. A rule given as `undefined` is removed. */
export function createParts(
  base: Pick<Deps, 'storage' | 'client'>,
  own: { rules?: readonly Rule[]; withoutRules?: readonly string[]; actions?: readonly Action[] } = {},
): Deps {
  const rules = new Map([...builtinRules, ...(own.rules ?? [])].map((r) => [r.id, r]));
  for (const id of own.withoutRules ?? []) rules.delete(id);
  const actions = new Map<string, Action>();
  const deps: Deps = { ...base, rules, actions };
  for (const action of [transferAction(deps), syncStateAction(deps), ...(own.actions ?? [])])
    actions.set(action.name, action);
  return deps;
}
