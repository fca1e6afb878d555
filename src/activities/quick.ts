import { cancellationSignal } from '@temporalio/activity';
import { CLOSE_WITHIN_MS, QUICK_BUDGET_MS } from '../core/quick.js';
import { completedWith } from '../core/early.js';
import type { HandoffState } from '../core/handoff.js';
import type { Opened, OpenTask, Ran, StepTask } from '../core/task.js';
import type { Deps } from './action.js';
import { projectHandoff } from './project.js';
import { runAction } from './run-action.js';
import { runValidation } from './validate.js';
import { isQuickHere } from './quick-actions.js';

type Early = Pick<Opened, 'ran' | 'closedAt'>;

/**
 * Runs a handoff's first steps one after the other, within a budget. The first that is not quick after all, fails, or
 * takes too long ends it, and goes on as a regular activity: there the Web UI shows its attempts.
 */
export async function runQuickSteps(deps: Deps, task: OpenTask): Promise<Early> {
  const { quick = [], closes, now } = task;
  const called = Date.now();
  // A run's clock need not be ours.
  const clock = (): number => now + (Date.now() - called);
  const done = quick.length > 0 ? await turn() : undefined;
  if (!done) return { ran: [] };
  try {
    const stopBy = Date.now() + QUICK_BUDGET_MS;
    const signal = cancellationSignal();
    // A late attempt, as one that has stalled, begins nothing more: the run may be paused by now.
    const isLate = (): boolean => Date.now() >= stopBy || signal.aborted;
    const ran: Ran[] = [];
    for (const given of quick) {
      if (isLate()) return { ran };
      const startedAt = clock();
      const one = await runOne(deps, { ...given, subject: task.subject }, signal, stopBy);
      ran.push({ step: given.step, startedAt, finishedAt: clock(), ...one });
      if (!one.facts) return { ran };
    }
    return closes && !isLate() ? { ran, ...(await close(deps, task, closes, ran, clock())) } : { ran };
  } finally {
    done();
  }
}

/** Records it as completed. What fails here the run does again. */
async function close(
  deps: Deps,
  { subject }: OpenTask,
  before: HandoffState,
  ran: readonly Ran[],
  closedAt: number,
): Promise<{ closedAt?: number }> {
  try {
    const task = { subject, ...completedWith(subject, before, ran, closedAt), within: CLOSE_WITHIN_MS };
    const { overtaken, late } = await projectHandoff(deps, task);
    return overtaken || late ? {} : { closedAt };
  } catch {
    return {};
  }
}

async function runOne(
  deps: Deps,
  task: StepTask,
  signal: AbortSignal,
  stopBy: number,
): Promise<Pick<Ran, 'verdict' | 'facts'>> {
  let verdict: Ran['verdict'];
  try {
    if (task.rules.length > 0) verdict = await runValidation(deps, task, signal);
    const checked = verdict ? { verdict } : {};
    if (verdict?.passed === false || task.action === 'confirm') return checked;
    if (task.action === 'validate') return { ...checked, facts: { rules: task.rules.length } };
    const action = deps.actions.get(task.action);
    if (!action || !(await isQuickHere(deps, action, task)) || Date.now() >= stopBy) return checked;
    const facts = await runAction(deps, action, task, signal, { progress: () => {}, stopBy });
    return facts['goesOn'] === true ? checked : { ...checked, facts };
  } catch {
    // It is tried again, where its error is seen.
    return verdict ? { verdict } : {};
  }
}

/** How long to wait for a turn. */
const PATIENCE_MS = 1000;

/** Resolves once all that came before have had their turns. */
let last: Promise<void> = Promise.resolve();

/**
 * One handoff at a time in this process: their work is mostly of its one thread, and side by side each would take as
 * long as all. Whoever stalls keeps the turn no longer than the budget. Returns what ends the turn; undefined where it
 * came too late.
 */
async function turn(): Promise<(() => void) | undefined> {
  const asked = Date.now();
  const before = last;
  let end = (): void => {};
  last = new Promise((resolve) => (end = resolve));
  await before;
  if (Date.now() - asked > PATIENCE_MS) {
    end();
    return undefined;
  }
  const timer = setTimeout(end, QUICK_BUDGET_MS);
  return () => {
    clearTimeout(timer);
    end();
  };
}
