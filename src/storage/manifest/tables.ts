import { sql, type Generated, type Kysely } from 'kysely';

/** One row an artifact, by where it came from and what it had there. It is never deleted. */
export interface ArtifactTable {
  /** Its id is `artifact_<seq>`. */
  seq: Generated<number>;
  /** What makes it the same artifact: unique, so that two first registrations at once are one. */
  identity: string;
  name: string;
  kind: 'file' | 'directory';
  session: string;
  /** The handoff that registered it. */
  handoff: string;
  source_agent: string | null;
  source_phase: string | null;
  created_by: string;
  created_at: number;
  /** Where it was handed over from; of one that a transformer made, where that had its source. */
  original_path: string;
  sha256: string;
  /** Bytes. Null of what a transformer read and nobody handed over as it was. */
  size: number | null;
  files: number;
  format: string | null;
  schema: string | null;
  schema_valid: number | null;
  derived_from: number | null;
  transformer: string | null;
}

/** One row an arrival, by the key of its effect. `status`: success → undone. It is never deleted. */
export interface TransferTable {
  seq: Generated<number>;
  key: string;
  artifact: number;
  handoff: string;
  session: string;
  /** What it is called there. */
  name: string;
  source_agent: string | null;
  source_phase: string | null;
  target_agent: string | null;
  target_phase: string | null;
  original_path: string;
  original_checksum: string;
  transferred_path: string;
  transfer_checksum: string;
  checksum_valid: number;
  /** Permission bits of a file. */
  mode: number | null;
  /** Of a directory: a reference to its tree lines. */
  listing: string | null;
  transferred_at: number;
  status: 'success' | 'undone';
  undone_at: number | null;
  /** How the undo ended, as in the ledger. */
  undo_result: string | null;
}

/** Makes the manifest's tables. */
export async function createManifest({ schema: s }: Kysely<unknown>): Promise<void> {
  await s
    .createTable('artifacts')
    // As in `effects`.
    .addColumn('seq', 'integer', (c) => c.primaryKey())
    .addColumn('identity', 'text', (c) => c.notNull().unique())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('session', 'text', (c) => c.notNull())
    .addColumn('handoff', 'text', (c) => c.notNull())
    .addColumn('source_agent', 'text')
    .addColumn('source_phase', 'text')
    .addColumn('created_by', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('original_path', 'text', (c) => c.notNull())
    .addColumn('sha256', 'text', (c) => c.notNull())
    .addColumn('size', 'bigint')
    .addColumn('files', 'integer', (c) => c.notNull())
    .addColumn('format', 'text')
    .addColumn('schema', 'text')
    .addColumn('schema_valid', 'integer')
    .addColumn('derived_from', 'integer', (c) => c.references('artifacts.seq'))
    .addColumn('transformer', 'text')
    .execute();
  await s.createIndex('artifacts_by_name').on('artifacts').column('name').execute();
  await s.createIndex('artifacts_by_path').on('artifacts').column('original_path').execute();
  await s.createIndex('artifacts_by_digest').on('artifacts').column('sha256').execute();
  await s.createIndex('artifacts_by_parent').on('artifacts').column('derived_from').execute();
  await s
    .createTable('transfers')
    .addColumn('seq', 'integer', (c) => c.primaryKey())
    .addColumn('key', 'text', (c) => c.notNull().unique())
    .addColumn('artifact', 'integer', (c) => c.notNull().references('artifacts.seq'))
    .addColumn('handoff', 'text', (c) => c.notNull())
    .addColumn('session', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('source_agent', 'text')
    .addColumn('source_phase', 'text')
    .addColumn('target_agent', 'text')
    .addColumn('target_phase', 'text')
    .addColumn('original_path', 'text', (c) => c.notNull())
    .addColumn('original_checksum', 'text', (c) => c.notNull())
    .addColumn('transferred_path', 'text', (c) => c.notNull())
    .addColumn('transfer_checksum', 'text', (c) => c.notNull())
    .addColumn('checksum_valid', 'integer', (c) => c.notNull())
    .addColumn('mode', 'integer')
    .addColumn('listing', 'text')
    .addColumn('transferred_at', 'bigint', (c) => c.notNull())
    .addColumn('status', 'text', (c) => c.notNull().check(sql`status in ('success', 'undone')`))
    .addColumn('undone_at', 'bigint')
    .addColumn('undo_result', 'text')
    .execute();
  await s.createIndex('transfers_by_artifact').on('transfers').columns(['artifact', 'seq']).execute();
  await s.createIndex('transfers_by_place').on('transfers').columns(['transferred_path', 'status', 'seq']).execute();
  await s.createIndex('transfers_by_handoff').on('transfers').column('handoff').execute();
  await s.createIndex('transfers_by_session').on('transfers').column('session').execute();
  await s.createIndex('transfers_by_name').on('transfers').column('name').execute();
}
