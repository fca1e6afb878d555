import { hash as hashOnce } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fchmodSync,
  fsyncSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  statSync,
  symlinkSync,
  type BigIntStats,
} from 'node:fs';
import { CHUNK, readChunk, writeChunk } from './chunks.js';
import { changed, readFault, writing } from './faults.js';
import type { Finished } from './journal.js';
import { copyLarge, hashStaged } from './large.js';
import { checkLink } from './links.js';
import { Listing, TreeDigest, modeOf, stampOf } from './listing.js';
import { bytesOf, textOf, type Raw } from './raw.js';
import { removeTree } from './remove.js';
import type { Intake } from './intake.js';
import { openToRead } from './open.js';
import type { Visitor } from './walk.js';

/** What a file or folder was found to be. */
export interface Taken {
  kind: 'file' | 'directory';
  /** Of a folder its tree digest. */
  sha256: string;
  /** Permission bits of the file or of the folder itself. */
  mode: number;
  /** Bytes of all files. */
  size: number;
  files: number;
  /** Bytes that were copied now, and that an earlier attempt had copied. */
  copied: number;
  resumed: number;
  /** The {@link Listing} of the source, and of the copy. */
  stamp: string;
  stagedStamp: string;
}

/** Takes in what a walk comes by. */
export class Taker implements Visitor {
  private readonly digest: TreeDigest;
  private readonly from = new Listing();
  private readonly to = new Listing();
  private readonly modes: number[] = [];
  private kind: Taken['kind'] = 'file';
  private mode = 0;
  private size = 0;
  private files = 0;
  private copied = 0;
  private resumed = 0;

  constructor(
    private readonly job: Intake,
    private readonly top: Raw,
  ) {
    this.digest = new TreeDigest(job.each);
  }

  enter(rel: Raw, at: Raw, names: readonly Raw[]): void {
    const s = statSync(bytesOf(at), { bigint: true });
    const mode = modeOf(s);
    if (rel === '.') [this.kind, this.mode] = ['directory', mode];
    this.modes.push(mode);
    this.from.folder(rel, s);
    this.digest.folder(rel, mode);
    const folder = this.staged(rel);
    if (!folder) return;
    writing(textOf(folder), () => {
      const there = this.job.journal?.continues ? lookOnce(folder) : undefined;
      if (there && !there.isDirectory()) removeTree(folder);
      if (there?.isDirectory()) this.tidy(folder, names);
      else mkdirSync(bytesOf(folder), 0o700);
      this.to.folder(rel, lstatSync(bytesOf(folder), { bigint: true }), mode);
    });
  }

  /** Of an earlier attempt: what the source has no more goes. */
  private tidy(folder: Raw, names: readonly Raw[]): void {
    chmodSync(bytesOf(folder), 0o700);
    const known = new Set(names);
    for (const name of readdirSync(bytesOf(folder), 'buffer').map((n) => n.toString('latin1')))
      if (!known.has(name)) removeTree(`${folder}/${name}`);
  }

  /** The mode comes last: a folder that is read-only could not be filled. */
  leave(rel: Raw): void {
    const mode = this.modes.pop()!;
    const folder = this.staged(rel);
    if (!folder) return;
    writing(textOf(folder), () => {
      if (this.job.sync) syncFolder(folder);
      chmodSync(bytesOf(folder), mode);
    });
  }

  link(rel: Raw, at: Raw): void {
    const target = this.targetOf(at, rel);
    checkLink(this.job.artifact, this.top, rel, target);
    this.from.link(rel, target);
    this.digest.link(rel, target);
    const to = this.staged(rel);
    if (!to) return;
    writing(textOf(to), () => {
      if (this.job.journal?.continues) removeTree(to);
      symlinkSync(bytesOf(target), bytesOf(to));
    });
    this.to.link(rel, target);
  }

  private targetOf(at: Raw, rel: Raw): Raw {
    try {
      return readlinkSync(bytesOf(at), 'buffer').toString('latin1');
    } catch {
      throw changed(this.job.artifact, `${textOf(rel)} is no symbolic link any more`);
    }
  }

  /** `check` looks where the open file really is. A promise only for one that is large. */
  file(rel: Raw, at: Raw, check?: (fd: number) => void): Promise<void> | void {
    const { artifact, journal } = this.job;
    const { fd, s } = openToRead(artifact, at, this.shown(rel), rel === '.');
    let open = true;
    try {
      check?.(fd);
      if (rel === '.') this.mode = modeOf(s);
      const known = journal?.done(rel, stampOf(s));
      if (known && this.stillThere(rel, known)) return this.finished(rel, s, known, true);
      if (s.size <= CHUNK) return this.small(fd, rel, s);
      open = false;
      return this.large(fd, rel, s);
    } finally {
      if (open) closeSync(fd);
    }
  }

  private small(fd: number, rel: Raw, s: BigIntStats): void {
    const chunk = this.reading(rel, () => readChunk(fd, 0));
    if (BigInt(chunk.length) !== s.size) throw changed(this.job.artifact, `${this.shown(rel)} grew or shrank`);
    const sha256 = hashOnce('sha256', chunk, 'hex');
    const to = this.staged(rel);
    const staged = to === undefined ? '' : this.write(to, chunk, modeOf(s));
    this.finished(rel, s, { stamp: stampOf(s), staged, size: chunk.length, sha256 }, false);
  }

  private write(to: Raw, chunk: Buffer, mode: number): string {
    return writing(textOf(to), () => {
      if (this.job.journal?.continues) removeTree(to);
      const fd = openSync(bytesOf(to), 'wx', mode);
      try {
        writeChunk(fd, chunk, 0);
        return this.settle(fd, mode);
      } finally {
        closeSync(fd);
      }
    });
  }

  /** Gives a staged file its mode, which `open` takes less the umask, and has it written; its stamp. */
  private settle(fd: number, mode: number): string {
    let s = fstatSync(fd, { bigint: true });
    if (modeOf(s) !== mode) {
      fchmodSync(fd, mode);
      s = fstatSync(fd, { bigint: true });
    }
    if (this.job.sync) fsyncSync(fd);
    return stampOf(s);
  }

  private async large(fd: number, rel: Raw, s: BigIntStats): Promise<void> {
    try {
      const to = this.staged(rel);
      const { sha256, staged, copied } = await copyLarge(
        { ...this.job, name: `${this.job.name ?? this.top}/${rel}` },
        { fd, s, rel, real: rel === '.' ? this.top : `${this.top}/${rel}`, ...(to ? { to } : {}) },
        (out) => this.settle(out, modeOf(s)),
      );
      this.copied += copied;
      if (to) this.resumed += Number(s.size) - copied;
      this.finished(rel, s, { stamp: stampOf(s), staged, size: Number(s.size), sha256 }, undefined);
    } finally {
      closeSync(fd);
    }
  }

  /** Whether what the journal says of a staged file still holds. After a restart of the machine it is read again. */
  private stillThere(rel: Raw, known: Finished): boolean {
    const to = this.staged(rel);
    if (!to) return true;
    const s = lookOnce(to);
    if (!s?.isFile()) return false;
    if (this.job.journal!.sameBoot && !this.job.sync) return stampOf(s) === known.staged;
    // One that is large is taken up where it was synced last: to read it at a stretch would hold up all else.
    return known.size <= CHUNK && Number(s.size) === known.size && hashStaged(to) === known.sha256;
  }

  /** `again`: it was there from an earlier attempt; undefined: its bytes are counted already. */
  private finished(rel: Raw, s: BigIntStats, f: Finished, again: boolean | undefined): void {
    this.files++;
    this.size += f.size;
    const to = this.staged(rel);
    if (to && again) this.resumed += f.size;
    else if (to && again === false) this.copied += f.size;
    this.digest.file(rel, modeOf(s), f.sha256);
    this.from.file(rel, s);
    if (to) this.to.file(rel, lstatSync(bytesOf(to), { bigint: true }));
    if (!again) this.job.journal?.finish(rel, f);
    // What a large file has done is counted chunk by chunk.
    this.job.pace.did(again === undefined ? 0 : f.size, 1, !again);
  }

  private staged(rel: Raw): Raw | undefined {
    const { into } = this.job;
    return into === undefined || rel === '.' ? into : `${into}/${rel}`;
  }

  private shown(rel: Raw): string {
    return textOf(rel === '.' ? this.top : `${this.top}/${rel}`);
  }

  private reading<T>(rel: Raw, work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw readFault(error, this.job.artifact, this.shown(rel), false);
    }
  }

  taken(): Taken {
    return {
      kind: this.kind,
      sha256: this.digest.sha256(),
      mode: this.mode,
      size: this.size,
      files: this.files,
      copied: this.copied,
      resumed: this.resumed,
      stamp: this.from.stamp(),
      stagedStamp: this.to.stamp(),
    };
  }
}

const lookOnce = (at: Raw): BigIntStats | undefined => lstatSync(bytesOf(at), { bigint: true, throwIfNoEntry: false });

function syncFolder(folder: Raw): void {
  const fd = openSync(bytesOf(folder), 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
