import { lstatSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { HandoffError } from '../../core/errors.js';
import { LedElsewhere } from './anchor.js';
import { changed } from './faults.js';
import type { Journal } from './journal.js';
import { stampOf } from './listing.js';
import { Pace } from './pace.js';
import { rawOf } from './raw.js';
import { survey } from './survey.js';
import { takeIn } from './take-in.js';

/** What is at a place: content, modes and links by one digest, and the stamps by which a later change is noticed. */
export interface Print {
  kind: 'file' | 'directory';
  /** Of a folder its tree digest. */
  sha256: string;
  /** Permission bits of the file or of the folder itself. */
  mode: number;
  /** Bytes of all files. */
  size: number;
  files: number;
  /** Its listing: see `Listing`. */
  stamp: string;
}

/** Above this many bytes, what still has the stamps that it had is not read again. */
const READ_AGAIN = 1 << 30;

export interface PrintOptions {
  pace?: Pace;
  /** What was found at this place before. */
  known?: readonly (Partial<Print> | null | undefined)[];
  /** Keeps how far it came: for what may take longer than one attempt. */
  journal?: () => Journal;
  /** Named in errors. Default: the last part of the path. */
  artifact?: string;
}

/** The stamp of what is at a path itself, link or not; undefined where there is nothing. */
export function topStamp(file: string): string | undefined {
  const s = lstatSync(file, { bigint: true, throwIfNoEntry: false });
  return s && stampOf(s);
}

/**
 * The print of a file or folder; undefined where there is nothing. The last part of the path is not followed, and
 * neither is any link below it. Throws ARTIFACT_NOT_A_FILE for what is neither, and ARTIFACT_CHANGED for what is written meanwhile.
 */
export async function printOf(file: string, options: PrintOptions = {}): Promise<Print | undefined> {
  const { known = [], artifact = path.basename(file), pace = new Pace() } = options;
  if (topStamp(file) === undefined) return undefined;
  const source = path.join(realpathSync(path.dirname(file)), path.basename(file));
  const there = await survey(artifact, rawOf(source), pace);
  if (there.size > READ_AGAIN) {
    const same = known.find((k) => k?.stamp === there.stamp && k.sha256);
    if (same) return { ...there, sha256: same.sha256! };
  }
  const journal = there.size > READ_AGAIN ? options.journal?.() : undefined;
  try {
    const taken = await takeIn({ artifact, source, pace, ...(journal ? { journal } : {}) });
    if (taken.stamp !== (await survey(artifact, rawOf(source), pace)).stamp)
      throw changed(artifact, `${source} was written while it was read`);
    const { kind, sha256, mode, size, files, stamp } = taken;
    return { kind, sha256, mode, size, files, stamp };
  } catch (error) {
    throw error instanceof LedElsewhere ? changed(artifact, `${source} was moved`) : error;
  } finally {
    journal?.close();
  }
}

/** The digest of a file, or the tree digest of a folder; a link is followed. Throws ARTIFACT_MISSING and as {@link printOf}. */
export async function treeDigest(file: string): Promise<Print> {
  const found = await printOf(realPathOf(file), { artifact: path.basename(file) });
  if (!found) throw new HandoffError('ARTIFACT_MISSING', { artifact: path.basename(file), path: path.resolve(file) });
  return found;
}

function realPathOf(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return path.resolve(file);
  }
}
