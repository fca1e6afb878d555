/** The public API of handoff. */
export { HandoffClient, type HandoffClientOptions, type HandoffStatus, type UpdateOptions } from './client.js';
export type { HandoffSummary } from './client/list.js';
export type { Started } from './client/start.js';
export {
  createHandoffWorker,
  HandoffPlugin,
  type Deployment,
  type HandoffPluginOptions,
  type HandoffWorker,
  type HandoffWorkerOptions,
} from './worker.js';
export { connectClient, connectOptions, type ConnectedClient, type ConnectOverrides } from './temporal/connect.js';
export { openStorage, type Storage, type StorageOptions } from './storage/storage.js';

export { HandoffError, ERRORS, type ErrorCode, type Issue } from './core/errors.js';
export type { ArtifactSpec, HandoffRequest, PackageContent, Party, Priority, Subject } from './core/request.js';
export type { StepTask } from './core/task.js';
export type { HandoffOutcome, HandoffState, Incident, Outcome, Status, UndoneEffect } from './core/handoff.js';
export type { Procedure, RollbackProcedure, Severity, Step } from './core/procedure.js';
export { AGENT_HANDOFF_STANDARD, PHASE_TRANSITION_STANDARD } from './core/standard-procedures.js';
export type { Agent } from './core/agent.js';
export type { AgentSpec } from './core/agent-schema.js';
export type { Effect } from './core/effect.js';

export type { Action, ActionContext } from './activities/action.js';
export type { Rule, RuleContext, RuleFinding } from './activities/rules/rule.js';

export type { HandoffFilter, StoredHandoff } from './storage/handoffs.js';
export type { ContextEntry, PhaseRecord, PhaseStatus } from './storage/sessions.js';
export type * from './messages.js';
