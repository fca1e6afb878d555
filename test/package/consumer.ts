// A user's program: what it uses must be there under the package's own names, and be typed. test/package/tarball.test.ts
// compiles it against the packed package.
import {
  AGENT_HANDOFF_STANDARD,
  ERRORS,
  HandoffClient,
  HandoffError,
  HandoffPlugin,
  PHASE_TRANSITION_STANDARD,
  connectClient,
  connectOptions,
  createHandoffWorker,
  openStorage,
  type Action,
  type ActionContext,
  type Agent,
  type AgentSpec,
  type ArtifactSpec,
  type ConnectOverrides,
  type ConnectedClient,
  type ContextEntry,
  type Deployment,
  type Effect,
  type ErrorCode,
  type HandoffClientOptions,
  type HandoffFilter,
  type HandoffOutcome,
  type HandoffPluginOptions,
  type HandoffRequest,
  type HandoffState,
  type RunStatus,
  type HandoffSummary,
  type HandoffWorker,
  type HandoffWorkerOptions,
  type Incident,
  type Issue,
  type Outcome,
  type PackageContent,
  type Party,
  type PauseMessage,
  type PhaseRecord,
  type PhaseStatus,
  type Priority,
  type Procedure,
  type RollbackProcedure,
  type Rule,
  type RuleContext,
  type RuleFinding,
  type Severity,
  type Started,
  type Status,
  type Step,
  type StepTask,
  type Storage,
  type StorageOptions,
  type StoredHandoff,
  type Subject,
  type UndoneEffect,
  type UpdateOptions,
} from 'handoff';
import * as messages from 'handoff/messages';
import type * as worker from 'handoff/worker';

type IsAny<T> = 0 extends 1 & T ? true : false;
/** Whether there is an `any` in a type, six levels deep: in fields, parameters, and what is returned. */
type HasAny<T, Depth extends unknown[] = []> =
  IsAny<T> extends true
    ? true
    : Depth['length'] extends 6
      ? false
      : T extends (...args: infer A) => infer R
        ? HasAny<A[number], [...Depth, 0]> | HasAny<Awaited<R>, [...Depth, 0]>
        : T extends readonly (infer E)[]
          ? HasAny<E, [...Depth, 0]>
          : T extends string | Date | AbortSignal | Uint8Array | Promise<unknown>
            ? false
            : T extends object
              ? { [K in keyof T]-?: HasAny<T[K], [...Depth, 0]> }[keyof T]
              : false;
/** Compiles only for a type without `any`. What is Temporal's or the query builder's own is theirs. */
type Clean<T> = true extends HasAny<T> ? never : true;
type Own = Pick<Storage, 'folder' | 'root' | 'sources' | 'durability' | 'close'>;

export const clean: Record<string, true> = {
  client: true satisfies Clean<Omit<HandoffClient, 'storage' | 'agents' | 'sessions' | 'pipelines'>>,
  // A generator's `throw` takes anything, and a name that is one of seven or any other is a string with all its methods.
  pipelines: true satisfies Clean<Omit<HandoffClient['pipelines'], 'follow' | 'pause'>>,
  agents: true satisfies Clean<HandoffClient['agents']>,
  sessions: true satisfies Clean<HandoffClient['sessions']>,
  clientOptions: true satisfies Clean<Omit<HandoffClientOptions, 'temporal' | 'storage'>>,
  workerOptions: true satisfies Clean<Omit<HandoffWorkerOptions, 'storage' | 'worker' | 'actions' | 'rules'>>,
  pluginOptions: true satisfies Clean<Omit<HandoffPluginOptions, 'storage' | 'temporal' | 'actions' | 'rules'>>,
  worker: true satisfies Clean<Omit<HandoffWorker, 'worker' | 'storage'>>,
  deployment: true satisfies Clean<Deployment>,
  action: true satisfies Clean<Omit<ActionContext, 'storage'>>,
  rule: true satisfies Clean<Omit<RuleContext, 'storage' | 'client'>>,
  finding: true satisfies Clean<RuleFinding>,
  storage: true satisfies Clean<Own | StorageOptions>,
  connect: true satisfies Clean<ConnectOverrides>,
  request: true satisfies Clean<HandoffRequest | PackageContent | ArtifactSpec | Party | Priority>,
  state: true satisfies Clean<HandoffState | RunStatus | HandoffSummary | Incident | Status | StoredHandoff>,
  outcome: true satisfies Clean<HandoffOutcome | Outcome | UndoneEffect | Effect | Started>,
  procedure: true satisfies Clean<Procedure | RollbackProcedure | Step | Severity | StepTask | Subject>,
  registry: true satisfies Clean<Agent | AgentSpec | ContextEntry | PhaseRecord | PhaseStatus | HandoffFilter>,
  errors: true satisfies Clean<HandoffError | ErrorCode | Issue | UpdateOptions | typeof ERRORS>,
  messages: true satisfies Clean<
    | messages.PauseMessage
    | messages.ResumeMessage
    | messages.CancelMessage
    | messages.AcceptMessage
    | messages.RejectMessage
    | messages.CompleteMessage
    | messages.ExtendExpiryMessage
    | messages.RetryStepMessage
    | messages.RollbackMessage
    | messages.ResolveIncidentMessage
    | messages.HandoffSnapshot
    | messages.HandoffProgress
  >,
};
// The check itself can fail.
type Planted = { deep: { list: { find: (x: string) => Promise<{ it: any }> }[] } }; // eslint-disable-line
export const found: never = undefined as unknown as Clean<Planted>;

const rule: Rule = {
  id: 'OWN001',
  name: 'Weekday',
  severity: 'low',
  check: () => Promise.resolve({ passed: true, message: 'a working day' }),
};
const action: Action = {
  name: 'open_ticket',
  run: async ({ task, effect, signal }) => {
    signal.throwIfAborted();
    return effect('ticket', { title: task.step }, (key) => Promise.resolve({ ticket: key }));
  },
  undo: ({ key }, { storage }) => Promise.resolve(void [key, storage.folder]),
};

/** Every verb once. */
export async function everyVerb(): Promise<HandoffOutcome> {
  const connected: ConnectedClient = await connectClient({ address: connectOptions().connection.address });
  const storage = await openStorage({ folder: '.handoff' });
  const client = new HandoffClient({ temporal: connected.client, storage });
  const request: HandoffRequest = { procedure: AGENT_HANDOFF_STANDARD.procedure_id, source: { phase: 8 }, target: {} };
  const { handoffId }: Started = await client.start(request);
  const said = { by: 'me', reason: 'why' };
  const pause: PauseMessage = { ...said, until: new Date().toISOString() };
  await client.pause(handoffId, pause);
  await client.resume(handoffId, { by: 'me' });
  const { epoch } = await client.accept(handoffId, { by: 'me', leaseMinutes: 1 }, { updateId: 'one' });
  await client.extend(handoffId, { by: 'me', minutes: 5 });
  await client.complete(handoffId, { by: 'me', epoch });
  await client.reject(handoffId, said);
  const status = await client.status(handoffId);
  const incidentId = status.state?.incidents[0]?.id ?? '';
  await client.retry(handoffId, { ...said, incidentId, input: { a: 1 } });
  await client.resolve(handoffId, { ...said, incidentId, choice: 'keep_theirs' });
  await client.rollback(handoffId, { ...said, incidentId });
  await client.cancel(handoffId, said);
  const { percent } = await client.progress(handoffId);
  const listed = await client.list({ open: true, status: 'running' });
  const effects = await client.effects(handoffId);
  await client.addProcedure({ ...PHASE_TRANSITION_STANDARD, version: '2.0.0' });
  const procedures = await client.procedures();
  await client.agents.add({ name: '@me' });
  await client.sessions.setPhase('s', 8, 'completed', 'me');
  console.log(percent, listed.length, effects.length, procedures.length);
  return client.result(handoffId);
}

/** Both ways to a worker. */
export async function workers(): Promise<void> {
  const deployment: Deployment = { name: 'handoff', buildId: '1' };
  const made = await createHandoffWorker({ actions: [action], rules: [rule], deployment });
  const plugin: worker.HandoffPlugin = new HandoffPlugin({ actions: [action] });
  made.shutdown();
  await made.run();
  await plugin.close();
}

/** Messages of any Temporal client. */
export async function bare(connected: ConnectedClient): Promise<number> {
  const handle = connected.client.workflow.getHandle('handoff/ho_1');
  await handle.signal(messages.pauseSignal, { by: 'me', reason: 'why' });
  const { at } = await handle.query(messages.statusQuery);
  const { epoch } = await handle.executeUpdate(messages.acceptUpdate, { args: [{ by: 'me' }] });
  // @ts-expect-error: a message has its fields
  await handle.signal(messages.pauseSignal, { by: 'me' });
  return at + epoch;
}

export const isOurs = (error: unknown): error is HandoffError =>
  error instanceof HandoffError && error.code in ERRORS && error.code !== ('NO_SUCH_CODE' as string);
