import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { Agents } from './agents.js';
import { AuditTrail } from './audit/trail.js';
import { Blobs, MemoryBlobs } from './blobs.js';
import { Contracts } from './contracts.js';
import { openDatabase, openReadOnly, type Db, type ReadOnlyDb } from './database.js';
import { IdempotencyKeys } from './idempotency.js';
import { ApiKeys } from './keys.js';
import { Logins } from './logins.js';
import { Outbox } from './events/outbox.js';
import { Attention } from './events/attention.js';
import { WaitingHandoffs, WaitingReports } from './events/waiting.js';
import { Webhooks } from './events/webhooks.js';
import { Handoffs } from './handoffs.js';
import { Ledger } from './ledger.js';
import { Manifest } from './manifest/manifest.js';
import { Pipelines } from './pipelines/pipelines.js';
import { FileHandoffStorage, type FileHandoffStorageOptions } from './packages/file-storage.js';
import { LookedAtPackages } from './packages/looked-at.js';
import { Procedures } from './procedures.js';
import { ReliabilityTests } from './reliability.js';
import { StoredReports } from './reports/reports.js';
import { Sessions } from './sessions.js';
import { Steps } from './steps.js';
import { Validations } from './validations.js';

export interface StorageOptions {
  /** Holds the database, contents, staging and undo copies. Default `.handoff`. */
  folder?: string;
  /** Artifacts arrive below `<root>/artifacts`. Default: the folder. Staging is below it too, so that a rename is enough. */
  root?: string;
  /** Folders that artifacts may come from; the first is what relative paths start from. Default: the working directory. */
  sources?: string[];
  /** Folders in which contracts' schema files are looked for. Default: `schemas` in the first source folder. */
  schemas?: string[];
  /** What an acknowledged write survives. Default `process`. */
  durability?: 'process' | 'power';
  /** How packages are kept, below `packages` in the folder. */
  packages?: FileHandoffStorageOptions;
  /**
   * Files of the audit log outside the database: the key that its head is signed with, and the anchors. Default:
   * `audit-key.pem` and `audit-anchors.jsonl` in the folder.
   */
  audit?: { key?: string; anchors?: string };
}

/** All that is kept outside workflow history. */
export interface Storage {
  folder: string;
  root: string;
  sources: string[];
  schemas: string[];
  stagingFolder: string;
  undoFolder: string;
  durability: 'process' | 'power';
  db: Db;
  ledger: Ledger;
  steps: Steps;
  handoffs: Handoffs;
  agents: Agents;
  sessions: Sessions;
  procedures: Procedures;
  contracts: Contracts;
  validations: Validations;
  manifest: Manifest;
  pipelines: Pipelines;
  reliability: ReliabilityTests;
  reports: StoredReports;
  outbox: Outbox;
  webhooks: Webhooks;
  attention: Attention;
  waiting: WaitingHandoffs;
  waitingReports: WaitingReports;
  keys: ApiKeys;
  audit: AuditTrail;
  logins: Logins;
  idempotency: IdempotencyKeys;
  blobs: Blobs;
  packages: FileHandoffStorage;
  /** Runs `work` with a view of this storage through which nothing can be written: see {@link lookInto}. */
  look: <T>(work: (view: Storage) => Promise<T>) => Promise<T>;
  close(): Promise<void>;
}

/** Opens the storage of one folder, and makes it where there is none. Several processes may have it open at once. */
export async function openStorage(options: StorageOptions = {}): Promise<Storage> {
  const { folder, file, blobs, packages } = placesOf(options);
  await mkdir(folder, { recursive: true });
  const db = await openDatabase(file, options.durability);
  // One for all looks: libsql gives a closed database back only when its statements are collected.
  let reading: Promise<ReadOnlyDb> | undefined;
  return {
    ...storageOn(db, options, new Blobs(blobs), new FileHandoffStorage(packages, options.packages)),
    look: async (work) => {
      reading ??= openReadOnly(file);
      const { db: readOnly } = await reading.catch((error: unknown) => {
        reading = undefined;
        throw error;
      });
      return work(viewOn(readOnly, options));
    },
    close: async () => {
      await (await reading?.catch(() => undefined))?.db.destroy();
      await db.destroy();
    },
  };
}

/** How often a read is repeated because somebody wrote beneath it: then the database is shared, and needs no repeat. */
const READS = 3;

/**
 * Runs `work` with the storage of one folder, without opening it for others: the database refuses what would be written,
 * contents that are put stay in memory, and no folder is made. One that is not there reads as an empty one. `work` may
 * run more than once.
 */
export async function lookInto<T>(options: StorageOptions, work: (view: Storage) => Promise<T>): Promise<T> {
  const { file } = placesOf(options);
  for (let read = 1; ; read++) {
    const { db, torn } = await openReadOnly(file);
    const again = (): boolean => torn() && read < READS;
    try {
      const seen = await work(viewOn(db, options));
      if (!again()) return seen;
    } catch (error) {
      if (!again()) throw error;
    } finally {
      await db.destroy();
    }
  }
}

function viewOn(db: Db, options: StorageOptions): Storage {
  const { blobs, packages } = placesOf(options);
  const view: Storage = {
    ...storageOn(db, options, new MemoryBlobs(blobs), new LookedAtPackages(packages, options.packages)),
    look: (work) => work(view),
    close: () => Promise.resolve(),
  };
  return view;
}

function placesOf(options: StorageOptions): Record<'folder' | 'file' | 'blobs' | 'packages', string> {
  const folder = path.resolve(options.folder ?? '.handoff');
  const within = (name: string): string => path.join(folder, name);
  return { folder, file: within('handoff.db'), blobs: within('blobs'), packages: within('packages') };
}

function storageOn(
  db: Db,
  options: StorageOptions,
  blobs: Blobs,
  packages: FileHandoffStorage,
): Omit<Storage, 'look' | 'close'> {
  const { folder, file } = placesOf(options);
  const root = path.resolve(options.root ?? folder);
  const keys = new ApiKeys(db);
  const sources = (options.sources ?? ['.']).map((s) => path.resolve(s));
  return {
    folder,
    root,
    sources,
    schemas: (options.schemas ?? [path.join(sources[0] ?? '.', 'schemas')]).map((s) => path.resolve(s)),
    stagingFolder: path.join(root, '.staging'),
    undoFolder: path.join(root, '.undo'),
    durability: options.durability ?? 'process',
    db,
    ledger: new Ledger(db),
    steps: new Steps(db),
    handoffs: new Handoffs(db),
    agents: new Agents(db),
    sessions: new Sessions(db),
    procedures: new Procedures(db),
    contracts: new Contracts(db),
    validations: new Validations(db),
    manifest: new Manifest(db),
    pipelines: new Pipelines(db),
    reliability: new ReliabilityTests(db),
    reports: new StoredReports(db),
    outbox: new Outbox(db),
    audit: new AuditTrail(db, {
      key: path.resolve(options.audit?.key ?? path.join(folder, 'audit-key.pem')),
      anchors: path.resolve(options.audit?.anchors ?? path.join(folder, 'audit-anchors.jsonl')),
      log: `${file}-wal`,
    }),
    webhooks: new Webhooks(db),
    attention: new Attention(db),
    waiting: new WaitingHandoffs(db),
    waitingReports: new WaitingReports(db),
    keys,
    logins: new Logins(db, keys),
    idempotency: new IdempotencyKeys(db),
    blobs,
    packages,
  };
}
