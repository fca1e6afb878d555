import { mkdir, open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { sha256 } from '../../core/digest.js';

/** The head of the log at every hundredth row, signed: a line of the anchors file, outside the database. */
export interface Anchor {
  kind: 'anchor';
  seq: number;
  hash: string;
  /** Milliseconds. */
  at: number;
  /** Hash of the line before; of the first, zeros. */
  prev: string;
  /** Id of the key. */
  key: string;
  /** Ed25519 over the canonical JSON of all the others, base64. */
  signature: string;
}

export interface AnchorLine {
  /** SHA-256 of its text. */
  hash: string;
  /** Undefined where the line is none. */
  anchor: Anchor | undefined;
}

export interface AnchorsFile {
  lines: AnchorLine[];
  /** Bytes up to the end of the last whole line; what comes after it was being written when its process died. */
  size: number;
  isTorn: boolean;
}

/** All lines. A file that is not there has none. One holds a hundred rows, so a million rows are some megabytes. */
export async function readAnchors(file: string): Promise<AnchorsFile> {
  const text = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  });
  const size = text.lastIndexOf(0x0a) + 1;
  const lines = text.subarray(0, Math.max(0, size - 1)).toString();
  return {
    lines: size === 0 ? [] : lines.split('\n').map((line) => ({ hash: sha256(line), anchor: parse(line) })),
    size,
    isTorn: text.length > size,
  };
}

function parse(line: string): Anchor | undefined {
  try {
    const a = JSON.parse(line) as Anchor;
    const texts = [a.hash, a.prev, a.key, a.signature];
    const fits = a.kind === 'anchor' && Number.isSafeInteger(a.seq) && texts.every((t) => typeof t === 'string');
    return fits ? a : undefined;
  } catch {
    return undefined;
  }
}

/** Adds lines after the last whole one, and has them on the disk when it returns. */
export async function appendAnchors(file: string, size: number, anchors: readonly Anchor[]): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  const handle = await open(file, 'a', 0o600);
  try {
    // What is cut off is at most half a line: see `readAnchors`.
    if ((await handle.stat()).size > size) await handle.truncate(size);
    await handle.appendFile(anchors.map((a) => `${lineOf(a)}\n`).join(''));
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

export const lineOf = (anchor: Anchor): string => JSON.stringify(anchor);
