import type { HandoffState } from './handoff.js';
import { outcomeOf } from './outcome.js';
import { reduce } from './reducer.js';
import type { Subject } from './request.js';
import type { Completed, Ran } from './task.js';

/** A handoff's state once its first steps have run: what a run that hears of them comes to as well. */
function stateAfter(state: HandoffState, ran: readonly Ran[]): HandoffState {
  const steps = ran.map((r) => r.step);
  const began = reduce(state, { type: 'began', steps, epochs: {}, now: ran[0]?.startedAt ?? state.lastEventAt });
  return ran.reduce((s, { step, startedAt, finishedAt, facts }) => {
    const started = reduce(s, { type: 'step_started', step, now: startedAt });
    return facts ? reduce(started, { type: 'step_finished', step, facts, now: finishedAt }) : started;
  }, began);
}

/** What a handoff comes to where its first steps were all it had to do: for its record, and for the run that hears of it. */
export function completedWith(
  subject: Subject,
  before: HandoffState,
  ran: readonly Ran[],
  closedAt: number,
): Completed {
  const last = stateAfter(before, ran);
  const of = { handoffId: subject.handoffId, procedure: subject.procedure.id };
  return {
    state: reduce(last, { type: 'closed', outcome: 'completed', now: closedAt }),
    outcome: outcomeOf(of, last, 'completed', closedAt),
  };
}
