import { ApplicationFailure, CancellationScope } from '@temporalio/workflow';
import { errorMessage } from '../../core/errors.js';
import type { HandoffState } from '../../core/handoff.js';
import { refuse, type Refusal } from '../../core/refusal.js';
import { RETURN_STEP, outstanding, returnOf, shortened } from '../../core/returns.js';
import { epochAfter } from '../../core/take-back.js';
import type { ReturnReceipt } from '../../core/task.js';
import type { SubmitReturnAnswer, SubmitReturnMessage } from '../../messages.js';
import { callReceiveReturn, detailsOf, failureOf, goRegular } from './activities.js';
import { undoReturned } from './rollback.js';
import type { Run } from './run.js';

/** Faults that an answer names; the state keeps fewer. */
const ANSWERED_FAULTS = 100;
/** How often a run that was reset may learn that the ledger is ahead of it. */
const OVERTAKEN = 3;

/** A refusal as Temporal carries it, from a validator or from within an update. */
export const refused = ({ code, params }: Refusal): ApplicationFailure =>
  ApplicationFailure.create({ type: code, message: errorMessage(code, params), nonRetryable: true, details: [params] });

/**
 * Takes what an agent returns: one submission at a time, each whole or not at all. Shielded from Temporal's Cancel,
 * which is an event of the run like any other; the end of the handoff stops what is on its way.
 */
export function submitReturn(run: Run, message: SubmitReturnMessage): Promise<SubmitReturnAnswer> {
  goRegular();
  return CancellationScope.nonCancellable(() => {
    const answer = run.lastReturn.then(() => inTurn(run, message));
    run.lastReturn = answer.catch(() => undefined);
    return answer;
  });
}

async function inTurn(run: Run, message: SubmitReturnMessage): Promise<SubmitReturnAnswer> {
  const names = message.artifacts.map((a) => a.name);
  const scope = new CancellationScope({ cancellable: true });
  // The validator saw the state before the submissions ahead of this one.
  const before = refusalOf(run, message, run.state);
  if (before) throw refused(before);
  run.receiving = scope;
  run.dispatch({ type: 'return_came', names });
  try {
    const receipt = await received(run, message, scope);
    const since = overtakenBy(run, message);
    const taken = !since && receipt.faults.length === 0;
    if (!taken && (since || receipt.left)) await takeBack(run, names);
    if (since) throw refused(since);
    run.dispatch(
      taken
        ? { type: 'return_received', by: message.by, received: receipt.received }
        : { type: 'return_faulty', names, faults: receipt.faults },
    );
    return answerOf(run, names, receipt);
  } finally {
    // Whatever came of it, it is looked at no more.
    run.dispatch({ type: 'return_failed', names });
    run.receiving = undefined;
    run.wake();
  }
}

const refusalOf = (run: Run, message: SubmitReturnMessage, state: HandoffState): Refusal | undefined =>
  refuse(run.id, state, { name: 'submitReturn', ...message }, Date.now(), run.procedure);

/** What happened while it was looked at, and stands against it. A pause does not: what has begun counts. */
const overtakenBy = (run: Run, message: SubmitReturnMessage): Refusal | undefined =>
  refusalOf(run, message, { ...run.state, holds: {} });

/** The activity's word, or its failure once nothing is left of what it did. */
async function received(run: Run, message: SubmitReturnMessage, scope: CancellationScope): Promise<ReturnReceipt> {
  const { subject } = run.input;
  for (let tries = 0; ; tries++) {
    try {
      const epoch = run.state.returnEpoch ?? 1;
      const task = { subject, epoch, by: message.by, artifacts: message.artifacts };
      return await scope.run(() => callReceiveReturn(task));
    } catch (error) {
      const { code, message: why } = failureOf(error);
      const params = detailsOf(error);
      if (code === 'STALE_EPOCH' && tries < OVERTAKEN && run.state.status === 'accepted') {
        // This run was reset: what it took before may be undone, and stands under a later epoch in any case.
        run.dispatch({ type: 'step_parked', step: RETURN_STEP, attempts: 0, epoch: Number(params['current']) || 1 });
        run.dispatch({ type: 'return_came', names: message.artifacts.map((a) => a.name) });
        continue;
      }
      await takeBack(
        run,
        message.artifacts.map((a) => a.name),
      );
      const since = overtakenBy(run, message);
      if (since) throw refused(since);
      throw ApplicationFailure.create({ type: code, message: why, nonRetryable: true, details: [params] });
    }
  }
}

/** Undoes what a submission that was not taken has left. Where all is undone anyway, that comes with the rest. */
async function takeBack(run: Run, names: readonly string[]): Promise<void> {
  const over = (): boolean =>
    run.state.ending !== undefined || (run.state.takingBack?.some((t) => t.steps.includes(RETURN_STEP)) ?? false);
  if (over()) return;
  const epoch = epochAfter(run.state, RETURN_STEP);
  await undoReturned(run, names, epoch, over);
  if (!over()) run.dispatch({ type: 'return_undone', epoch });
}

function answerOf(run: Run, names: readonly string[], { faults }: ReturnReceipt): SubmitReturnAnswer {
  const { state } = run;
  const most = state.maxReturnRounds ?? 0;
  return {
    accepted: faults.length === 0,
    received: Object.entries(state.returns ?? {}).flatMap(([name, r]) => (r.status === 'received' ? [name] : [])),
    outstanding: outstanding(state).map(([name]) => name),
    faults: faults.slice(0, ANSWERED_FAULTS).map(shortened),
    roundsLeft: Math.max(0, Math.min(...names.map((name) => most - (returnOf(state, name)?.rounds ?? 0)))),
  };
}
