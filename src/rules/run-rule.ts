import type { Severity } from '../core/procedure.js';
import type { RuleResult } from '../core/rule.js';
import { fail, type Rule, type RuleContext, type RuleFinding } from './rule.js';

/** A rule that throws, or finds nothing, has failed, and says so: it must not hide what the others found. */
export async function runRule(
  rule: Rule,
  context: RuleContext,
  severities: Readonly<Record<string, Severity>>,
): Promise<RuleResult> {
  const started = performance.now();
  const { passed, message } = await findingOf(rule, context).catch((error: unknown) =>
    fail(`the rule itself failed: ${error instanceof Error ? error.message : String(error)}`),
  );
  const severity = severities[rule.id] ?? rule.severity;
  const durationMs = Math.round(performance.now() - started);
  return { rule: rule.id, name: rule.name, severity, passed, message, durationMs };
}

async function findingOf(rule: Rule, context: RuleContext): Promise<RuleFinding> {
  const finding = (await rule.check(context)) as RuleFinding | undefined;
  if (typeof finding?.passed !== 'boolean') throw new Error('it returned no finding');
  return { passed: finding.passed, message: String(finding.message) };
}
