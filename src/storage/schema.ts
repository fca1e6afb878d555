import type { Kysely, Migration } from 'kysely';
import {
  createPipelines,
  type PhasePartTable,
  type PipelineStepTable,
  type PipelineTable,
} from './pipelines/tables.js';
import { createReports, type ReportChangeTable, type ReportTable, type ReportVersionTable } from './reports/tables.js';
import { createManifest, type ArtifactTable, type TransferTable } from './manifest/tables.js';
import {
  createHandoffs,
  type DeliveryTable,
  type EffectTable,
  type HandoffTable,
  type StepTable,
  type ValidationTable,
} from './tables/handoffs.js';
import { createReliability, type ReliabilityTable } from './tables/reliability.js';
import {
  createEvents,
  type AttentionTable,
  type DeadLetterTable,
  type MarkTable,
  type WebhookTable,
} from './tables/events.js';
import {
  createService,
  type AuditTable,
  type EventTable,
  type IdempotencyTable,
  type KeyTable,
  type LoginTable,
} from './tables/service.js';
import {
  createRegistry,
  type AgentTable,
  type ContractTable,
  type PartTable,
  type ProcedureTable,
} from './tables/registry.js';
import {
  createSessions,
  type ContextTable,
  type ContextsTable,
  type PhaseTable,
  type RestoreTable,
} from './tables/sessions.js';

/**
 * The tables. Times are milliseconds since the epoch (integers), documents are JSON texts, so that the same SQL and
 * migrations run on PostgreSQL.
 */
export interface Tables {
  handoffs: HandoffTable;
  effects: EffectTable;
  steps: StepTable;
  validations: ValidationTable;
  agents: AgentTable;
  phases: PhaseTable;
  contexts: ContextsTable;
  context: ContextTable;
  restores: RestoreTable;
  deliveries: DeliveryTable;
  procedures: ProcedureTable;
  contracts: ContractTable;
  parts: PartTable;
  artifacts: ArtifactTable;
  transfers: TransferTable;
  pipelines: PipelineTable;
  pipeline_steps: PipelineStepTable;
  phase_parts: PhasePartTable;
  reliability_tests: ReliabilityTable;
  events: EventTable;
  audit: AuditTable;
  api_keys: KeyTable;
  webhooks: WebhookTable;
  dead_letters: DeadLetterTable;
  attention: AttentionTable;
  marks: MarkTable;
  logins: LoginTable;
  idempotency: IdempotencyTable;
  reports: ReportTable;
  report_versions: ReportVersionTable;
  report_changes: ReportChangeTable;
}

const first: Migration = {
  async up(db: Kysely<unknown>) {
    await createHandoffs(db);
    await createSessions(db);
    await createRegistry(db);
    await createManifest(db);
    await createPipelines(db);
    await createReliability(db);
    await createService(db);
    await createReports(db);
    await createEvents(db);
  },
};

export const MIGRATIONS: Record<string, Migration> = { '0001_first': first };
