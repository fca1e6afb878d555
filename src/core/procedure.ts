/** Procedures: the versioned definitions that handoffs follow, in S3's snake_case because they are data that users write. */
export const SEVERITIES = ['critical', 'high', 'medium', 'low'] as const;
export type Severity = (typeof SEVERITIES)[number];

export const BUILTIN_ACTIONS = ['validate', 'transfer', 'sync_state', 'confirm', 'trigger'] as const;
export type BuiltinAction = (typeof BUILTIN_ACTIONS)[number];

export interface RetryPolicy {
  /** Attempts in all, the first included. Default 3. */
  maximum_attempts?: number;
  /** Seconds before the second attempt. Default 1. */
  initial_interval?: number;
  /** Default 2. */
  backoff_coefficient?: number;
  /** Seconds. Default 100 × the initial interval. */
  maximum_interval?: number;
}

export interface Step {
  step_id: string;
  name: string;
  description?: string;
  /** A built-in action, or one that the worker registers. */
  action: string;
  /** Rules that run before (validate, confirm: as) the action. */
  rules?: string[];
  /** Steps that must be finished first. Absent: the step before this one in the list. */
  depends_on?: string[];
  /** Seconds for one attempt. Default 60. */
  timeout?: number;
  retry?: RetryPolicy;
  /** What follows when the attempts are used up. Default: the procedure's. */
  on_failure?: 'rollback' | 'hold';
  /** The rollback procedure that undoes it, or `irreversible`. Needed for every action with an effect. */
  compensation?: string;
  /** Parameters of the action, as JSON. */
  with?: Record<string, unknown>;
}

export interface RuleRef {
  rule_id: string;
  name?: string;
  severity?: Severity;
}

export interface RollbackProcedure {
  rollback_id: string;
  name: string;
  description?: string;
  /** The steps that it undoes. */
  steps: string[];
}

export interface Procedure {
  procedure_id: string;
  version: string;
  name: string;
  description?: string;
  steps: Step[];
  validation_rules?: RuleRef[];
  rollback_procedures?: RollbackProcedure[];
  /** Minutes. */
  estimated_duration?: number;
  /** Procedures that must have completed in the same session. */
  dependencies?: string[];
  /** Agents that must be reachable at plan and start. */
  required_agents?: string[];
  /** The least severe failure that stops a handoff. Default `high`: critical and high stop it. */
  stop_at_severity?: Severity;
  on_failure?: 'rollback' | 'hold';
}

/** A procedure as a run carries it: frozen, with the digest of the whole definition. */
export interface FrozenProcedure {
  id: string;
  version: string;
  digest: string;
}

export const DEFAULT_STEP_TIMEOUT_S = 60;
export const DEFAULT_RETRY = { maximum_attempts: 3, initial_interval: 1, backoff_coefficient: 2 } as const;

export const isBuiltinAction = (action: string): action is BuiltinAction =>
  (BUILTIN_ACTIONS as readonly string[]).includes(action);

/** Whether a step changes anything outside the run's own history, so that it needs a compensation. */
export const hasEffect = (step: Pick<Step, 'action'>): boolean =>
  step.action !== 'validate' && step.action !== 'confirm';

/** Whether an action is a user's own. */
export const isUsers = (action: string): boolean => !isBuiltinAction(action);

/** The actions of steps whose effects are to be undone. */
export const reversibleActions = (procedure: Procedure): string[] => [
  ...new Set(procedure.steps.filter((s) => hasEffect(s) && s.compensation !== 'irreversible').map((s) => s.action)),
];

/** What a run needs to know of a procedure that travels by reference: all but its prose and its steps' parameters. */
export function outlineOf(procedure: Procedure): Procedure {
  const { description: _, rollback_procedures: _r, ...rest } = procedure;
  return { ...rest, steps: procedure.steps.map(({ description: _d, with: _w, ...step }) => step) };
}

/** The steps that must be finished before the one at `index` starts. */
export function dependenciesOf(steps: readonly Step[], index: number): string[] {
  const step = steps[index]!;
  if (step.depends_on) return step.depends_on;
  const before = steps[index - 1];
  return before ? [before.step_id] : [];
}

/** `toStep` and every step that comes after it by dependencies, in the procedure's order. */
export function stepsFrom(procedure: Procedure, toStep: string): string[] {
  const found = new Set([toStep]);
  // Dependencies may point forward in the list, so go round until nothing is added.
  for (let size = 0; size !== found.size;) {
    size = found.size;
    procedure.steps.forEach((s, i) => {
      if (dependenciesOf(procedure.steps, i).some((d) => found.has(d))) found.add(s.step_id);
    });
  }
  return procedure.steps.filter((s) => found.has(s.step_id)).map((s) => s.step_id);
}

export const severityStops = (severity: Severity, stopAt: Severity): boolean =>
  SEVERITIES.indexOf(severity) <= SEVERITIES.indexOf(stopAt);
