import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { treeDigest } from '../../src/storage/transfer/print.js';
import { removeTree } from '../../src/storage/transfer/remove.js';
import { handoff } from '../cli/rig.js';
import { runs, seeded } from '../properties/seed.js';
import { build, count, trees, type Node } from './trees.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'handoff-digest-'));
});
afterAll(() => removeTree(folder));

const raw = (bytes: string): Buffer => Buffer.from(bytes, 'latin1');

/** The tree digest as its description says, written once more. */
function described(tree: Node): string {
  const lines: Buffer[] = [raw('handoff-tree-1\0')];
  const add = (...fields: string[]): void => void lines.push(raw(fields.map((f) => `${f}\0`).join('')));
  const visit = (node: Node, at: string): void => {
    if (node.kind === 'link') return add('l', '', at, node.target);
    if (node.kind === 'file')
      return add('f', node.mode.toString(8), at, createHash('sha256').update(node.content).digest('hex'));
    add('d', node.mode.toString(8), at, '');
    const names = Object.keys(node.entries).toSorted((a, b) => Buffer.compare(raw(a), raw(b)));
    for (const name of names) visit(node.entries[name]!, at === '.' ? name : `${at}/${name}`);
  };
  visit(tree, '.');
  return createHash('sha256').update(Buffer.concat(lines)).digest('hex');
}

test('the tree digest is what its description says, for any tree', async () => {
  let n = 0;
  await fc.assert(
    fc.asyncProperty(trees, async (tree) => {
      const at = path.join(folder, `tree-${n++}`);
      build(at, tree);
      const { kind, sha256, files, size } = await treeDigest(at);
      expect({ kind, sha256, files, size }).toEqual({
        kind: 'directory',
        sha256: described(tree),
        files: count(tree).files,
        size: count(tree).bytes,
      });
      removeTree(at);
    }),
    seeded(runs(100)),
  );
}, 120_000);

test('the tree digest can be made with find, sort and sha256sum', async () => {
  const at = path.join(folder, 'shell');
  mkdirSync(path.join(at, 'a', 'b'), { recursive: true });
  mkdirSync(path.join(at, 'a-b'));
  writeFileSync(path.join(at, 'a', 'x'), 'one');
  writeFileSync(path.join(at, 'a-b', 'y'), 'two');
  symlinkSync('../a/x', path.join(at, 'a-b', 'l'));
  for (const d of ['', 'a', 'a/b', 'a-b']) chmodSync(path.join(at, d), 0o755);
  chmodSync(path.join(at, 'a', 'x'), 0o640);
  chmodSync(path.join(at, 'a-b', 'y'), 0o644);
  const script = `cd "$1"; { printf 'handoff-tree-1\\0'
    find . -printf '%P\\n' | LC_ALL=C tr '/' '\\1' | LC_ALL=C sort | tr '\\1' '/' | while IFS= read -r p; do
      q="\${p:-.}"
      if [ -L "$q" ]; then printf 'l\\0\\0%s\\0%s\\0' "$q" "$(readlink "$q")"
      elif [ -d "$q" ]; then printf 'd\\0%s\\0%s\\0\\0' "$(stat -c %a "$q")" "$q"
      else printf 'f\\0%s\\0%s\\0%s\\0' "$(stat -c %a "$q")" "$q" "$(sha256sum "$q" | cut -d' ' -f1)"; fi
    done; } | sha256sum | cut -d' ' -f1`;
  const found = execFileSync('sh', ['-c', script, 'sh', at], { encoding: 'utf8' }).trim();
  expect((await treeDigest(at)).sha256).toBe(found);
});

test('what changes of a tree changes its digest', async () => {
  const base: Node & { kind: 'folder' } = {
    kind: 'folder',
    mode: 0o755,
    entries: {
      f: { kind: 'file', mode: 0o644, content: 'x' },
      l: { kind: 'link', target: 'f' },
      d: { kind: 'folder', mode: 0o755, entries: {} },
    },
  };
  const others: Node[] = [
    base,
    { ...base, mode: 0o700 },
    { ...base, entries: { ...base.entries, f: { kind: 'file', mode: 0o600, content: 'x' } } },
    { ...base, entries: { ...base.entries, f: { kind: 'file', mode: 0o644, content: 'y' } } },
    { ...base, entries: { ...base.entries, l: { kind: 'link', target: 'd' } } },
    { ...base, entries: { ...base.entries, l: { kind: 'file', mode: 0o777, content: 'f' } } },
    { ...base, entries: { ...base.entries, d: { kind: 'folder', mode: 0o755, entries: { e: base } } } },
    { ...base, entries: { f: base.entries['f']!, l: base.entries['l']! } },
    { ...base, entries: { g: base.entries['f']!, l: base.entries['l']!, d: base.entries['d']! } },
  ];
  const digests = new Set<string>();
  for (const [i, tree] of others.entries()) {
    const at = path.join(folder, `other-${i}`);
    build(at, tree);
    digests.add((await treeDigest(at)).sha256);
  }
  expect(digests.size).toBe(others.length);
});

test('handoff digest prints what sha256sum prints of a file, and the tree digest of a folder', async () => {
  const at = path.join(folder, 'cli');
  build(at, { kind: 'folder', mode: 0o755, entries: { f: { kind: 'file', mode: 0o644, content: 'x' } } });
  const file = path.join(at, 'f');
  const sum = createHash('sha256').update('x').digest('hex');
  const tree = (await treeDigest(at)).sha256;
  const plain = await handoff(['digest', file, at]);
  expect([plain.code, plain.stdout]).toEqual([0, `${sum}  ${file}\n${tree}  ${at}\n`]);
  const json = await handoff(['digest', at, '--json']);
  expect(JSON.parse(json.stdout)).toEqual([{ path: at, kind: 'directory', sha256: tree, files: 1, bytes: 1 }]);
  const none = await handoff(['digest', path.join(at, 'none')]);
  expect([none.code, none.stdout]).toEqual([1, '']);
  expect(none.stderr).toBe(`error ARTIFACT_MISSING: Artifact none: there is no file at ${path.join(at, 'none')}.\n`);
});
