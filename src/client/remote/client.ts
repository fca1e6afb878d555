import type { Agents, Contracts, HandoffVerbs } from '../../client.js';
import { AgentHandoffCoordinator, type PreparedHandoff } from '../../coordination/agent-handoff-coordinator.js';
import { asRequest } from '../../coordination/request-from.js';
import type { HandoffPackage, HandoffPackageJson } from '../../core/document/document.js';
import type { Effect } from '../../core/effect.js';
import type { EventType } from '../../core/events/event.js';
import { connectEvents } from '../events/connect.js';
import { checkListening, handing, tell, warn, type EventHandler, type ListenOptions } from '../events/listen.js';
import { HandoffError } from '../../core/errors.js';
import { checkedFilter, type HandoffFilter } from '../../core/filter.js';
import type { HandoffOutcome, MessageName } from '../../core/handoff.js';
import type { ManifestDocument } from '../../core/manifest-document.js';
import { checkedManifestFilter, type ManifestFilter } from '../../core/manifest.js';
import type { Procedure } from '../../core/procedure.js';
import type { HandoffRequest } from '../../core/request.js';
import type { Verification } from '../../core/verification.js';
import type * as m from '../../messages.js';
import { checkedMetricsFilter } from '../../metrics/filter.js';
import type { HandoffMetrics, MetricsFilter, ServerMetrics } from '../../metrics/metrics.js';
import type { HandoffPlan } from '../../plan/plan.js';
import type { VerifyOptions } from '../../storage/manifest/verify.js';
import type { Bulk } from '../bulk.js';
import type { OpenIncident } from '../incidents.js';
import { checkedInbox, type InboxItem, type InboxOptions } from '../inbox.js';
import type { Trace } from '../manifest.js';
import type { WaitUntil } from '../outcome.js';
import type { PipelineClient } from '../pipeline/pipelines.js';
import type { Actor, Reports } from '../reports/port.js';
import { checkMessage, checkedId, type RunStatus, type UpdateOptions } from '../runs.js';
import type { Started } from '../start.js';
import type { HandoffSummary } from '../summary.js';
import type { Validation, ValidateOptions } from '../validate.js';
import { RemoteBulk } from './bulk.js';
import { Http, bounded, pathTo, type RemoteOptions } from './http.js';
import { filterQuery, iso } from './query.js';
import { remoteAgents, remoteContracts } from './registries.js';
import { remoteReports } from './reports.js';

/** The most that one page of a list has, and the longest that one question for a result is held. */
const PAGE = 200;
const WAIT_SECONDS = 60;

/** The verbs over the HTTP API. The types say who may what; the service decides it by the key. */
export class RemoteClient implements HandoffVerbs {
  readonly storage = undefined;
  readonly #at: RemoteOptions;
  private readonly http: Http;

  constructor(options: RemoteOptions) {
    this.#at = options;
    this.http = new Http(options);
  }

  async start(request: HandoffRequest | HandoffPackage): Promise<Started> {
    return this.http.send('POST', '/handoffs', bounded(asRequest(request)));
  }

  async plan(request: HandoffRequest | HandoffPackage): Promise<HandoffPlan> {
    return this.http.send('POST', '/plan', bounded(asRequest(request)));
  }

  async validate(request: HandoffRequest | HandoffPackage, options: ValidateOptions = {}): Promise<Validation> {
    const { rules, procedure, transformers } = options;
    if (transformers) throw noHttp('A validation with transformers', 'they are functions of this process');
    const query = { procedure, rules: rules?.join(',') };
    return this.http.send('POST', '/validate', bounded(asRequest(request)), { query });
  }

  async status(id: string): Promise<RunStatus> {
    return this.http.get(of(id));
  }

  async document(id: string): Promise<PreparedHandoff> {
    return AgentHandoffCoordinator.parseHandoff(await this.http.get<HandoffPackageJson>(of(id, 'document')));
  }

  async progress(id: string): Promise<m.HandoffProgress> {
    return this.http.get(of(id, 'progress'));
  }

  async result(id: string, { signal }: WaitUntil = {}): Promise<HandoffOutcome> {
    const query = { wait_seconds: WAIT_SECONDS };
    const path = of(id, 'result');
    for (;;) {
      // The service answers within that time; much later there is nobody.
      const deadlineMs = WAIT_SECONDS * 1000 + this.http.deadlineMs;
      const { status, bytes } = await this.http.call('GET', path, { query, deadlineMs, signal });
      if (status === 200) return JSON.parse(Buffer.from(bytes).toString('utf8')) as HandoffOutcome;
    }
  }

  pause(id: string, message: m.PauseMessage): Promise<void> {
    return this.say(id, 'pause', message);
  }

  resume(id: string, message: m.ResumeMessage): Promise<void> {
    return this.say(id, 'resume', message);
  }

  cancel(id: string, message: m.CancelMessage): Promise<void> {
    return this.say(id, 'cancel', message);
  }

  accept(id: string, message: m.AcceptMessage, options?: UpdateOptions): Promise<{ epoch: number }> {
    return this.say(id, 'accept', message, options);
  }

  reject(id: string, message: m.RejectMessage, options?: UpdateOptions): Promise<{ status: string }> {
    return this.say(id, 'reject', message, options);
  }

  complete(id: string, message: m.CompleteMessage, options?: UpdateOptions): Promise<{ status: string }> {
    return this.say(id, 'complete', message, options);
  }

  submitReturn(id: string, message: m.SubmitReturnMessage, options?: UpdateOptions): Promise<m.SubmitReturnAnswer> {
    return this.say(id, 'submitReturn', message, options);
  }

  extend(id: string, message: m.ExtendExpiryMessage, options?: UpdateOptions): Promise<{ expiresAt: string }> {
    return this.say(id, 'extendExpiry', message, options);
  }

  retry(id: string, message: m.RetryStepMessage, options?: UpdateOptions): Promise<{ incidentId: string }> {
    return this.say(id, 'retryStep', message, options);
  }

  resolve(id: string, message: m.ResolveIncidentMessage, options?: UpdateOptions): Promise<{ incidentId: string }> {
    return this.say(id, 'resolveIncident', message, options);
  }

  skip(id: string, message: m.SkipStepMessage, options?: UpdateOptions): Promise<{ incidentId: string }> {
    return this.say(id, 'skipStep', message, options);
  }

  rollback(id: string, message: m.RollbackMessage, options?: UpdateOptions): Promise<{ incidentId: string }> {
    return this.say(id, 'rollback', message, options);
  }

  async effects(id: string): Promise<Effect[]> {
    return (await this.http.get<{ effects: Effect[] }>(of(id, 'effects'))).effects;
  }

  async manifest(filter: ManifestFilter = {}): Promise<ManifestDocument> {
    const { phase, ...rest } = checkedManifestFilter(filter);
    return this.http.get('/manifest', { ...rest, phase });
  }

  async trace(artifact: string, options: { verify?: boolean } = {}): Promise<Trace> {
    return this.http.get('/trace', { artifact, verify: options.verify }, { deadlineMs: Infinity });
  }

  /** The service hashes all of it before it answers: `onProgress` has nothing to tell. */
  async verify(names?: readonly string[], _options?: VerifyOptions): Promise<Verification> {
    return this.http.send('POST', '/verify', names ? { names } : {}, { deadlineMs: Infinity });
  }

  async list(filter: HandoffFilter = {}): Promise<HandoffSummary[]> {
    const { limit = 100, ...rest } = checkedFilter(filter);
    const found: HandoffSummary[] = [];
    for (let cursor: string | undefined; ;) {
      const query = { ...filterQuery(rest), limit: Math.min(limit - found.length, PAGE), cursor };
      const page = await this.http.get<{ handoffs: HandoffSummary[]; next_cursor?: string }>('/handoffs', query);
      found.push(...page.handoffs);
      cursor = page.next_cursor;
      if (cursor === undefined || found.length >= limit) return found;
    }
  }

  async inbox(agent: string, options: InboxOptions = {}): Promise<InboxItem[]> {
    const limit = checkedInbox(agent, options);
    return (await this.http.get<{ inbox: InboxItem[] }>(pathTo('inbox', agent), { limit })).inbox;
  }

  async incidents(filter: HandoffFilter = {}): Promise<OpenIncident[]> {
    // As with storage, a status of its own means nothing here.
    const { status: _, ...query } = filterQuery(checkedFilter(filter));
    return (await this.http.get<{ incidents: OpenIncident[] }>('/incidents', query)).incidents;
  }

  async server(): Promise<ServerMetrics> {
    const away = (why: string): ServerMetrics => ({ up: false, why, taskQueues: [] });
    const asked = this.metrics({ since: Date.now() }).then(({ server }) => server ?? away('the service did not say'));
    return asked.catch((error: Error) => away(error.message));
  }

  get taskQueue(): never {
    throw noHttp('The task queue', 'the service starts handoffs on its own');
  }

  async metrics(filter: MetricsFilter = {}): Promise<HandoffMetrics> {
    const { since, until, ...rest } = checkedMetricsFilter(filter);
    return this.http.get('/metrics', { ...rest, since: iso(since), until: iso(until) });
  }

  on(event: EventType | '*', handler: EventHandler, options: ListenOptions = {}): () => void {
    checkListening(event, handler, options);
    const { onError = warn, cursor } = options;
    return connectEvents(this.#at.url, this.#at.apiKey, {
      onEvent: handing(handler, options),
      onEnd: (error) => tell(onError, error),
      ...(cursor === undefined ? {} : { cursor }),
      ...(event === '*' ? {} : { types: [event] }),
    });
  }

  get bulk(): Bulk {
    return new RemoteBulk(this.http);
  }

  get agents(): Agents {
    return remoteAgents(this.http);
  }

  get contracts(): Contracts {
    return remoteContracts(this.http);
  }

  /** Whoever `actor` is: it is the key's agent that acts. */
  reports(_actor?: Actor): Reports {
    return remoteReports(this.http);
  }

  async rebuildReports(): Promise<never> {
    throw noHttp('The projection of reports', 'it is written anew where the storage is');
  }

  async procedures(): Promise<Procedure[]> {
    return (await this.http.get<{ procedures: Procedure[] }>('/procedures')).procedures;
  }

  async addProcedure(definition: unknown): Promise<Procedure> {
    return this.http.send('POST', '/procedures', bounded(definition, 'The procedure'));
  }

  get pipelines(): PipelineClient {
    throw noHttp('A pipeline', 'the HTTP API has handoffs and reports');
  }

  get reliability(): never {
    throw noHttp('A reliability test', 'it runs beside the storage that it writes to');
  }

  get sessions(): never {
    throw noHttp('The state of sessions', 'workers keep it, and nothing of it is sent over HTTP');
  }

  get contexts(): never {
    throw noHttp('A context', 'workers keep it, and nothing of it is sent over HTTP');
  }

  /** Checked here as over Temporal, so that what is not whole is not sent. */
  private async say<R>(id: string, name: MessageName, message: object, options: UpdateOptions = {}): Promise<R> {
    const path = of(id, PATHS[name]);
    checkMessage(name, message);
    const { updateId } = options;
    return this.http.send('POST', path, message, updateId === undefined ? {} : { key: updateId });
  }
}

/** The path of each message below its handoff. */
const PATHS: Record<MessageName, string> = {
  pause: 'pause',
  resume: 'resume',
  cancel: 'cancel',
  accept: 'accept',
  reject: 'reject',
  complete: 'complete',
  submitReturn: 'return',
  extendExpiry: 'extend',
  retryStep: 'retry',
  skipStep: 'skip',
  resolveIncident: 'resolve',
  rollback: 'rollback',
};

const of = (id: string, ...more: string[]): string => pathTo('handoffs', checkedId(id), ...more);

const noHttp = (what: string, why: string): HandoffError =>
  new HandoffError('STORAGE_REQUIRED', { what, why: `There is none over HTTP: ${why}.` });
