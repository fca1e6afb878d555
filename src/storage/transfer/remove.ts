import { chmodSync, lstatSync, readdirSync, rmSync, rmdirSync, unlinkSync } from 'node:fs';
import { bytesOf, type Raw } from './raw.js';

/** Removes a file, link or folder with all that is in it, folders that nobody may write to included. Nothing there is fine. */
export function removeTree(at: Raw): void {
  const s = lstatSync(bytesOf(at), { throwIfNoEntry: false });
  if (!s) return;
  if (!s.isDirectory()) return unlinkSync(bytesOf(at));
  try {
    rmSync(bytesOf(at), { recursive: true });
  } catch {
    chmodSync(bytesOf(at), 0o700);
    for (const name of readdirSync(bytesOf(at), 'buffer')) removeTree(`${at}/${name.toString('latin1')}`);
    rmdirSync(bytesOf(at));
  }
}
