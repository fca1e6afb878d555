import type { HandoffState } from '../core/handoff.js';
import { CLOSE_WITHIN_MS } from '../core/quick.js';
import { RETURN_STEP } from '../core/returns.js';
import type { Projected, ProjectTask } from '../core/task.js';
import { failpoint } from '../faults/failpoint.js';
import { Handoffs } from '../storage/handoffs.js';
import { Steps } from '../storage/steps.js';
import type { Deps } from './action.js';
import { execution, isLocal, sinceAsked } from './wrapper.js';

/**
 * Writes the present state to the database. A run that was reset to a late point may believe in steps that were undone
 * since: where the ledger is ahead of a completed one, nothing is written, and the run hears of it. It hears as well of
 * having recorded it as completed before: the task that did was thrown away, what it recorded stands.
 */
export async function projectHandoff(deps: Deps, task: ProjectTask): Promise<Projected> {
  if (task.within !== undefined && isLocal()) return inTime(close(deps, task));
  return close(deps, task);
}

/** A database that is locked keeps nobody waiting: what is written late all the same, the run finds with its next record. */
async function inTime(closing: Promise<Projected>): Promise<Projected> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Projected>((resolve) => {
    timer = setTimeout(resolve, 2 * CLOSE_WITHIN_MS, { late: true });
  });
  return Promise.race([closing, late]).finally(() => clearTimeout(timer));
}

async function close(deps: Deps, task: ProjectTask): Promise<Projected> {
  const { outcome } = task;
  if (outcome) await failpoint('close.before');
  const projected = await (outcome?.outcome === 'completed' ? complete(deps, task) : project(deps.storage.db, task));
  if (outcome) await failpoint('close.after');
  return projected;
}

/**
 * One transaction, so that a rollback that begins meanwhile is either seen here, or finds it completed. Once it has begun
 * nothing waits any more, so here it is asked whether it is too late for it.
 */
function complete({ storage }: Deps, task: ProjectTask): Promise<Projected> {
  return storage.db.transaction().execute(async (trx) => {
    if (sinceAsked() > (task.within ?? Infinity)) return { late: true };
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
