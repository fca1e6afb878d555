import { HandoffError } from '../../core/errors.js';
import { LedElsewhere, checkWhere } from './anchor.js';
import { changed } from './faults.js';
import type { Intake } from './intake.js';
import { lookAt } from './open.js';
import { rawOf, type Raw } from './raw.js';
import { Taker, type Taken } from './taker.js';
import { walk } from './walk.js';

/**
 * Reads a file or a folder once: hashes it and, with `into`, copies it. What it opens is checked to be where it was
 * looked for, so that no link, however quickly it is put there, has it read elsewhere. Whether the source
 * stayed as it was is for {@link file://./survey.ts} to say. Throws as {@link walk}, and PATH_NOT_ALLOWED.
 */
export async function takeIn(job: Intake): Promise<Taken> {
  const top = rawOf(job.source);
  const taker = new Taker(job, top);
  const flush = (): void => job.journal?.flush();
  job.pace.beforeRest = flush;
  try {
    if (isFolder(job, top)) await walk({ top, artifact: job.artifact, pace: job.pace }, taker);
    else await takeFile(top, taker);
    return taker.taken();
  } catch (error) {
    throw error instanceof LedElsewhere ? ledOut(job, error) : error;
  } finally {
    job.pace.beforeRest = () => {};
    flush();
  }
}

async function takeFile(top: Raw, taker: Taker): Promise<void> {
  const more = taker.file('.', top, (fd) => checkWhere(fd, top));
  if (more) await more;
}

function isFolder(job: Intake, top: Raw): boolean {
  const s = lookAt(job.artifact, top);
  if (!s.isFile() && !s.isDirectory())
    throw s.isSymbolicLink()
      ? changed(job.artifact, `${job.source} became a symbolic link`)
      : new HandoffError('ARTIFACT_NOT_A_FILE', { artifact: job.artifact, path: job.source });
  return s.isDirectory();
}

function ledOut({ artifact, roots }: Intake, { wanted, found }: LedElsewhere): HandoffError {
  const inside = !roots || roots.some((r) => found === r || found.startsWith(r.endsWith('/') ? r : `${r}/`));
  return inside
    ? changed(artifact, `${wanted} was moved, or led to ${found}`)
    : new HandoffError('PATH_NOT_ALLOWED', { artifact, path: wanted, roots: roots.join(', ') });
}
