import { closeSync, fchmodSync, openSync } from 'node:fs';
import { realpathSync } from 'node:fs';
import { sha256 } from '../core/digest.js';
import type { Effect } from '../core/effect.js';
import { HandoffError } from '../core/errors.js';
import type { Located } from '../storage/files.js';
import { treeLine } from '../storage/manifest/digest-at.js';
import type { Storage } from '../storage/storage.js';
import { folderBelow } from '../storage/transfer/anchor.js';
import { writeChunk } from '../storage/transfer/chunks.js';
import { changed, writing } from '../storage/transfer/faults.js';
import { Journal } from '../storage/transfer/journal.js';
import type { Pace } from '../storage/transfer/pace.js';
import type { Print } from '../storage/transfer/print.js';
import { bytesOf, rawOf, textOf, type Raw } from '../storage/transfer/raw.js';
import { removeTree } from '../storage/transfer/remove.js';
import { survey } from '../storage/transfer/survey.js';
import type { Intake } from '../storage/transfer/intake.js';
import { takeIn } from '../storage/transfer/take-in.js';
import { failpoint } from '../faults/failpoint.js';
import { ITEM, slotFor } from './file-effect.js';

export interface ToStage {
  artifact: string;
  source: Located;
  /** Made from the source: arrives in its place. */
  content?: Uint8Array;
  /** Hex SHA-256 that the source must have. */
  sha256?: string;
}

/** What a staged artifact is, and how much of it was copied now and before. Bytes. */
export interface Staged {
  print: Print;
  /** Of what it was made from. */
  originalSha256: string;
  /** Bytes that it had there, where something else was made of it. */
  originalSize?: number;
  copied: number;
  resumed: number;
  /** What a folder holds, a line each; absent where that is too much to keep beside it. */
  listing?: string;
}

/** Entries of a folder that are kept, so that a later look can name the one that differs. */
const LISTED = 20_000;

/**
 * Makes a copy of an artifact below the root, ready to be renamed, or goes on with one that an earlier attempt began.
 * Throws CHECKSUM_MISMATCH, ARTIFACT_CHANGED, and what reading and writing throw.
 */
export async function stageArtifact(storage: Storage, effect: Effect, what: ToStage, pace: Pace): Promise<Staged> {
  checkApart(storage, what);
  const { artifact, source, content } = what;
  const slot = folderBelow(storage.root, slotFor(storage, effect).staging, true);
  const sync = storage.durability === 'power';
  try {
    const it = `${slot.at}/${ITEM}`;
    const journal = Journal.open(`${slot.at}/journal`, source.path, sync);
    try {
      if (!journal.continues) removeTree(it);
      const lines: string[] = [];
      const each: Intake['each'] = (kind, mode, rel, is) => {
        const type = kind === 'd' ? 'folder' : kind === 'f' ? 'file' : 'link';
        if (lines.length <= LISTED)
          lines.push(treeLine({ type, mode, path: textOf(rel), is: kind === 'l' ? textOf(is) : is }));
      };
      const job: Intake = {
        artifact,
        source: source.path,
        roots: source.roots,
        pace,
        sync,
        journal,
        name: effect.key,
        each,
      };
      const taken = await takeIn(content ? job : { ...job, into: it });
      await failpoint('transfer.after_copy');
      if ((await survey(artifact, rawOf(source.path), pace)).stamp !== taken.stamp)
        throw changed(artifact, `${source.path}, or something in it, was written while it was copied`);
      if (what.sha256 && what.sha256 !== taken.sha256)
        throw new HandoffError('CHECKSUM_MISMATCH', { artifact, expected: what.sha256, found: taken.sha256 });
      const { kind, mode, size, files, copied, resumed } = taken;
      const print = content
        ? await stageContent(artifact, it, content, mode)
        : { kind, sha256: taken.sha256, mode, size, files, stamp: taken.stagedStamp };
      const listed = kind === 'directory' && !content && lines.length <= LISTED;
      return {
        print,
        originalSha256: taken.sha256,
        ...(content ? { originalSize: size } : {}),
        copied,
        resumed,
        ...(listed ? { listing: lines.join('') } : {}),
      };
    } finally {
      journal.close();
    }
  } finally {
    slot.close();
  }
}

async function stageContent(artifact: string, it: Raw, content: Uint8Array, mode: number): Promise<Print> {
  removeTree(it);
  writing(artifact, () => {
    const fd = openSync(bytesOf(it), 'wx');
    try {
      writeChunk(fd, Buffer.from(content), 0);
      // What a transformer made is data, whatever it was made from.
      fchmodSync(fd, mode & 0o666);
    } finally {
      closeSync(fd);
    }
  });
  return { ...(await survey(artifact, it)), sha256: sha256(content) };
}

/** A folder that holds our own would be copied into itself without end. */
function checkApart({ root, folder }: Storage, { artifact, source }: ToStage): void {
  for (const own of [root, folder]) {
    const real = realpathSync(own);
    if (real === source.path || real.startsWith(`${source.path}/`))
      throw new HandoffError('ARTIFACT_HOLDS_STORAGE', { artifact, path: source.path, root: own });
  }
}
