import type { Bulk } from './client/bulk.js';
import type { EventHandler, ListenOptions } from './client/events/listen.js';
import type { OpenIncident } from './client/incidents.js';
import type { InboxItem, InboxOptions } from './client/inbox.js';
import { LocalClient, type LocalOptions } from './client/local.js';
import type { Trace } from './client/manifest.js';
import type { WaitUntil } from './client/outcome.js';
import type { PipelineClient } from './client/pipeline/pipelines.js';
import type { Actor, Reports } from './client/reports/port.js';
import type { Rebuilt } from './client/reports/rebuild.js';
import type { ReliabilityClient } from './client/reliability.js';
import { RemoteClient } from './client/remote/client.js';
import type { RemoteOptions } from './client/remote/http.js';
import type { RunStatus, UpdateOptions } from './client/runs.js';
import type { HandoffSummary } from './client/summary.js';
import type { Started } from './client/start.js';
import type { Validation, ValidateOptions } from './client/validate.js';
import type { PreparedHandoff } from './coordination/agent-handoff-coordinator.js';
import type { HandoffPackage } from './core/document/document.js';
import type { Effect } from './core/effect.js';
import type { EventType } from './core/events/event.js';
import type { HandoffFilter } from './core/filter.js';
import type { HandoffOutcome } from './core/handoff.js';
import type { ManifestDocument } from './core/manifest-document.js';
import type { ManifestFilter } from './core/manifest.js';
import type { Procedure } from './core/procedure.js';
import type { HandoffRequest } from './core/request.js';
import type { Verification } from './core/verification.js';
import type {
  AcceptMessage,
  CancelMessage,
  CompleteMessage,
  ExtendExpiryMessage,
  HandoffProgress,
  PauseMessage,
  RejectMessage,
  ResolveIncidentMessage,
  ResumeMessage,
  RetryStepMessage,
  RollbackMessage,
  SkipStepMessage,
  SubmitReturnAnswer,
  SubmitReturnMessage,
} from './messages.js';
import type { ContextManager } from './packages/context-manager.js';
import type { HandoffMetrics, MetricsFilter, ServerMetrics } from './metrics/metrics.js';
import type { HandoffPlan } from './plan/plan.js';
import type { Agents as StoredAgents } from './storage/agents.js';
import type { Contracts as StoredContracts } from './storage/contracts.js';
import type { Sessions } from './storage/sessions.js';
import type { Storage } from './storage/storage.js';
import type { VerifyOptions } from './storage/manifest/verify.js';

export type { RunStatus, Retry, UpdateOptions } from './client/runs.js';

/** Over Temporal and the workers' storage, or over HTTP. */
export type HandoffClientOptions = LocalOptions | RemoteOptions;
/** The registries, over storage and over HTTP. */
export type Agents = Pick<StoredAgents, keyof StoredAgents>;
export type Contracts = Pick<StoredContracts, keyof StoredContracts>;

/** All that a client can be asked for, however it does it. */
export type HandoffVerbs = Pick<HandoffClient, keyof HandoffClient>;

/**
 * What services call. Every call but `result` ends within its deadline, and every error is a HandoffError. Over HTTP it
 * speaks as the agent whose key it has; what has no form there throws STORAGE_REQUIRED.
 */
export class HandoffClient {
  readonly #verbs: HandoffVerbs;

  /** Throws INVALID_REQUEST for an address or a key that is none. */
  constructor(options: HandoffClientOptions) {
    this.#verbs = 'url' in options ? new RemoteClient(options) : new LocalClient(options);
  }

  /** The workers' storage, where this client has it. */
  get storage(): Storage | undefined {
    return this.#verbs.storage;
  }

  /**
   * Starts a handoff, or returns the one that the same request started before; a document that one agent has prepared for
   * another is handed over as {@link requestFrom} says. Throws the catalogue's 4xx errors.
   */
  start(request: HandoffRequest | HandoffPackage): Promise<Started> {
    return this.#verbs.start(request);
  }

  /**
   * What a handoff would do, without doing any of it: nothing is written, here or in Temporal. Throws what `start`
   * throws of a bad request; everything else that stands against it is in the plan.
   */
  plan(request: HandoffRequest | HandoffPackage): Promise<HandoffPlan> {
    return this.#verbs.plan(request);
  }

  /** Runs rules against a request, or the handoff that it started, and records that session. Throws RULE_UNKNOWN. */
  validate(request: HandoffRequest | HandoffPackage, options?: ValidateOptions): Promise<Validation> {
    return this.#verbs.validate(request, options);
  }

  /** What a handoff is doing now. Falls back to the stored record where no worker answers. Throws HANDOFF_NOT_FOUND. */
  status(id: string): Promise<RunStatus> {
    return this.#verbs.status(id);
  }

  /**
   * The document that a handoff carries, as it is now; `metadata.ending` says who ended it and why. Throws
   * HANDOFF_NOT_FOUND, CONTENT_MISSING.
   */
  document(id: string): Promise<PreparedHandoff> {
    return this.#verbs.document(id);
  }

  /** Per cent done. Throws NO_WORKER where nobody can answer. */
  progress(id: string): Promise<HandoffProgress> {
    return this.#verbs.progress(id);
  }

  /** Waits for the end, without a deadline, and returns the outcome, whichever of the five it is. */
  result(id: string, options?: WaitUntil): Promise<HandoffOutcome> {
    return this.#verbs.result(id, options);
  }

  /** Asks a handoff to pause; it takes hold at the next step boundary. */
  pause(id: string, message: PauseMessage): Promise<void> {
    return this.#verbs.pause(id, message);
  }

  resume(id: string, message: ResumeMessage): Promise<void> {
    return this.#verbs.resume(id, message);
  }

  /** Asks a handoff to undo what it did and close as cancelled. */
  cancel(id: string, message: CancelMessage): Promise<void> {
    return this.#verbs.cancel(id, message);
  }

  /** Takes an offered handoff; the epoch is needed to complete it. */
  accept(id: string, message: AcceptMessage, options?: UpdateOptions): Promise<{ epoch: number }> {
    return this.#verbs.accept(id, message, options);
  }

  reject(id: string, message: RejectMessage, options?: UpdateOptions): Promise<{ status: string }> {
    return this.#verbs.reject(id, message, options);
  }

  complete(id: string, message: CompleteMessage, options?: UpdateOptions): Promise<{ status: string }> {
    return this.#verbs.complete(id, message, options);
  }

  /**
   * Hands in what the contract expects back, all of it or none. With faults it is not taken: the answer names them, and
   * how often it can be sent again. Throws RETURN_UNKNOWN, RETURN_RECEIVED, STALE_ACCEPTANCE, PATH_NOT_ALLOWED.
   */
  submitReturn(id: string, message: SubmitReturnMessage, options?: UpdateOptions): Promise<SubmitReturnAnswer> {
    return this.#verbs.submitReturn(id, message, options);
  }

  /** Moves the expiry by so many minutes. */
  extend(id: string, message: ExtendExpiryMessage, options?: UpdateOptions): Promise<{ expiresAt: string }> {
    return this.#verbs.extend(id, message, options);
  }

  retry(id: string, message: RetryStepMessage, options?: UpdateOptions): Promise<{ incidentId: string }> {
    return this.#verbs.retry(id, message, options);
  }

  resolve(id: string, message: ResolveIncidentMessage, options?: UpdateOptions): Promise<{ incidentId: string }> {
    return this.#verbs.resolve(id, message, options);
  }

  /** Undoes what a failed step did, and goes on without it. */
  skip(id: string, message: SkipStepMessage, options?: UpdateOptions): Promise<{ incidentId: string }> {
    return this.#verbs.skip(id, message, options);
  }

  /** Undoes the whole handoff, from an incident; with `toStep` only that step and what comes after it. */
  rollback(id: string, message: RollbackMessage, options?: UpdateOptions): Promise<{ incidentId: string }> {
    return this.#verbs.rollback(id, message, options);
  }

  /** The effects ledger of a handoff, oldest first. */
  effects(id: string): Promise<Effect[]> {
    return this.#verbs.effects(id);
  }

  /** What was handed over, where it came from and where it went, as the manifest's document. */
  manifest(filter?: ManifestFilter): Promise<ManifestDocument> {
    return this.#verbs.manifest(filter);
  }

  /**
   * The whole way of one artifact, by its id, a path, a name or the beginning of its digest; `verify` hashes where it
   * lies. Throws ARTIFACT_UNKNOWN and ARTIFACT_AMBIGUOUS.
   */
  trace(artifact: string, options?: { verify?: boolean }): Promise<Trace> {
    return this.#verbs.trace(artifact, options);
  }

  /** Hashes anew what these handoffs and artifacts (without names: all) have put on disk, and names each difference. */
  verify(names?: readonly string[], options?: VerifyOptions): Promise<Verification> {
    return this.#verbs.verify(names, options);
  }

  /** Handoffs, newest first: from storage where there is one, else from Temporal's visibility, which knows less. */
  list(filter?: HandoffFilter): Promise<HandoffSummary[]> {
    return this.#verbs.list(filter);
  }

  /**
   * What waits for an agent to accept: the most urgent first, then the oldest. It is right as soon as an offer shows or
   * an answer to it has returned. Throws AGENT_UNKNOWN; `@name` and `name` are two agents.
   */
  inbox(agent: string, options?: InboxOptions): Promise<InboxItem[]> {
    return this.#verbs.inbox(agent, options);
  }

  /** What waits for a person, over all handoffs that match, oldest first. */
  incidents(filter?: HandoffFilter): Promise<OpenIncident[]> {
    return this.#verbs.incidents(filter);
  }

  /** Whether Temporal answers, and what it says of the task queues, ours first. Never throws. `withinMs`: default 3,000. */
  server(options?: { withinMs?: number }): Promise<ServerMetrics> {
    return this.#verbs.server(options);
  }

  /** The task queue of the workers that this client starts handoffs on; over HTTP it is the service's to know. */
  get taskQueue(): string {
    return this.#verbs.taskQueue;
  }

  /**
   * How many handoffs, validation sessions, pipelines and reliability tests, what became of them and how long they took;
   * and how things stand. What Temporal says is there where it answers. Throws INVALID_REQUEST.
   */
  metrics(filter?: MetricsFilter): Promise<HandoffMetrics> {
    return this.#verbs.metrics(filter);
  }

  /**
   * Calls `handler` for each event of a type (`*`: every one), in their order: over storage for all events, over HTTP for
   * those that the key may hear of. Connections that break are mended from the cursor. Returns what ends it. Throws INVALID_REQUEST.
   */
  on(event: EventType | '*', handler: EventHandler, options?: ListenOptions): () => void {
    return this.#verbs.on(event, handler, options);
  }

  /** Pause, resume, cancel and retry for all that match a filter. */
  get bulk(): Bulk {
    return this.#verbs.bulk;
  }

  /** Pipelines of phases: start, pause, resume, transfer, follow. */
  get pipelines(): PipelineClient {
    return this.#verbs.pipelines;
  }

  /**
   * Reports, on behalf of one actor, whose name and roles are believed here: the HTTP API finds them out, and over it
   * the key's agent acts, whoever is given. What a new report keeps of the settings is {@link LocalOptions.reports}.
   * Throws STORAGE_REQUIRED; INVALID_REQUEST without an actor, where one is needed.
   */
  reports(actor?: Actor): Reports {
    return this.#verbs.reports(actor);
  }

  /** Writes what lists and statistics of reports are made from anew, from their runs. Throws STORAGE_REQUIRED. */
  rebuildReports(): Promise<Rebuilt> {
    return this.#verbs.rebuildReports();
  }

  /** Reliability tests: start, status, list, stop. */
  get reliability(): ReliabilityClient {
    return this.#verbs.reliability;
  }

  /** The newest version of each procedure that can be started here. */
  procedures(): Promise<Procedure[]> {
    return this.#verbs.procedures();
  }

  /** Checks a procedure and makes it known on this storage. Throws INVALID_PROCEDURE with every issue. */
  addProcedure(definition: unknown): Promise<Procedure> {
    return this.#verbs.addProcedure(definition);
  }

  /** The registry of agents. */
  get agents(): Agents {
    return this.#verbs.agents;
  }

  /** The registry of contracts. */
  get contracts(): Contracts {
    return this.#verbs.contracts;
  }

  /** Phase records and context entries of sessions. */
  get sessions(): Sessions {
    return this.#verbs.sessions;
  }

  /** The contexts of sessions: entries with source, tags and version, found by pattern. */
  get contexts(): ContextManager {
    return this.#verbs.contexts;
  }
}
