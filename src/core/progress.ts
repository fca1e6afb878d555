import { stepIsDone, type HandoffState } from './handoff.js';

export interface Progress {
  /** 0 to 100. The end counts as one step more, so 100 is a completed handoff and nothing else. */
  percent: number;
  stepsDone: number;
  steps: number;
}

/** How far a handoff is. */
export function progressOf({ status, steps }: Pick<HandoffState, 'status' | 'steps'>): Progress {
  const all = Object.values(steps);
  const stepsDone = all.filter(stepIsDone).length;
  const percent = status === 'completed' ? 100 : Math.round((100 * stepsDone) / (all.length + 1));
  return { percent, stepsDone, steps: all.length };
}
