import { lstat } from 'node:fs/promises';
import { digestAt } from './digest-at.js';

/**
 * What is at a place: `there` (something of the right size, not read), `verified` (read: it is what it should be),
 * `changed`, `missing`, `unreadable`.
 */
export type PlaceState = 'there' | 'verified' | 'changed' | 'missing' | 'unreadable';

/** Looks at one place; with `read` it is hashed. `size` of a file in bytes. */
export async function placeState(
  expected: { path: string; sha256: string; size?: number | undefined; mode?: number | undefined },
  read: boolean,
): Promise<PlaceState> {
  try {
    if (read) {
      const found = await digestAt(expected.path);
      if (found === 'missing') return 'missing';
      const modeFits = typeof found === 'string' || expected.mode === undefined || found.mode === expected.mode;
      return found !== 'other' && found.sha256 === expected.sha256 && modeFits ? 'verified' : 'changed';
    }
    const there = await lstat(expected.path);
    if (there.isFile()) return expected.size === undefined || there.size === expected.size ? 'there' : 'changed';
    return there.isDirectory() ? 'there' : 'changed';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ENOTDIR' ? 'missing' : 'unreadable';
  }
}
