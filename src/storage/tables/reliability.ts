import type { Kysely } from 'kysely';

/** One row a reliability test. The process that runs it writes `beat_at` and the report at least once a second. */
export interface ReliabilityTable {
  id: string;
  configuration: string;
  status: 'running' | 'passed' | 'failed' | 'stopped';
  pid: number;
  host: string;
  report: string;
  /** Iterations and strikes, once it is over. */
  detail: string | null;
  /** That somebody asked it to stop. */
  stop_asked: number;
  started_at: number;
  beat_at: number;
}

export async function createReliability(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('reliability_tests')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('configuration', 'text', (c) => c.notNull())
    .addColumn('status', 'text', (c) => c.notNull())
    .addColumn('pid', 'bigint', (c) => c.notNull())
    .addColumn('host', 'text', (c) => c.notNull())
    .addColumn('report', 'text', (c) => c.notNull())
    .addColumn('detail', 'text')
    .addColumn('stop_asked', 'integer', (c) => c.notNull())
    .addColumn('started_at', 'bigint', (c) => c.notNull())
    .addColumn('beat_at', 'bigint', (c) => c.notNull())
    .execute();
  await db.schema
    .createIndex('reliability_tests_by_start')
    .on('reliability_tests')
    .columns(['started_at', 'configuration'])
    .execute();
}
