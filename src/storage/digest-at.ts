import { createHash } from 'node:crypto';
import { lstat, readdir, readlink } from 'node:fs/promises';
import path from 'node:path';
import { fingerprint } from './files.js';

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
 * The digest of what is at a path, file by file in constant memory: of a file its SHA-256, of a directory that of its
 * sorted tree lines, each of which `each` gets. `missing` where nothing is, `other` where it is neither (links are not
 * followed). Throws what the operating system says of what may not be read.
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
  const hash = createHash('sha256');
  let [size, files] = [0, 0];
  for (const name of (await namesBelow(place)).toSorted(byText)) {
    const { entry, bytes } = await entryAt(place, name);
    hash.update(treeLine(entry));
    size += bytes;
    if (entry.type === 'file') files++;
    await each?.(entry);
  }
  return { kind: 'directory', sha256: hash.digest('hex'), mode: there.mode & 0o777, size, files };
}

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Node's own recursive reading follows symbolic links. */
async function namesBelow(root: string, folder = ''): Promise<string[]> {
  const names: string[] = [];
  for (const one of await readdir(path.join(root, folder), { withFileTypes: true })) {
    const name = folder === '' ? one.name : `${folder}/${one.name}`;
    names.push(name);
    if (one.isDirectory()) for (const below of await namesBelow(root, name)) names.push(below);
  }
  return names;
}

async function entryAt(root: string, name: string): Promise<{ entry: TreeEntry; bytes: number }> {
  const at = path.join(root, name);
  const there = await lstat(at);
  const mode = there.mode & 0o777;
  if (there.isSymbolicLink()) {
    return { entry: { path: name, type: 'link', mode: 0, is: await readlink(at) }, bytes: 0 };
  }
  if (there.isDirectory()) return { entry: { path: name, type: 'folder', mode, is: '' }, bytes: 0 };
  // A pipe would never end.
  const found = there.isFile() ? await fingerprint(at) : undefined;
  if (!found) return { entry: { path: name, type: 'other', mode, is: '' }, bytes: 0 };
  return { entry: { path: name, type: 'file', mode, is: found.sha256 }, bytes: found.size };
}
