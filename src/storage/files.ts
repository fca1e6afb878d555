import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { lstat, open, realpath } from 'node:fs/promises';
import path from 'node:path';
import { HandoffError } from '../core/errors.js';
import type { ArtifactSpec } from '../core/request.js';
import { modeOf, stampOf } from './transfer/listing.js';

/** A file at one moment. */
interface Fingerprint {
  sha256: string;
  /** Permission bits. */
  mode: number;
  /** Bytes. */
  size: number;
}

/** The stamp of what is at a path now, without reading it; undefined where there is nothing. */
export function stampAt(file: string): string | undefined {
  const s = statSync(file, { bigint: true, throwIfNoEntry: false });
  return s && stampOf(s);
}

/** A file's SHA-256, read without a check that it stays as it is meanwhile: see `printOf`. Undefined where there is no file. */
export async function fingerprint(file: string | Buffer): Promise<Fingerprint | undefined> {
  const handle = await open(file, 'r').catch((e: NodeJS.ErrnoException) => {
    if (e.code === 'ENOENT' || e.code === 'ENOTDIR') return undefined;
    throw e;
  });
  if (!handle) return undefined;
  try {
    const s = await handle.stat({ bigint: true });
    const hash = createHash('sha256');
    for await (const chunk of handle.createReadStream({ autoClose: false })) hash.update(chunk as Buffer);
    return { sha256: hash.digest('hex'), mode: modeOf(s), size: Number(s.size) };
  } finally {
    await handle.close();
  }
}

/** Where an artifact is. */
export interface Located {
  /** Its real path. */
  path: string;
  kind: 'file' | 'directory';
  /** The real folders that it may lie in. */
  roots: string[];
}

/**
 * Where an artifact's file or folder really is; a link to it is followed once, here. Throws PATH_NOT_ALLOWED,
 * ARTIFACT_MISSING, ARTIFACT_NOT_A_FILE.
 */
export async function locateArtifact(spec: ArtifactSpec, sources: readonly string[]): Promise<Located> {
  const wanted = path.resolve(sources[0] ?? '.', spec.path);
  const within = (file: string, roots: readonly string[]): boolean =>
    roots.some((r) => file === r || file.startsWith(r.endsWith(path.sep) ? r : r + path.sep));
  const refused = (): HandoffError =>
    new HandoffError('PATH_NOT_ALLOWED', { artifact: spec.name, path: spec.path, roots: sources.join(', ') });
  // What lies outside is refused before it is looked at, so that an error does not tell whether it exists.
  if (!within(wanted, sources)) throw refused();
  const real = await realpath(wanted).catch(() => undefined);
  if (!real) throw new HandoffError('ARTIFACT_MISSING', { artifact: spec.name, path: wanted });
  const roots = await Promise.all(sources.map((s) => realpath(s).catch(() => s)));
  if (!within(real, roots)) throw refused();
  const s = await lstat(real).catch(() => undefined);
  if (!s) throw new HandoffError('ARTIFACT_MISSING', { artifact: spec.name, path: wanted });
  if (!s.isFile() && !s.isDirectory())
    throw new HandoffError('ARTIFACT_NOT_A_FILE', { artifact: spec.name, path: wanted });
  return { path: real, kind: s.isFile() ? 'file' : 'directory', roots };
}

/** The real path of {@link locateArtifact}. */
export const locateSource = async (spec: ArtifactSpec, sources: readonly string[]): Promise<string> =>
  (await locateArtifact(spec, sources)).path;

/** The same, and undefined where there is nothing that can be handed over. Throws PATH_NOT_ALLOWED. */
export async function locateIfThere(spec: ArtifactSpec, sources: readonly string[]): Promise<Located | undefined> {
  try {
    return await locateArtifact(spec, sources);
  } catch (error) {
    if (error instanceof HandoffError && ['ARTIFACT_MISSING', 'ARTIFACT_NOT_A_FILE'].includes(error.code))
      return undefined;
    throw error;
  }
}
