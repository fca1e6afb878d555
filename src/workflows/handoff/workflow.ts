import {
  CancellationScope,
  allHandlersFinished,
  condition,
  continueAsNew,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import {
  allStepsDone,
  initialState,
  isClosed,
  isPaused,
  type HandoffOutcome,
  type HandoffState,
  type Outcome,
} from '../../core/handoff.js';
import { reversibleActions, type Procedure, type Step } from '../../core/procedure.js';
import { autoResumeDue, due, mayComplete } from '../../core/reducer.js';
import { completedWith } from '../../core/early.js';
import { refuse } from '../../core/refusal.js';
import type { HandoffInput } from '../../core/request.js';
import type { OpenTask } from '../../core/task.js';
import { failureOf, goRegular, record, registers } from './activities.js';
import { reportOf, throwOutcome } from './ending.js';
import { attachMessages } from './messages.js';
import { rollback, undoPart } from './rollback.js';
import { Run } from './run.js';
import { firstSteps, startReadySteps, stopSteps } from './steps.js';
import { View } from './view.js';
import { Timers } from './timers.js';
import { markLate } from './late.js';
import { writeCheckpoint } from './checkpoint.js';
import { tellChildren } from './children.js';

/** One handoff, from its request to its outcome. Its workflow type is the id of its procedure. */
export async function handoffWorkflow(input: HandoffInput): Promise<HandoffOutcome> {
  const run = createRun(input);
  // A run that continues has been sent something before.
  if (input.carried) goRegular();
  attachMessages(run);
  let cancelled = false;
  CancellationScope.current().cancelRequested.catch(() => {
    cancelled = true;
    const refusal = refuse(run.id, run.state, { name: 'cancel' }, Date.now());
    if (refusal) run.wake();
    else run.dispatch({ type: 'cancel', by: 'temporal', reason: 'cancelled in Temporal' });
  });
  // Everything is shielded, the undo above all: a cancellation is an event like any other.
  return CancellationScope.nonCancellable(async () => {
    await open(run);
    const view = new View(run);
    let report: HandoffOutcome | undefined;
    while (!report) {
      const outcome = await live(run, view);
      if (outcome !== 'completed') {
        void view.follow();
        await rollback(run);
      }
      report = await view.close(outcome);
    }
    if (!allHandlersFinished()) await condition(allHandlersFinished);
    return report.outcome === 'completed' ? report : throwOutcome(run, report, () => cancelled);
  });
}

function createRun(input: HandoffInput): Run {
  const procedure: Procedure =
    'inline' in input.definition
      ? input.definition.inline
      : { ...NOT_LOADED, procedure_id: input.subject.procedure.id };
  return new Run(input, procedure, (input.carried as HandoffState | undefined) ?? stateFor(input));
}

/** Stands in for a definition that comes from storage, until it has come. */
const NOT_LOADED = { version: '', name: '', steps: [] };

const stateFor = (input: HandoffInput): HandoffState =>
  initialState({
    // From when it was asked for: its first task may come late, or come again.
    now: workflowInfo().startTime.getTime(),
    expiresInMs: input.expiresInMs,
    clockWhilePaused: input.clockWhilePaused,
    ...startOf(input),
    ...(input.expiresAt === undefined ? {} : { expiresAt: input.expiresAt }),
    ...(input.returns ? { returns: input.returns, maxReturnRounds: input.maxReturnRounds } : {}),
  });

/** Its time to be accepted does not run before it may start, nor before it may be offered or triggered. */
function startOf({ startAfter = 0, triggerAfter = 0 }: HandoffInput): { startAfter?: number } {
  const latest = Math.max(startAfter, triggerAfter);
  return latest > 0 ? { startAfter: latest } : {};
}

/** Registers the handoff, or fails it before it did anything where this worker cannot carry it out. */
async function open(run: Run): Promise<void> {
  const { input, procedure } = run;
  const stored = 'ref' in input.definition ? input.definition.ref : undefined;
  if (input.carried && !stored) return;
  const waits = input.startAfter !== undefined || hasPreconditions(procedure);
  try {
    const first = waits || stored ? undefined : firstSteps(run);
    const task: OpenTask = {
      subject: input.subject,
      run: workflowInfo().firstExecutionRunId,
      status: waits ? 'pending' : 'running',
      now: Date.now(),
      ...(stored
        ? { definition: stored }
        : {
            actions: [...new Set(procedure.steps.map((s) => s.action))],
            rules: [...new Set(procedure.steps.flatMap((s) => s.rules ?? []))],
            reversible: reversibleActions(procedure),
            ...(first ? { quick: first.tasks } : {}),
            ...(first && closesWith(run, first.steps) ? { closes: run.state } : {}),
          }),
    };
    run.opened = await registers(task, first?.steps ?? [], () => mayBegin(run));
    if (run.opened.definition) run.procedure = run.opened.definition;
    const { ran, closedAt, completed, late } = run.opened;
    if (completed) run.complete(completed);
    else if (task.closes && closedAt !== undefined)
      run.complete(completedWith(task.subject, task.closes, ran, closedAt));
    else {
      run.keepEarly(ran);
      run.tookLong = late === true;
    }
  } catch (error) {
    const { code, message } = failureOf(error);
    const report = { ...reportOf(run, 'failed'), by: 'handoff', reason: message, code };
    await throwOutcome(run, report, () => true);
  }
}

/** Whether a handoff is complete with these steps, and nothing but them makes its state. */
const closesWith = ({ input, procedure }: Run, steps: readonly Step[]): boolean =>
  steps.length === procedure.steps.length &&
  steps.every((s) => s.action !== 'confirm') &&
  !input.expectsReturn &&
  input.expectedEnds === undefined;

/** Whether nothing stands against the first step: neither a message, nor that its time is over. */
const mayBegin = ({ state }: Run): boolean => !state.ending && !isPaused(state) && due(state, Date.now()) === undefined;

const hasPreconditions = (p: Procedure): boolean => Boolean(p.dependencies?.length || p.required_agents?.length);

/** Holds a handoff in `pending` until its time has come, what it depends on has completed, and the agents are there. */
async function waitToStart(run: Run): Promise<void> {
  const { startAfter, subject } = run.input;
  const over = (): boolean => run.state.status !== 'pending';
  if (startAfter !== undefined && startAfter > Date.now()) {
    run.dispatch({ type: 'waits', on: `its start time, ${new Date(startAfter).toISOString()}` });
    await condition(() => over() || (!isPaused(run.state) && Date.now() >= startAfter));
  }
  const { dependencies = [], required_agents: agents = [] } = run.procedure;
  for (let poll = 2; hasPreconditions(run.procedure) && !over(); poll = Math.min(poll * 2, 30)) {
    const { waitsFor } = await record('checkPending', { subject, dependencies, agents });
    if (!waitsFor && !isPaused(run.state)) break;
    if (waitsFor && waitsFor !== run.state.waitsFor) run.dispatch({ type: 'waits', on: waitsFor });
    await sleep(`${poll}s`, { summary: 'Looks again whether it can start' });
    // The main loop looks whether the history has grown long.
    run.wake();
    await condition(() => over() || !isPaused(run.state));
  }
  const { epochs, attempts, ran } = run.opened;
  if (!over())
    run.dispatch(
      { type: 'began', epochs, attempts, steps: run.procedure.steps.map((s) => s.step_id) },
      ran[0]?.startedAt,
    );
}

/** The life of an open handoff: each round decides what is due, starts what can start, and waits for the next event. */
async function live(run: Run, view: View): Promise<Outcome> {
  const { expectsReturn } = run.input;
  const timers = new Timers(run);
  if (run.state.status === 'pending') {
    void waitToStart(run).catch((fault: unknown) => run.failWith(fault));
  }
  for (;;) {
    if (run.fault) throw run.fault;
    const seen = run.version;
    const holder = autoResumeDue(run.state, Date.now());
    if (holder) run.dispatch({ type: 'resume', by: 'clock', holder });
    const decided = due(run.state, Date.now());
    if (decided) run.dispatch({ type: decided });
    markLate(run);
    tellChildren(run);
    writeCheckpoint(run);
    if (run.state.ending || isClosed(run.state.status)) break;
    if (mayComplete(run.state, expectsReturn) && !run.tookLong) break;
    advance(run, expectsReturn);
    if (run.version !== seen) continue;
    if (run.tookLong) {
      await run.hears();
      continue;
    }
    timers.sync();
    view.update();
    if (workflowInfo().continueAsNewSuggested && run.inFlight.size === 0 && !run.takingBack && !run.receiving)
      await goOnAsNew(run, view);
    await run.changedSince(seen);
  }
  timers.cancelAll();
  // A run that closes takes back what it has not yet said.
  if (run.telling) await run.telling;
  return run.state.ending?.outcome ?? 'completed';
}

function advance(run: Run, expectsReturn: boolean): void {
  const { status } = run.state;
  const [part] = run.state.takingBack ?? [];
  if (part && !run.takingBack) void undoPart(run, part);
  if (isPaused(run.state)) stopSteps(run);
  else if (status !== 'pending') startReadySteps(run);
  if (status === 'running' && expectsReturn && !part && allStepsDone(run.state))
    run.dispatch({ type: 'steps_over', expectsReturn });
}

/** A history that has grown long ends here; the next run takes the state along, a pause and its clock included. */
async function goOnAsNew(run: Run, view: View): Promise<void> {
  if (run.telling) await run.telling;
  await view.settled();
  await condition(allHandlersFinished);
  await continueAsNew<typeof handoffWorkflow>({ ...run.input, carried: run.state });
}
