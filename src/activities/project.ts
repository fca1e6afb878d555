import { RETURN_STEP } from '../core/returns.js';
import type { ProjectTask } from '../core/task.js';
import { failpoint } from '../faults/failpoint.js';
import type { Deps } from './action.js';

/**
 * Writes the present state to the database. A run that was reset to a late point may believe in steps that were undone
 * since: where the ledger is ahead of a completed one, nothing is written, and the run hears of it.
 */
export async function projectHandoff(
  { storage }: Deps,
  { subject, state, outcome }: ProjectTask,
): Promise<{ overtaken?: Record<string, number> }> {
  if (outcome?.outcome === 'completed') {
    const known = Object.entries(await storage.steps.list(subject.handoffId));
    const believed = (step: string): number | undefined =>
      step === RETURN_STEP ? state.returnEpoch : state.steps[step]?.epoch;
    const ahead = known.filter(([step, { epoch }]) => epoch > (believed(step) ?? epoch));
    if (ahead.length > 0) return { overtaken: Object.fromEntries(ahead.map(([step, { epoch }]) => [step, epoch])) };
  }
  if (outcome) await failpoint('close.before');
  await storage.handoffs.project(subject, state, outcome);
  if (outcome) await failpoint('close.after');
  return {};
}
