import type { HandoffInstructions, HandoffPackageJson, HandoffStatus } from './document.js';
import { shapedInstructions } from './document-schema.js';
import type { HandoffState, Status } from '../handoff.js';
import { dueAt } from '../clock.js';
import { PACKAGE_VERSION } from '../package/package.js';
import { partyText, type PackageContent, type Subject } from '../request.js';
import { AGENT_HANDOFF_STANDARD } from '../standard-procedures.js';

/** Whether what a handoff delivers is an agent document. */
const carriesDocument = ({ type, procedure }: Pick<Subject, 'type' | 'procedure'>): boolean =>
  type === 'AGENT_HANDOFF' || procedure.id === AGENT_HANDOFF_STANDARD.procedure_id;

/** What becomes of a document's status while a handoff runs; what it leads to, where it is being undone. */
const STATUS_OF: Record<Exclude<Status, 'compensating'>, HandoffStatus> = {
  pending: 'pending',
  running: 'pending',
  awaiting_acceptance: 'pending',
  accepted: 'accepted',
  completed: 'completed',
  expired: 'expired',
  rejected: 'rejected',
  cancelled: 'rejected',
  failed: 'rejected',
};

/** Of a handoff that did not complete, the metadata say under `ending` who ended it and why. */
function presentOf(state: HandoffState | undefined): Pick<HandoffPackageJson, 'status' | 'expiresAt' | 'metadata'> {
  if (!state) return { status: 'pending' };
  const { status, ending, expiry } = state;
  const outcome = status === 'compensating' ? ending?.outcome : status;
  const expires = outcome === 'expired' ? ending?.at : dueAt(expiry);
  return {
    status: STATUS_OF[outcome ?? 'failed'],
    ...(expires === undefined ? {} : { expiresAt: new Date(expires).toISOString() }),
    ...(ending ? { metadata: { ending: { ...ending, at: new Date(ending.at).toISOString() } } } : {}),
  };
}

/** Instructions of any shape as a document has them: a text is the task, and so is the JSON of what has no task. */
function instructionsOf(given: unknown): HandoffPackageJson['instructions'] {
  if (typeof given === 'string' || given === undefined) return { task: given ?? '' };
  const shaped = shapedInstructions(given);
  return shaped ? asJson(shaped) : { task: JSON.stringify(given) };
}

const asJson = ({ deadline, ...rest }: HandoffInstructions): HandoffPackageJson['instructions'] => ({
  ...rest,
  ...(deadline === undefined ? {} : { deadline: deadline.toISOString() }),
});

/**
 * The agent document of a handoff, as JSON: what was handed over, and with `state` what has become of it. `beganAt` is in
 * milliseconds. Agents that are not named are called by their phase.
 */
export function carriedDocument(
  subject: Subject,
  content: PackageContent,
  beganAt: number,
  state?: HandoffState,
): HandoffPackageJson {
  const { version = PACKAGE_VERSION, createdAt, context: said = {}, ...others } = content.document ?? {};
  const { metadata: more, ...present } = presentOf(state);
  const listed = said.artifacts ?? [];
  const artifacts = [...listed, ...content.artifacts.map((a) => a.name).filter((name) => !listed.includes(name))];
  const metadata = { ...content.metadata, ...more };
  return {
    ...others,
    id: subject.handoffId,
    version,
    sourceAgent: subject.source.agent ?? partyText(subject.source),
    targetAgent: subject.target.agent ?? partyText(subject.target),
    priority: subject.priority,
    context: {
      ...said,
      sessionId: subject.session,
      ...(artifacts.length > 0 ? { artifacts } : {}),
      ...(Object.keys(content.context).length > 0 ? { custom: content.context } : {}),
    },
    instructions: instructionsOf(content.instructions),
    ...(content.trace ? { trace: content.trace } : {}),
    createdAt: createdAt ?? new Date(beganAt).toISOString(),
    ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
    ...present,
  };
}

/** What a target is given: of an agent handoff its document, with what the contract asks of it; of others the content. */
export function deliveryOf(subject: Subject, content: PackageContent, beganAt: number): Record<string, unknown> {
  const { artifacts, trigger: _, ...rest } = content;
  if (!carriesDocument(subject)) return { ...rest, artifacts: artifacts.map((a) => a.name) };
  const { contract, contextVersions } = content;
  return {
    ...carriedDocument(subject, content, beganAt),
    ...(contract ? { contract } : {}),
    ...(contextVersions ? { contextVersions } : {}),
  };
}
