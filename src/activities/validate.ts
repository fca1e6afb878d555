import { HandoffError } from '../core/errors.js';
import { hasEffect } from '../core/procedure.js';
import { judge, type Verdict } from '../core/rule.js';
import type { StepTask } from '../core/task.js';
import { contentOf, refOf, wholeTask, type Deps } from './action.js';
import { boundary, failpoint } from '../faults/failpoint.js';
import { Interrupted } from './wrapper.js';
import type { Rule, RuleContext } from '../rules/rule.js';
import { runRule } from '../rules/run-rule.js';

/**
 * Runs the rules that a step names, in parallel, as one validation session that records each result. It changes
 * nothing but that record, so it may run again. Throws RULE_UNKNOWN, and STALE_EPOCH after a rollback: what a run that
 * was reset wants to check is undone by then.
 */
export async function runValidation(deps: Deps, given: StepTask, signal: AbortSignal): Promise<Verdict> {
  const { storage } = deps;
  // The rules before an action are a part of its step, whose boundaries are those of the action.
  const isStep = !hasEffect(given);
  if (isStep) await boundary('step.dispatched', given.step);
  const task = await wholeTask(storage, given);
  const { subject } = task;
  const rules = task.rules.map((id) => ruleOf(deps, id));
  await failpoint(`validate.before.${task.step}`);
  await storage.steps.check(refOf(task));
  const content = await contentOf(storage, subject);
  const startedAt = Date.now();
  const { transformers } = deps;
  const context: RuleContext = { subject, step: task.step, content, with: task.with, storage, transformers, signal };
  const results = await Promise.all(rules.map((rule) => runRule(rule, context, task.severities)));
  // A rule that was stopped found nothing; the step is checked again when it goes on.
  if (signal.aborted) throw new Interrupted('asked to stop');
  const id = `vs_${subject.handoffId}.${task.step}.${task.epoch}`;
  const verdict = judge(id, results, task.stopAt);
  const { passed } = verdict;
  if (isStep) await boundary('step.acted', task.step);
  const where = { handoff: subject.handoffId, step: task.step, procedure: subject.procedure.id };
  await storage.validations.record({ id, ...where, passed, results, startedAt, endedAt: Date.now() });
  await failpoint(`validate.after.${task.step}`);
  if (isStep) await boundary('step.recorded', task.step);
  return verdict;
}

function ruleOf(deps: Deps, id: string): Rule {
  const rule = deps.rules.get(id);
  if (!rule) throw new HandoffError('RULE_UNKNOWN', { rule: id, known: [...deps.rules.keys()].toSorted().join(', ') });
  return rule;
}
