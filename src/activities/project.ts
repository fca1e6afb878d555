import type { HandoffState } from '../core/handoff.js';
import { RETURN_STEP } from '../core/returns.js';
import type { Completed, ProjectTask } from '../core/task.js';
import { failpoint } from '../faults/failpoint.js';
import { Handoffs } from '../storage/handoffs.js';
import { Steps } from '../storage/steps.js';
import type { Deps } from './action.js';
import { execution } from './wrapper.js';

type Projected = { overtaken?: Record<string, number>; completed?: Completed };

/**
 * Writes the present state to the database. A run that was reset to a late point may believe in steps that were undone
 * since: where the ledger is ahead of a completed one, nothing is written, and the run hears of it. It hears as well of
 * having recorded it as completed before: the task that did was thrown away, what it recorded stands.
 */
export async function projectHandoff(deps: Deps, task: ProjectTask): Promise<Projected> {
  const { outcome } = task;
  if (outcome) await failpoint('close.before');
  const projected = await (outcome?.outcome === 'completed' ? complete(deps, task) : project(deps.storage.db, task));
  if (outcome) await failpoint('close.after');
  return projected;
}

/** One transaction, so that a rollback that begins meanwhile is either seen here, or finds it completed. */
function complete({ storage }: Deps, task: ProjectTask): Promise<Projected> {
  return storage.db.transaction().execute(async (trx) => {
    const known = Object.entries(await new Steps(trx).list(task.subject.handoffId));
    const ahead = known.filter(([step, { epoch }]) => epoch > (believed(task.state, step) ?? epoch));
    if (ahead.length > 0) return { overtaken: Object.fromEntries(ahead.map(([step, { epoch }]) => [step, epoch])) };
    return project(trx, task);
  });
}

const believed = (state: HandoffState, step: string): number | undefined =>
  step === RETURN_STEP ? state.returnEpoch : state.steps[step]?.epoch;

async function project(db: Deps['storage']['db'], { subject, state, outcome }: ProjectTask): Promise<Projected> {
  const completed = await new Handoffs(db).project(subject, state, outcome, execution());
  return completed ? { completed } : {};
}
