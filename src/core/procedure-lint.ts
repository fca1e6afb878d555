import { cycleIn } from './cycle.js';
import type { Issue } from './errors.js';
import { BUILTIN_ACTIONS, dependenciesOf, hasEffect, isBuiltinAction, type Procedure, type Step } from './procedure.js';
import { isTrigger, triggerKindOf } from './trigger.js';

/** What a procedure may name: the parts that the workers at hand have registered. */
export interface Known {
  actions: ReadonlySet<string>;
  rules: ReadonlySet<string>;
  /** Undefined where agents cannot be asked for; then they are checked by the worker. */
  agents?: ReadonlySet<string>;
  procedures?: ReadonlySet<string>;
}

const listed = (names: Iterable<string>): string => [...names].toSorted().join(', ') || 'none';

/** Everything wrong with a well-formed procedure, each with its place; an empty list means that it can run. */
export function lintProcedure(procedure: Procedure, known: Known): Issue[] {
  const issues: Issue[] = [];
  const add = (path: string, message: string): void => void issues.push({ path, message });
  const ids = procedure.steps.map((s) => s.step_id);
  const rollbacks = procedure.rollback_procedures ?? [];

  procedure.steps.forEach((step, i) => {
    const at = `/steps/${i}`;
    if (ids.indexOf(step.step_id) !== i) add(`${at}/step_id`, `step ${step.step_id} is listed twice`);
    if (!known.actions.has(step.action)) {
      add(`${at}/action`, `unknown action ${step.action}; known: ${listed(known.actions)}`);
    }
    step.rules?.forEach((rule, j) => {
      if (!known.rules.has(rule)) add(`${at}/rules/${j}`, `unknown rule ${rule}; known: ${listed(known.rules)}`);
    });
    step.depends_on?.forEach((d, j) => {
      if (!ids.includes(d)) add(`${at}/depends_on/${j}`, `there is no step ${d}`);
    });
    if (step.action === 'validate' && !step.rules?.length)
      add(`${at}/rules`, 'a validate step names at least one rule');
    for (const message of compensationFaults(procedure, step)) add(at, message);
  });

  rollbacks.forEach((r, i) => {
    if (rollbacks.findIndex((o) => o.rollback_id === r.rollback_id) !== i) {
      add(`/rollback_procedures/${i}/rollback_id`, `rollback ${r.rollback_id} is listed twice`);
    }
    r.steps.forEach((s, j) => {
      if (!ids.includes(s)) add(`/rollback_procedures/${i}/steps/${j}`, `there is no step ${s}`);
    });
  });
  procedure.validation_rules?.forEach((r, i) => {
    if (!known.rules.has(r.rule_id)) {
      add(`/validation_rules/${i}/rule_id`, `unknown rule ${r.rule_id}; known: ${listed(known.rules)}`);
    }
    if (procedure.validation_rules!.findIndex((o) => o.rule_id === r.rule_id) !== i) {
      add(`/validation_rules/${i}/rule_id`, `rule ${r.rule_id} is listed twice`);
    }
  });
  procedure.required_agents?.forEach((a, i) => {
    if (known.agents && !known.agents.has(a))
      add(`/required_agents/${i}`, `unknown agent ${a}; known: ${listed(known.agents)}`);
  });
  procedure.dependencies?.forEach((d, i) => {
    if (d === procedure.procedure_id) add(`/dependencies/${i}`, 'a procedure cannot depend on itself');
    else if (known.procedures && !known.procedures.has(d)) {
      add(`/dependencies/${i}`, `unknown procedure ${d}; known: ${listed(known.procedures)}`);
    }
  });
  const confirms = procedure.steps.filter((s) => s.action === 'confirm');
  if (confirms.length > 1) add('/steps', `at most one confirm step: ${listed(confirms.map((s) => s.step_id))}`);
  const triggers = procedure.steps.filter(isTrigger);
  if (triggers.length > 1) add('/steps', `at most one trigger step: ${listed(triggers.map((s) => s.step_id))}`);
  // Two steps of one id would look like a cycle.
  const cycle = new Set(ids).size === ids.length ? findCycle(procedure.steps) : undefined;
  if (cycle) add('/steps', `the dependencies form a cycle: ${cycle.join(' → ')}`);
  return issues;
}

/** A cycle among the dependencies as a list of step ids, first repeated last; undefined where there is none. */
export const findCycle = (steps: readonly Step[]): string[] | undefined =>
  cycleIn(new Map(steps.map((s, i) => [s.step_id, dependenciesOf(steps, i)])));

/** The actions that every worker has. */
export const builtinActions: ReadonlySet<string> = new Set(BUILTIN_ACTIONS);

/** Every effect has a compensation or is declared irreversible, and only effects do. */
function compensationFaults(procedure: Procedure, step: Step): string[] {
  const { compensation } = step;
  if (!hasEffect(step))
    return compensation ? [`a ${step.action} step has no effect that a compensation could undo`] : [];
  const rollbacks = procedure.rollback_procedures ?? [];
  // A child can be cancelled; what a signal or a call has set going cannot. Without a word the request decides.
  const oneWay = isTrigger(step) && triggerKindOf(step.with) !== 'workflow';
  if (oneWay && compensation !== 'irreversible')
    return ['a trigger that is no workflow cannot be undone: set "compensation": "irreversible"'];
  const covering = rollbacks.find((r) => r.steps.includes(step.step_id));
  if (compensation === undefined) {
    return covering
      ? []
      : [`step ${step.step_id} has an effect: list it in a rollback procedure or set "compensation": "irreversible"`];
  }
  if (compensation === 'irreversible') {
    if (isBuiltinAction(step.action) && !oneWay)
      return [`the built-in action ${step.action} can always be undone; name its rollback`];
    return covering ? [`step ${step.step_id} is declared irreversible, but ${covering.rollback_id} undoes it`] : [];
  }
  const named = rollbacks.find((r) => r.rollback_id === compensation);
  if (!named) return [`there is no rollback procedure ${compensation}`];
  return named.steps.includes(step.step_id)
    ? []
    : [`rollback procedure ${compensation} does not list step ${step.step_id}`];
}
