import { DEFAULT_RETRY, dependenciesOf, type Procedure, type Step } from './procedure.js';
import { areQuick } from './rule.js';

/** How long the steps that run with the registration may take together, so that messages are heard soon. */
export const QUICK_BUDGET_MS = 250;

/**
 * How long after its call a local activity may let a handoff complete, or start a step, in the same task, which has heard
 * of nothing that was sent since. After that the task ends first.
 */
export const CLOSE_WITHIN_MS = 1000;

/** Actions whose effects stand in the ledger from their intent on, and which know when they would take long. */
const QUICK_ACTIONS: ReadonlySet<string> = new Set(['transfer', 'sync_state']);

const isCheckOnly = (step: Step): boolean => step.action === 'validate' || step.action === 'confirm';

/** Whether a step may run locally: a retry is left to it that the Web UI shows. */
function isQuick(step: Step): boolean {
  const rules = step.rules ?? [];
  if (!areQuick(rules)) return false;
  if (isCheckOnly(step)) return rules.length > 0;
  const attempts = step.retry?.maximum_attempts ?? DEFAULT_RETRY.maximum_attempts;
  return QUICK_ACTIONS.has(step.action) && attempts > 1;
}

/**
 * The steps at a procedure's beginning that are quick, in order, as far as each depends only on those before it. Of a
 * confirmation only its rules are; `held`: steps that a time keeps from starting.
 */
export function quickSteps({ steps }: Procedure, held: readonly string[]): Step[] {
  const found: Step[] = [];
  for (const [i, step] of steps.entries()) {
    const isReady = dependenciesOf(steps, i).every((d) => found.some((f) => f.step_id === d));
    if (!isReady || held.includes(step.step_id) || !isQuick(step)) break;
    found.push(step);
    if (step.action === 'confirm') break;
  }
  return found;
}
