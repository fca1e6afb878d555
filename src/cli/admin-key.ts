import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { issueKey } from '../storage/audit/keys.js';
import type { Storage } from '../storage/storage.js';

/** Whose key `handoff dev` makes. */
const ADMIN = '@admin';

/**
 * The file with an admin's API key in the data folder, readable by its owner alone: whoever can read the folder has all
 * that is in it anyway. Made where there is none that is good.
 */
export async function adminKeyFile(storage: Storage): Promise<string> {
  const file = path.join(storage.folder, 'admin.key');
  if (existsSync(file) && (await storage.keys.verify(readFileSync(file, 'utf8').trim()))) return file;
  if (!(await storage.agents.find(ADMIN))) await storage.agents.add({ name: ADMIN, roles: ['admin'], capacity: 0 });
  const grant = { agent: ADMIN, roles: ['admin'], by: 'system', from: 'handoff dev' };
  const { secret } = await issueKey(storage.db, grant);
  writeFileSync(file, `${secret}\n`, { mode: 0o600 });
  // One that was there before keeps its mode.
  chmodSync(file, 0o600);
  return file;
}
