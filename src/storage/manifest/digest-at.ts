import { lstat, readdir, readlink } from 'node:fs/promises';
import { fingerprint } from '../files.js';
import { TreeDigest } from '../transfer/listing.js';
import { bytesOf, rawOf, type Raw } from '../transfer/raw.js';

/** One thing inside a directory: a file, a folder, a symbolic link, or what is none of them. */
export interface TreeEntry {
  /** Relative to the directory, with `/`. */
  path: string;
  type: 'file' | 'folder' | 'link' | 'other';
  /** Permission bits; 0 of a link, which has none of its own. */
  mode: number;
  /** A file's SHA-256, a link's target, else empty. */
  is: string;
}

/** What is at a path now. */
export interface FoundAt {
  kind: 'file' | 'directory';
  sha256: string;
  mode: number;
  /** Bytes; of a directory the sum of its files. */
  size: number;
  files: number;
}

export const treeLine = ({ type, mode, path, is }: TreeEntry): string =>
  `${JSON.stringify([type, mode.toString(8), path, is])}\n`;

/** The entries of a listing, as `treeLine` writes them. */
export function* treeEntries(listing: string): Generator<TreeEntry> {
  for (const line of listing.split('\n')) {
    if (line === '') continue;
    const [type, mode, path, is] = JSON.parse(line) as [TreeEntry['type'], string, string, string];
    yield { type, mode: parseInt(mode, 8), path, is };
  }
}

/**
 * The digest of what is at a path, file by file in constant memory: of a file its SHA-256, of a directory its tree digest;
 * `each` gets what is in it. `missing` where nothing is, `other` where it is neither (links are not followed). Unlike a
 * transfer it reports what may not be handed over, instead of refusing it. Throws what the operating system says of what
 * may not be read.
 */
export async function digestAt(
  place: string,
  each?: (entry: TreeEntry) => void | Promise<void>,
): Promise<FoundAt | 'missing' | 'other'> {
  const there = await lstat(place).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
  if (!there) return 'missing';
  if (there.isFile()) {
    const found = await fingerprint(place);
    return found ? { kind: 'file', sha256: found.sha256, mode: found.mode, size: found.size, files: 1 } : 'missing';
  }
  if (!there.isDirectory()) return 'other';
  const digest = new TreeDigest();
  const mode = there.mode & 0o777;
  digest.folder('.', mode);
  let [size, files, strange] = [0, 0, false];
  for await (const { rel, entry, bytes, target } of below(rawOf(place), '')) {
    if (entry.type === 'folder') digest.folder(rel, entry.mode);
    else if (entry.type === 'file') digest.file(rel, entry.mode, entry.is);
    else if (entry.type === 'link') digest.link(rel, target ?? '');
    else strange = true;
    size += bytes;
    if (entry.type === 'file') files++;
    await each?.(entry);
  }
  // What holds something that no digest covers is like nothing that was ever handed over.
  return { kind: 'directory', sha256: strange ? '' : digest.sha256(), mode, size, files };
}

interface Below {
  rel: Raw;
  entry: TreeEntry;
  bytes: number;
  /** Of a link. */
  target?: Raw;
}

/** All below a folder: each folder before what is in it, and that in the order of names as bytes. */
async function* below(root: Raw, folder: Raw): AsyncGenerator<Below> {
  const names = await readdir(bytesOf(folder === '' ? root : `${root}/${folder}`), { encoding: 'buffer' });
  for (const name of names.map((n) => n.toString('latin1')).toSorted(byBytes)) {
    const rel = folder === '' ? name : `${folder}/${name}`;
    const one = await entryAt(root, rel);
    yield one;
    if (one.entry.type === 'folder') yield* below(root, rel);
  }
}

const byBytes = (a: Raw, b: Raw): number => (a < b ? -1 : a > b ? 1 : 0);

async function entryAt(root: Raw, rel: Raw): Promise<Below> {
  const at = bytesOf(`${root}/${rel}`);
  const path = bytesOf(rel).toString('utf8');
  const there = await lstat(at);
  const mode = there.mode & 0o777;
  if (there.isSymbolicLink()) {
    const target = await readlink(at, { encoding: 'buffer' });
    const entry: TreeEntry = { path, type: 'link', mode: 0, is: target.toString() };
    return { rel, entry, bytes: 0, target: target.toString('latin1') };
  }
  if (there.isDirectory()) return { rel, entry: { path, type: 'folder', mode, is: '' }, bytes: 0 };
  // A pipe would never end.
  const found = there.isFile() ? await fingerprint(at) : undefined;
  if (!found) return { rel, entry: { path, type: 'other', mode, is: '' }, bytes: 0 };
  return { rel, entry: { path, type: 'file', mode, is: found.sha256 }, bytes: found.size };
}
