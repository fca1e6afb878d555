import type { HandoffState } from './handoff.js';
import { reduce } from './reducer.js';
import type { Ran } from './task.js';

/** A handoff's state once its first steps have run: what a run that hears of them comes to as well. */
export function stateAfter(state: HandoffState, steps: readonly string[], ran: readonly Ran[]): HandoffState {
  const began = reduce(state, { type: 'began', steps, epochs: {}, now: ran[0]?.startedAt ?? state.lastEventAt });
  return ran.reduce((s, { step, startedAt, finishedAt, facts }) => {
    const started = reduce(s, { type: 'step_started', step, now: startedAt });
    return facts ? reduce(started, { type: 'step_finished', step, facts, now: finishedAt }) : started;
  }, began);
}
