/** The public API of handoff. */
export {
  HandoffClient,
  type Agents,
  type Contracts,
  type HandoffClientOptions,
  type Retry,
  type RunStatus,
  type UpdateOptions,
} from './client.js';
export type { LocalOptions } from './client/local.js';
export type { RemoteOptions } from './client/remote/http.js';
export type { Bulk, BulkOptions, BulkPreview, BulkResult, BulkSummary, BulkTarget } from './client/bulk.js';
export type { InboxItem, InboxOptions } from './client/inbox.js';
export type { OpenIncident } from './client/incidents.js';
export type { HandoffSummary } from './client/summary.js';
export { loadContract } from './client/load-contract.js';
export { checkContract, type ContractCheck } from './client/contract-schemas.js';
export type { Started } from './client/start.js';
export type { Validation, ValidateOptions } from './client/validate.js';
export type * from './plan/plan.js';
export {
  createHandoffWorker,
  definePhase,
  HandoffPlugin,
  type Deployment,
  type HandoffPluginOptions,
  type HandoffWorker,
  type HandoffWorkerOptions,
} from './worker.js';
export { connectClient, connectOptions, type ConnectedClient, type ConnectOverrides } from './temporal/connect.js';
export { treeDigest, type Print } from './storage/transfer/print.js';
export { openStorage, type Storage, type StorageOptions } from './storage/storage.js';

export {
  FileHandoffStorage,
  type FileHandoffStorageOptions,
  type InspectedPackage,
} from './storage/packages/file-storage.js';
export { decodePackage, packageBytes } from './storage/packages/format.js';
export { checkPackageFilter, fitsPackageFilter } from './storage/packages/filter.js';
export { checkedPackageId, newPackageId, packageFault, sealPackage, type PackageKey } from './storage/packages/seal.js';
export type { UnsealedPackage } from './storage/packages/written.js';

export { HandoffError, ERRORS, type ErrorCode, type Issue } from './core/errors.js';
export type {
  ArtifactSpec,
  ContentRef,
  DocumentFields,
  HandoffRequest,
  PackageContent,
  Party,
  Priority,
  Subject,
} from './core/request.js';
export type { StepTask } from './core/task.js';
export type { TriggerKind, TriggerPayload, TriggerSpec } from './core/trigger.js';
export type {
  HandoffOutcome,
  HandoffState,
  Incident,
  Outcome,
  ReturnReport,
  Status,
  UndoneEffect,
  UndoResult,
} from './core/handoff.js';
export type { Returns, ReturnState, ReturnTerms } from './core/return-state.js';
export type { Late } from './core/timing.js';
export type { Procedure, RollbackProcedure, Severity, Step } from './core/procedure.js';
export {
  AGENT_HANDOFF_STANDARD,
  CONTRACT_HANDOFF_STANDARD,
  PHASE_TRANSITION_STANDARD,
} from './core/standard-procedures.js';
export type { Agent } from './core/agent.js';
export type { AgentSpec } from './core/agent-schema.js';
export type { Effect } from './core/effect.js';

export type { Action, ActionContext } from './activities/action.js';
export type { PhaseHandler, PhaseStep, PhaseStepContext } from './activities/pipeline/phase.js';
export type { PipelineResult } from './core/pipeline/task.js';
export type {
  FrozenPhase,
  PipelineShown,
  PipelineState,
  PipelineStatus,
  PipelineSubject,
  StepTerms,
} from './core/pipeline/pipeline.js';
export type { PipelineRequest, StartedPipeline, TransitionRequest } from './client/pipeline/start.js';
export type { PipelineClient, PipelineFilter } from './client/pipeline/pipelines.js';
export type { PipelineReport, PipelineSummary } from './client/pipeline/report.js';
export type { FollowPipeline } from './client/pipeline/result.js';
export type { ResumePipeline, ResumedPipeline } from './client/pipeline/resume.js';
export type { PausePipeline, TransferPipeline, TransferResult, WaitOptions } from './client/pipeline/steer.js';
export { HandoffPipelineWrapper } from './client/pipeline/wrapper.js';
export type { StoredPipeline } from './storage/pipelines/pipelines.js';
export type { Rule, RuleContext, RuleFinding } from './rules/rule.js';

export { validateDataContract, type DataContractOptions } from './contracts/handoff.js';
export { assertValid, HandoffValidationError } from './contracts/validation-error.js';
export { transformer, Transformers, type TransformAbout, type Transformer } from './contracts/transformers.js';
export type { Limits } from './contracts/limits.js';
export type {
  Contract,
  ContractDocument,
  ContractFault,
  ContractNote,
  ContractValidation,
  FaultCode,
  ReturnSpec,
  SendSpec,
} from './core/contract.js';

export type * from './client/reports/port.js';
export type { Rebuilt } from './client/reports/rebuild.js';
export type * from './core/report/report.js';
export type * from './core/report/view.js';
export type { PhaseStatus } from './core/phase.js';
export { collectMetrics } from './metrics/collect.js';
export type * from './metrics/metrics.js';
export type { RuleResult, Verdict } from './core/rule.js';
export type { ValidationSession } from './storage/validations.js';
export type { HandoffFilter } from './core/filter.js';
export type { StoredContract } from './storage/contracts.js';
export type { StoredHandoff } from './storage/handoffs.js';
export type { ContextEntry } from './storage/context.js';
export type { PhaseRecord } from './storage/sessions.js';
export type * from './messages.js';
export type { Trace, TracedPlace } from './client/manifest.js';
export type { ArtifactRecord, ManifestFilter, TransferRecord } from './core/manifest.js';
export type { ManifestArtifact, ManifestDocument, ManifestTransfer } from './core/manifest-document.js';
export type { Difference, DifferenceKind, Verification } from './core/verification.js';
export type { PlaceState } from './storage/manifest/place-state.js';
export type { VerifyOptions } from './storage/manifest/verify.js';

export { ContextManager } from './packages/context-manager.js';
export { SharedContext, type EntryFilter, type SetOptions, type SharedEntry } from './packages/shared-context.js';
export {
  HandoffManager,
  type CreateHandoffOptions,
  type HandoffManagerOptions,
  type HandoffReceived,
  type HandoffReceiveResult,
  type HandoffRefused,
  type ReceiveHandoffOptions,
} from './packages/handoff-manager.js';
export type { EntryFacts } from './core/context/entry.js';
export {
  MERGE_STRATEGIES,
  PACKAGE_VERSION,
  STANDARD_PHASES,
  type CheckpointStatus,
  type ContextEntrySerialized,
  type ContextMetadata,
  type HandoffStorage,
  type IntegrityCheck,
  type MergeStrategy,
  type PackageFilter,
  type PackageStatus,
  type PackageMetadata,
  type PhaseCheckpoint,
  type PipelineHandoffPackage,
  type PipelinePhase,
  type RestoreConflict,
  type SerializedContext,
} from './core/package/package.js';
export {
  AgentHandoffCoordinator,
  agentHandoffCoordinator,
  type CreateHandoffRequest,
  type PreparedHandoff,
} from './coordination/agent-handoff-coordinator.js';
export {
  ExecutionTrace,
  type TraceDecision,
  type TraceError,
  type TraceExportData,
  type TraceMetric,
} from './coordination/execution-trace.js';
export { requestFrom } from './coordination/request-from.js';
export type {
  AgentId,
  ExecutionTraceSnapshot,
  HandoffContext,
  HandoffInstructions,
  HandoffPackage,
  HandoffPackageJson,
  HandoffPriority,
  HandoffStatus,
} from './core/document/document.js';
export type { EventHandler, ListenOptions } from './client/events/listen.js';
export { EVENT_TYPES, type EventMessage, type EventType } from './core/events/event.js';
