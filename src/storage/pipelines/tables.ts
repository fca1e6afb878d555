import type { Kysely } from 'kysely';

/** One row a pipeline: whose it is, and the latest projection of its state. Times in milliseconds. */
export interface PipelineTable {
  id: string;
  session: string;
  clone_id: string;
  /** Raised by each resume; what an older epoch asks for is refused. */
  epoch: number;
  /** The chain of runs (its first run) that has the epoch. */
  run: string;
  task_queue: string;
  status: string;
  /** What is shown over the status. */
  shown: string;
  /** Why it does not move. */
  blocked: string | null;
  phase: string;
  step: string | null;
  /** The package that it waits with. */
  package: string | null;
  /** How it was asked to run, for a run that takes over. */
  terms: string;
  snapshot: string;
  created_at: number;
  updated_at: number;
  closed_at: number | null;
  /** The attempt of a step that is at work, `<run>/<number>`; empty: none is. What another asks for is refused. */
  attempt: string;
  /** Epoch and time of what is written: an older projection that comes late is dropped. */
  as_of: number;
}

/** Steps that are done, each once. */
export interface PipelineStepTable {
  pipeline: string;
  phase: string;
  step: string;
  epoch: number;
  attempt: number;
  /** Small facts that its handler returned. */
  result: string;
  /** When the attempt began that ended it. */
  started_at: number;
  done_at: number;
}

/** The phases that the workers on this storage have, and their steps. */
export interface PhasePartTable {
  phase: string;
  steps: string;
}

export async function createPipelines(db: Kysely<unknown>): Promise<void> {
  const s = db.schema;
  await s
    .createTable('pipelines')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('session', 'text', (c) => c.notNull())
    .addColumn('clone_id', 'text', (c) => c.notNull())
    .addColumn('epoch', 'integer', (c) => c.notNull())
    .addColumn('run', 'text', (c) => c.notNull())
    .addColumn('task_queue', 'text', (c) => c.notNull())
    .addColumn('status', 'text', (c) => c.notNull())
    .addColumn('shown', 'text', (c) => c.notNull())
    .addColumn('blocked', 'text')
    .addColumn('phase', 'text', (c) => c.notNull())
    .addColumn('step', 'text')
    .addColumn('package', 'text')
    .addColumn('terms', 'text', (c) => c.notNull())
    .addColumn('snapshot', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('updated_at', 'bigint', (c) => c.notNull())
    .addColumn('closed_at', 'bigint')
    .addColumn('attempt', 'text', (c) => c.notNull())
    .addColumn('as_of', 'bigint', (c) => c.notNull())
    .execute();
  await s.createIndex('pipelines_by_session').on('pipelines').columns(['session', 'created_at']).execute();
  await s
    .createTable('pipeline_steps')
    .addColumn('pipeline', 'text', (c) => c.notNull())
    .addColumn('phase', 'text', (c) => c.notNull())
    .addColumn('step', 'text', (c) => c.notNull())
    .addColumn('epoch', 'integer', (c) => c.notNull())
    .addColumn('attempt', 'integer', (c) => c.notNull())
    .addColumn('result', 'text', (c) => c.notNull())
    .addColumn('started_at', 'bigint', (c) => c.notNull())
    .addColumn('done_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('pipeline_steps_key', ['pipeline', 'phase', 'step'])
    .execute();
  await s
    .createIndex('pipeline_steps_history')
    .on('pipeline_steps')
    .columns(['phase', 'pipeline', 'started_at', 'done_at', 'attempt'])
    .execute();
  await s
    .createTable('phase_parts')
    .addColumn('phase', 'text', (c) => c.primaryKey())
    .addColumn('steps', 'text', (c) => c.notNull())
    .execute();
}
