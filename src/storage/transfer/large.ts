import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  type BigIntStats,
} from 'node:fs';
import { CHUNK, readChunk, writeChunk } from './chunks.js';
import { CLONE_FROM, clone } from './clone.js';
import { changed, readFault, writing } from './faults.js';
import { keepState, takeState } from './hash-states.js';
import { stampOf } from './listing.js';
import { pathOfOpen } from './anchor.js';
import { bytesOf, textOf, type Raw } from './raw.js';
import { removeTree } from './remove.js';
import type { Intake } from './intake.js';

/** How much is lost at most by a power failure, where staged data is synced. */
const SYNC_EACH = 64 << 20;
const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;

interface LargeFile {
  /** The open source and what it was when it was opened. */
  fd: number;
  s: BigIntStats;
  rel: Raw;
  real: Raw;
  to?: Raw;
}

/**
 * Hashes one file and copies it, chunk by chunk. What an earlier attempt has copied is only read again, and where that
 * attempt was in this process, not even that. `settle` ends the copy and gives its stamp.
 */
export async function copyLarge(
  job: Intake & { name: string },
  file: LargeFile,
  settle: (out: number) => string,
): Promise<{ sha256: string; staged: string; copied: number }> {
  const size = Number(file.s.size);
  const out = file.to === undefined ? undefined : openStaged(job, file, file.to);
  try {
    const there = out ? out.have : size;
    const of = `${stampOf(file.s)} ${out ? fstatSync(out.fd, { bigint: true }).ino : ''}`;
    const state = takeState(job.name, of, there);
    const { pace } = job;
    pace.did(state.at, 0, false);
    try {
      // First what is there already, then what is missing behind it.
      for (; state.at < size;) {
        const isThere = state.at < there;
        const chunk = reading(job, file, () =>
          readChunk(isThere && out ? out.fd : file.fd, state.at, Math.min(CHUNK, (isThere ? there : size) - state.at)),
        );
        if (chunk.length === 0) throw changed(job.artifact, `${textOf(file.real)} shrank`);
        if (!isThere) {
          const at = state.at;
          writing(textOf(file.to!), () => writeChunk(out!.fd, chunk, at));
        }
        state.hash.update(chunk);
        state.at += chunk.length;
        if (out && job.sync && state.at % SYNC_EACH < chunk.length) syncTo(job, file, out.fd, state.at);
        if (pace.did(chunk.length)) await pace.rest();
      }
    } catch (error) {
      keepState(job.name, of, state);
      throw error;
    }
    const staged = out ? writing(textOf(file.to!), () => settle(out.fd)) : '';
    return { sha256: state.hash.digest('hex'), staged, copied: out ? size - there : 0 };
  } finally {
    if (out) closeSync(out.fd);
  }
}

/** The staged file, open, and how much of it holds. */
function openStaged(job: Intake, { fd: source, s, rel, real }: LargeFile, to: Raw): { fd: number; have: number } {
  const { journal, sync } = job;
  return writing(textOf(to), () => {
    const known = journal?.begun(rel, stampOf(s));
    const fd = known && reopen(to);
    if (fd !== undefined) {
      const size = Number(fstatSync(fd).size);
      // What was not synced may be missing after the machine stopped, whatever the size says.
      const sure = journal!.sameBoot && !sync ? size : Math.min(size, known!.synced);
      const have = sure > Number(s.size) ? 0 : sure;
      ftruncateSync(fd, have);
      return { fd, have };
    }
    removeTree(to);
    journal?.begin(rel, stampOf(s));
    if (s.size >= CLONE_FROM && clone(pathOfOpen(source, real), to, String(s.dev))) {
      chmodSync(bytesOf(to), 0o600);
      const fd = openSync(bytesOf(to), O_RDWR | O_NOFOLLOW);
      return { fd, have: Number(fstatSync(fd).size) };
    }
    return { fd: openSync(bytesOf(to), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600), have: 0 };
  });
}

function reopen(to: Raw): number | undefined {
  try {
    return openSync(bytesOf(to), O_RDWR | O_NOFOLLOW);
  } catch {
    // Not there, or with a mode that was its last touch: it is made anew.
    return undefined;
  }
}

function syncTo(job: Intake, { rel, to }: LargeFile, fd: number, bytes: number): void {
  writing(textOf(to!), () => fdatasyncSync(fd));
  job.journal?.syncedTo(rel, bytes);
}

function reading<T>({ artifact }: Intake, { real }: LargeFile, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw readFault(error, artifact, textOf(real), false);
  }
}

/** The digest of a staged file. */
export function hashStaged(file: Raw): string {
  const fd = openSync(bytesOf(file), constants.O_RDONLY | O_NOFOLLOW);
  try {
    const hash = createHash('sha256');
    for (let at = 0; ;) {
      const chunk = readChunk(fd, at);
      if (chunk.length === 0) return hash.digest('hex');
      hash.update(chunk);
      at += chunk.length;
    }
  } finally {
    closeSync(fd);
  }
}
