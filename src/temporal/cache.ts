import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { serverError } from './server-errors.js';

type Log = (line: string) => void;

/**
 * The folder for what may be thrown away and made again: `$XDG_CACHE_HOME/handoff`, else `~/.cache/handoff`.
 * A relative `XDG_CACHE_HOME` is ignored, as its specification demands.
 */
export function defaultCacheDir(env: NodeJS.ProcessEnv = process.env): string {
  const xdg = env.XDG_CACHE_HOME;
  return join(xdg && isAbsolute(xdg) ? xdg : join(homedir(), '.cache'), 'handoff');
}

export interface LockOptions {
  log?: Log;
  /** How long to wait for another holder, in milliseconds. Default: 15 minutes, longer than any build that we run. */
  waitMs?: number;
}

/**
 * Runs `work` while no other process (and no other call in this one) holds the lock file at `path`.
 *
 * The lock is SQLite's own on an empty database, which the operating system drops when its holder dies, even by
 * kill -9. A file with a process id in it would need breaking, and two breakers can take it from each other.
 *
 * @throws {HandoffError} `TEMPORAL_SERVER_INSTALL_FAILED` if the lock is not free within `waitMs`
 */
export async function withLock<T>(path: string, work: () => Promise<T>, options: LockOptions = {}): Promise<T> {
  const { log = () => {}, waitMs = 15 * 60_000 } = options;
  await mkdir(dirname(path), { recursive: true });
  const { default: Database } = await import('libsql');
  const database = new Database(path);
  try {
    const startedAt = Date.now();
    let nextLine = startedAt;
    while (!tryLock(database)) {
      const now = Date.now();
      if (now - startedAt >= waitMs) {
        throw serverError(
          'TEMPORAL_SERVER_INSTALL_FAILED',
          `Another process has held ${path} for ${Math.round(waitMs / 1000)} s. If it hangs, end it and try again.`,
        );
      }
      if (now >= nextLine) {
        log(`Another process is installing this; waiting for it (${Math.round((now - startedAt) / 1000)} s)`);
        nextLine = now + 15_000;
      }
      await sleep(100);
    }
    return await work();
  } finally {
    database.close();
  }
}

function tryLock(database: { exec(sql: string): unknown }): boolean {
  try {
    database.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if (String((error as { code?: unknown }).code).startsWith('SQLITE_BUSY')) return false;
    throw error;
  }
}

/**
 * Fills a folder of the cache, whole or not at all: `fill` works in a folder beside it, which is renamed to `target`
 * if `fill` returns true and deleted otherwise. Call it under the lock of `target`: it clears away what killed calls left.
 *
 * @returns what `fill` returned
 */
export async function fillFolder(target: string, fill: (stage: string) => Promise<boolean>): Promise<boolean> {
  const parent = dirname(target);
  const prefix = `.stage-${basename(target)}-`;
  await mkdir(parent, { recursive: true });
  for (const name of await readdir(parent)) {
    if (name.startsWith(prefix)) await rm(join(parent, name), { recursive: true, force: true });
  }
  const stage = await mkdtemp(join(parent, prefix));
  try {
    if (!(await fill(stage))) return false;
    await rm(target, { recursive: true, force: true });
    await rename(stage, target);
    return true;
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}
