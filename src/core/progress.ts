import { stepIsDone, type HandoffState } from './handoff.js';
import { outstanding } from './returns.js';

export interface Progress {
  /** 0 to 100. The end counts as one step more, so 100 is a completed handoff and nothing else. */
  percent: number;
  stepsDone: number;
  steps: number;
  /** Where the contract expects any back. */
  returns?: { settled: number; expected: number };
}

/** How far a handoff is. */
export function progressOf(s: HandoffState): Progress {
  const { status } = s;
  const all = Object.values(s.steps);
  const expected = Object.keys(s.returns ?? {}).length;
  const settled = expected - outstanding(s).length;
  const stepsDone = all.filter(stepIsDone).length;
  const percent =
    status === 'completed' ? 100 : Math.round((100 * (stepsDone + settled)) / (all.length + expected + 1));
  return { percent, stepsDone, steps: all.length, ...(expected > 0 ? { returns: { settled, expected } } : {}) };
}
