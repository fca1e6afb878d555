import { DEFAULT_STEP_TIMEOUT_S, hasEffect, severityStops, type Procedure, type Step } from '../core/procedure.js';
import { expectedArtifacts, type PackageContent, type Subject } from '../core/request.js';
import type { BuiltinRuleId, RuleResult } from '../core/rule.js';
import { builtinRules } from '../rules/builtin.js';
import type { Rule, RuleContext } from '../rules/rule.js';
import { runRule } from '../rules/run-rule.js';
import type { Transformers } from '../contracts/transformers.js';
import type { Storage } from '../storage/storage.js';
import { handsOver, named, ownSteps } from './order.js';
import type { PlannedRule } from './plan.js';

/** What rules look at. */
export interface Sight {
  subject: Subject;
  content: PackageContent;
  storage: Storage;
  rules: ReadonlyMap<string, Rule>;
  /** Default: the built-in ones. */
  transformers?: Transformers;
}

type LooksAt = (step: Step, sight: Pick<Sight, 'subject' | 'content'>) => boolean;

const byContract: LooksAt = (step, { content }) => handsOver(step, 'artifacts') && content.contract !== undefined;

/**
 * Built-in rules that look at what an earlier step of the same handoff has done, and at which step's deed. All others
 * look at what no built-in action changes, or changes so that a rule that passes now passes then.
 */
const LOOKS_AT: Partial<Record<BuiltinRuleId, LooksAt>> = {
  VR003: (step, { subject, content }) =>
    step.action === 'sync_state' &&
    (Object.keys(content.context).length > 0 || Boolean(subject.source.phase ?? subject.target.phase)),
  VR005: (step) => handsOver(step, 'context'),
  VR008: (step, { content }) => handsOver(step, 'artifacts') && content.artifacts.length > 0,
  DC007: (step, { content }) => handsOver(step, 'artifacts') && expectedArtifacts(content).length > 0,
  DC008: (step, { content }) => handsOver(step, 'artifacts') && expectedArtifacts(content).length > 0,
  DC001: byContract,
  DC002: byContract,
  DC003: byContract,
  DC004: byContract,
  DC005: byContract,
  DC006: byContract,
};

/** The rules that this process has: the built-in ones, and a user's laid over them. */
export const knownRules = (own: readonly Rule[]): ReadonlyMap<string, Rule> =>
  new Map([...builtinRules, ...own].map((r) => [r.id, r]));

const isBuiltin = (rule: Rule): boolean => builtinRules.includes(rule);

/** Of `earlier`, the steps whose deeds a rule looks at, so that it can be told only once they have acted. */
export function opensAfter(rule: Rule, earlier: readonly Step[], sight: Sight): Step[] {
  const looksAt = isBuiltin(rule) ? LOOKS_AT[rule.id as BuiltinRuleId] : undefined;
  return looksAt ? earlier.filter((s) => looksAt(s, sight)) : [];
}

/** Severities that a procedure sets for itself. */
export const severitiesOf = ({
  validation_rules: refs = [],
}: Procedure): Record<string, NonNullable<RuleResult['severity']>> =>
  Object.fromEntries(refs.flatMap((r) => (r.severity ? [[r.rule_id, r.severity] as const] : [])));

/** The rules of a step against the state as it is now, in parallel. */
export function planRules(
  step: Step,
  earlier: readonly Step[],
  procedure: Procedure,
  sight: Sight,
): Promise<PlannedRule[]> {
  return Promise.all((step.rules ?? []).map((id) => planRule(id, step, earlier, procedure, sight)));
}

async function planRule(
  id: string,
  step: Step,
  earlier: readonly Step[],
  procedure: Procedure,
  sight: Sight,
): Promise<PlannedRule> {
  const rule = sight.rules.get(id);
  const severities = severitiesOf(procedure);
  const severity = severities[id] ?? rule?.severity;
  const stops = severity === undefined || severityStops(severity, procedure.stop_at_severity ?? 'high');
  const found = (result: PlannedRule['result'], message: string): PlannedRule => ({
    rule: id,
    name: rule?.name ?? procedure.validation_rules?.find((r) => r.rule_id === id)?.name ?? id,
    ...(severity ? { severity } : {}),
    result,
    stops,
    message,
  });
  if (!rule) return found('not_run', 'not run here: the workers have this rule');
  const opens = opensAfter(rule, earlier, sight);
  if (opens.length > 0) return found('open', `can be told only after ${named(opens)}`);
  const { passed, message } = await inTime(rule, step, sight, severities);
  if (passed) return found('passed', message);
  const changes = isBuiltin(rule) ? ownSteps(earlier) : earlier.filter(hasEffect);
  return changes.length > 0
    ? found('open', `as of now: ${message}; ${named(changes)} comes before and may change that`)
    : found('failed', message);
}

/** One rule as a step's attempt would run it; where it takes longer than that may, it has failed. */
export async function inTime(
  rule: Rule,
  step: Pick<Step, 'timeout' | 'with'> & { step_id?: string },
  { subject, content, storage, transformers }: Sight,
  severities: ReturnType<typeof severitiesOf>,
): Promise<RuleResult> {
  const seconds = step.timeout ?? DEFAULT_STEP_TIMEOUT_S;
  const stop = new AbortController();
  const context: RuleContext = { subject, content, with: step.with ?? {}, storage, transformers, signal: stop.signal };
  if (step.step_id) context.step = step.step_id;
  let timer: NodeJS.Timeout | undefined;
  const late: Rule['check'] = () =>
    new Promise((resolve) => {
      timer = setTimeout(() => {
        stop.abort();
        resolve({ passed: false, message: `it found nothing within ${seconds} s` });
      }, seconds * 1000);
    });
  try {
    return await Promise.race([
      runRule(rule, context, severities),
      runRule({ ...rule, check: late }, context, severities),
    ]);
  } finally {
    clearTimeout(timer);
  }
}
