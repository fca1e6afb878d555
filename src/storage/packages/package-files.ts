import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, mkdir, open, readdir, rename, rm, unlink } from 'node:fs/promises';
import path from 'node:path';
import { HandoffError } from '../../core/errors.js';

const PART = /^\..+\.part$/;
/** A save that goes on writes to its file all the time. */
const PART_IS_LEFT_AFTER_MS = 10 * 60_000;

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? (error as Error).message;
const isGone = (error: unknown): boolean => ['ENOENT', 'ENOTDIR'].includes(codeOf(error));

/** Writes a file, so that after any crash there is what was there before, or all of it. Makes its folder. */
export async function writeWhole(file: string, bytes: Uint8Array): Promise<void> {
  const folder = path.dirname(file);
  const part = path.join(folder, `.${path.basename(file)}.${randomUUID()}.part`);
  try {
    await mkdir(folder, { recursive: true });
    const handle = await open(part, 'wx');
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(part, file);
    await syncFolder(folder);
  } catch (cause) {
    await rm(part, { force: true }).catch(() => {});
    if (codeOf(cause) === 'ENOSPC') throw new HandoffError('DISK_FULL', { path: file }, { cause });
    throw new HandoffError('DESTINATION_NOT_WRITABLE', { path: file, why: codeOf(cause) }, { cause });
  }
}

/** Without it a power failure could take the new name back. Some file systems know no such thing. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => {});
  await handle?.close();
}

/** Removes what killed saves have left, and nothing that somebody may still be writing. What cannot be removed stays. */
export async function removeLeftParts(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    if (!PART.test(name)) continue;
    const file = path.join(folder, name);
    const s = await lstat(file).catch(() => undefined);
    if (s?.isFile() && s.mtimeMs < Date.now() - PART_IS_LEFT_AFTER_MS) await rm(file, { force: true }).catch(() => {});
  }
}

/** The names in a folder, none where there is no folder. Throws STORAGE_DAMAGED. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return [];
    throw new HandoffError('STORAGE_DAMAGED', { where: folder, why: codeOf(cause) }, { cause });
  }
}

const unreadable =
  (file: string) =>
  (cause: unknown): undefined => {
    if (isGone(cause)) return undefined;
    throw new HandoffError('STORAGE_DAMAGED', { where: file, why: codeOf(cause) }, { cause });
  };

/** Those of some files that are there, the one that was written last first. Throws STORAGE_DAMAGED. */
export async function present(files: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    // Of a link itself: where it leads to is nobody's package, and may be nowhere, or in a circle.
    files.map(async (file) => ({ file, at: (await lstat(file, { bigint: true }).catch(unreadable(file)))?.mtimeNs })),
  );
  return found
    .filter((f) => f.at !== undefined)
    .toSorted((a, b) => (b.at! > a.at! ? 1 : b.at! < a.at! ? -1 : 0))
    .map((f) => f.file);
}

/** Whether there was such a file. Throws DESTINATION_NOT_WRITABLE. */
export const removeFile = (file: string): Promise<boolean> =>
  unlink(file).then(
    () => true,
    (cause: unknown) => {
      if (isGone(cause)) return false;
      throw new HandoffError('DESTINATION_NOT_WRITABLE', { path: file, why: codeOf(cause) }, { cause });
    },
  );

/**
 * A regular file's bytes, at most `limit`; undefined where there is none. `refuse` makes the error for what cannot be
 * read, `tooLarge` for what is larger.
 */
export async function readBounded(
  file: string,
  limit: number,
  refuse: (why: string) => Error,
  tooLarge: (size: number) => Error,
): Promise<Buffer | undefined> {
  // Without NONBLOCK the opening of a pipe waits for whoever writes into it.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await open(file, flags).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    if (codeOf(error) === 'EMFILE') throw error;
    throw refuse(codeOf(error) === 'ELOOP' ? 'it is a symbolic link' : `it cannot be read (${codeOf(error)})`);
  });
  if (!handle) return undefined;
  try {
    const s = await handle.stat();
    if (!s.isFile()) throw refuse('it is not a file');
    if (s.size > limit) throw tooLarge(s.size);
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}
