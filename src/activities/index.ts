import { Context, activityInfo, cancellationSignal } from '@temporalio/activity';
import { HandoffError } from '../core/errors.js';
import { ACTION_NAME, printable } from '../core/ids.js';
import { isUsers } from '../core/procedure.js';
import type { PipelineActivities } from '../core/pipeline/task.js';
import type { EngineActivities, StepTask } from '../core/task.js';
import { contentOf, refOf, wholeTask, type Action, type Deps } from './action.js';
import { effectRunner } from './effect-runner.js';
import { boundary, failpoint } from '../faults/failpoint.js';
import { beginUndo, checkPending, openHandoff, projectHandoff } from './life.js';
import { Transformers, type Transformer } from '../contracts/transformers.js';
import { builtinRules } from '../rules/builtin.js';
import type { Rule } from '../rules/rule.js';
import { checkpointHandoff } from './pause-checkpoint.js';
import { receiveReturn } from './receive-return.js';
import { syncStateAction } from './sync-state.js';
import { childStarted, triggerAction } from './trigger.js';
import { transferAction } from './transfer.js';
import { reconcile } from './reconcile.js';
import {
  checkpointPipeline,
  openPipeline,
  projectPipeline,
  receivePackage,
  transitionOutcome,
} from './pipeline/life.js';
import { phasesOf, type PhaseHandler } from './pipeline/phase.js';
import { runPhaseStep } from './pipeline/step.js';
import { undoEffects } from './undo.js';
import { runValidation } from './validate.js';
import { Interrupted, activity, attemptOf, callOf, type Attempt } from './wrapper.js';

/** Never aborted: an action that cannot stop midway is not told that it should. */
const NEVER = new AbortController().signal;

/** Where activities run without a worker, as in a bench. */
const ALONE: Attempt = { progress: () => {}, stopBy: Infinity };

/** One attempt of an action: counted, given its content, and what it returns kept small. */
export async function runAction(
  deps: Deps,
  action: Action,
  given: StepTask,
  signal: AbortSignal,
  attempt: Attempt = ALONE,
): Promise<Record<string, unknown>> {
  const { storage } = deps;
  await boundary('step.dispatched', given.step);
  const task = await wholeTask(storage, given);
  const heard = action.interruptible ? signal : NEVER;
  await storage.steps.begin(refOf(task));
  try {
    const content = await contentOf(storage, task.subject);
    const run = effectRunner(deps, task, heard);
    let effects = 0;
    const effect: typeof run = (...of) => (effects++, run(...of));
    const facts = (await action.run({ task, content, storage, signal: heard, effect, ...attempt })) ?? {};
    if (effects === 0 && isUsers(action.name)) await boundary('step.acted', task.step);
    const more = facts['goesOn'] === true ? { attempts: await storage.steps.giveBack(refOf(task)) } : {};
    const known = bounded(action.name, { ...facts, ...more });
    // What goes on is not over, and a child is yet to be started.
    const isOver = facts['goesOn'] !== true && (action.name !== 'trigger' || facts['start'] === undefined);
    if (isOver) await boundary('step.recorded', task.step);
    return known;
  } catch (error) {
    if (!wasInterrupted(error, heard)) throw error;
    await storage.steps.giveBack(refOf(task));
    throw new Interrupted('asked to stop', { cause: error });
  }
}

/** What an action may return, as characters of JSON: it stands in the history, the outcome and the Web UI. */
const FACTS_LIMIT = 16 * 1024;

function bounded(action: string, facts: Record<string, unknown>): Record<string, unknown> {
  const size = (JSON.stringify(facts) ?? '').length;
  if (size <= FACTS_LIMIT) return facts;
  throw new HandoffError('INPUT_TOO_LARGE', { what: `What action ${action} returned`, size, limit: FACTS_LIMIT });
}

/** Whether an action ended because its signal asked it to: by the signal's own reason, or as Node's APIs put it. */
const wasInterrupted = (error: unknown, signal: AbortSignal): boolean =>
  error instanceof Interrupted ||
  (signal.aborted && (error === signal.reason || (error instanceof Error && error.name === 'AbortError')));

/** All activities of a worker, by the name that the Web UI shows. Throws INVALID_ID for an action that cannot be called by its name. */
export function createActivities(
  deps: Deps,
): EngineActivities & PipelineActivities & Record<string, (...args: never[]) => Promise<unknown>> {
  const { storage } = deps;
  const engine: EngineActivities & PipelineActivities = {
    ...pipelineActivities(deps),
    openHandoff: activity((task) => openHandoff(deps, task)),
    validate: activity((task: StepTask) => runValidation(deps, task, cancellationSignal())),
    projectHandoff: activity((task) => projectHandoff(deps, task)),
    checkPending: activity((task) => checkPending(deps, task)),
    stepAttempts: activity(
      async ({ handoff, step }) => (await storage.steps.list(handoff))[step] ?? { epoch: 1, attempts: 0 },
    ),
    receiveReturn: activity((task) => receiveReturn(deps, task, cancellationSignal())),
    childStarted: activity((task) => childStarted(deps, task)),
    checkpointHandoff: activity((task) => checkpointHandoff(storage, task)),
    beginUndo: activity((task) => beginUndo(deps, task)),
    undo: activity((task) => undoEffects(deps, task, NEVER)),
    reconcile: activity(() => reconcile(storage, Context.current().client, activityInfo().taskQueue)),
    requestCancel: activity(async () => {
      const { workflowId, runId } = activityInfo().workflowExecution ?? {};
      await failpoint('cancel.before');
      if (workflowId) await Context.current().client.workflow.getHandle(workflowId, runId).cancel();
      await failpoint('cancel.after');
    }),
  };
  const actions = [...deps.actions.values()].map((action): [string, (task: StepTask) => Promise<unknown>] => [
    action.name,
    activity((task: StepTask) => runAction(deps, action, task, cancellationSignal(), attemptOf())),
  ]);
  for (const [name] of actions) checkActionName(name, [...Object.keys(engine), 'confirm']);
  return { ...Object.fromEntries(actions), ...engine };
}

const pipelineActivities = (deps: Deps): PipelineActivities => ({
  openPipeline: activity((task) => openPipeline(deps, task)),
  runPhaseStep: activity((task) => runPhaseStep(deps, task, cancellationSignal(), { ...attemptOf(), call: callOf() })),
  checkpointPipeline: activity((task) => checkpointPipeline(deps, task)),
  receivePackage: activity((task) => receivePackage(deps, task)),
  projectPipeline: activity((task) => projectPipeline(deps, task)),
  transitionOutcome: activity((task) => transitionOutcome(deps, task)),
});

function checkActionName(name: string, taken: readonly string[]): void {
  const why = !ACTION_NAME.test(name)
    ? `it must match ${ACTION_NAME.source}`
    : taken.includes(name)
      ? 'the engine itself has one of that name'
      : undefined;
  if (why) throw new HandoffError('INVALID_ID', { what: 'Action', id: printable(name), why });
}

/** The parts of a worker: the built-in ones, and a user's laid over them; the built-in rules `withoutRules` are left out. */
export function createParts(
  base: Pick<Deps, 'storage' | 'client'>,
  own: {
    rules?: readonly Rule[];
    withoutRules?: readonly string[];
    actions?: readonly Action[];
    transformers?: readonly Transformer[];
    phases?: readonly PhaseHandler[];
  } = {},
): Deps {
  const rules = new Map([...builtinRules, ...(own.rules ?? [])].map((r) => [r.id, r]));
  for (const id of own.withoutRules ?? []) rules.delete(id);
  const actions = new Map<string, Action>();
  const transformers = new Transformers(own.transformers);
  const deps: Deps = { ...base, rules, actions, transformers, phases: phasesOf(own.phases) };
  for (const action of [transferAction(deps), syncStateAction(deps), triggerAction(deps), ...(own.actions ?? [])])
    actions.set(action.name, action);
  return deps;
}
