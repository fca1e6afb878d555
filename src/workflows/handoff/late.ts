import { utc } from '../../core/date.js';
import { endsToCome } from '../../core/timing.js';
import type { Run } from './run.js';

/** Marks a run whose expected end has passed; its timer was only the wake-up. A pause does not move a date. */
export function markLate(run: Run): void {
  const { input, procedure } = run;
  for (const { end, at } of endsToCome(run.state, procedure, input.expectedEnds)) {
    if (at > Date.now()) continue;
    const what = `phase ${input.subject[end].phase ?? '?'} was expected to end by ${utc(at)}`;
    run.dispatch({ type: 'late', end, at, what });
  }
}
