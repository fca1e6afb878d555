import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'libsql';
import {
  CompiledQuery,
  Kysely,
  Migrator,
  SqliteAdapter,
  SqliteDialect,
  SqliteDriver,
  sql,
  type DatabaseConnection,
  type Transaction,
} from 'kysely';
import { HandoffError } from '../core/errors.js';
import { failpointSync, isArmed } from '../faults/failpoint.js';
import { stampAt } from './files.js';
import { isAlone, readOnlyUri } from './read-only.js';
import { MIGRATIONS, type Tables } from './schema.js';

export type Db = Kysely<Tables>;
/** A database or a transaction on it: what every query function takes. */
export type Queries = Kysely<Tables> | Transaction<Tables>;

/**
 * A transaction takes the write lock when it begins. SQLite's own deferred begin takes it at the first write, where it
 * fails at once, without waiting, if another process wrote since the first read.
 */
class ImmediateDriver extends SqliteDriver {
  private patient: DatabaseConnection | undefined;

  override async acquireConnection(): Promise<DatabaseConnection> {
    // There is one connection, and it is ours alone until it is released.
    const connection = await super.acquireConnection();
    return (this.patient ??= waitingFor(connection));
  }
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'));
  }
}

/** How long a statement waits for the lock of another process, in all; and in one go, within SQLite. Milliseconds. */
const LOCK_WAIT_MS = 10_000;
const STAND_STILL_MS = 250;

/**
 * SQLite waits for a lock standing still, and the whole process with it: no activity would beat, and the server would take
 * them all for dead. So it waits shortly, and we ask again. A statement that was refused so has done nothing.
 */
function waitingFor(connection: DatabaseConnection): DatabaseConnection {
  return {
    streamQuery: (query, size) => connection.streamQuery(query, size),
    executeQuery: async (query) => {
      const end = Date.now() + LOCK_WAIT_MS;
      for (;;) {
        try {
          return await connection.executeQuery(query);
        } catch (error) {
          if ((error as { code?: unknown }).code !== 'SQLITE_BUSY' || Date.now() > end) throw error;
          await sleep(STAND_STILL_MS / 10);
        }
      }
    },
  };
}

/** Migrations run in a transaction, and with it under the write lock: two processes that open a new file do not meet. */
class LibsqlAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class LibsqlDialect extends SqliteDialect {
  constructor(private readonly database: Database.Database) {
    super({ database });
  }
  override createAdapter(): SqliteAdapter {
    return new LibsqlAdapter();
  }
  override createDriver(): SqliteDriver {
    return new ImmediateDriver({ database: this.database });
  }
}

/**
 * Opens (and creates) the SQLite file and brings its tables up to date. `durability`: `process` survives a killed
 * process (default), `power` a lost power supply as well, at about three quarters of the speed.
 * Throws STORAGE_DAMAGED where the file is no database.
 */
export async function openDatabase(file: string, durability: 'process' | 'power' = 'process'): Promise<Db> {
  try {
    mkdirSync(path.dirname(file), { recursive: true });
    const raw = keepingStatements(new Database(file));
    raw.exec('PRAGMA busy_timeout = 10000');
    raw.exec('PRAGMA journal_mode = WAL');
    raw.exec(`PRAGMA synchronous = ${durability === 'power' ? 'FULL' : 'NORMAL'}`);
    raw.exec(`PRAGMA busy_timeout = ${STAND_STILL_MS}`);
    const db = new Kysely<Tables>({ dialect: new LibsqlDialect(raw) });
    // Most open a file that is up to date, and need no lock for it.
    if ((await lacking(db)).length > 0) await migrate(db);
    return db;
  } catch (cause) {
    throw new HandoffError('STORAGE_DAMAGED', { where: file, why: (cause as Error).message }, { cause });
  }
}

/** A database that can only be read. */
export interface ReadOnlyDb {
  db: Db;
  /** Whether somebody wrote the file beneath it, so that what was read may not fit together: read again, from a new one. */
  torn: () => boolean;
}

/**
 * Opens the SQLite file so that nothing can be written through it and no file is made beside it. One that is not there
 * reads as an empty one. Throws STORAGE_DAMAGED where the file is no database, or lacks tables of this version.
 */
export async function openReadOnly(file: string): Promise<ReadOnlyDb> {
  try {
    const before = stampAt(file);
    const alone = isAlone(file);
    const raw = new Database(before ? readOnlyUri(file, alone) : ':memory:');
    raw.exec('PRAGMA busy_timeout = 10000');
    const db = new Kysely<Tables>({ dialect: new LibsqlDialect(raw) });
    if (!before) await migrate(db);
    raw.exec('PRAGMA query_only = 1');
    await checkVersion(db);
    return { db, torn: () => alone && before !== undefined && stampAt(file) !== before };
  } catch (cause) {
    throw new HandoffError('STORAGE_DAMAGED', { where: file, why: (cause as Error).message }, { cause });
  }
}

async function checkVersion(db: Db): Promise<void> {
  const names = await lacking(db);
  if (names.length > 0)
    throw new Error(`it lacks ${names.join(', ')}; start \`handoff dev\` or \`handoff worker\` on it once`);
}

/** Migrations that a file has not had yet. */
async function lacking(db: Db): Promise<string[]> {
  const known = await sql`select 1 from sqlite_master where name = 'kysely_migration'`.execute(db);
  const { rows } =
    known.rows.length > 0
      ? await sql<{ name: string }>`select name from kysely_migration`.execute(db)
      : { rows: [] as { name: string }[] };
  return Object.keys(MIGRATIONS).filter((name) => rows.every((r) => r.name !== name));
}

/** How many prepared statements are kept; the engine has some 60 different ones. */
const STATEMENTS_KEPT = 200;

/** Preparing a statement costs more than running it: the last used are kept. */
function keepingStatements(raw: Database.Database): Database.Database {
  const kept = new Map<string, Database.Statement>();
  const prepare = raw.prepare.bind(raw);
  raw.prepare = ((sql: string) => {
    if (isArmed()) comeBy(sql);
    const statement = kept.get(sql) ?? prepare(sql);
    kept.delete(sql);
    // What changes the schema runs once and is not worth keeping.
    if (/^\s*(select|insert|update|delete|begin|commit|rollback)\b/i.test(sql)) kept.set(sql, statement);
    if (kept.size > STATEMENTS_KEPT) kept.delete(kept.keys().next().value!);
    return statement;
  }) as typeof raw.prepare;
  return raw;
}

/** Kysely prepares a statement each time that it runs one. */
function comeBy(sql: string): void {
  if (/^\s*(insert|update|delete|begin)\b/i.test(sql)) failpointSync('database.write');
  else if (/^\s*commit\b/i.test(sql)) failpointSync('database.commit');
}

async function migrate(db: Db): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve(MIGRATIONS) } });
  const { error } = await migrator.migrateToLatest();
  if (error) throw error instanceof Error ? error : new Error(JSON.stringify(error));
}
