import { existsSync } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import path from 'node:path';
import { HANDOFF_ID } from '../core/ids.js';
import type { Storage } from '../storage/storage.js';
import { rawOf } from '../storage/transfer/raw.js';
import { removeTree } from '../storage/transfer/remove.js';

/** A run that closed longer ago than this works on nothing any more. Milliseconds. */
const SETTLED_MS = 60_000;
/** What was touched within this time may be about to be put on record. Milliseconds. */
const YOUNG_MS = 3_600_000;

/** What is kept in staging and for undos, and nobody needs any more. */
export interface Leftover {
  handoff: string;
  /**
   * `closed`: the handoff is over; `unknown`: the database does not know it; `undone`: it is open, but these copies are of
   * effects that were undone, or of attempts that never put anything on record.
   */
  why: 'closed' | 'unknown' | 'undone';
  paths: string[];
}

/** Finds leftovers. What an undo could still need is never among them. */
export async function leftovers(storage: Storage, now = Date.now()): Promise<Leftover[]> {
  const found: Leftover[] = [];
  for (const id of await handoffsIn([storage.undoFolder, storage.stagingFolder])) {
    const [undo, staging] = [path.join(storage.undoFolder, id), path.join(storage.stagingFolder, id)];
    const handoff = await storage.handoffs.find(id);
    if (!handoff) {
      // A root of its own may serve other data folders as well, whose open handoffs this database does not know.
      const ours = storage.root === storage.folder ? [undo, staging] : [];
      found.push({ handoff: id, why: 'unknown', paths: await old(ours, now) });
    } else if (handoff.closedAt === undefined) {
      found.push({ handoff: id, why: 'undone', paths: await old(await unreferenced(storage, id, undo), now) });
    } else if (now - handoff.closedAt >= SETTLED_MS) {
      found.push({ handoff: id, why: 'closed', paths: [undo, staging].filter(existsSync) });
    }
  }
  return found.filter(({ paths }) => paths.length > 0);
}

/** Removes leftovers; of how many handoffs. */
export async function collect(storage: Storage): Promise<number> {
  const found = await leftovers(storage);
  for (const { paths } of found) {
    for (const one of paths) removeTree(rawOf(one));
  }
  return found.length;
}

/** Whatever else lies in these folders is not ours to remove. */
async function handoffsIn(folders: readonly string[]): Promise<Set<string>> {
  const names = await Promise.all(folders.map((folder) => readdir(folder).catch(() => [])));
  return new Set(names.flat().filter((name) => HANDOFF_ID.test(name)));
}

/**
 * Copies that no effect of an open handoff refers to any more. Their names are random, so that one that is named
 * anywhere in what an undo would read, by whatever field, is kept.
 */
async function unreferenced({ db }: Storage, handoff: string, folder: string): Promise<string[]> {
  const copies = await readdir(folder).catch(() => []);
  if (copies.length === 0) return [];
  const rows = await db
    .selectFrom('effects')
    .select('data')
    .where('handoff', '=', handoff)
    .where('status', '!=', 'undone')
    .execute();
  return copies.filter((name) => rows.every(({ data }) => !data.includes(name))).map((name) => path.join(folder, name));
}

async function old(paths: readonly string[], now: number): Promise<string[]> {
  const found: string[] = [];
  for (const one of paths) if (existsSync(one) && now - (await lastTouched(one)) >= YOUNG_MS) found.push(one);
  return found;
}

/** The latest change below a path. A rename leaves the time of the content, and sets that of the file. */
async function lastTouched(at: string): Promise<number> {
  const there = await lstat(at).catch(() => undefined);
  if (!there) return 0;
  let latest = Math.max(there.mtimeMs, there.ctimeMs);
  if (there.isDirectory()) {
    for (const name of await readdir(at)) latest = Math.max(latest, await lastTouched(path.join(at, name)));
  }
  return latest;
}
