// Holds the write lock of a database for so many milliseconds, from a process of its own. SQLite waits standing still: the
// harness, which may wait for the lock as well, could neither let go of it nor look whether it is held.
import process from 'node:process';
import Database from 'libsql';
import { refusal } from './refusal.js';

/** What it tells once it holds the lock: how another connection was refused. */
export interface Held {
  refused?: string;
}

const database = new Database(process.argv[2]!);
database.exec('PRAGMA busy_timeout = 30000');
database.exec('BEGIN EXCLUSIVE');
process.once('disconnect', () => process.exit(1));
setTimeout(() => {
  database.exec('ROLLBACK');
  process.exit(0);
}, Number(process.argv[3]));
process.send?.({ refused: refusal(process.argv[2]!, 'BEGIN IMMEDIATE') } satisfies Held);
