import type { Generated, Kysely } from 'kysely';

/** Who is told of events by HTTP. */
export interface WebhookTable {
  id: string;
  url: string;
  /** A JSON list of types; empty: all. */
  types: string;
  /** Signs what is sent, so it cannot be kept as a hash. */
  secret: string;
  owner: string;
  active: number;
  /** Why it is not active, where nobody said so. */
  disabled_because: string | null;
  /** All events up to here were delivered, or are in the dead-letter list. */
  cursor: number;
  /** Failed attempts at the event after the cursor. */
  attempts: number;
  next_at: number;
  last_status: number | null;
  last_error: string | null;
  last_at: number | null;
  /** The process that delivers, and until when no other may. */
  lease: string | null;
  lease_until: number;
  created_at: number;
}

/** What could not be delivered. The event is copied: the outbox forgets it some day. */
export interface DeadLetterTable {
  id: Generated<number>;
  webhook: string;
  seq: number;
  event: string;
  attempts: number;
  error: string;
  died_at: number;
  /** Whether somebody asked for one more attempt. */
  again: number;
}

/** What somebody was told to be waiting for them; see `client/events/attention.ts`. */
export interface AttentionTable {
  subject: string;
  /** `agent:@a` or `role:reviewer`. */
  whom: string;
  /** Which time of several: the epoch of an offer, the id of an incident, the version of a report. */
  mark: string;
  since: number;
  /** How often it was told. */
  told: number;
  next_at: number;
  seen_at: number | null;
  seen_by: string | null;
}

/** Single numbers that the processes of a service share. */
export interface MarkTable {
  name: string;
  value: number;
}

export async function createEvents(db: Kysely<unknown>): Promise<void> {
  const s = db.schema;
  await s
    .createTable('webhooks')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('url', 'text', (c) => c.notNull())
    .addColumn('types', 'text', (c) => c.notNull())
    .addColumn('secret', 'text', (c) => c.notNull())
    .addColumn('owner', 'text', (c) => c.notNull())
    .addColumn('active', 'integer', (c) => c.notNull())
    .addColumn('disabled_because', 'text')
    .addColumn('cursor', 'bigint', (c) => c.notNull())
    .addColumn('attempts', 'integer', (c) => c.notNull())
    .addColumn('next_at', 'bigint', (c) => c.notNull())
    .addColumn('last_status', 'integer')
    .addColumn('last_error', 'text')
    .addColumn('last_at', 'bigint')
    .addColumn('lease', 'text')
    .addColumn('lease_until', 'bigint', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .execute();
  await s
    .createTable('dead_letters')
    .addColumn('id', 'integer', (c) => c.primaryKey().autoIncrement())
    .addColumn('webhook', 'text', (c) => c.notNull())
    .addColumn('seq', 'bigint', (c) => c.notNull())
    .addColumn('event', 'text', (c) => c.notNull())
    .addColumn('attempts', 'integer', (c) => c.notNull())
    .addColumn('error', 'text', (c) => c.notNull())
    .addColumn('died_at', 'bigint', (c) => c.notNull())
    .addColumn('again', 'integer', (c) => c.notNull())
    .addUniqueConstraint('dead_letters_once', ['webhook', 'seq'])
    .execute();
  await s
    .createTable('attention')
    .addColumn('subject', 'text', (c) => c.notNull())
    .addColumn('whom', 'text', (c) => c.notNull())
    .addColumn('mark', 'text', (c) => c.notNull())
    .addColumn('since', 'bigint', (c) => c.notNull())
    .addColumn('told', 'integer', (c) => c.notNull())
    .addColumn('next_at', 'bigint', (c) => c.notNull())
    .addColumn('seen_at', 'bigint')
    .addColumn('seen_by', 'text')
    .addPrimaryKeyConstraint('attention_key', ['subject', 'whom', 'mark'])
    .execute();
  await s.createIndex('attention_due').on('attention').columns(['next_at']).execute();
  await s
    .createTable('marks')
    .addColumn('name', 'text', (c) => c.primaryKey())
    .addColumn('value', 'bigint', (c) => c.notNull())
    .execute();
}
