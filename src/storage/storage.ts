import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { Agents } from './agents.js';
import { Blobs } from './blobs.js';
import { openDatabase, type Db } from './database.js';
import { Handoffs } from './handoffs.js';
import { Ledger } from './ledger.js';
import { Procedures } from './procedures.js';
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
  /** What an acknowledged write survives. Default `process`. */
  durability?: 'process' | 'power';
}

/** All that is kept outside workflow history. */
export interface Storage {
  folder: string;
  root: string;
  sources: string[];
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
  validations: Validations;
  blobs: Blobs;
  close(): Promise<void>;
}

/** Opens the storage of one folder, and makes it where there is none. Several processes may have it open at once. */
export async function openStorage(options: StorageOptions = {}): Promise<Storage> {
  const folder = path.resolve(options.folder ?? '.handoff');
  const root = path.resolve(options.root ?? folder);
  await mkdir(folder, { recursive: true });
  const db = await openDatabase(path.join(folder, 'handoff.db'), options.durability);
  return {
    folder,
    root,
    sources: (options.sources ?? ['.']).map((s) => path.resolve(s)),
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
    validations: new Validations(db),
    blobs: new Blobs(path.join(folder, 'blobs')),
    close: () => db.destroy(),
  };
}
