import { constants, copyFileSync } from 'node:fs';
import { bytesOf, type Raw } from './raw.js';

/** Smaller files are copied as fast. */
export const CLONE_FROM = 1 << 20;

/** Devices that have refused it: they are not asked again. */
const refused = new Set<string>();

/** Makes `to` share the blocks of `from`, where the file system can; false: it is still to be copied. `to` must not be there. */
export function clone(from: Raw, to: Raw, devices: string): boolean {
  if (refused.has(devices)) return false;
  try {
    copyFileSync(bytesOf(from), bytesOf(to), constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' || code === 'ENOSPC' || code === 'EDQUOT') throw error;
    refused.add(devices);
    return false;
  }
}
