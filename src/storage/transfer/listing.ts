import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { sha256 } from '../../core/digest.js';
import type { Raw } from './raw.js';

/** By what a change of a file is noticed without reading it. Linux has no way to set `ctime`. */
export const stampOf = (s: BigIntStats): string => `${s.dev}:${s.ino}:${s.size}:${s.mtimeNs}:${s.ctimeNs}`;
/** The same but for `ctime`, which a rename of the file itself changes. */
const renamedStamp = (s: BigIntStats): string => `${s.dev}:${s.ino}:${s.size}:${s.mtimeNs}`;

export const modeOf = (s: BigIntStats): number => Number(s.mode) & 0o777;

/** The stamps of all that an artifact is made of, as one; the same before and after it is renamed. */
export class Listing {
  private readonly hash = createHash('sha256');

  folder(rel: Raw, s: BigIntStats, mode = modeOf(s)): void {
    this.add('d', rel, `${s.dev}:${s.ino}:${mode}`);
  }
  file(rel: Raw, s: BigIntStats): void {
    this.add('f', rel, `${modeOf(s)}:${rel === '.' ? renamedStamp(s) : stampOf(s)}`);
  }
  link(rel: Raw, target: Raw): void {
    this.add('l', rel, target);
  }
  private add(kind: string, rel: Raw, value: string): void {
    this.hash.update(`${kind}\0${rel}\0${value}\0`, 'latin1');
  }
  stamp(): string {
    return this.hash.digest('hex').slice(0, 32);
  }
}

/**
 * The tree digest of a folder: SHA-256 over `handoff-tree-1` NUL, then of the folder itself (`.`) and all that is below it
 * four fields, each ended by a NUL: `d`, `f` or `l`; the permission bits in octal, empty of a link; the path below the
 * folder; and the SHA-256 of a file in hex, the target of a link, nothing of a folder. A folder comes before what is in
 * it, and that is in the order of names as bytes.
 */
export class TreeDigest {
  private readonly hash = createHash('sha256').update('handoff-tree-1\0');

  /** `each` gets what stands below the folder. */
  constructor(private readonly each?: (kind: 'd' | 'f' | 'l', mode: number, rel: Raw, is: string) => void) {}

  /** Of a single file, its own digest is the artifact's. */
  private single: string | undefined;

  folder(rel: Raw, mode: number): void {
    this.add('d', mode.toString(8), rel, '');
    if (rel !== '.') this.each?.('d', mode, rel, '');
  }
  file(rel: Raw, mode: number, digest: string): void {
    if (rel === '.') {
      this.single = digest;
      return;
    }
    this.add('f', mode.toString(8), rel, digest);
    this.each?.('f', mode, rel, digest);
  }
  link(rel: Raw, target: Raw): void {
    this.add('l', '', rel, target);
    this.each?.('l', 0, rel, target);
  }
  private add(...fields: string[]): void {
    this.hash.update(`${fields.join('\0')}\0`, 'latin1');
  }
  sha256(): string {
    return this.single ?? this.hash.digest('hex');
  }
}

/** A name for what belongs to one effect: the same for each attempt. */
export const slotOf = (key: string): string => sha256(key).slice(0, 24);
