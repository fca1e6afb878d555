import { lstatSync, readlinkSync, statSync } from 'node:fs';
import { HandoffError } from '../../core/errors.js';
import { LedElsewhere } from './anchor.js';
import { changed, readFault } from './faults.js';
import { checkLink } from './links.js';
import { Listing, modeOf } from './listing.js';
import { Pace } from './pace.js';
import { bytesOf, textOf, type Raw } from './raw.js';
import { lookAt } from './open.js';
import { walk } from './walk.js';

/** What a file or folder is, as far as it can be told without reading a file. */
export interface Survey {
  kind: 'file' | 'directory';
  /** Its {@link Listing}. */
  stamp: string;
  mode: number;
  /** Bytes of all files. */
  size: number;
  files: number;
}

/** Looks through a file or folder by its real path. Throws as {@link walk}, and ARTIFACT_LINK_REFUSED. */
export async function survey(artifact: string, top: Raw, pace = new Pace()): Promise<Survey> {
  const s = lookAt(artifact, top);
  const listing = new Listing();
  if (s.isFile()) {
    listing.file('.', s);
    return { kind: 'file', stamp: listing.stamp(), mode: modeOf(s), size: Number(s.size), files: 1 };
  }
  if (!s.isDirectory()) throw new HandoffError('ARTIFACT_NOT_A_FILE', { artifact, path: textOf(top) });
  const found: Survey = { kind: 'directory', stamp: '', mode: modeOf(s), size: 0, files: 0 };
  const looking = <T>(rel: Raw, work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw readFault(error, artifact, textOf(`${top}/${rel}`), false);
    }
  };
  try {
    await walk(
      { top, artifact, pace },
      {
        enter: (rel, at) => listing.folder(rel, statSync(bytesOf(at), { bigint: true })),
        file(rel, at) {
          const s = looking(rel, () => lstatSync(bytesOf(at), { bigint: true }));
          listing.file(rel, s);
          found.size += Number(s.size);
          found.files++;
        },
        link(rel, at) {
          const target = looking(rel, () => readlinkSync(bytesOf(at), 'buffer').toString('latin1'));
          checkLink(artifact, top, rel, target);
          listing.link(rel, target);
        },
      },
    );
  } catch (error) {
    throw error instanceof LedElsewhere ? changed(artifact, `${error.wanted} was moved`) : error;
  }
  return { ...found, stamp: listing.stamp() };
}
