import type { Severity } from '../core/procedure.js';
import type { PackageContent, Subject } from '../core/request.js';
import type { Transformers } from '../contracts/transformers.js';
import type { Storage } from '../storage/storage.js';

/** What a rule can look at. It must change nothing: a check runs as often as it likes. */
export interface RuleContext {
  subject: Subject;
  /** The step that runs it; undefined in a session of its own. */
  step?: string;
  /** What is handed over. */
  content: PackageContent;
  /** Parameters of the step. */
  with: Record<string, unknown>;
  storage: Storage;
  /** Those of the process that runs it. Default: the built-in ones. */
  transformers?: Transformers;
  /** Aborted once nobody waits for the result. */
  signal: AbortSignal;
}

export interface RuleFinding {
  passed: boolean;
  /** One line for people. */
  message: string;
}

/** A check with an id such as `VR001`. */
export interface Rule {
  id: string;
  name: string;
  severity: Severity;
  check(context: RuleContext): Promise<RuleFinding>;
}

export const pass = (message: string): RuleFinding => ({ passed: true, message });
export const fail = (message: string): RuleFinding => ({ passed: false, message });

/** The first complaint fails the rule; `all` counts what was looked at. */
export const verdictOf = (complaints: readonly (string | undefined)[], otherwise: string): RuleFinding => {
  const found = complaints.filter((c) => c !== undefined);
  return found.length > 0 ? fail(found.join('; ')) : pass(otherwise);
};
