import path from 'node:path';
import Database from 'libsql';
import type { HandoffStorage, PipelineHandoffPackage } from '../src/core/package/package.js';
import { ContextManager } from '../src/packages/context-manager.js';
import { HandoffManager } from '../src/packages/handoff-manager.js';
import { openDatabase } from '../src/storage/database.js';
import { Sessions } from '../src/storage/sessions.js';

/** Where packages are restored, each time into a context that is empty. */
export interface Restoring {
  restore: () => Promise<void>;
  /** The same values as rows of a bare table: what SQLite takes by itself. */
  bare: () => void;
  /** Empties both. */
  clear: () => Promise<void>;
  close: () => Promise<void>;
}

export async function restoring(
  folder: string,
  storage: HandoffStorage,
  one: PipelineHandoffPackage,
): Promise<Restoring> {
  const db = await openDatabase(path.join(folder, 'handoff.db'));
  const manager = new HandoffManager(new ContextManager(new Sessions(db)), storage);
  const raw = new Database(path.join(folder, 'bare.db'));
  raw.exec('PRAGMA journal_mode = WAL');
  raw.exec('PRAGMA synchronous = NORMAL');
  raw.exec('create table rows (session text, key text, value text, primary key (session, key))');
  const insert = raw.prepare('insert into rows values (?, ?, ?)');
  let sessions = 0;
  return {
    restore: async () => {
      const received = await manager.receiveHandoff(one.id, { into: `bench-${++sessions}` });
      if (!received.success) throw new Error(received.error);
    },
    bare: () => {
      const session = `bench-${++sessions}`;
      raw.exec('begin immediate');
      for (const { key, value } of one.context.entries) insert.run([session, key, value]);
      raw.exec('commit');
    },
    clear: async () => {
      raw.exec('delete from rows');
      await db.deleteFrom('context').execute();
    },
    close: async () => {
      raw.close();
      await db.destroy();
    },
  };
}
