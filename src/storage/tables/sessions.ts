import type { Kysely } from 'kysely';

export interface PhaseTable {
  session: string;
  phase: string;
  status: string;
  version: number;
  state_digest: string | null;
  updated_by: string;
  updated_at: number;
}

/** Contexts that somebody made, empty ones too. `floor`: the highest version of an entry that was deleted. */
export interface ContextsTable {
  session: string;
  floor: number;
  created_at: number;
}

export interface ContextTable {
  session: string;
  key: string;
  value: string;
  digest: string;
  version: number;
  source: string;
  /** A JSON list. */
  tags: string;
  created_at: number;
  updated_by: string;
  updated_at: number;
}

/** Changes of a context that are made once: what each said, by its key. */
export interface RestoreTable {
  key: string;
  session: string;
  result: string;
  at: number;
}

export async function createSessions(db: Kysely<unknown>): Promise<void> {
  const s = db.schema;
  await s
    .createTable('phases')
    .addColumn('session', 'text', (c) => c.notNull())
    .addColumn('phase', 'text', (c) => c.notNull())
    .addColumn('status', 'text', (c) => c.notNull())
    .addColumn('version', 'integer', (c) => c.notNull())
    .addColumn('state_digest', 'text')
    .addColumn('updated_by', 'text', (c) => c.notNull())
    .addColumn('updated_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('phases_key', ['session', 'phase'])
    .execute();
  await s
    .createTable('contexts')
    .addColumn('session', 'text', (c) => c.primaryKey())
    .addColumn('floor', 'integer', (c) => c.notNull().defaultTo(0))
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .execute();
  await s
    .createTable('context')
    .addColumn('session', 'text', (c) => c.notNull())
    .addColumn('key', 'text', (c) => c.notNull())
    .addColumn('value', 'text', (c) => c.notNull())
    .addColumn('digest', 'text', (c) => c.notNull())
    .addColumn('version', 'integer', (c) => c.notNull())
    .addColumn('source', 'text', (c) => c.notNull().defaultTo(''))
    .addColumn('tags', 'text', (c) => c.notNull().defaultTo('[]'))
    .addColumn('created_at', 'bigint', (c) => c.notNull().defaultTo(0))
    .addColumn('updated_by', 'text', (c) => c.notNull())
    .addColumn('updated_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('context_key', ['session', 'key'])
    .execute();
  await s
    .createTable('restores')
    .addColumn('key', 'text', (c) => c.primaryKey())
    .addColumn('session', 'text', (c) => c.notNull())
    .addColumn('result', 'text', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .execute();
}
