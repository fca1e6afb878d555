import { invalid, type Issue } from '../core/errors.js';
import type { Procedure } from '../core/procedure.js';
import type { HandoffInput, NormalRequest } from '../core/request.js';
import { isTrigger, triggerKindOf } from '../core/trigger.js';

/**
 * Refuses a request whose trigger nobody would start, or whose expiry would come before its trigger may. Throws
 * INVALID_REQUEST.
 */
export function checkTrigger(
  { trigger, expiresAt }: NormalRequest,
  procedure: Procedure,
  { triggerAfter }: Pick<HandoffInput, 'triggerAfter'>,
): void {
  const list: Issue[] = [];
  const step = procedure.steps.find(isTrigger);
  const kind = triggerKindOf(trigger);
  if (kind && !step) list.push({ path: '/trigger', message: `${procedure.procedure_id} has no trigger step` });
  if (kind && step && triggerKindOf(step.with))
    list.push({
      path: '/trigger',
      message: `step ${step.step_id} of ${procedure.procedure_id} says itself what it triggers`,
    });
  if (kind !== 'workflow' && kind && step?.compensation !== undefined && step.compensation !== 'irreversible')
    list.push({ path: `/trigger/${kind}`, message: `step ${step.step_id} is to be undone, and a ${kind} cannot be` });
  if (expiresAt && triggerAfter !== undefined && Date.parse(expiresAt) <= triggerAfter) {
    const start = new Date(triggerAfter).toISOString();
    list.push({ path: '/expiresAt', message: `must be after the contract's timing lets the target start (${start})` });
  }
  if (list.length > 0) throw invalid('INVALID_REQUEST', list);
}
