import { sql, type Generated, type Kysely } from 'kysely';

/** One row a handoff: its request, and the latest projection of its state. The row outlives Temporal's retention. */
export interface HandoffTable {
  id: string;
  run: string;
  procedure: string;
  procedure_digest: string;
  request_digest: string;
  session: string;
  type: string;
  priority: string;
  source_agent: string | null;
  source_phase: string | null;
  target_agent: string | null;
  target_phase: string | null;
  status: string;
  /** What is shown over the status: `incident`, `paused`, `draining`, or the status itself. */
  shown: string;
  /** Why it does not move, in the words that the search attribute has. */
  blocked: string | null;
  /** Since when it is shown so; of an incident, since the oldest one. */
  shown_since: number;
  /** When the first return that is still expected is late, or was; null while none has a time. */
  returns_due: number | null;
  snapshot: string;
  outcome: string | null;
  created_at: number;
  updated_at: number;
  closed_at: number | null;
  /** The execution that recorded it as completed, while that stands: only another one, as after a reset, may take it back. */
  completed_by: string | null;
  /** The time of the last event in the snapshot: an older projection that comes late is dropped. */
  as_of: number;
}

/** The effects ledger. `status`: intended → applied → undone. */
export interface EffectTable {
  seq: Generated<number>;
  key: string;
  handoff: string;
  session: string;
  step: string;
  epoch: number;
  effect: string;
  kind: string;
  resource: string;
  /** What undo needs to know, by kind. */
  data: string;
  /** What the effect returned once applied. */
  result: string | null;
  status: 'intended' | 'applied' | 'undone';
  irreversible: number;
  /** The attempt that works on it now, and until when nobody else may. */
  owner: string | null;
  owner_until: number | null;
  undo_result: string | null;
  intended_at: number;
  applied_at: number | null;
  undone_at: number | null;
}

/** The present epoch of a step, and the attempts that it has used. An attempt of an older epoch is refused. */
export interface StepTable {
  handoff: string;
  step: string;
  epoch: number;
  attempts: number;
  /** All attempts that were ever begun, over all epochs. */
  tries: Generated<number>;
}

/** Validation sessions. */
export interface ValidationTable {
  id: string;
  handoff: string | null;
  step: string | null;
  procedure: string;
  passed: number;
  /** What each rule said, as one short text: see `verdictsText`. Sessions are counted by it. */
  verdicts: Generated<string>;
  results: string;
  started_at: number;
  ended_at: number;
}

/** What was put into the hands of a target: the content of one handoff's package. */
export interface DeliveryTable {
  handoff: string;
  session: string;
  target: string;
  content: string;
  digest: string;
  delivered_at: number;
}

export async function createHandoffs(db: Kysely<unknown>): Promise<void> {
  const s = db.schema;
  await s
    .createTable('handoffs')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('run', 'text', (c) => c.notNull())
    .addColumn('procedure', 'text', (c) => c.notNull())
    .addColumn('procedure_digest', 'text', (c) => c.notNull())
    .addColumn('request_digest', 'text', (c) => c.notNull())
    .addColumn('session', 'text', (c) => c.notNull())
    .addColumn('type', 'text', (c) => c.notNull())
    .addColumn('priority', 'text', (c) => c.notNull())
    .addColumn('source_agent', 'text')
    .addColumn('source_phase', 'text')
    .addColumn('target_agent', 'text')
    .addColumn('target_phase', 'text')
    .addColumn('status', 'text', (c) => c.notNull())
    .addColumn('shown', 'text', (c) => c.notNull())
    .addColumn('blocked', 'text')
    .addColumn('shown_since', 'bigint', (c) => c.notNull().defaultTo(0))
    .addColumn('returns_due', 'bigint')
    .addColumn('snapshot', 'text', (c) => c.notNull())
    .addColumn('outcome', 'text')
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('updated_at', 'bigint', (c) => c.notNull())
    .addColumn('closed_at', 'bigint')
    .addColumn('completed_by', 'text')
    .addColumn('as_of', 'bigint', (c) => c.notNull())
    .execute();
  await s
    .createIndex('handoffs_by_session')
    .on('handoffs')
    // The last three let it answer for metrics without a look at the rows and their long texts.
    .columns(['session', 'procedure', 'status', 'type', 'created_at', 'closed_at'])
    .execute();
  await s.createIndex('handoffs_by_target').on('handoffs').columns(['target_agent', 'closed_at']).execute();
  // Of what is in an inbox only, so that nothing else has to keep it up to date.
  await s
    .createIndex('handoffs_offered')
    .on('handoffs')
    .columns(['target_agent', 'created_at'])
    .where(sql.ref('status'), '=', sql.lit('awaiting_acceptance'))
    .execute();
  await s.createIndex('handoffs_by_shown').on('handoffs').columns(['shown', 'created_at']).execute();
  await s.createIndex('handoffs_open').on('handoffs').columns(['closed_at', 'updated_at']).execute();
  // The past by what it is counted by; written once a handoff.
  await s
    .createIndex('handoffs_history')
    .on('handoffs')
    .columns(['type', 'procedure', 'status', 'created_at', 'closed_at'])
    .where(sql.ref('closed_at'), 'is not', null)
    .execute();
  await s
    .createTable('effects')
    // SQLite numbers an integer primary key by itself; an adapter for PostgreSQL makes it `generated always`.
    .addColumn('seq', 'integer', (c) => c.primaryKey())
    .addColumn('key', 'text', (c) => c.notNull().unique())
    .addColumn('handoff', 'text', (c) => c.notNull())
    .addColumn('session', 'text', (c) => c.notNull())
    .addColumn('step', 'text', (c) => c.notNull())
    .addColumn('epoch', 'integer', (c) => c.notNull())
    .addColumn('effect', 'text', (c) => c.notNull())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('resource', 'text', (c) => c.notNull())
    .addColumn('data', 'text', (c) => c.notNull())
    .addColumn('result', 'text')
    .addColumn('status', 'text', (c) => c.notNull().check(sql`status in ('intended', 'applied', 'undone')`))
    .addColumn('irreversible', 'integer', (c) => c.notNull().defaultTo(0))
    .addColumn('owner', 'text')
    .addColumn('owner_until', 'bigint')
    .addColumn('undo_result', 'text')
    .addColumn('intended_at', 'bigint', (c) => c.notNull())
    .addColumn('applied_at', 'bigint')
    .addColumn('undone_at', 'bigint')
    .execute();
  await s.createIndex('effects_by_handoff').on('effects').columns(['handoff', 'seq']).execute();
  await s.createIndex('effects_by_resource').on('effects').columns(['resource', 'status']).execute();
  await s
    .createIndex('effects_undone')
    .on('effects')
    .columns(['undo_result', 'undone_at', 'handoff'])
    .where(sql.ref('status'), '=', sql.lit('undone'))
    .execute();
  await s
    .createTable('steps')
    .addColumn('handoff', 'text', (c) => c.notNull())
    .addColumn('step', 'text', (c) => c.notNull())
    .addColumn('epoch', 'integer', (c) => c.notNull())
    .addColumn('attempts', 'integer', (c) => c.notNull())
    .addColumn('tries', 'integer', (c) => c.notNull().defaultTo(0))
    .addPrimaryKeyConstraint('steps_key', ['handoff', 'step'])
    .execute();
  await s
    .createIndex('steps_retried')
    .on('steps')
    .columns(['step', 'tries', 'handoff'])
    .where(sql.ref('tries'), '>', sql.lit(1))
    .execute();
  await s
    .createTable('validations')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('handoff', 'text')
    .addColumn('step', 'text')
    .addColumn('procedure', 'text', (c) => c.notNull())
    .addColumn('passed', 'integer', (c) => c.notNull())
    .addColumn('verdicts', 'text', (c) => c.notNull().defaultTo(''))
    .addColumn('results', 'text', (c) => c.notNull())
    .addColumn('started_at', 'bigint', (c) => c.notNull())
    .addColumn('ended_at', 'bigint', (c) => c.notNull())
    .execute();
  await s.createIndex('validations_by_handoff').on('validations').columns(['handoff', 'step']).execute();
  await s
    .createIndex('validations_history')
    .on('validations')
    .columns(['procedure', 'passed', 'verdicts', 'started_at', 'ended_at', 'handoff'])
    .execute();
  await s
    .createTable('deliveries')
    .addColumn('handoff', 'text', (c) => c.primaryKey())
    .addColumn('session', 'text', (c) => c.notNull())
    .addColumn('target', 'text', (c) => c.notNull())
    .addColumn('content', 'text', (c) => c.notNull())
    .addColumn('digest', 'text', (c) => c.notNull())
    .addColumn('delivered_at', 'bigint', (c) => c.notNull())
    .execute();
}
