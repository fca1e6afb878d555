import type { Transaction } from 'kysely';
import type { Party } from '../core/request.js';
import type { Db } from './database.js';
import type { Tables } from './schema.js';

/** One artifact that has arrived. Paths are absolute, digests hex SHA-256 (of a directory: its tree digest). */
export interface Arrival {
  /** The effect that put it there. */
  key: string;
  handoff: string;
  session: string;
  name: string;
  kind: 'file' | 'directory';
  source: Party;
  target: Party;
  /** Where it came from. */
  originalPath: string;
  /** What it had there. */
  originalSha256: string;
  /** Where it is now. */
  path: string;
  sha256: string;
  /** Bytes; of a directory the sum of its files. */
  size: number;
  /** Files in a directory; 1 of a file. */
  files: number;
  format?: string;
  /** Where a transformer made it from what was there. */
  transformer?: string;
  schema?: string;
  schemaValid?: boolean;
}

/** Where each artifact came from and where it went. Written only within the transactions of the effects ledger. */
export class Manifest {
  constructor(protected readonly db: Db) {}

  /** Called in the transaction that marks the effect applied; a second call for the same effect changes nothing. */
  async arrived(_trx: Transaction<Tables>, _arrival: Arrival): Promise<void> {}

  /** Called in the transaction that marks the effect undone. */
  async takenBack(_trx: Transaction<Tables>, _key: string): Promise<void> {}
}
