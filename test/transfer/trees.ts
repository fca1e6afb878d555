import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import fc from 'fast-check';

/** What can stand under a name. Names are bytes, one character each. */
export type Node =
  | { kind: 'file'; mode: number; content: string }
  | { kind: 'folder'; mode: number; entries: Record<string, Node> }
  | { kind: 'link'; target: string };

const raw = (bytes: string): Buffer => Buffer.from(bytes, 'latin1');
const utf8 = (text: string): string => Buffer.from(text).toString('latin1');

/** Names that differ only in how they are composed, that are no UTF-8, that look like options, and plain ones. */
const NAMES = [
  '\u00e9',
  'e\u0301',
  '日本語',
  '🦆',
  ' blank ',
  '-rf',
  '*',
  'a\nb',
  'ﬁ',
  '%2e%2e',
  '...',
  '.hidden',
  'it',
  'journal',
].map(utf8);
const name = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('a', 'b', 'a-b', 'a.b', 'x1') },
  { weight: 2, arbitrary: fc.constantFrom(...NAMES) },
  { weight: 1, arbitrary: fc.constantFrom('\xff\xfe', '\xe9', '\x80') },
);
/** Root of this machine can read all; others could not. */
const fileMode = fc.constantFrom(0o644, 0o600, 0o755, 0o444, 0o400, 0o640, 0o777);
const folderMode = fc.constantFrom(0o755, 0o700, 0o555, 0o750, 0o777);
const file = fc.record({
  kind: fc.constant('file' as const),
  mode: fileMode,
  content: fc.oneof(fc.string({ maxLength: 40 }), fc.constant(''), fc.constant('z'.repeat(70_000))),
});

/** Links only to neighbours and into folders beside them: what leads out is refused, and has its own tests. */
const link = fc.record({
  kind: fc.constant('link' as const),
  target: fc.constantFrom('a', 'b', './a-b', 'a/b', 'nowhere', 'a/../b', 'x1/'),
});

export const trees: fc.Arbitrary<Node & { kind: 'folder' }> = fc.letrec<{ folder: Node; node: Node }>((tie) => ({
  folder: fc.record({
    kind: fc.constant('folder' as const),
    mode: folderMode,
    entries: fc.dictionary(name, tie('node'), { maxKeys: 5, noNullPrototype: true }),
  }),
  node: fc.oneof({ depthSize: 'small', withCrossShrink: true }, file, link, tie('folder')),
})).folder as fc.Arbitrary<Node & { kind: 'folder' }>;

export const files = file;

/** Makes it; `at` is a path as bytes. */
export function build(at: string, node: Node): void {
  if (node.kind === 'link') return symlinkSync(raw(node.target), raw(at));
  if (node.kind === 'file') writeFileSync(raw(at), node.content);
  else {
    mkdirSync(raw(at));
    for (const [name, child] of Object.entries(node.entries)) build(`${at}/${name}`, child);
  }
  chmodSync(raw(at), node.mode);
}

/** What is there, as somebody sees it who knows nothing of the engine; undefined where there is nothing. */
export function look(at: string): Node | undefined {
  const s = lstatSync(raw(at), { throwIfNoEntry: false });
  if (!s) return undefined;
  if (s.isSymbolicLink()) return { kind: 'link', target: readlinkSync(raw(at), 'buffer').toString('latin1') };
  const mode = s.mode & 0o7777;
  if (s.isFile()) return { kind: 'file', mode, content: readFileSync(raw(at)).toString('latin1') };
  if (!s.isDirectory()) throw new Error(`${at} is something else`);
  const names = readdirSync(raw(at), 'buffer').map((n) => n.toString('latin1'));
  return {
    kind: 'folder',
    mode,
    entries: Object.fromEntries(names.toSorted().map((name) => [name, look(`${at}/${name}`)!])),
  };
}

/** The files of a tree and their bytes. */
export function count(node: Node): { files: number; bytes: number } {
  if (node.kind === 'link') return { files: 0, bytes: 0 };
  if (node.kind === 'file') return { files: 1, bytes: Buffer.byteLength(node.content) };
  const inside = Object.values(node.entries).map(count);
  return {
    files: inside.reduce((sum, c) => sum + c.files, 0),
    bytes: inside.reduce((sum, c) => sum + c.bytes, 0),
  };
}
