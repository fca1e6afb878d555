import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { SearchAttributeType, TypedSearchAttributes, defineSearchAttributeKey } from '@temporalio/common';
import { uuidv7 } from 'uuidv7';
import { missingOf } from '../core/document/completeness.js';
import { contractName, type Contract } from '../core/contract.js';
import { digestOf } from '../core/digest.js';
import { meantAgent } from '../core/near.js';
import { HandoffError, formatIssues, type Issue } from '../core/errors.js';
import { workflowIdOf } from '../core/ids.js';
import { lintProcedure, builtinActions, type Known } from '../core/procedure-lint.js';
import { parseProcedure } from '../core/procedure-schema.js';
import type { Procedure } from '../core/procedure.js';
import {
  DEFAULT_EXPIRY_MINUTES,
  INLINE_DEFINITION_LIMIT,
  PRIORITY_KEYS,
  partyText,
  type HandoffInput,
  type ListMemo,
  type NormalRequest,
  type PackageContent,
  type Subject,
  type WrittenRequest,
} from '../core/request.js';
import { checkNotExpired, parseRequest } from '../core/request-schema.js';
import { returnTermsOf } from '../core/return-terms.js';
import { BUILTIN_RULES } from '../core/rule.js';
import { SEARCH_KEYS } from '../core/search-keys.js';
import { STANDARD_PROCEDURES } from '../core/standard-procedures.js';
import { timingOf } from '../core/timing.js';
import { heldSteps } from '../core/trigger.js';
import type { Storage } from '../storage/storage.js';
import { withDeadline, type Caller } from './calls.js';
import { pinContract, pinnedBy, type Pinned } from './pin-contract.js';
import { checkTrigger } from './check-trigger.js';

const keyword = (name: string) => defineSearchAttributeKey(name, SearchAttributeType.KEYWORD);
const EXPIRY = defineSearchAttributeKey(SEARCH_KEYS.expiry, SearchAttributeType.DATETIME);

export interface Started {
  handoffId: string;
  workflowId: string;
  runId: string;
  /** True: the same request was started before, and this is that handoff. */
  existing: boolean;
  /** What an agent would have to ask before it can begin, by JSON pointer; absent where nothing is known to be missing. */
  warnings?: Issue[];
}

/** What a client knows without asking a worker. */
export interface Catalogue {
  procedures: readonly Procedure[];
  actions: readonly string[];
  rules: readonly string[];
}

/** All procedures that a client can start, the newest version of each. */
export async function knownProcedures(
  catalogue: Catalogue,
  storage: Storage | undefined,
): Promise<Map<string, Procedure>> {
  const stored = storage ? (await storage.procedures.list()).map((p) => p.procedure) : [];
  return new Map([...STANDARD_PROCEDURES, ...stored, ...catalogue.procedures].map((p) => [p.procedure_id, p]));
}

/** What a procedure may name here. Agents and procedures are read only for one that names any: most name none. */
async function knownParts(procedure: Procedure, catalogue: Catalogue, storage: Storage | undefined): Promise<Known> {
  const published = storage ? await storage.procedures.parts() : { actions: [], rules: [] };
  const known: Known = {
    actions: new Set([...builtinActions, ...published.actions, ...catalogue.actions]),
    rules: new Set([...Object.keys(BUILTIN_RULES), ...published.rules, ...catalogue.rules]),
  };
  if (storage && procedure.required_agents?.length) {
    known.agents = new Set((await storage.agents.list()).map((a) => a.name));
  }
  if (procedure.dependencies?.length) known.procedures = new Set((await knownProcedures(catalogue, storage)).keys());
  return known;
}

/** What keeps a well-formed procedure from running here. */
export async function lintHere(
  procedure: Procedure,
  catalogue: Catalogue,
  storage: Storage | undefined,
): Promise<Issue[]> {
  return lintProcedure(procedure, await knownParts(procedure, catalogue, storage));
}

/** A procedure that is well-formed and can run here. Throws INVALID_PROCEDURE with every issue. */
export async function checkProcedure(
  input: unknown,
  catalogue: Catalogue,
  storage: Storage | undefined,
): Promise<Procedure> {
  const procedure = parseProcedure(input);
  const list = await lintHere(procedure, catalogue, storage);
  if (list.length === 0) return procedure;
  throw new HandoffError('INVALID_PROCEDURE', { procedure: procedure.procedure_id, issues: formatIssues(list), list });
}

/**
 * Checks a request and starts its workflow. Everything that can be refused is refused before Temporal hears of it. The
 * same id with the same request gives the handoff that is there.
 */
export async function startHandoff(
  caller: Caller,
  storage: Storage | undefined,
  catalogue: Catalogue,
  input: unknown,
): Promise<Started> {
  const now = Date.now();
  const request = parseRequest(input, now, () => `ho_${uuidv7()}`);
  const requestDigest = digestOf(request);
  const handoff = request.handoffId;
  const known = await storage?.handoffs.find(handoff);
  if (known) {
    checkSame(handoff, known.subject.requestDigest, requestDigest);
    const there = { handoffId: handoff, workflowId: workflowIdOf(handoff), runId: known.run, existing: true };
    return withWarnings(there, await pinnedBy(known.subject, request, storage!));
  }
  let prepared: Prepared;
  try {
    prepared = await prepare(request, requestDigest, storage, catalogue, now);
  } catch (error) {
    // What a contract leads to may have changed since the same request was started, and no worker has recorded it yet.
    const there = request.contract !== undefined && (await runningAs(caller, handoff, requestDigest));
    if (there) return there;
    throw error;
  }
  return withWarnings(await launch(caller, prepared.pinned.request, prepared.input), prepared.pinned);
}

function withWarnings(started: Started, { request, contract }: Pinned): Started {
  const warnings = missingOf(request, contract);
  return warnings.length > 0 ? { ...started, warnings } : started;
}

interface Prepared {
  pinned: Pinned;
  input: HandoffInput;
}

async function prepare(
  written: WrittenRequest,
  requestDigest: string,
  storage: Storage | undefined,
  catalogue: Catalogue,
  now: number,
): Promise<Prepared> {
  checkNotExpired(written, now);
  const procedure = await checkProcedure(await procedureOf(written, catalogue, storage), catalogue, storage);
  const pinned = await pinContract(written, storage);
  await checkAgents(pinned.request, storage);
  return { pinned, input: await freeze(pinned, procedure, requestDigest, storage) };
}

/** The run that the same request started before; undefined where there is none, or nobody can be asked. */
async function runningAs(caller: Caller, handoffId: string, requestDigest: string): Promise<Started | undefined> {
  const workflowId = workflowIdOf(handoffId);
  const there = await withDeadline(caller, `The look at handoff ${handoffId}`, () =>
    caller.temporal.workflow.getHandle(workflowId).describe(),
  ).catch(() => undefined);
  if (there?.memo?.['requestDigest'] !== requestDigest) return undefined;
  return { handoffId, workflowId, runId: there.runId, existing: true };
}

/** The newest version of the procedure that a request names. Throws PROCEDURE_UNKNOWN. */
export async function procedureOf(
  { procedure }: WrittenRequest,
  catalogue: Catalogue,
  storage: Storage | undefined,
): Promise<Procedure> {
  const procedures = await knownProcedures(catalogue, storage);
  const found = procedures.get(procedure);
  if (found) return found;
  throw new HandoffError('PROCEDURE_UNKNOWN', { procedure, known: [...procedures.keys()].join(', ') });
}

function checkSame(handoff: string, existing: unknown, digest: string): void {
  if (existing !== digest) throw new HandoffError('HANDOFF_ID_CONFLICT', { handoff, existing, digest });
}

async function checkAgents(request: NormalRequest, storage: Storage | undefined): Promise<void> {
  for (const where of ['source', 'target'] as const) {
    const { agent } = request[where];
    if (agent && storage && !(await storage.agents.find(agent))) {
      const meant = meantAgent(agent, await storage.agents.list());
      throw new HandoffError('AGENT_UNKNOWN', { agent, where: `/${where}/agent`, ...meant });
    }
  }
}

/** What a request hands over. */
export const contentOf = ({ request, contract }: Pinned): PackageContent => {
  const { artifacts, context, contextVersions, trigger, instructions, trace, document, metadata } = request;
  return { artifacts, context, contextVersions, contract, trigger, instructions, trace, document, metadata };
};

/** The workflow's input: small facts, content by reference, the definition frozen. Throws STORAGE_REQUIRED, INVALID_REQUEST. */
export async function freeze(
  pinned: Pinned,
  procedure: Procedure,
  requestDigest: string,
  storage: Storage | undefined,
): Promise<HandoffInput> {
  const { request } = pinned;
  const content = contentOf(pinned);
  const { artifacts, context, contract, trigger, instructions, trace, document, metadata } = content;
  const timing = timingOf(contract?.timing, request, heldSteps(procedure));
  checkTrigger(request, procedure, timing);
  const hasContent =
    artifacts.length > 0 ||
    contract !== undefined ||
    trigger !== undefined ||
    instructions !== undefined ||
    trace !== undefined ||
    document !== undefined ||
    Object.keys(context).length + Object.keys(metadata).length > 0;
  if (hasContent && !storage)
    throw new HandoffError('STORAGE_REQUIRED', {
      what: 'A handoff with artifacts, context, instructions, trace, document, contract, trigger or metadata',
    });
  const definition = JSON.stringify(procedure);
  const large = Buffer.byteLength(definition) > INLINE_DEFINITION_LIMIT;
  if (large && !storage)
    throw new HandoffError('STORAGE_REQUIRED', { what: `A procedure of more than ${INLINE_DEFINITION_LIMIT} bytes` });
  const subject: Subject = {
    handoffId: request.handoffId,
    session: request.session,
    type: request.type,
    priority: request.priority,
    source: request.source,
    target: request.target,
    procedure: { id: procedure.procedure_id, version: procedure.version, digest: digestOf(procedure) },
    requestDigest,
    ...(contract ? { contract: factsOf(contract) } : {}),
    ...(hasContent ? { package: await storage!.blobs.put(JSON.stringify(content), 'application/json') } : {}),
  };
  return {
    subject,
    definition: large ? { ref: await storage!.blobs.put(definition, 'application/json') } : { inline: procedure },
    expiresInMs: (request.expiresInMinutes ?? DEFAULT_EXPIRY_MINUTES) * 60_000,
    acceptance: request.acceptance,
    clockWhilePaused: request.clockWhilePaused,
    expectsReturn: Object.keys(contract?.returns ?? {}).length > 0,
    ...returnTermsOf(contract),
    ...(request.expiresAt ? { expiresAt: Date.parse(request.expiresAt) } : {}),
    ...(request.startAfter ? { startAfter: Date.parse(request.startAfter) } : {}),
    ...timing,
  };
}

const factsOf = ({ id, version, digest }: Contract): NonNullable<Subject['contract']> => ({
  ...(id === undefined ? {} : { id, version }),
  digest,
});

const contractText = ({ contract }: Subject): string =>
  contract ? ` Contract ${contractName(contract)}, digest \`${contract.digest}\`.` : '';

async function launch(caller: Caller, request: NormalRequest, input: HandoffInput): Promise<Started> {
  const { subject } = input;
  const { handoffId } = request;
  const workflowId = workflowIdOf(handoffId);
  const from = partyText(subject.source);
  const to = partyText(subject.target);
  const begins = Math.max(Date.now(), input.startAfter ?? 0, input.triggerAfter ?? 0);
  const expiry = input.expiresAt ?? begins + input.expiresInMs;
  try {
    const handle = await withDeadline(caller, `The start of handoff ${handoffId}`, () =>
      caller.temporal.workflow.start(subject.procedure.id, {
        workflowId,
        taskQueue: caller.taskQueue,
        args: [input],
        // Together with the digest below this is an idempotent start: an id is used once, and a second start with it
        // is told what is there. USE_EXISTING would hide that something was there, and its digest with it.
        workflowIdReusePolicy: 'REJECT_DUPLICATE',
        workflowIdConflictPolicy: 'FAIL',
        priority: { priorityKey: PRIORITY_KEYS[subject.priority] },
        memo: {
          requestDigest: subject.requestDigest,
          procedureVersion: subject.procedure.version,
          procedureDigest: subject.procedure.digest,
          handoff: {
            procedure: subject.procedure.id,
            source: subject.source,
            target: subject.target,
            createdAt: Date.now(),
          } satisfies ListMemo,
        },
        staticSummary: `${from} → ${to}`,
        staticDetails: `Handoff \`${handoffId}\` of session \`${subject.session}\`, by ${subject.procedure.id} ${subject.procedure.version}.${contractText(subject)}`,
        typedSearchAttributes: new TypedSearchAttributes([
          { key: keyword(SEARCH_KEYS.status), value: input.startAfter === undefined ? 'running' : 'pending' },
          { key: keyword(SEARCH_KEYS.source), value: subject.source.agent ?? partyText(subject.source) },
          { key: keyword(SEARCH_KEYS.target), value: subject.target.agent ?? partyText(subject.target) },
          { key: keyword(SEARCH_KEYS.priority), value: subject.priority },
          { key: keyword(SEARCH_KEYS.session), value: subject.session },
          { key: EXPIRY, value: new Date(expiry) },
        ]),
      }),
    );
    return { handoffId, workflowId, runId: handle.firstExecutionRunId, existing: false };
  } catch (error) {
    if (error instanceof HandoffError && error.code === 'DEADLINE_EXCEEDED') {
      const next = `It may have begun. Start it again as ${handoffId}: under one id it begins once.`;
      throw new HandoffError('DEADLINE_EXCEEDED', { ...error.params, next }, { cause: error });
    }
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    const there = await withDeadline(caller, `The look at handoff ${handoffId}`, () =>
      caller.temporal.workflow.getHandle(workflowId).describe(),
    );
    checkSame(handoffId, there.memo?.['requestDigest'], subject.requestDigest);
    return { handoffId, workflowId, runId: there.runId, existing: true };
  }
}
