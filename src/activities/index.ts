import { Context, activityInfo, cancellationSignal } from '@temporalio/activity';
import { HandoffError } from '../core/errors.js';
import { ACTION_NAME, printable } from '../core/ids.js';
import type { PipelineActivities } from '../core/pipeline/task.js';
import type { ReportActivities } from '../core/report/task.js';
import type { EngineActivities, StepTask } from '../core/task.js';
import type { Action, Deps } from './action.js';
import { failpoint } from '../faults/failpoint.js';
import { beginUndo, checkPending, openHandoff } from './life.js';
import { projectHandoff } from './project.js';
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
import { recordReport } from './report/record.js';
import { validateReport } from './report/validate.js';
import { asBuiltin } from './quick-actions.js';
import { NEVER, runAction } from './run-action.js';
import { undoEffects } from './undo.js';
import { runValidation } from './validate.js';
import { activity, attemptOf, callOf, tookLong } from './wrapper.js';

export { runAction };

/** All activities of a worker, by the name that the Web UI shows. Throws INVALID_ID for an action that cannot be called by its name. */
export function createActivities(
  deps: Deps,
): EngineActivities & PipelineActivities & ReportActivities & Record<string, (...args: never[]) => Promise<unknown>> {
  const { storage } = deps;
  const engine: EngineActivities & PipelineActivities & ReportActivities = {
    ...pipelineActivities(deps),
    recordReport: activity((task) => recordReport(storage, task)),
    validateReport: activity((task) => validateReport(storage, task)),
    openHandoff: activity((task) => openHandoff(deps, task)),
    validate: activity(async (task: StepTask) => {
      const verdict = await runValidation(deps, task, cancellationSignal());
      return tookLong() ? { ...verdict, late: true } : verdict;
    }),
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
  const builtin = [transferAction(deps), syncStateAction(deps), triggerAction(deps)].map(asBuiltin);
  for (const action of [...builtin, ...(own.actions ?? [])]) actions.set(action.name, action);
  return deps;
}
