import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  realpathSync,
} from 'node:fs';
import path from 'node:path';
import { HandoffError } from '../../core/errors.js';
import { writing } from './faults.js';
import { bytesOf, rawOf, textOf, type Raw } from './raw.js';

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK } = constants;
const PROC = '/proc/self/fd';
/** Whether an open file can be named by its descriptor: a path that no rename or link can lead elsewhere. */
const HAS_PROC = process.platform === 'linux' && existsSync(PROC);

/** A fifo must not make us wait, and a link must not lead us on. */
export const READ = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;

/** Thrown where what was opened lies elsewhere than where it was looked for. */
export class LedElsewhere extends Error {
  constructor(
    readonly wanted: string,
    readonly found: string,
  ) {
    super(`${wanted} led to ${found}`);
  }
}

/** A folder that is held open; what is named below `at` is in that very folder, whatever becomes of its path. */
export interface Anchor {
  at: Raw;
  close(): void;
}

/** Opens a folder by its real path. Throws {@link LedElsewhere}, ENOENT, and ELOOP or ENOTDIR where it is no folder. */
export function anchor(real: Raw, by: Raw = real): Anchor {
  const fd = openSync(bytesOf(by), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK);
  try {
    checkWhere(fd, real);
  } catch (error) {
    // An undo removes a folder that it leaves empty, and one that is removed as it is opened has no name any more.
    const isGone = fstatSync(fd).nlink === 0;
    closeSync(fd);
    if (!isGone) throw error;
    throw Object.assign(new Error(`ENOENT: ${textOf(real)} was removed as it was opened`), { code: 'ENOENT' });
  }
  return { at: HAS_PROC ? `${PROC}/${fd}` : real, close: () => closeSync(fd) };
}

/** Throws {@link LedElsewhere} unless an open file is the one at `real`, every link on the way resolved. */
export function checkWhere(fd: number, real: Raw): void {
  if (HAS_PROC) {
    const found = readlinkSync(`${PROC}/${fd}`, 'buffer').toString('latin1');
    if (found !== real) throw new LedElsewhere(textOf(real), textOf(found));
    return;
  }
  const found = realpathSync(bytesOf(real), 'buffer').toString('latin1');
  const there = lstatSync(bytesOf(found), { bigint: true });
  const opened = fstatSync(fd, { bigint: true });
  if (found !== real || there.ino !== opened.ino || there.dev !== opened.dev)
    throw new LedElsewhere(textOf(real), textOf(found));
}

/** A path to an open file that no rename can lead elsewhere, where the system has such; else its own path. */
export const pathOfOpen = (fd: number, real: Raw): Raw => (HAS_PROC ? `${PROC}/${fd}` : real);

/**
 * Holds the folder `parts` below `root` open, one part after the other, so that none of them is a link. `make`: it is
 * made where it is not there; without it, undefined. Throws DESTINATION_NOT_ALLOWED for a part that is no folder.
 */
export function folderBelow(root: string, parts: readonly string[], make: true): Anchor;
export function folderBelow(root: string, parts: readonly string[], make: boolean): Anchor | undefined;
export function folderBelow(root: string, parts: readonly string[], make: boolean): Anchor | undefined {
  if (make) writing(root, () => mkdirSync(root, { recursive: true }));
  else if (!existsSync(root)) return undefined;
  let real = rawOf(realpathSync(root));
  let here = anchor(real);
  for (const part of parts) {
    const by = `${here.at}/${rawOf(part)}`;
    real = `${real}/${rawOf(part)}`;
    const outer = here;
    try {
      here = make ? anchorOrMake(real, by) : anchor(real, by);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' && !make) return undefined;
      if (error instanceof LedElsewhere || code === 'ELOOP' || code === 'ENOTDIR')
        throw new HandoffError('DESTINATION_NOT_ALLOWED', { path: textOf(real), root }, { cause: error });
      throw error;
    } finally {
      outer.close();
    }
  }
  return here;
}

/** Most are there. */
function anchorOrMake(real: Raw, by: Raw): Anchor {
  try {
    return anchor(real, by);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    writing(textOf(real), () => makeOne(by));
    return anchor(real, by);
  }
}

function makeOne(folder: Raw): void {
  try {
    mkdirSync(bytesOf(folder));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** The parts of a path below the root. */
export const partsBelow = (root: string, file: string): string[] =>
  path.relative(root, file).split(path.sep).filter(Boolean);
