import { chmodSync, lstatSync, renameSync } from 'node:fs';
import { folderBelow, type Anchor } from './anchor.js';
import { writing } from './faults.js';
import { bytesOf, type Raw } from './raw.js';

const OWN = 0o700;

/** Renames a file or folder. A folder that its owner may not write to cannot be moved as it is. */
export function moveTree(from: Raw, to: Raw, shown: string): void {
  writing(shown, () => {
    const { mode } = lstatSync(bytesOf(from));
    const isShut = lstatSync(bytesOf(from)).isDirectory() && (mode & OWN) !== OWN;
    if (isShut) chmodSync(bytesOf(from), (mode & 0o7777) | OWN);
    renameSync(bytesOf(from), bytesOf(to));
    if (isShut) chmodSync(bytesOf(to), mode & 0o7777);
  });
}

/** Runs `work` with several folders below the root held open, each made where it is not there. */
export function withFolders<T>(root: string, folders: readonly (readonly string[])[], work: (...at: Raw[]) => T): T {
  const open: Anchor[] = [];
  try {
    for (const parts of folders) open.push(folderBelow(root, parts, true));
    return work(...open.map((a) => a.at));
  } finally {
    for (const a of open) a.close();
  }
}
