import { severityStops, type Severity } from './procedure.js';

/** The rules of S3 (VR) and S2 (DC), with their severities. Every worker has them; it may replace or remove each. */
export const BUILTIN_RULES = {
  VR001: { name: 'Phase Completion Check', severity: 'critical' },
  VR002: { name: 'Resource Availability Check', severity: 'critical' },
  VR003: { name: 'State Consistency Check', severity: 'high' },
  VR004: { name: 'Agent Readiness Validation', severity: 'critical' },
  VR005: { name: 'Context Transfer Validation', severity: 'critical' },
  VR006: { name: 'Connection Stability Check', severity: 'high' },
  VR007: { name: 'Permission Validation', severity: 'medium' },
  VR008: { name: 'Data Integrity Check', severity: 'high' },
  DC001: { name: 'All Required Artifacts Present', severity: 'critical' },
  DC002: { name: 'Artifacts Match Schemas', severity: 'critical' },
  DC003: { name: 'Checksums Validate', severity: 'critical' },
  DC004: { name: 'Required Fields Present', severity: 'high' },
  DC005: { name: 'Data Types Correct', severity: 'high' },
  DC006: { name: 'No Missing Dependencies', severity: 'high' },
  DC007: { name: 'Transfer Successful', severity: 'critical' },
  DC008: { name: 'Next Agent Can Start', severity: 'critical' },
} as const satisfies Record<string, { name: string; severity: Severity }>;

export type BuiltinRuleId = keyof typeof BUILTIN_RULES;

/** Rules that read only the database and file metadata, not whole artifacts as VR008 and those of contracts do, so that a check made of them may run as a local activity. */
const QUICK_RULES: ReadonlySet<string> = new Set<BuiltinRuleId>(['VR001', 'VR002', 'VR003', 'VR004', 'VR005', 'VR007']);

export const areQuick = (rules: readonly string[]): boolean => rules.every((r) => QUICK_RULES.has(r));

/** What one rule found. */
export interface RuleResult {
  rule: string;
  name: string;
  severity: Severity;
  passed: boolean;
  /** One line for people: why it failed, or what was seen. */
  message: string;
  durationMs: number;
}

/** A validation session in brief: what history carries. The rest stands in the database under `session`. */
export interface Verdict {
  session: string;
  passed: boolean;
  rules: number;
  /** `VR001 Phase Completion Check: why` for each rule that failed at a severity that stops the handoff. */
  failures: string[];
  /** The same for those that failed below it. */
  warnings: string[];
}

/** The verdict over a session's results: what stops, what only warns. */
export function judge(session: string, results: readonly RuleResult[], stopAt: Severity): Verdict {
  const failed = results.filter((r) => !r.passed);
  const line = (r: RuleResult): string => `${r.rule} ${r.name}: ${r.message}`.slice(0, 300);
  const failures = failed.filter((r) => severityStops(r.severity, stopAt)).map(line);
  return {
    session,
    passed: failures.length === 0,
    rules: results.length,
    failures,
    warnings: failed.filter((r) => !severityStops(r.severity, stopAt)).map(line),
  };
}
