import { CancellationScope, workflowInfo } from '@temporalio/workflow';
import { errorMessage } from '../../core/errors.js';
import { isPaused, isTakenBack } from '../../core/handoff.js';
import type { Step } from '../../core/procedure.js';
import { quickSteps } from '../../core/quick.js';
import { partyText } from '../../core/request.js';
import { areQuick, type Verdict } from '../../core/rule.js';
import type { QuickTask, StepTask } from '../../core/task.js';
import { heldSteps, holdOf, isTrigger } from '../../core/trigger.js';
import {
  callAction,
  callQuickValidate,
  callValidate,
  detailsOf,
  record,
  failureOf,
  isNonRetryable,
  maximumAttempts,
  wasStopped,
} from './activities.js';
import { prepared, startChildOf } from './children.js';
import type { Run } from './run.js';

class ValidationFailed extends Error {}

/** Starts every step that can start; each runs beside the main loop and reports through events. */
export function startReadySteps(run: Run): void {
  for (const id of run.readySteps()) {
    if (isHeld(run, id)) continue;
    // A pause may have come: it is heard before anything starts.
    if (run.tookLong && !run.isOverEarly(id)) continue;
    const early = run.takeEarly(id);
    if (early?.facts) {
      run.dispatch({ type: 'step_started', step: id }, early.startedAt);
      run.dispatch({ type: 'step_finished', step: id, facts: early.facts }, early.finishedAt);
      continue;
    }
    let scope: CancellationScope | undefined;
    const entry = {
      stopped: false,
      stop: () => {
        entry.stopped = true;
        scope?.cancel();
      },
    };
    run.inFlight.set(id, entry);
    run.dispatch({ type: 'step_started', step: id });
    // Most checks need no scope, and each costs promises, which the SDK traces one by one.
    void runStep(run, id, early?.verdict, (work) => {
      scope ??= new CancellationScope({ cancellable: true });
      if (entry.stopped) scope.cancel();
      return scope.run(work);
    });
  }
}

/** Whether only the time keeps a step from starting; a timer then wakes the run up. */
function isHeld(run: Run, step: string): boolean {
  const hold = holdOf(run.input);
  if (!hold || hold.at <= Date.now() || !heldSteps(run.procedure).includes(step)) return false;
  if (run.state.waitsUntil?.step !== step) run.dispatch({ type: 'held', step, until: hold.at, on: hold.on });
  return true;
}

/** Runs work so that `stopSteps` can end it early. */
type Stoppable = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * Asks what is in flight to end. A step in back-off ends at once, one that can stop midway stops there, any other
 * finishes: what it returns counts.
 */
export function stopSteps(run: Run, only?: readonly string[]): void {
  for (const [id, entry] of run.inFlight) if (!entry.stopped && (only?.includes(id) ?? true)) entry.stop();
}

async function runStep(run: Run, id: string, early: Verdict | undefined, stoppable: Stoppable): Promise<void> {
  try {
    await work(run, id, early, stoppable);
  } catch (fault) {
    run.failWith(fault);
  } finally {
    run.inFlight.delete(id);
    run.wake();
  }
}

async function work(run: Run, id: string, early: Verdict | undefined, stoppable: Stoppable): Promise<void> {
  const step = run.step(id);
  try {
    if (step.rules?.length) await check(run, step, early, stoppable);
    if (step.action === 'validate')
      return run.dispatch({ type: 'step_finished', step: id, facts: { rules: step.rules?.length } });
    // What follows the check is a start, which no pause may precede: one that came while it was under way counts.
    if (run.tookLong) await run.hears();
    if (mayNot(run, id)) return await park(run, id);
    if (step.action === 'confirm') return offer(run, id);
    const task = taskOf(run, step);
    const made = await inParts(run, step, task, stoppable);
    if (!made) return;
    const child = isTrigger(step) ? prepared(made) : undefined;
    if (child && mayNot(run, id)) return await park(run, id);
    const facts = child ? await startChildOf(task, child) : made;
    run.dispatch({ type: 'step_finished', step: id, facts });
  } catch (error) {
    await stepEndedBadly(run, step, error);
  }
}

/** Whether a start would come too late: a pause, the end, or somebody who takes the step back was faster. */
const mayNot = (run: Run, id: string): boolean =>
  isPaused(run.state) || run.state.ending !== undefined || isTakenBack(run.state, id);

/** An action, called again as long as it stopped before its time-out could: that is no failed attempt. Undefined: parked. */
async function inParts(
  run: Run,
  step: Step,
  task: StepTask,
  stoppable: Stoppable,
): Promise<Record<string, unknown> | undefined> {
  const id = step.step_id;
  let used = run.state.steps[id]!.attempts;
  for (;;) {
    const facts = await stoppable(() => callAction(step, task, used));
    if (facts['goesOn'] !== true) return facts;
    used = Number(facts['attempts']) || 0;
    // A history that has grown long is to end first.
    if (!mayNot(run, id) && !workflowInfo().continueAsNewSuggested) continue;
    run.dispatch({ type: 'step_parked', step: id, attempts: used });
    return undefined;
  }
}

async function stepEndedBadly(run: Run, step: Step, error: unknown): Promise<void> {
  const id = step.step_id;
  // Whatever came of it, it is undone.
  if (isTakenBack(run.state, id)) return park(run, id);
  const failure =
    error instanceof ValidationFailed ? { code: 'VALIDATION_FAILED', message: error.message } : failureOf(error);
  if (failure.code === 'STALE_EPOCH') {
    await overtaken(run, id, Number(detailsOf(error)['current']) || 0);
    if (run.state.steps[id]!.status !== 'running') return;
  }
  if (wasStopped(error) && !isNonRetryable(error)) {
    const { attempts } = await record('stepAttempts', { handoff: run.id, step: id });
    if (attempts < maximumAttempts(step)) return run.dispatch({ type: 'step_parked', step: id, attempts });
  }
  const hold = (step.on_failure ?? run.procedure.on_failure ?? 'rollback') === 'hold';
  run.dispatch({ type: 'step_failed', step: id, error: failure, hold });
}

/**
 * This run was reset: the ledger is ahead of what it remembers. The step is done again at the ledger's epoch, and so is
 * every other that was undone or repaired since, even if this run saw it finish.
 */
async function overtaken(run: Run, id: string, current: number): Promise<void> {
  for (const { step_id: step } of run.procedure.steps) {
    const known = await record('stepAttempts', { handoff: run.id, step });
    const epoch = step === id ? Math.max(current, known.epoch) : known.epoch;
    if (epoch > run.state.steps[step]!.epoch) run.dispatch({ type: 'step_parked', step, attempts: 0, epoch });
  }
}

async function park(run: Run, id: string): Promise<void> {
  run.dispatch({ type: 'step_parked', step: id, attempts: run.state.steps[id]!.attempts });
}

/** Runs a step's rules: locally where they are quick, and as a regular activity where that failed or they are not. */
async function check(run: Run, step: Step, early: Verdict | undefined, stoppable: Stoppable): Promise<void> {
  const task = taskOf(run, step);
  let verdict = early;
  if (!verdict && areQuick(task.rules)) {
    try {
      const quick = await callQuickValidate(step, task);
      run.tookLong ||= quick?.late === true;
      verdict = quick;
    } catch (error) {
      if (isNonRetryable(error)) throw error;
    }
  }
  verdict ??= await stoppable(() => callValidate(step, task));
  if (!verdict.passed)
    throw new ValidationFailed(
      errorMessage('VALIDATION_FAILED', { step: step.name, failures: verdict.failures.join('; ') }),
    );
}

/** The step stays at work until the target accepts, or does at once where acceptance is automatic. */
function offer(run: Run, id: string): void {
  const { acceptance, subject } = run.input;
  const by = partyText(subject.target);
  run.dispatch({ type: 'offered', step: id, ...(acceptance === 'auto' ? { auto: { by: `${by} (by policy)` } } : {}) });
}

/** The steps that may run with the registration, and their tasks. */
export function firstSteps(run: Run): { steps: Step[]; tasks: QuickTask[] } {
  const steps = quickSteps(run.procedure, holdOf(run.input) ? heldSteps(run.procedure) : []);
  const tasks = steps.map((step) => {
    const { subject: _, ...task } = taskOf(run, step);
    return task;
  });
  return { steps, tasks };
}

function taskOf(run: Run, step: Step): StepTask {
  const { procedure } = run;
  const state = run.state.steps[step.step_id] ?? { epoch: 1, input: {} };
  const rules = step.rules ?? [];
  const severities = (procedure.validation_rules ?? []).flatMap((r) =>
    r.severity && rules.includes(r.rule_id) ? [[r.rule_id, r.severity] as const] : [],
  );
  return {
    subject: run.input.subject,
    step: step.step_id,
    action: step.action,
    epoch: state.epoch,
    rules,
    with: { ...step.with, ...state.input },
    ...('ref' in run.input.definition ? { definition: run.input.definition.ref } : {}),
    stopAt: procedure.stop_at_severity ?? 'high',
    severities: Object.fromEntries(severities),
    irreversible: step.compensation === 'irreversible',
  };
}
