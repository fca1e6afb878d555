import { readdirSync, type Dirent } from 'node:fs';
import { HandoffError } from '../../core/errors.js';
import { anchor, LedElsewhere, type Anchor } from './anchor.js';
import { readFault } from './faults.js';
import type { Pace } from './pace.js';
import { bytesOf, textOf, type Raw } from './raw.js';

/** Deeper, or with more in it, a folder is no artifact. */
const DEPTH_LIMIT = 256;
const ENTRY_LIMIT = 1_000_000;

/** What is told of a folder, in its order: a folder, what is in it by name as bytes, and the leaving of it. */
export interface Visitor {
  /** `at` leads into the open folder. `names`: what is in it, in order. The top one is `.`. */
  enter(rel: Raw, at: Raw, names: readonly Raw[]): void;
  leave?(rel: Raw): void;
  /** `at` is to be opened without following. Only a large file takes more than this moment. */
  file(rel: Raw, at: Raw): Promise<void> | void;
  link(rel: Raw, at: Raw): void;
}

export interface Walk {
  /** The real path of the folder. */
  top: Raw;
  /** Named in errors. */
  artifact: string;
  pace: Pace;
}

/**
 * Goes through a folder, never through a link. Throws ARTIFACT_LIMIT, ARTIFACT_NOT_A_FILE for a device, fifo or socket,
 * ARTIFACT_CHANGED, ARTIFACT_MISSING, ARTIFACT_UNREADABLE, {@link LedElsewhere}, and what the visitor throws.
 */
export async function walk(job: Walk, visitor: Visitor): Promise<void> {
  const top = openFolder(job, job.top, job.top, true);
  await inside(job, visitor, top, '.', 1, { entries: 0 });
}

const below = (rel: Raw, name: Raw): Raw => (rel === '.' ? name : `${rel}/${name}`);

async function inside(
  job: Walk,
  visitor: Visitor,
  here: Anchor,
  rel: Raw,
  depth: number,
  count: { entries: number },
): Promise<void> {
  try {
    const { artifact, pace } = job;
    const entries = entriesOf(job, here, rel);
    if ((count.entries += entries.length) > ENTRY_LIMIT)
      throw new HandoffError('ARTIFACT_LIMIT', {
        artifact,
        what: 'its number of files and folders',
        limit: ENTRY_LIMIT,
      });
    visitor.enter(
      rel,
      here.at,
      entries.map((e) => e.raw),
    );
    for (const { raw, entry } of entries) {
      const next = below(rel, raw);
      const at = `${here.at}/${raw}`;
      if (entry.isDirectory()) {
        if (depth >= DEPTH_LIMIT)
          throw new HandoffError('ARTIFACT_LIMIT', {
            artifact,
            what: `the depth of ${textOf(next).slice(0, 80)}…`,
            limit: DEPTH_LIMIT,
          });
        await inside(job, visitor, openFolder(job, `${job.top}/${next}`, at, false), next, depth + 1, count);
      } else if (entry.isFile()) {
        const more = visitor.file(next, at);
        if (more) await more;
      } else if (entry.isSymbolicLink()) visitor.link(next, at);
      else throw new HandoffError('ARTIFACT_NOT_A_FILE', { artifact, path: textOf(`${job.top}/${next}`) });
      if (pace.did(0)) await pace.rest();
    }
    visitor.leave?.(rel);
  } finally {
    here.close();
  }
}

function openFolder(job: Walk, real: Raw, by: Raw, top: boolean): Anchor {
  try {
    return anchor(real, by);
  } catch (error) {
    throw error instanceof LedElsewhere ? error : readFault(error, job.artifact, textOf(real), top);
  }
}

function entriesOf(job: Walk, here: Anchor, rel: Raw): { raw: Raw; entry: Dirent<Buffer> }[] {
  try {
    const found = readdirSync(bytesOf(here.at), { encoding: 'buffer', withFileTypes: true });
    const entries = found.map((entry) => ({ raw: entry.name.toString('latin1'), entry }));
    return entries.toSorted((a, b) => (a.raw < b.raw ? -1 : 1));
  } catch (error) {
    throw readFault(error, job.artifact, textOf(`${job.top}/${rel}`), rel === '.');
  }
}
