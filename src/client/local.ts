import type { Client } from '@temporalio/client';
import type { HandoffVerbs } from '../client.js';
import { LocalBulk, type Bulk } from './bulk.js';
import { BulkRun } from './bulk-run.js';
import type { Caller } from './calls.js';
import { documentOf } from './document.js';
import { openIncidents, type OpenIncident } from './incidents.js';
import { inboxOf, type InboxItem, type InboxOptions } from './inbox.js';
import { listHandoffs } from './list.js';
import { metricsOf, serverMetrics } from './metrics.js';
import { manifestOf, traceOf, verifyArtifacts, type Trace } from './manifest.js';
import { awaitOutcome, type WaitUntil } from './outcome.js';
import { LocalPipelines, type PipelineClient } from './pipeline/pipelines.js';
import { findRun, planHandoff } from './plan.js';
import type { Reports } from './reports/port.js';
import { rebuildReports, type Rebuilt } from './reports/rebuild.js';
import { LocalReports } from './reports/reports.js';
import { ReliabilityClient } from './reliability.js';
import { Runs, checkedId, type RunStatus, type UpdateOptions } from './runs.js';
import type { HandoffSummary } from './summary.js';
import { checkProcedure, knownProcedures, startHandoff, type Catalogue, type Started } from './start.js';
import { validateRequest, type Validation, type ValidateOptions } from './validate.js';
import type { PreparedHandoff } from '../coordination/agent-handoff-coordinator.js';
import { asRequest } from '../coordination/request-from.js';
import type { HandoffPackage } from '../core/document/document.js';
import type { Effect } from '../core/effect.js';
import type { EventType } from '../core/events/event.js';
import { listenLocally, type EventHandler, type ListenOptions } from './events/listen.js';
import { HandoffError, invalid } from '../core/errors.js';
import type { HandoffFilter } from '../core/filter.js';
import type { HandoffOutcome } from '../core/handoff.js';
import type { ManifestDocument } from '../core/manifest-document.js';
import type { Actor } from '../core/report/report.js';
import { DEFAULT_SETTINGS, type ServiceSettings } from '../core/service/settings.js';
import type { ManifestFilter } from '../core/manifest.js';
import type { Procedure } from '../core/procedure.js';
import { DEFAULT_TASK_QUEUE, type HandoffRequest } from '../core/request.js';
import type { Verification } from '../core/verification.js';
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
} from '../messages.js';
import { ContextManager } from '../packages/context-manager.js';
import type { HandoffMetrics, MetricsFilter, ServerMetrics } from '../metrics/metrics.js';
import type { HandoffPlan } from '../plan/plan.js';
import { Transformers, type Transformer } from '../contracts/transformers.js';
import type { Rule } from '../rules/rule.js';
import type { Agents } from '../storage/agents.js';
import type { Contracts } from '../storage/contracts.js';
import type { Sessions } from '../storage/sessions.js';
import type { Storage } from '../storage/storage.js';
import type { VerifyOptions } from '../storage/manifest/verify.js';

/** What a client over Temporal is made with. */
export interface LocalOptions {
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

/** The verbs over Temporal and the workers' own storage. */
export class LocalClient implements HandoffVerbs {
  private readonly caller: Caller;
  private readonly catalogue: Catalogue;
  private readonly runs: Runs;
  private readonly rules: readonly Rule[];
  private readonly oneWay: readonly string[];
  private readonly transformers: Transformers;
  private readonly settings: ReportSettings;
  readonly storage: Storage | undefined;

  constructor(options: LocalOptions) {
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

  async start(request: HandoffRequest | HandoffPackage): Promise<Started> {
    return startHandoff(this.caller, this.storage, this.catalogue, asRequest(request));
  }

  async plan(request: HandoffRequest | HandoffPackage): Promise<HandoffPlan> {
    const { catalogue, rules, oneWay, transformers } = this;
    const { look } = this.needStorage('A plan');
    const asking = { findRun: (id: string) => findRun(this.caller, id), catalogue, rules, oneWay, transformers };
    return planHandoff({ look, ...asking }, asRequest(request));
  }

  async validate(request: HandoffRequest | HandoffPackage, options?: ValidateOptions): Promise<Validation> {
    const asked = { transformers: this.transformers, ...options };
    return validateRequest(this.needStorage('A validation'), this.catalogue, this.rules, asRequest(request), asked);
  }

  status(id: string): Promise<RunStatus> {
    return this.runs.status(id);
  }

  async document(id: string): Promise<PreparedHandoff> {
    return documentOf(this.runs, this.needStorage('The document of a handoff'), id);
  }

  progress(id: string): Promise<HandoffProgress> {
    return this.runs.progress(id);
  }

  async result(id: string, { signal }: WaitUntil = {}): Promise<HandoffOutcome> {
    const { temporal } = this.caller;
    const wait = (): Promise<HandoffOutcome> => awaitOutcome(temporal, this.storage, checkedId(id));
    return signal ? temporal.withAbortSignal(signal, wait) : wait();
  }

  pause(id: string, message: PauseMessage): Promise<void> {
    return this.runs.signal(id, 'pause', { at: new Date().toISOString(), ...message });
  }

  resume(id: string, message: ResumeMessage): Promise<void> {
    return this.runs.signal(id, 'resume', { at: new Date().toISOString(), ...message });
  }

  cancel(id: string, message: CancelMessage): Promise<void> {
    return this.runs.signal(id, 'cancel', message);
  }

  accept(id: string, message: AcceptMessage, options?: UpdateOptions): Promise<{ epoch: number }> {
    return this.runs.update(id, 'accept', acceptUpdate, message, options);
  }

  reject(id: string, message: RejectMessage, options?: UpdateOptions): Promise<{ status: string }> {
    return this.runs.update(id, 'reject', rejectUpdate, message, options);
  }

  complete(id: string, message: CompleteMessage, options?: UpdateOptions): Promise<{ status: string }> {
    return this.runs.update(id, 'complete', completeUpdate, message, options);
  }

  submitReturn(id: string, message: SubmitReturnMessage, options?: UpdateOptions): Promise<SubmitReturnAnswer> {
    return this.runs.update(id, 'submitReturn', submitReturnUpdate, message, options);
  }

  extend(id: string, message: ExtendExpiryMessage, options?: UpdateOptions): Promise<{ expiresAt: string }> {
    return this.runs.update(id, 'extendExpiry', extendExpiryUpdate, message, options);
  }

  retry(id: string, message: RetryStepMessage, options?: UpdateOptions): Promise<{ incidentId: string }> {
    return this.runs.update(id, 'retryStep', retryStepUpdate, message, options);
  }

  resolve(id: string, message: ResolveIncidentMessage, options?: UpdateOptions): Promise<{ incidentId: string }> {
    return this.runs.update(id, 'resolveIncident', resolveIncidentUpdate, message, options);
  }

  skip(id: string, message: SkipStepMessage, options?: UpdateOptions): Promise<{ incidentId: string }> {
    return this.runs.update(id, 'skipStep', skipStepUpdate, message, options);
  }

  rollback(id: string, message: RollbackMessage, options?: UpdateOptions): Promise<{ incidentId: string }> {
    return this.runs.update(id, 'rollback', rollbackUpdate, message, options);
  }

  effects(id: string): Promise<Effect[]> {
    return this.needStorage('The effects ledger').ledger.list(checkedId(id));
  }

  async manifest(filter?: ManifestFilter): Promise<ManifestDocument> {
    return manifestOf(this.needStorage('The manifest'), filter);
  }

  async trace(artifact: string, options?: { verify?: boolean }): Promise<Trace> {
    return traceOf(this.needStorage('A trace'), artifact, options);
  }

  async verify(names?: readonly string[], options?: VerifyOptions): Promise<Verification> {
    return verifyArtifacts(this.needStorage('A verification'), names, options);
  }

  list(filter: HandoffFilter = {}): Promise<HandoffSummary[]> {
    return listHandoffs(this.caller, this.storage, filter);
  }

  async inbox(agent: string, options?: InboxOptions): Promise<InboxItem[]> {
    return inboxOf(this.needStorage('An inbox'), agent, options);
  }

  incidents(filter: HandoffFilter = {}): Promise<OpenIncident[]> {
    return openIncidents(this.caller, this.storage, this.runs, filter);
  }

  server({ withinMs }: { withinMs?: number } = {}): Promise<ServerMetrics> {
    return serverMetrics(this.caller, this.storage, withinMs);
  }

  get taskQueue(): string {
    return this.caller.taskQueue;
  }

  async metrics(filter?: MetricsFilter): Promise<HandoffMetrics> {
    return metricsOf(this.caller, this.needStorage('Metrics'), filter);
  }

  on(event: EventType | '*', handler: EventHandler, options?: ListenOptions): () => void {
    return listenLocally(this.needStorage('Hearing of events'), event, handler, options);
  }

  get bulk(): Bulk {
    return new LocalBulk(this.caller, this.storage, new BulkRun(this.runs, this.storage));
  }

  get pipelines(): PipelineClient {
    const { caller, storage, catalogue } = this;
    return new LocalPipelines({ caller, storage, catalogue });
  }

  reports(actor?: Actor): Reports {
    if (!actor) throw invalid('INVALID_REQUEST', [{ path: '/actor', message: 'must say who acts: { by, roles }' }]);
    const { caller, settings } = this;
    return new LocalReports({ caller, storage: this.needStorage('Reports'), actor, ...settings });
  }

  async rebuildReports(): Promise<Rebuilt> {
    return rebuildReports(this.needStorage('The projection of reports'), this.caller);
  }

  get reliability(): ReliabilityClient {
    return new ReliabilityClient(this.storage);
  }

  async procedures(): Promise<Procedure[]> {
    return [...(await knownProcedures(this.catalogue, this.storage)).values()];
  }

  async addProcedure(definition: unknown): Promise<Procedure> {
    const storage = this.needStorage('Adding a procedure');
    return (await storage.procedures.add(await checkProcedure(definition, this.catalogue, storage))).procedure;
  }

  get agents(): Agents {
    return this.needStorage('The registry of agents').agents;
  }

  get contracts(): Contracts {
    return this.needStorage('The registry of contracts').contracts;
  }

  get sessions(): Sessions {
    return this.needStorage('The state of sessions').sessions;
  }

  get contexts(): ContextManager {
    return new ContextManager(this.needStorage('A context'));
  }

  private needStorage(what: string): Storage {
    if (!this.storage) throw new HandoffError('STORAGE_REQUIRED', { what });
    return this.storage;
  }
}
