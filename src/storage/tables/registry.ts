import type { Kysely } from 'kysely';

export interface AgentTable {
  name: string;
  roles: string;
  capabilities: string;
  capacity: number;
  endpoint: string | null;
  heartbeat_seconds: number;
  heartbeats: string;
  hands_off_to: string | null;
  accepts_from: string | null;
  created_at: number;
}

/** Users' procedures, every version; the highest one is what a new handoff gets. */
export interface ProcedureTable {
  id: string;
  version: string;
  digest: string;
  definition: string;
  added_at: number;
}

/** Registered contracts, every version. */
export interface ContractTable {
  id: string;
  version: string;
  digest: string;
  document: string;
  added_at: number;
}

/** Actions and rules that the workers on this storage have, so that clients can lint procedures that name them. */
export interface PartTable {
  kind: 'action' | 'rule';
  name: string;
}

export async function createRegistry(db: Kysely<unknown>): Promise<void> {
  const s = db.schema;
  await s
    .createTable('agents')
    .addColumn('name', 'text', (c) => c.primaryKey())
    .addColumn('roles', 'text', (c) => c.notNull())
    .addColumn('capabilities', 'text', (c) => c.notNull())
    .addColumn('capacity', 'integer', (c) => c.notNull())
    .addColumn('endpoint', 'text')
    .addColumn('heartbeat_seconds', 'integer', (c) => c.notNull())
    .addColumn('heartbeats', 'text', (c) => c.notNull())
    .addColumn('hands_off_to', 'text')
    .addColumn('accepts_from', 'text')
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .execute();
  await s
    .createTable('procedures')
    .addColumn('id', 'text', (c) => c.notNull())
    .addColumn('version', 'text', (c) => c.notNull())
    .addColumn('digest', 'text', (c) => c.notNull())
    .addColumn('definition', 'text', (c) => c.notNull())
    .addColumn('added_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('procedures_key', ['id', 'version'])
    .execute();
  await s
    .createTable('contracts')
    .addColumn('id', 'text', (c) => c.notNull())
    .addColumn('version', 'text', (c) => c.notNull())
    .addColumn('digest', 'text', (c) => c.notNull())
    .addColumn('document', 'text', (c) => c.notNull())
    .addColumn('added_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('contracts_key', ['id', 'version'])
    .execute();
  await s
    .createTable('parts')
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('parts_key', ['kind', 'name'])
    .execute();
}
