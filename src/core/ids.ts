import { HandoffError } from './errors.js';

/**
 * The shapes of names that come from outside. They become file names, workflow ids and SQL keys, so all of them are
 * patterns without `/`, `\`, NUL or leading dots, and none is longer than 128 characters.
 */
export const HANDOFF_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
export const PROCEDURE_ID = /^[A-Z][A-Z0-9_]{2,63}$/;
export const STEP_ID = /^[a-z][a-z0-9_]{0,63}$/;
export const RULE_ID = /^[A-Z]{2,8}\d{3,6}$/;
export const ACTION_NAME = /^[a-z][a-z0-9_]{0,63}$/;
export const AGENT_NAME = /^@?[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
export const PHASE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
export const SESSION_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;
/** Of a package; the name of its file begins with it. */
export const PACKAGE_ID = /^hof-[A-Za-z0-9][A-Za-z0-9._-]{0,123}$/;
/** What an artifact is written in; transformers are named by two of them. */
export const FORMAT_NAME = /^[A-Za-z][A-Za-z0-9.+-]{0,31}$/;
export const ARTIFACT_NAME = /^[\p{L}\p{N}_][\p{L}\p{N} ._@+-]{0,199}$/u;

/** `id` or `id@version` of a contract in the registry; ids are like those of handoffs. */
export const CONTRACT_REF = /^([A-Za-z0-9][A-Za-z0-9._-]{0,127})(?:@(\d{1,9}\.\d{1,9}\.\d{1,9}))?$/;

/** What file systems allow for one name. */
const NAME_BYTES = 255;

/** Why a text cannot be the name of an artifact or of a schema file; undefined of one that can. `what`: such as `an artifact name`. */
export function fileNameFault(name: string, what: string): string | undefined {
  if (!ARTIFACT_NAME.test(name)) return `${printable(name)} is not ${what}: one file name without "/"`;
  if (name.includes('..')) return 'must not contain ".."';
  if (name === '__proto__') return 'the name __proto__ is not allowed';
  if (utf8Bytes(name) > NAME_BYTES) return `must not be longer than ${NAME_BYTES} bytes in UTF-8`;
  return undefined;
}

/** A workflow has no Buffer. */
function utf8Bytes(text: string): number {
  let bytes = 0;
  for (const c of text) bytes += c <= '\u007f' ? 1 : c <= '\u07ff' ? 2 : c <= '\uffff' ? 3 : 4;
  return bytes;
}

/** The same for two file names that a file system which ignores case would put in one place. */
export const fileKey = (name: string): string => name.normalize('NFC').toLowerCase();

/** What the ids of our workflows begin with. */
export const WORKFLOW_PREFIX = 'handoff/';

/** The Temporal workflow id of a handoff: `handoff/<id>`. */
export const workflowIdOf = (handoffId: string): string => `${WORKFLOW_PREFIX}${handoffId}`;

/** The workflow id of the run that repairs a handoff whose own run was terminated. */
export const repairWorkflowIdOf = (handoffId: string): string => `${WORKFLOW_PREFIX}${handoffId}/repair`;

/** The handoff that a run of this workflow id repairs, or undefined. */
export const repairedIdOf = (workflowId: string): string | undefined =>
  workflowId.endsWith('/repair') ? handoffIdOf(workflowId.slice(0, -'/repair'.length)) : undefined;

/** The workflow type of the run that repairs. */
export const REPAIR_TYPE = 'repairHandoff';
export const RECONCILE_TYPE = 'reconcileHandoffs';

/** The handoff id in a workflow id of ours, or undefined. */
export function handoffIdOf(workflowId: string): string | undefined {
  if (!workflowId.startsWith(WORKFLOW_PREFIX)) return undefined;
  const id = workflowId.slice(WORKFLOW_PREFIX.length);
  return HANDOFF_ID.test(id) ? id : undefined;
}

/** The key of one effect: `<handoff>/<step>/<stepEpoch>/<effect>`. */
export const effectKey = (handoff: string, step: string, epoch: number, effect: string): string =>
  `${handoff}/${step}/${epoch}/${effect}`;

/** A name for one line of a message: control characters made visible, 60 characters at most. */
export function printable(text: string): string {
  const clean = text.replace(/[\u0000-\u001f\u007f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return clean.length > 60 ? `"${clean.slice(0, 60)}…" (${clean.length} characters)` : `"${clean}"`;
}

/** A name from outside as it is. Throws INVALID_ID of what does not fit the pattern, or is no text. */
export function checkedName(what: string, name: unknown, pattern: RegExp): string {
  if (typeof name === 'string' && pattern.test(name)) return name;
  throw new HandoffError('INVALID_ID', { what, id: printable(String(name)), why: `it must match ${pattern.source}` });
}

/** A session's id as it is. Throws INVALID_ID. */
export const checkSession = (session: unknown): string => checkedName('Session', session, SESSION_ID);
