import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { removeTree } from '../../src/storage/transfer/remove.js';
import { runs, seeded } from '../properties/seed.js';
import { Corner } from './corner.js';
import { build, count, files, look, trees, type Node } from './trees.js';

let corner: Corner;
beforeAll(async () => {
  corner = await Corner.open();
});
afterAll(() => corner.close());

const before: fc.Arbitrary<Node | undefined> = fc.oneof(fc.constant(undefined), files, trees);

const stagedNow = (): string[] =>
  existsSync(corner.storage.stagingFolder) ? readdirSync(corner.storage.stagingFolder) : [];

/** Every handoff has a place of its own. */
async function atPlace(work: (id: string, source: string, destination: string) => Promise<void>): Promise<void> {
  const id = corner.newId();
  const source = corner.in(id);
  try {
    await work(id, source, corner.out(id, 'thing'));
  } finally {
    removeTree(source);
    removeTree(path.dirname(corner.out(id, 'thing')));
  }
}

test('any tree or file, over whatever was there, arrives as it is and is undone to the byte', async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(trees, files), before, async (tree, old) => {
      await atPlace(async (id, source, destination) => {
        build(source, tree);
        if (old) {
          mkdirSync(path.dirname(destination), { recursive: true });
          build(destination, old);
        }
        const sent = look(source);
        const was = look(destination);
        const facts = await corner.bring(id, [{ name: 'thing', path: id }], { phase: id });
        expect(facts).toEqual({ artifacts: 1, bytes: count(tree).bytes });
        expect(look(destination)).toEqual(sent);
        expect(look(source)).toEqual(sent);
        expect(stagedNow()).toEqual([]);
        const results = await corner.takeBack(id);
        expect(results).toEqual(['undone']);
        expect(look(destination)).toEqual(was);
        expect(look(source)).toEqual(sent);
        expect(stagedNow()).toEqual([]);
        expect(existsSync(path.dirname(destination))).toBe(old !== undefined);
      });
    }),
    seeded(runs(150)),
  );
}, 300_000);
