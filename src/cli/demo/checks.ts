import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Effect } from '../../core/effect.js';
import type { Party } from '../../core/request.js';
import { arrivalsFolder } from '../../storage/arrivals.js';
import { fingerprint } from '../../storage/files.js';
import type { Storage } from '../../storage/storage.js';

/** Something that the demo claims, and whether it really is so. */
export interface Check {
  what: string;
  ok: boolean;
  /** What was found, where it is not so. */
  found?: string;
}

export const check = (what: string, ok: boolean, found?: unknown): Check =>
  ok ? { what, ok } : { what, ok, found: typeof found === 'string' ? found : JSON.stringify(found) };

/** Each file arrived with the bytes that left. */
export async function arrived(
  storage: Storage,
  target: Party,
  artifacts: readonly { name: string; path: string }[],
  how = 'arrived',
): Promise<Check> {
  const wrong: string[] = [];
  for (const { name, path: from } of artifacts) {
    const sent = await fingerprint(path.resolve(storage.sources[0]!, from));
    const there = await fingerprint(path.join(arrivalsFolder(storage, target), name));
    if (!sent || sent.sha256 !== there?.sha256) wrong.push(name);
  }
  return check(
    `${artifacts.length} files ${how}, each with its SHA-256`,
    wrong.length === 0,
    `other: ${wrong.join(', ')}`,
  );
}

/** Every row of the ledger has this status, and there is one. */
export function ledgerIs(effects: readonly Effect[], status: 'applied' | 'undone'): Check {
  const others = effects.filter((e) => e.status !== status);
  const ok = effects.length > 0 && others.length === 0;
  return check(
    `${effects.length} effects in the ledger, all ${status}`,
    ok,
    others.map((e) => `${e.key} ${e.status}`),
  );
}

/** No half-copied file is left behind. What an undo would have needed is cleared away later, by `reconcile`. */
export async function nothingLeft(storage: Storage): Promise<Check> {
  const left = await filesBelow(storage.stagingFolder);
  return check('nothing left in staging', left.length === 0, left);
}

/** The SHA-256 and mode of every file that arrived, and every phase and context entry of a session. */
export interface Snapshot {
  files: Record<string, string>;
  state: string;
}

export async function snapshot(storage: Storage, session: string): Promise<Snapshot> {
  const folder = path.join(storage.root, 'artifacts');
  const files: Record<string, string> = {};
  for (const file of (await filesBelow(folder)).toSorted()) {
    const found = await fingerprint(file);
    if (found) files[path.relative(folder, file)] = `${found.sha256} ${found.mode.toString(8)}`;
  }
  const { sessions } = storage;
  const state = JSON.stringify([await sessions.phases(session), await sessions.context(session)]);
  return { files, state };
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((e) => e.isFile()).map((e) => path.join(e.parentPath, e.name));
}
