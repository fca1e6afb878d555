import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, watch, type BigIntStats } from 'node:fs';
import path from 'node:path';
import type { Look } from './book.js';

/** How often places of open handoffs are looked at, whatever the file system tells of changes. */
const POLL_MS = 100;
const CHUNK = Buffer.allocUnsafe(1 << 20);

/** Two files with the same content are told apart by it. Inode numbers are used again; the moment of birth is not. */
const idOf = (s: BigIntStats): string => `${s.ino}.${s.birthtimeNs}`;
/** Changes with every way to change a file. */
const stampOf = (s: BigIntStats): string => `${idOf(s)}.${s.size}.${s.mtimeNs}.${s.mode}`;

/** Looks at a file as it is now; null where there is none. A folder, or what else is no file, holds nothing that could be ours. */
export function lookAt(file: string): { look: Look; stamp: string } {
  let fd: number;
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return { look: null, stamp: '' };
  }
  // The open file is the one that is hashed, whatever takes its place meanwhile.
  try {
    const stat = fstatSync(fd, { bigint: true });
    const mode = Number(stat.mode & 0o7777n);
    const sha256 = stat.isFile() ? hashOf(fd) : 'no file';
    return { look: { id: idOf(stat), sha256, mode }, stamp: stampOf(stat) };
  } finally {
    closeSync(fd);
  }
}

function hashOf(fd: number): string {
  const hash = createHash('sha256');
  for (let read: number; (read = readSync(fd, CHUNK)) > 0;) hash.update(CHUNK.subarray(0, read));
  return hash.digest('hex');
}

export interface Places {
  /** Looks at a place from now on, until `leave`. */
  follow(file: string): void;
  leave(file: string): void;
  close(): void;
}

/**
 * Sees what becomes of files: at once by the file system's events, else by looking. Where a folder is not there yet, the
 * nearest one above it is watched until it is. What comes and goes between two looks may be missed; what stands is not.
 */
export function watchPlaces(seen: (file: string, look: Look) => void): Places {
  const stamps = new Map<string, string>();
  const open = new Map<string, number>();
  /** By folder: which one it was, since one that is made again is not watched. */
  const watched = new Map<string, { id: string; end: () => void }>();

  const look = (file: string): void => {
    if (stampAt(file) === stamps.get(file)) return;
    const { look: found, stamp } = lookAt(file);
    stamps.set(file, stamp);
    seen(file, found);
  };
  const watchFolder = (folder: string): boolean => {
    if (watched.has(folder)) return true;
    try {
      const watcher = watch(folder, (_, name) => {
        const at = name === null ? folder : path.join(folder, name);
        if (stamps.has(at)) look(at);
        else for (const file of open.keys()) if (file.startsWith(at)) lookAgain(file);
      });
      const end = (): void => {
        watched.delete(folder);
        watcher.close();
      };
      watcher.on('error', end);
      watched.set(folder, { id: folderId(folder), end });
      return true;
    } catch {
      return false;
    }
  };
  const watchFor = (file: string): void => {
    for (let folder = path.dirname(file); !watchFolder(folder); folder = path.dirname(folder))
      if (folder === path.dirname(folder)) return;
  };
  const lookAgain = (file: string): void => {
    watchFor(file);
    look(file);
  };
  const timer = setInterval(() => {
    for (const [folder, { id, end }] of watched) if (folderId(folder) !== id) end();
    for (const file of open.keys()) lookAgain(file);
  }, POLL_MS);
  return {
    follow(file) {
      open.set(file, (open.get(file) ?? 0) + 1);
      if (!stamps.has(file)) stamps.set(file, stampAt(file));
      watchFor(file);
    },
    leave(file) {
      const left = (open.get(file) ?? 1) - 1;
      if (left > 0) open.set(file, left);
      else open.delete(file);
      look(file);
    },
    close() {
      clearInterval(timer);
      for (const { end } of watched.values()) end();
    },
  };
}

function folderId(folder: string): string {
  const stat = lstatSync(folder, { bigint: true, throwIfNoEntry: false });
  return stat ? idOf(stat) : '';
}

function stampAt(file: string): string {
  const stat = lstatSync(file, { bigint: true, throwIfNoEntry: false });
  return stat ? stampOf(stat) : '';
}
