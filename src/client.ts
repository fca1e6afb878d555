import type { Client } from '@temporalio/client';
import { Bulk } from './client/bulk.js';
import { BulkRun } from './client/bulk-run.js';
import type { Caller } from './client/calls.js';
import { documentOf } from './client/document.js';
import { openIncidents, type OpenIncident } from './client/incidents.js';
import { inboxOf, type InboxItem, type InboxOptions } from './client/inbox.js';
import { listHandoffs } from './client/list.js';
import { metricsOf } from './client/metrics.js';
import { manifestOf, traceOf, verifyArtifacts, type Trace } from './client/manifest.js';
import { awaitOutcome } from './client/outcome.js';
import { PipelineClient } from './client/pipeline/pipelines.js';
import { findRun, planHandoff } from './client/plan.js';
import type { Reports } from './client/reports/port.js';
import { rebuildReports, type Rebuilt } from './client/reports/rebuild.js';
import { LocalReports } from './client/reports/reports.js';
import { ReliabilityClient } from './client/reliability.js';
import { Runs, checkedId, type RunStatus, type UpdateOptions } from './client/runs.js';
import type { HandoffSummary } from './client/summary.js';
import { checkProcedure, knownProcedures, startHandoff, type Catalogue, type Started } from './client/start.js';
import { validateRequest, type Validation, type ValidateOptions } from './client/validate.js';
import type { PreparedHandoff } from './coordination/agent-handoff-coordinator.js';
import { asRequest } from './coordination/request-from.js';
import type { HandoffPackage } from './core/document/document.js';
import type { Effect } from './core/effect.js';
import { HandoffError } from './core/errors.js';
import type { HandoffFilter } from './core/filter.js';
import type { HandoffOutcome } from './core/handoff.js';
import type { ManifestDocument } from './core/manifest-document.js';
import type { Actor } from './core/report/report.js';
import { DEFAULT_SETTINGS, type ServiceSettings } from './core/service/settings.js';
import type { ManifestFilter } from './core/manifest.js';
import type { Procedure } from './core/procedure.js';
import { DEFAULT_TASK_QUEUE, type HandoffRequest } from './core/request.js';
import type { Verification } from './core/verification.js';
import {
  acceptUpdate,
  completeUpdate,
  extendExpiryUpdate,
  rejectUpdate,
  resolveIncidentUpdate,
  retryStepUpdate,
  rollbackUpdate,
  skipStepUpdate,
  submitReturnUpdate,
  type AcceptMessage,
  type CancelMessage,
  type CompleteMessage,
  type ExtendExpiryMessage,
  type HandoffProgress,
  type PauseMessage,
  type RejectMessage,
  type ResolveIncidentMessage,
  type ResumeMessage,
  type RetryStepMessage,
  type RollbackMessage,
  type SkipStepMessage,
  type SubmitReturnAnswer,
  type SubmitReturnMessage,
} from './messages.js';
import { ContextManager } from './packages/context-manager.js';
import type { HandoffMetrics, MetricsFilter } from './metrics/metrics.js';
import type { HandoffPlan } from './plan/plan.js';
import { Transformers, type Transformer } from './contracts/transformers.js';
import type { Rule } from './rules/rule.js';
import type { Agents } from './storage/agents.js';
import type { Contracts } from './storage/contracts.js';
import type { Sessions } from './storage/sessions.js';
import type { Storage } from './storage/storage.js';
import type { VerifyOptions } from './storage/manifest/verify.js';

export type { RunStatus, Retry, UpdateOptions } from './client/runs.js';

export interface HandoffClientOptions {
  /** A connected Temporal client; `connectClient` makes one from the usual profile and variables. */
  temporal: Client;
  /** The storage that the workers use. Without it, what needs it throws STORAGE_REQUIRED. */
  storage?: Storage;
  /** Default `handoff`. */
  taskQueue?: string;
  /** Milliseconds for each call but `result`. Default 10,000. */
  deadlineMs?: number;
  /** Procedures, actions and rules of your workers, where the storage does not tell. */
  procedures?: readonly Procedure[];
  actions?: readonly (string | { name: string; undo?: unknown })[];
  /** Of a rule itself, rather than its name, `plan` and `validate` can say what it finds. */
  rules?: readonly (string | Rule)[];
  /** Of your workers, so that `plan` and `validate` can tell what they make. */
  transformers?: readonly Transformer[];
  /** What new reports keep, how large their attachments may be, how long statistics are kept. Default: S4's. */
  reports?: Partial<ReportSettings>;
}

/** The settings of reports. */
export type ReportSettings = Pick<ServiceSettings, 'terms' | 'maxAttachmentBytes' | 'cacheSeconds'>;

/** What services call. Every call but `result` ends within its deadline, and every error is a HandoffError. */
export class HandoffClient {
  private readonly caller: Caller;
  private readonly catalogue: Catalogue;
  private readonly runs: Runs;
  private readonly rules: readonly Rule[];
  private readonly oneWay: readonly string[];
  private readonly transformers: Transformers;
  private readonly settings: ReportSettings;
  readonly storage: Storage | undefined;

  constructor(options: HandoffClientOptions) {
    const { temporal, storage, taskQueue = DEFAULT_TASK_QUEUE, deadlineMs = 10_000 } = options;
    const { rules = [], actions = [] } = options;
    this.caller = { temporal, taskQueue, deadlineMs };
    this.storage = storage;
    const { terms, maxAttachmentBytes, cacheSeconds } = { ...DEFAULT_SETTINGS, ...options.reports };
    this.settings = { terms, maxAttachmentBytes, cacheSeconds };
    this.runs = new Runs(this.caller, storage);
    this.catalogue = {
      procedures: options.procedures ?? [],
      actions: actions.map((a) => (typeof a === 'string' ? a : a.name)),
      rules: rules.map((r) => (typeof r === 'string' ? r : r.id)),
    };
    this.rules = rules.filter((r) => typeof r !== 'string');
    this.oneWay = actions.flatMap((a) => (typeof a === 'string' || a.undo ? [] : [a.name]));
    this.transformers = new Transformers(options.transformers);
  }

  /**
   * Starts a handoff, or returns the one that the same request started before; a document that one agent has prepared for
   * another is handed over as {@link requestFrom} says. Throws the catalogue's 4xx errors.
   */
  async start(request: HandoffRequest | HandoffPackage): Promise<Started> {
    return startHandoff(this.caller, this.storage, this.catalogue, asRequest(request));
  }

  /**
   * What a handoff would do, without doing any of it: nothing is written, here or in Temporal. Throws what `start`
   * throws of a bad request; everything else that stands against it is in the plan.
   */
  async plan(request: HandoffRequest | HandoffPackage): Promise<HandoffPlan> {
    const { catalogue, rules, oneWay, transformers } = this;
    const { look } = this.needStorage('A plan');
    const asking = { findRun: (id: string) => findRun(this.caller, id), catalogue, rules, oneWay, transformers };
    return planHandoff({ look, ...asking }, asRequest(request));
  }

  /** Runs rules against a request, or the handoff that it started, and records that session. Throws RULE_UNKNOWN. */
  async validate(request: HandoffRequest | HandoffPackage, options?: ValidateOptions): Promise<Validation> {
    const asked = { transformers: this.transformers, ...options };
    return validateRequest(this.needStorage('A validation'), this.catalogue, this.rules, asRequest(request), asked);
  }

  /** What a handoff is doing now. Falls back to the stored record where no worker answers. Throws HANDOFF_NOT_FOUND. */
  status(id: string): Promise<RunStatus> {
    return this.runs.status(id);
  }

  /**
   * The document that a handoff carries, as it is now; `metadata.ending` says who ended it and why. Throws
   * HANDOFF_NOT_FOUND, CONTENT_MISSING.
   */
  async document(id: string): Promise<PreparedHandoff> {
    return documentOf(this.runs, this.needStorage('The document of a handoff'), id);
  }

  /** Per cent done. Throws NO_WORKER where nobody can answer. */
  progress(id: string): Promise<HandoffProgress> {
    return this.runs.progress(id);
  }

  /** Waits for the end, without a deadline, and returns the outcome, whichever of the five it is. */
  result(id: string): Promise<HandoffOutcome> {
    return awaitOutcome(this.caller.temporal, this.storage, checkedId(id));
  }

  /** Asks a handoff to pause; it takes hold at the next step boundary. */
  pause(id: string, message: PauseMessage): Promise<void> {
    return this.runs.signal(id, 'pause', { at: new Date().toISOString(), ...message });
  }

  resume(id: string, message: ResumeMessage): Promise<void> {
    return this.runs.signal(id, 'resume', { at: new Date().toISOString(), ...message });
  }

  /** Asks a handoff to undo what it did and close as cancelled. */
  cancel(id: string, message: CancelMessage): Promise<void> {
    return this.runs.signal(id, 'cancel', message);
  }

  /** Takes an offered handoff; the epoch is needed to complete it. */
  accept(id: string, message: AcceptMessage, options?: UpdateOptions): Promise<{ epoch: number }> {
    return this.runs.update(id, 'accept', acceptUpdate, message, options);
  }

  reject(id: string, message: RejectMessage, options?: UpdateOptions): Promise<{ status: string }> {
    return this.runs.update(id, 'reject', rejectUpdate, message, options);
  }

  complete(id: string, message: CompleteMessage, options?: UpdateOptions): Promise<{ status: string }> {
    return this.runs.update(id, 'complete', completeUpdate, message, options);
  }

  /**
   * Hands in what the contract expects back, all of it or none. With faults it is not taken: the answer names them, and
   * how often it can be sent again. Throws RETURN_UNKNOWN, RETURN_RECEIVED, STALE_ACCEPTANCE, PATH_NOT_ALLOWED.
   */
  submitReturn(id: string, message: SubmitReturnMessage, options?: UpdateOptions): Promise<SubmitReturnAnswer> {
    return this.runs.update(id, 'submitReturn', submitReturnUpdate, message, options);
  }

  /** Moves the expiry by so many minutes. */
  extend(id: string, message: ExtendExpiryMessage, options?: UpdateOptions): Promise<{ expiresAt: string }> {
    return this.runs.update(id, 'extendExpiry', extendExpiryUpdate, message, options);
  }

  retry(id: string, message: RetryStepMessage, options?: UpdateOptions): Promise<{ incidentId: string }> {
    return this.runs.update(id, 'retryStep', retryStepUpdate, message, options);
  }

  resolve(id: string, message: ResolveIncidentMessage, options?: UpdateOptions): Promise<{ incidentId: string }> {
    return this.runs.update(id, 'resolveIncident', resolveIncidentUpdate, message, options);
  }

  /** Undoes what a failed step did, and goes on without it. */
  skip(id: string, message: SkipStepMessage, options?: UpdateOptions): Promise<{ incidentId: string }> {
    return this.runs.update(id, 'skipStep', skipStepUpdate, message, options);
  }

  /** Undoes the whole handoff, from an incident; with `toStep` only that step and what comes after it. */
  rollback(id: string, message: RollbackMessage, options?: UpdateOptions): Promise<{ incidentId: string }> {
    return this.runs.update(id, 'rollback', rollbackUpdate, message, options);
  }

  /** The effects ledger of a handoff, oldest first. */
  effects(id: string): Promise<Effect[]> {
    return this.needStorage('The effects ledger').ledger.list(checkedId(id));
  }

  /** What was handed over, where it came from and where it went, as the manifest's document. */
  async manifest(filter?: ManifestFilter): Promise<ManifestDocument> {
    return manifestOf(this.needStorage('The manifest'), filter);
  }

  /**
   * The whole way of one artifact, by its id, a path, a name or the beginning of its digest; `verify` hashes where it
   * lies. Throws ARTIFACT_UNKNOWN and ARTIFACT_AMBIGUOUS.
   */
  async trace(artifact: string, options?: { verify?: boolean }): Promise<Trace> {
    return traceOf(this.needStorage('A trace'), artifact, options);
  }

  /** Hashes anew what these handoffs and artifacts (without names: all) have put on disk, and names each difference. */
  async verify(names?: readonly string[], options?: VerifyOptions): Promise<Verification> {
    return verifyArtifacts(this.needStorage('A verification'), names, options);
  }

  /** Handoffs, newest first: from storage where there is one, else from Temporal's visibility, which knows less. */
  list(filter: HandoffFilter = {}): Promise<HandoffSummary[]> {
    return listHandoffs(this.caller, this.storage, filter);
  }

  /**
   * What waits for an agent to accept: the most urgent first, then the oldest. It is right as soon as an offer shows or
   * an answer to it has returned. Throws AGENT_UNKNOWN; `@name` and `name` are two agents.
   */
  async inbox(agent: string, options?: InboxOptions): Promise<InboxItem[]> {
    return inboxOf(this.needStorage('An inbox'), agent, options);
  }

  /** What waits for a person, over all handoffs that match, oldest first. */
  incidents(filter: HandoffFilter = {}): Promise<OpenIncident[]> {
    return openIncidents(this.caller, this.storage, this.runs, filter);
  }

  /**
   * How many handoffs, validation sessions, pipelines and reliability tests, what became of them and how long they took;
   * and how things stand. What Temporal says is there where it answers. Throws INVALID_REQUEST.
   */
  async metrics(filter?: MetricsFilter): Promise<HandoffMetrics> {
    return metricsOf(this.caller, this.needStorage('Metrics'), filter);
  }

  /** Pause, resume, cancel and retry for all that match a filter. */
  get bulk(): Bulk {
    return new Bulk(this.caller, this.storage, new BulkRun(this.runs, this.storage));
  }

  /** Pipelines of phases: start, pause, resume, transfer, follow. */
  get pipelines(): PipelineClient {
    const { caller, storage, catalogue } = this;
    return new PipelineClient({ caller, storage, catalogue });
  }

  /**
   * Reports, on behalf of one actor, whose name and roles are believed here: the HTTP API finds them out. What a new
   * report keeps of the settings is {@link HandoffClientOptions.reports}. Throws STORAGE_REQUIRED.
   */
  reports(actor: Actor): Reports {
    const { caller, settings } = this;
    return new LocalReports({ caller, storage: this.needStorage('Reports'), actor, ...settings });
  }

  /** Writes what lists and statistics of reports are made from anew, from their runs. Throws STORAGE_REQUIRED. */
  async rebuildReports(): Promise<Rebuilt> {
    return rebuildReports(this.needStorage('The projection of reports'), this.caller);
  }

  /** Reliability tests: start, status, list, stop. */
  get reliability(): ReliabilityClient {
    return new ReliabilityClient(this.storage);
  }

  /** The newest version of each procedure that can be started here. */
  async procedures(): Promise<Procedure[]> {
    return [...(await knownProcedures(this.catalogue, this.storage)).values()];
  }

  /** Checks a procedure and makes it known on this storage. Throws INVALID_PROCEDURE with every issue. */
  async addProcedure(definition: unknown): Promise<Procedure> {
    const storage = this.needStorage('Adding a procedure');
    return (await storage.procedures.add(await checkProcedure(definition, this.catalogue, storage))).procedure;
  }

  /** The registry of agents. */
  get agents(): Agents {
    return this.needStorage('The registry of agents').agents;
  }

  /** The registry of contracts. */
  get contracts(): Contracts {
    return this.needStorage('The registry of contracts').contracts;
  }

  /** Phase records and context entries of sessions. */
  get sessions(): Sessions {
    return this.needStorage('The state of sessions').sessions;
  }

  /** The contexts of sessions: entries with source, tags and version, found by pattern. */
  get contexts(): ContextManager {
    return new ContextManager(this.needStorage('A context'));
  }

  private needStorage(what: string): Storage {
    if (!this.storage) throw new HandoffError('STORAGE_REQUIRED', { what });
    return this.storage;
  }
}
