import { HandoffError, type ErrorCode, type ErrorParams } from '../core/errors.js';
import type { Subject } from '../core/request.js';
import type { BuiltinRuleId } from '../core/rule.js';
import type { PlanIssue } from './plan.js';

type Advice = (params: ErrorParams) => string;

/** What a person types or does next. */
const ADVICE: Partial<Record<ErrorCode, Advice>> = {
  AGENT_UNKNOWN: (p) => `handoff agents add ${String(p['agent'])}`,
  ARTIFACT_MISSING: () => 'make the file, or correct its path',
  ARTIFACT_NOT_A_FILE: () => 'send a file or folder, to a place where nothing else is',
  PATH_NOT_ALLOWED: () => 'name its folder with --source, here and for the worker',
  CONTRACT_BROKEN: () => 'mend the artifact at the place named, or agree on another contract',
  NO_TRANSFORMER: () => 'give the module that has it, here and to the worker: --module FILE',
  TRANSFORM_FAILED: () => 'mend the artifact, or send it as it is',
  CHECKSUM_MISMATCH: () => 'send the file that is meant, or correct its sha256',
  DESTINATION_RESERVED: (p) => `wait until it is closed: handoff show ${String(p['holder'])}`,
  HANDOFF_ID_CONFLICT: () => 'choose another id: --id',
  ACTION_WITHOUT_UNDO: () => 'give it an undo, or set "compensation": "irreversible"',
};

/** The error that a start or a step would meet, as an issue of the plan. */
export function issueOf(error: HandoffError, step?: string, next = ADVICE[error.code]?.(error.params)): PlanIssue {
  return { code: error.code, message: error.message, ...(step ? { step } : {}), ...(next ? { next } : {}) };
}

export const issue = (code: ErrorCode, params: ErrorParams, step?: string, next?: string): PlanIssue =>
  issueOf(new HandoffError(code, params), step, next);

/** What mends a built-in rule that failed. */
export function adviceFor(rule: string, { session, source, target }: Subject): string | undefined {
  const agent = target.agent ?? '';
  const advice: Record<BuiltinRuleId, string> = {
    VR001: `handoff phases set ${session} ${source.phase ?? ''} completed`,
    VR002: 'see what is said of the artifacts',
    VR003: `look at it, then record the phase again: handoff phases set ${session} ${source.phase ?? ''} completed`,
    VR004: `handoff agents list; where it is up: handoff agents heartbeat ${agent}`,
    VR005: 'let a step before it transfer the context: "with": {"what": ["context"]}',
    VR006: `see that ${agent} is up: handoff agents list`,
    VR007: 'change who may hand over to whom: handoff agents add --hands-off-to, --accepts-from',
    VR008: 'send the files that are meant, or correct their sha256',
    DC007: 'let a step before it transfer the artifacts: "with": {"what": ["artifacts"]}',
    DC008: agent ? `handoff agents list; where it is up: handoff agents heartbeat ${agent}` : 'see what it names',
    DC001: 'give the artifacts that the contract names',
    DC002:
      'mend the artifacts, or their schemas, at the places named; the folder of the schemas: --schemas, here and for the worker',
    DC003: 'send the files that are meant, or correct their checksums',
    DC004: 'give the artifacts the fields that the contract names',
    DC005: 'mend the artifacts at the places named',
    DC006: 'give the artifacts that the others require',
  };
  return (advice as Partial<Record<string, string>>)[rule];
}

/** The same fault met by two steps is one. */
export function withoutRepeats<T extends PlanIssue>(issues: readonly T[]): T[] {
  const seen = new Set<string>();
  return issues.filter(({ code, message }) => {
    const key = `${code} ${message}`;
    return !seen.has(key) && seen.add(key);
  });
}
