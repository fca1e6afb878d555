import { createHash } from 'node:crypto';
import { constants, statSync, type BigIntStats } from 'node:fs';
import { copyFile, open, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { HandoffError } from '../core/errors.js';
import type { ArtifactSpec } from '../core/request.js';

/** A file at one moment: its content's digest, and the metadata by which a later change is noticed. */
export interface Fingerprint {
  sha256: string;
  /** Permission bits. */
  mode: number;
  size: number;
  stamp: string;
}

const stampOf = (s: BigIntStats): string => `${s.dev}:${s.ino}:${s.size}:${s.mtimeNs}:${s.ctimeNs}`;

/** The stamp of what is at a path now, without reading it; undefined where there is nothing. */
export function stampAt(file: string): string | undefined {
  const s = statSync(file, { bigint: true, throwIfNoEntry: false });
  return s && stampOf(s);
}

/** Undefined where there is no file. */
export async function fingerprint(file: string): Promise<Fingerprint | undefined> {
  const handle = await open(file, 'r').catch((e: NodeJS.ErrnoException) => {
    if (e.code === 'ENOENT' || e.code === 'ENOTDIR') return undefined;
    throw e;
  });
  if (!handle) return undefined;
  try {
    const s = await handle.stat({ bigint: true });
    const hash = createHash('sha256');
    for await (const chunk of handle.createReadStream({ autoClose: false })) hash.update(chunk as Buffer);
    return { sha256: hash.digest('hex'), mode: Number(s.mode) & 0o777, size: Number(s.size), stamp: stampOf(s) };
  } finally {
    await handle.close();
  }
}

/** Where an artifact's file really is. Throws PATH_NOT_ALLOWED, ARTIFACT_MISSING, ARTIFACT_NOT_A_FILE. */
export async function locateSource(spec: ArtifactSpec, sources: readonly string[]): Promise<string> {
  const wanted = path.resolve(sources[0] ?? '.', spec.path);
  const within = (file: string, roots: readonly string[]): boolean =>
    roots.some((r) => file === r || file.startsWith(r.endsWith(path.sep) ? r : r + path.sep));
  const refused = (): HandoffError =>
    new HandoffError('PATH_NOT_ALLOWED', { artifact: spec.name, path: spec.path, roots: sources.join(', ') });
  // What lies outside is refused before it is looked at, so that an error does not tell whether it exists.
  if (!within(wanted, sources)) throw refused();
  const real = await realpath(wanted).catch(() => undefined);
  if (!real) throw new HandoffError('ARTIFACT_MISSING', { artifact: spec.name, path: wanted });
  const realRoots = await Promise.all(sources.map((s) => realpath(s).catch(() => s)));
  if (!within(real, realRoots)) throw refused();
  const s = await stat(real);
  if (!s.isFile()) throw new HandoffError('ARTIFACT_NOT_A_FILE', { artifact: spec.name, path: wanted });
  return real;
}

/**
 * Copies a file that is not changed meanwhile, in constant memory, and hashes it on the way. `sync`: on disk before it
 * returns. Throws ARTIFACT_CHANGED, and what `onChunk` throws.
 */
export async function copyHashed(
  name: string,
  from: string,
  to: string,
  options: { sync: boolean; onChunk?: () => void },
): Promise<{ sha256: string; mode: number; size: number }> {
  const source = await open(from, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const before = await source.stat({ bigint: true });
    const target = await open(to, 'wx', Number(before.mode) & 0o777);
    try {
      const hash = createHash('sha256');
      let size = 0;
      for await (const chunk of source.createReadStream({ autoClose: false, highWaterMark: 1 << 20 })) {
        options.onChunk?.();
        hash.update(chunk as Buffer);
        await target.appendFile(chunk as Buffer);
        size += (chunk as Buffer).length;
      }
      // `open` takes the mode less the umask.
      await target.chmod(Number(before.mode) & 0o777);
      if (options.sync) await target.sync();
      if (stampOf(await source.stat({ bigint: true })) !== stampOf(before)) {
        throw new HandoffError('ARTIFACT_CHANGED', { artifact: name, why: `${from} was written while it was copied` });
      }
      return { sha256: hash.digest('hex'), mode: Number(before.mode) & 0o777, size };
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

/** A copy of a file for a later undo; copy-on-write where the file system has it. */
export const keepCopy = (from: string, to: string): Promise<void> => copyFile(from, to, constants.COPYFILE_FICLONE);
