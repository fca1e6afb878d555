import { sql, type Generated, type Kysely } from 'kysely';

/** One row a report: what lists and statistics ask for, derived from its state. Times in milliseconds. */
export interface ReportTable {
  id: string;
  author: string;
  pipeline: string;
  task: string;
  status: string;
  version: number;
  digest: string;
  /** Of the last change that is written: an older one that comes late is dropped. */
  seq: number;
  /** 0 to 100. */
  progress: number;
  /** Per component: its status, `verified` included, and its progress, JSON. */
  components: string;
  /** How many in all components. */
  blockers: number;
  sign_off_status: string;
  /** For whom it waits, with a space before and after each; null where it waits for nobody. */
  waits_for: string | null;
  waits_words: string | null;
  waits_since: number | null;
  /** When what it waits for may change by itself; null: never. */
  due_at: number | null;
  /** The mean of what reviewers of the present version gave, 0 to 1. */
  quality_score: number | null;
  /** What facts say: three ratios of 0 to 1, and their mean. */
  verified_components: number;
  verified_tests: number;
  verified_coverage: number;
  verified_score: number;
  /** Per cent of lines, as facts say; null where none does. */
  coverage: number | null;
  /** The first 200 characters of the work summary. */
  summary: string;
  submissions: number;
  created_at: number;
  updated_at: number;
  submitted_at: number | null;
  reviewed_at: number | null;
  approved_at: number | null;
  signed_off_at: number | null;
  state: string;
}

/** The versions of a content; the content itself is in the blob store under its digest. */
export interface ReportVersionTable {
  report: string;
  number: number;
  digest: string;
  size: number;
  by: string;
  at: number;
}

/** What happened, one row a change: its history. */
export interface ReportChangeTable {
  /** Rises with every change of any report: what is computed from all of them is of one `n`. */
  n: Generated<number>;
  report: string;
  seq: number;
  act: string;
  by: string;
  at: number;
  status: string;
  version: number;
  digest: string;
  note: string | null;
}

export async function createReports(db: Kysely<unknown>): Promise<void> {
  const s = db.schema;
  await s
    .createTable('reports')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('author', 'text', (c) => c.notNull())
    .addColumn('pipeline', 'text', (c) => c.notNull())
    .addColumn('task', 'text', (c) => c.notNull())
    .addColumn('status', 'text', (c) => c.notNull())
    .addColumn('version', 'integer', (c) => c.notNull())
    .addColumn('digest', 'text', (c) => c.notNull())
    .addColumn('seq', 'integer', (c) => c.notNull())
    .addColumn('progress', 'real', (c) => c.notNull())
    .addColumn('components', 'text', (c) => c.notNull())
    .addColumn('blockers', 'integer', (c) => c.notNull())
    .addColumn('sign_off_status', 'text', (c) => c.notNull())
    .addColumn('waits_for', 'text')
    .addColumn('waits_words', 'text')
    .addColumn('waits_since', 'bigint')
    .addColumn('due_at', 'bigint')
    .addColumn('quality_score', 'real')
    .addColumn('verified_components', 'real', (c) => c.notNull())
    .addColumn('verified_tests', 'real', (c) => c.notNull())
    .addColumn('verified_coverage', 'real', (c) => c.notNull())
    .addColumn('verified_score', 'real', (c) => c.notNull())
    .addColumn('coverage', 'real')
    .addColumn('summary', 'text', (c) => c.notNull())
    .addColumn('submissions', 'integer', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('updated_at', 'bigint', (c) => c.notNull())
    .addColumn('submitted_at', 'bigint')
    .addColumn('reviewed_at', 'bigint')
    .addColumn('approved_at', 'bigint')
    .addColumn('signed_off_at', 'bigint')
    .addColumn('state', 'text', (c) => c.notNull())
    .execute();
  for (const column of ['status', 'author', 'pipeline', 'task'])
    await s.createIndex(`reports_by_${column}`).on('reports').columns([column, 'created_at', 'id']).execute();
  // What the numbers are counted from, without the states beside it, which are nearly all of a row.
  await s
    .createIndex('reports_counted')
    .on('reports')
    .columns([
      'status',
      'quality_score',
      'coverage',
      'submissions',
      'created_at',
      'submitted_at',
      'reviewed_at',
      'approved_at',
      'signed_off_at',
      'waits_for',
      'waits_since',
    ])
    .execute();
  await s.createIndex('reports_by_components').on('reports').column('components').execute();
  await s.createIndex('reports_by_age').on('reports').columns(['created_at', 'id']).execute();
  await s
    .createIndex('reports_waiting')
    .on('reports')
    .columns(['waits_since', 'id'])
    .where(sql.ref('waits_since'), 'is not', null)
    .execute();
  await s
    .createTable('report_versions')
    .addColumn('report', 'text', (c) => c.notNull())
    .addColumn('number', 'integer', (c) => c.notNull())
    .addColumn('digest', 'text', (c) => c.notNull())
    .addColumn('size', 'integer', (c) => c.notNull())
    .addColumn('by', 'text', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('report_versions_key', ['report', 'number'])
    .execute();
  await s
    .createTable('report_changes')
    .addColumn('n', 'integer', (c) => c.primaryKey().autoIncrement())
    .addColumn('report', 'text', (c) => c.notNull())
    .addColumn('seq', 'integer', (c) => c.notNull())
    .addColumn('act', 'text', (c) => c.notNull())
    .addColumn('by', 'text', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('status', 'text', (c) => c.notNull())
    .addColumn('version', 'integer', (c) => c.notNull())
    .addColumn('digest', 'text', (c) => c.notNull())
    .addColumn('note', 'text')
    .addUniqueConstraint('report_changes_key', ['report', 'seq'])
    .execute();
}
