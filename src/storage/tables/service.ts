import type { Generated, Kysely } from 'kysely';
import type { AuditRow } from '../../core/audit/entry.js';

/** The outbox: events, written with the change that they tell of. `seq` is the cursor. */
export interface EventTable {
  seq: Generated<number>;
  key: string;
  type: string;
  subject: string;
  audience: string;
  data: string;
  at: number;
}

/** The audit log; each row's hash covers the one before. */
export type AuditTable = AuditRow;

/** API keys of agents: only their hashes. */
export interface KeyTable {
  id: string;
  agent: string;
  /** Roles, a JSON list. */
  roles: string;
  /** SHA-256 of the secret, hex. */
  hash: string;
  created_at: number;
  expires_at: number | null;
  revoked_at: number | null;
  last_used_at: number | null;
}

/** Who is logged in on the page; the cookie's secret only as its hash. */
export interface LoginTable {
  hash: string;
  key_id: string;
  created_at: number;
  expires_at: number;
}

/** Requests that named themselves; without a status one is still at work. */
export interface IdempotencyTable {
  agent: string;
  key: string;
  fingerprint: string;
  status: number | null;
  /** JSON. */
  headers: string | null;
  body: string | null;
  created_at: number;
}

export async function createService(db: Kysely<unknown>): Promise<void> {
  const s = db.schema;
  await s
    .createTable('events')
    .addColumn('seq', 'integer', (c) => c.primaryKey().autoIncrement())
    .addColumn('key', 'text', (c) => c.notNull().unique())
    .addColumn('type', 'text', (c) => c.notNull())
    .addColumn('subject', 'text', (c) => c.notNull())
    .addColumn('audience', 'text', (c) => c.notNull())
    .addColumn('data', 'text', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .execute();
  await s
    .createTable('audit')
    .addColumn('seq', 'integer', (c) => c.primaryKey())
    .addColumn('key', 'text', (c) => c.unique())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('actor', 'text', (c) => c.notNull())
    .addColumn('act', 'text', (c) => c.notNull())
    .addColumn('subject', 'text', (c) => c.notNull())
    .addColumn('outcome', 'text', (c) => c.notNull())
    .addColumn('digest', 'text')
    .addColumn('source', 'text')
    .addColumn('data', 'text', (c) => c.notNull())
    .addColumn('prev', 'text', (c) => c.notNull())
    .addColumn('hash', 'text', (c) => c.notNull())
    .execute();
  await s.createIndex('audit_by_subject').on('audit').columns(['subject', 'seq']).execute();
  await s.createIndex('audit_by_actor').on('audit').columns(['actor', 'seq']).execute();
  await s.createIndex('audit_by_act').on('audit').columns(['act', 'seq']).execute();
  await s
    .createTable('api_keys')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('agent', 'text', (c) => c.notNull())
    .addColumn('roles', 'text', (c) => c.notNull())
    .addColumn('hash', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('expires_at', 'bigint')
    .addColumn('revoked_at', 'bigint')
    .addColumn('last_used_at', 'bigint')
    .execute();
  await s.createIndex('api_keys_by_agent').on('api_keys').columns(['agent', 'created_at']).execute();
  await s
    .createTable('logins')
    .addColumn('hash', 'text', (c) => c.primaryKey())
    .addColumn('key_id', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('expires_at', 'bigint', (c) => c.notNull())
    .execute();
  await s
    .createTable('idempotency')
    .addColumn('agent', 'text', (c) => c.notNull())
    .addColumn('key', 'text', (c) => c.notNull())
    .addColumn('fingerprint', 'text', (c) => c.notNull())
    .addColumn('status', 'integer')
    .addColumn('headers', 'text')
    .addColumn('body', 'text')
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('idempotency_pk', ['agent', 'key'])
    .execute();
  await s.createIndex('idempotency_by_age').on('idempotency').columns(['created_at']).execute();
}
