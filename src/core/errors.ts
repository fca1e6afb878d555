/**
 * The one catalogue of errors. Activities throw them as Temporal ApplicationFailures of `type: code`,
 * the client and the command line show the same code, and docs/errors.md has a section for each.
 */
interface ErrorEntry {
  /** Text with `{name}` places that the error's params fill, and ` {name?}` for those that it may lack. */
  message: string;
  /** Whether the same call can succeed later with nothing changed by its caller. */
  retryable: boolean;
  /** Status of an HTTP answer that carries it. */
  http: number;
}

const entry = (http: number, message: string, retryable = false): ErrorEntry => ({ message, retryable, http });

export const ERRORS = {
  // Bad input, refused at the edge.
  INVALID_REQUEST: entry(400, 'The handoff request is not valid: {issues}'),
  INVALID_PROCEDURE: entry(400, 'The procedure {procedure} is not valid: {issues}'),
  INVALID_CONTRACT: entry(400, 'The contract {contract} is not valid: {issues}'),
  INVALID_ID: entry(400, '{what} {id} is not a valid id: {why}'),
  INVALID_JSON: entry(400, '{source} is not valid {format}: {why}'),
  INPUT_TOO_LARGE: entry(413, '{what} is {size} bytes; at most {limit} are allowed'),
  INVALID_MESSAGE: entry(400, 'The message {message} is not valid: {why}'),
  PROCEDURE_UNKNOWN: entry(
    404,
    'No procedure {procedure} is known here. Known: {known}. Add one with `handoff procedures add FILE` or pass it to the client.',
  ),
  AGENT_UNKNOWN: entry(
    404,
    'No agent {agent} is registered (at {where}). Register it with `handoff agents add {agent}`. {next?}',
  ),
  CONTRACT_UNKNOWN: entry(
    404,
    'No contract {contract} is known here (at {where}). Known: {known}. Add one with `handoff contract add FILE`.',
  ),
  HANDOFF_NOT_FOUND: entry(404, 'No handoff {handoff} exists. `handoff list` shows what is there.'),
  HANDOFF_ID_CONFLICT: entry(
    409,
    'Handoff {handoff} already exists: an earlier one of this id was asked for with a different request. Use another id, or send the same request to get that one.',
  ),
  ARTIFACT_UNKNOWN: entry(404, 'No artifact {artifact} is in the manifest. `handoff manifest` shows what is there.'),
  ARTIFACT_AMBIGUOUS: entry(409, '{artifact} fits several artifacts; name one by its id: {known}'),
  WRONG_STATE: entry(409, 'Handoff {handoff} is {status}; {message} is possible only while it is {allowed}. {why?}'),
  ALREADY_ACCEPTED: entry(409, 'Handoff {handoff} was already accepted by {by} (epoch {epoch}).'),
  STALE_ACCEPTANCE: entry(
    409,
    'The {what} is for epoch {epoch}, but handoff {handoff} is now at epoch {current}. Only who accepted that one completes it.',
  ),
  RETURN_UNKNOWN: entry(400, 'Handoff {handoff} expects no return {artifact}. It expects: {known}.'),
  RETURN_RECEIVED: entry(
    409,
    'Return {artifact} of handoff {handoff} was received from {by} at {at}; what has arrived is not replaced.',
  ),
  RETURN_OUTSTANDING: entry(
    409,
    'Handoff {handoff} cannot be completed yet: it still waits for {returns}. Hand it in first: `handoff submit-return {handoff}`, or submitReturn.',
  ),
  INCIDENT_NOT_OPEN: entry(
    409,
    'Handoff {handoff} has no open incident {incident?}. Open: {open}. `handoff show {handoff}` says more.',
  ),
  WRONG_INCIDENT: entry(
    409,
    'Incident {incident} of handoff {handoff} is about {kind} and cannot be {what}; possible: {instead}.',
  ),
  EXPIRED: entry(
    409,
    'Handoff {handoff} expired at {at} and can no longer be answered. Hand it over anew, under another id.',
  ),
  // Packages, contexts and pipelines.
  INVALID_PACKAGE: entry(400, 'Invalid handoff: {issues}'),
  PACKAGE_VERSION: entry(409, 'Incompatible handoff version: {version} (expected {expected})'),
  PACKAGE_EXPIRED: entry(409, 'Handoff package expired: {package} was good until {at}'),
  PACKAGE_DAMAGED: entry(422, 'Handoff package {package} at {where} is damaged: {why}'),
  PACKAGE_NOT_FOUND: entry(404, 'Handoff package not found: {package}. `handoff package list` shows what is there.'),
  PACKAGE_CONFLICT: entry(
    409,
    'Nothing of handoff package {package} was restored into session {session}: {keys} are there with other values.',
  ),
  INVALID_CONTEXT: entry(400, 'Not valid for a context: {issues}'),
  CONTEXT_NOT_FOUND: entry(404, 'Context not found for session {session}'),
  CONTEXT_TOO_LARGE: entry(
    413,
    'The context of session {session} is {size} bytes; at most {limit} are allowed. Largest: {known}',
  ),
  PIPELINE_NOT_FOUND: entry(404, 'No pipeline runs in session {session}. `handoff pipeline list` shows what is there.'),
  PIPELINE_NOT_RUNNING: entry(409, 'Pipeline is not running: session {session} is {status}.'),
  PHASE_UNKNOWN: entry(
    404,
    'No handler for phase {phase} is registered on a worker here. Known: {known}. Start one with the module that has it.',
  ),
  PIPELINE_RUNNING: entry(
    409,
    'Session {session} has a pipeline already. `handoff pipeline status {session}` says where it stands.',
  ),
  PIPELINE_RESUME_FAILED: entry(409, 'Failed to receive handoff: {why}'),
  PIPELINE_FAILED: entry(
    409,
    'The pipeline of session {session} failed at {step}: {why}. Mend that, then `handoff pipeline resume {package}`.',
  ),
  // Reliability tests.
  RELIABILITY_UNKNOWN: entry(404, 'No reliability test {configuration} is known. There are: {known}.'),
  INVALID_RELIABILITY_TEST: entry(400, 'The reliability test cannot run like this: {issues}'),
  RELIABILITY_TEST_NOT_FOUND: entry(
    404,
    'No reliability test {test} was run from this folder. {several?} `handoff reliability list` shows what is there.',
  ),
  // Reports, and the service.
  UNAUTHENTICATED: entry(401, 'This needs an API key: send `Authorization: Bearer hk_…`. {why?}'),
  FORBIDDEN: entry(403, '{actor} may not {act}: {why}'),
  INVALID_INPUT: entry(400, 'What was sent is not valid: {issues}'),
  NOT_FOUND: entry(404, 'Nothing is at {path}. /openapi.json lists what there is.'),
  METHOD_NOT_ALLOWED: entry(405, '{method} is not possible at {path}; possible: {allowed}.'),
  UNSUPPORTED_MEDIA_TYPE: entry(415, 'A body of the type {type} is not taken here; send {allowed}.'),
  RATE_LIMITED: entry(429, 'Too many requests: {limit} a minute are allowed. Try again in {seconds} s.', true),
  IDEMPOTENCY_KEY_USED: entry(422, 'The idempotency key {key} belongs to another request. Choose a new one.'),
  IDEMPOTENCY_IN_FLIGHT: entry(409, 'The request with the idempotency key {key} is still at work. Ask again.', true),
  KEY_NOT_FOUND: entry(404, 'No API key {key} is good. `handoff agents keys list` shows what is there.'),
  INVALID_SETTINGS: entry(400, 'The settings are not valid: {issues}'),
  PRECONDITION_FAILED: entry(412, '{what} has changed since: you have seen {seen}, now it is {now}. Read it again.'),
  REPORT_NOT_FOUND: entry(404, 'No report {report} exists.'),
  REPORT_EXISTS: entry(409, 'Report {report} already exists with other content. Choose another id.'),
  REPORT_STATE: entry(409, 'Report {report} is {status}; {act} is possible only while it is {allowed}.'),
  REPORT_INCOMPLETE: entry(422, 'Report {report} cannot be handed in yet: {issues}'),
  REPORT_CHANGED: entry(
    409,
    'Report {report} is now version {version} ({digest}); what you name is {named}. Read it again, and decide anew.',
  ),
  SIGN_OFF_REFUSED: entry(409, 'Report {report} cannot be signed off like this: {why}'),
  INVALID_REPORT: entry(400, 'The report is not valid: {issues}'),
  AUDIT_KEY_INVALID: entry(500, 'The key of the audit log at {where} cannot be used: {why}'),
  EVENTS_GONE: entry(
    410,
    'Events after cursor {cursor} were removed meanwhile; the oldest that are kept follow {floor}. Begin there, or anew without a cursor.',
  ),
  INVALID_WEBHOOK: entry(400, 'The webhook is not valid: {issues}'),
  WEBHOOK_NOT_FOUND: entry(404, 'No webhook {webhook} exists. `handoff webhooks list` shows what is there.'),
  TOO_MANY_LISTENERS: entry(
    429,
    'This key listens to events {count} times already; at most {limit} are allowed. Close one first.',
    true,
  ),
  // The surroundings.
  STORAGE_REQUIRED: entry(400, '{what} needs storage: give the client `storage: await openStorage()`. {why?}'),
  API_UNREACHABLE: entry(
    503,
    'The handoff service at {url} does not answer: {why}. Is `handoff serve` up there?',
    true,
  ),
  NO_WORKER: entry(
    503,
    'No worker answers on task queue {queue} in namespace {namespace}. Start one: `handoff worker` or `handoff dev`. {next?}',
    true,
  ),
  DEADLINE_EXCEEDED: entry(504, '{what} got no answer within {seconds} s. {next?}', true),
  QUERY_TOO_EARLY: entry(
    503,
    'The run was shown events ahead of their workflow task, and is built anew from its history; nothing is lost. Ask again.',
    true,
  ),
  TEMPORAL_UNREACHABLE: entry(503, '{why}', true),
  TEMPORAL_REFUSED: entry(502, '{what} was refused by the Temporal server: {why}'),
  SEARCH_ATTRIBUTES_MISSING: entry(
    409,
    'Namespace {namespace} lacks the search attributes {names}. Add them: `handoff setup --namespace {namespace}`.',
  ),
  INVALID_FAILPOINTS: entry(400, 'HANDOFF_FAILPOINTS is not valid at {entry}: {why}.'),
  PLUGIN_CONFLICT: entry(400, 'The handoff plugin does not fit this worker: {why}.'),
  STORAGE_DAMAGED: entry(500, 'The storage at {where} cannot be read: {why}'),
  DISK_FULL: entry(507, 'The disk is full while writing {path}. Make room, then try again.', true),
  // What a step can meet.
  VALIDATION_FAILED: entry(422, '{step}: {failures}'),
  RULE_UNKNOWN: entry(
    404,
    'No rule {rule} is registered on this worker. Known: {known}. Start it with the module that has the rule.',
  ),
  ACTION_UNKNOWN: entry(
    404,
    'No action {action} is registered on this worker. Known: {known}. Start it with the module that has the action.',
  ),
  ACTION_WITHOUT_UNDO: entry(
    422,
    'Action {action} has no undo on this worker: give it one, or declare its steps irreversible.',
  ),
  ARTIFACT_MISSING: entry(404, 'Artifact {artifact}: there is no file at {path}.'),
  ARTIFACT_NOT_A_FILE: entry(400, 'Artifact {artifact}: {path} is neither a regular file nor a folder.'),
  ARTIFACT_UNREADABLE: entry(403, 'Artifact {artifact}: the worker may not read {path}.'),
  ARTIFACT_LINK_REFUSED: entry(
    400,
    'Artifact {artifact}: the symbolic link {link} → {target} cannot be handed over: {why}.',
  ),
  ARTIFACT_LIMIT: entry(413, 'Artifact {artifact}: {what} is over the limit of {limit}.'),
  ARTIFACT_HOLDS_STORAGE: entry(
    400,
    'Artifact {artifact}: the folder {path} holds the data of handoff itself ({root}); name what is in it instead.',
  ),
  ARTIFACT_CHANGED: entry(409, 'Artifact {artifact} changed while it was read: {why}', true),
  CHECKSUM_MISMATCH: entry(422, 'Artifact {artifact}: expected sha256 {expected}, found {found}.'),
  CONTRACT_BROKEN: entry(422, 'The artifacts break the contract: {issues}'),
  NO_TRANSFORMER: entry(422, 'No transformer available: {transformer}. There are: {known}.'),
  TRANSFORM_FAILED: entry(422, 'The transformer {transformer} failed: {why}'),
  PATH_NOT_ALLOWED: entry(
    403,
    'Artifact {artifact}: {path} is not under an allowed source folder ({roots}). `--source` of the worker allows others.',
  ),
  DESTINATION_RESERVED: entry(409, '{resource} is reserved by handoff {holder}, which is still open.', true),
  DESTINATION_NOT_ALLOWED: entry(
    403,
    '{path} is not a folder of its own but a link or a file; artifacts are put only below {root} itself.',
  ),
  DESTINATION_NOT_WRITABLE: entry(403, 'Nothing can be written at {path}: {why}.'),
  DESTINATION_CHANGED: entry(409, '{resource} was changed by someone else while handoff {handoff} was writing it.'),
  STATE_CONFLICT: entry(409, '{resource} is not as expected: expected {expected}, found {found}.'),
  STALE_EPOCH: entry(409, 'Step {step} is at epoch {current}; this attempt belongs to epoch {epoch}.'),
  CONTENT_DAMAGED: entry(500, 'Content {uri} does not have its recorded sha256: expected {expected}, found {found}.'),
  CONTENT_MISSING: entry(404, 'Content {uri} is not in the store.'),
  UNDO_CONFLICT: entry(
    409,
    "Undo of step {step} met someone else's change of {what}: ours {ours}, theirs {theirs}, before {before}. Nothing was touched.",
  ),
  UNDO_FAILED: entry(500, 'Undo of {effect} of step {step} failed: {why}', true),
  STEP_TIMEOUT: entry(
    504,
    'No result came within the time-out ({kind}); what the attempt did is unknown until it is undone or repeated.',
    true,
  ),
  TRIGGER_REFUSED: entry(422, 'The trigger of {what} was refused: {why}'),
  TRIGGER_FAILED: entry(502, 'The trigger of {what} got no good answer: {why}', true),
  ACTION_FAILED: entry(500, 'Action {action} failed: {why}', true),
  // Outcomes, as Temporal shows them.
  HANDOFF_REJECTED: entry(409, 'Handoff {handoff} was rejected by {by}: {reason}'),
  HANDOFF_EXPIRED: entry(409, 'Handoff {handoff} expired: {reason}'),
  HANDOFF_FAILED: entry(409, 'Handoff {handoff} failed: {reason}'),
  HANDOFF_CANCELLED: entry(409, 'Handoff {handoff} was cancelled by {by}: {reason}'),
  HANDOFF_TERMINATED: entry(
    409,
    'Handoff {handoff} was terminated in Temporal without an undo. `reconcile` opens handoff/{handoff}/repair for what it left.',
  ),
  // The embedded server.
  TEMPORAL_SERVER_NOT_FOUND: entry(500, '{why}'),
  TEMPORAL_SERVER_FAILED: entry(500, '{why}'),
  TEMPORAL_SERVER_INSTALL_FAILED: entry(500, '{why}'),
  TEMPORAL_CONFIG_INVALID: entry(500, '{why}'),
  SEARCH_ATTRIBUTES_REFUSED: entry(500, '{why}'),
  PORT_IN_USE: entry(500, '{why}'),
  ALREADY_RUNNING: entry(
    409,
    '`handoff dev` already runs on {folder} (process {pid}). Other verbs find it there; Ctrl-C where it runs ends it.',
  ),
  INTERNAL: entry(500, 'Something that should not happen did: {why}'),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;
export type ErrorParams = Record<string, unknown>;

/** What explains an error may be long; a name or a value that is, was sent to us so. */
const LONG_TEXTS: ReadonlySet<string> = new Set(['why', 'issues', 'failures', 'known', 'next']);

const shown = (name: string, value: unknown): string => {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  const limit = LONG_TEXTS.has(name) ? 4000 : 400;
  return text.length > limit ? `${text.slice(0, limit)}… (${text.length} characters)` : text;
};

/** The catalogue's text for a code, its places filled from `params`. A ` {name?}` that has none is left out. */
export function errorMessage(code: ErrorCode, params: ErrorParams): string {
  return ERRORS[code].message.replace(
    / \{(\w+)\?\}|\{(\w+)\}/g,
    (_, may: string | undefined, must: string | undefined) => {
      if (must !== undefined) return shown(must, params[must] ?? `<${must}>`);
      return may === undefined || params[may] === undefined ? '' : ` ${shown(may, params[may])}`;
    },
  );
}

/** Every error of ours: `code` is a key of {@link ERRORS}, `params` are the facts, `message` the text for people. */
export class HandoffError extends Error {
  override readonly name = 'HandoffError';
  constructor(
    readonly code: ErrorCode,
    readonly params: ErrorParams = {},
    options?: { cause?: unknown },
  ) {
    super(errorMessage(code, params), options);
  }
  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }
  get http(): number {
    return ERRORS[this.code].http;
  }
  toJSON(): { code: ErrorCode; message: string; params: ErrorParams; retryable: boolean } {
    return { code: this.code, message: this.message, params: this.params, retryable: this.retryable };
  }
}

export const isErrorCode = (text: unknown): text is ErrorCode =>
  typeof text === 'string' && Object.hasOwn(ERRORS, text);

/** One thing wrong with an input: `path` is a JSON pointer into it, `''` the whole. */
export interface Issue {
  path: string;
  message: string;
}

/** `/steps/2/action: unknown action; /x: …` — for a person, at most `limit` of them. */
export function formatIssues(issues: readonly Issue[], limit = 12): string {
  const lines = issues.slice(0, limit).map((i) => `${i.path || '/'}: ${i.message}`);
  if (issues.length > limit) lines.push(`and ${issues.length - limit} more`);
  return lines.join('; ');
}

/** What is said of an input with these faults: the code, the text, and the faults as `list`. */
export const invalid = (code: ErrorCode, list: readonly Issue[]): HandoffError =>
  new HandoffError(code, { issues: formatIssues(list), list });
