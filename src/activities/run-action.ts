import { HandoffError } from '../core/errors.js';
import { isUsers } from '../core/procedure.js';
import type { StepTask } from '../core/task.js';
import { contentOf, refOf, wholeTask, type Action, type Deps } from './action.js';
import { boundary } from '../faults/failpoint.js';
import { effectRunner } from './effect-runner.js';
import { Interrupted, type Attempt } from './wrapper.js';

/** Never aborted: an action that cannot stop midway is not told that it should. */
export const NEVER: AbortSignal = new AbortController().signal;

/** Where activities run without a worker, as in a bench. */
const ALONE: Attempt = { progress: () => {}, stopBy: Infinity };

/** One attempt of an action: counted, given its content, and what it returns kept small. */
export async function runAction(
  deps: Deps,
  action: Action,
  given: StepTask,
  signal: AbortSignal,
  attempt: Attempt = ALONE,
): Promise<Record<string, unknown>> {
  const { storage } = deps;
  await boundary('step.dispatched', given.step);
  const task = await wholeTask(storage, given);
  const heard = action.interruptible ? signal : NEVER;
  await storage.steps.begin(refOf(task));
  try {
    const content = await contentOf(storage, task.subject);
    const run = effectRunner(deps, task, heard);
    let effects = 0;
    const effect: typeof run = (...of) => (effects++, run(...of));
    const facts = (await action.run({ task, content, storage, signal: heard, effect, ...attempt })) ?? {};
    if (effects === 0 && isUsers(action.name)) await boundary('step.acted', task.step);
    const more = facts['goesOn'] === true ? { attempts: await storage.steps.giveBack(refOf(task)) } : {};
    const known = bounded(action.name, { ...facts, ...more });
    // What goes on is not over, and a child is yet to be started.
    const isOver = facts['goesOn'] !== true && (action.name !== 'trigger' || facts['start'] === undefined);
    if (isOver) await boundary('step.recorded', task.step);
    return known;
  } catch (error) {
    if (!wasInterrupted(error, heard)) throw error;
    await storage.steps.giveBack(refOf(task));
    throw new Interrupted('asked to stop', { cause: error });
  }
}

/** What an action may return, as characters of JSON: it stands in the history, the outcome and the Web UI. */
const FACTS_LIMIT = 16 * 1024;

function bounded(action: string, facts: Record<string, unknown>): Record<string, unknown> {
  const size = (JSON.stringify(facts) ?? '').length;
  if (size <= FACTS_LIMIT) return facts;
  throw new HandoffError('INPUT_TOO_LARGE', { what: `What action ${action} returned`, size, limit: FACTS_LIMIT });
}

/** Whether an action ended because its signal asked it to: by the signal's own reason, or as Node's APIs put it. */
const wasInterrupted = (error: unknown, signal: AbortSignal): boolean =>
  error instanceof Interrupted ||
  (signal.aborted && (error === signal.reason || (error instanceof Error && error.name === 'AbortError')));
