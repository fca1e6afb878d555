import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { removeTree } from '../../src/storage/transfer/remove.js';
import { Corner } from './corner.js';
import { build, look, type Node } from './trees.js';

let corner: Corner;
let id: string;
let destination: string;
let key: string;
beforeAll(async () => {
  corner = await Corner.open();
});
afterAll(() => corner.close());
beforeEach(() => {
  id = corner.newId();
  destination = corner.out(id, 'thing');
  key = `${id}/bring/1/thing`;
});

const file = (content: string, mode = 0o644): Node => ({ kind: 'file', mode, content });
const folder = (entries: Record<string, Node>, mode = 0o755): Node => ({ kind: 'folder', mode, entries });
const OURS = folder({ a: file('ours'), d: folder({}, 0o700), l: { kind: 'link', target: 'a' } });
const OLD = folder({ a: file('old', 0o600), only: folder({ x: file('x') }) }, 0o750);

async function bring(ours: Node, old?: Node): Promise<void> {
  build(corner.in(id), ours);
  mkdirSync(path.dirname(destination), { recursive: true });
  if (old) build(destination, old);
  await corner.bring(id, [{ name: 'thing', path: id }], { phase: id });
}

/** What somebody else does to what has arrived. */
const CHANGES: Record<string, (at: string) => void> = {
  'changes a file in it': (at) => writeFileSync(path.join(at, 'a'), 'them'),
  'adds an empty folder': (at) => mkdirSync(path.join(at, 'theirs')),
  'turns a link': (at) => {
    removeTree(path.join(at, 'l'));
    symlinkSync('d', path.join(at, 'l'));
  },
  'takes it away': (at) => removeTree(at),
  'puts a file there': (at) => {
    removeTree(at);
    writeFileSync(at, 'theirs');
  },
  'puts a link there': (at) => {
    removeTree(at);
    symlinkSync('/etc', at);
  },
};

describe.for(Object.keys(CHANGES))('somebody %s', (change) => {
  const meet = async (old: Node | undefined): Promise<Node | undefined> => {
    await bring(OURS, old);
    CHANGES[change]!(destination);
    return look(destination);
  };
  const isGone = change === 'takes it away';

  test('the undo touches nothing, and says what it found', async () => {
    const theirs = await meet(OLD);
    await expect(corner.takeBack(id)).rejects.toMatchObject({
      code: 'UNDO_CONFLICT',
      message: expect.stringContaining(` met someone else's change of ${destination}: ours folder, `) as unknown,
      params: {
        ours: expect.stringMatching(/^folder, tree digest [0-9a-f]{12}… mode 755$/) as unknown,
        before: expect.stringMatching(/^folder, tree digest [0-9a-f]{12}… mode 750$/) as unknown,
      },
    });
    expect(look(destination)).toEqual(theirs);
  });

  test('keep theirs', async () => {
    const theirs = await meet(OLD);
    expect(await corner.takeBack(id, { [key]: { choice: 'keep_theirs' } })).toEqual(['kept_theirs']);
    expect(look(destination)).toEqual(theirs);
  });

  test.for([OLD, file('a file', 0o640), undefined])('restore before', async (old) => {
    await meet(old);
    const expected = isGone && !old ? ['nothing_to_undo', 'restored_before', 'undone'] : ['restored_before'];
    const [result] = await corner.takeBack(id, { [key]: { choice: 'restore_before' } });
    expect(expected).toContain(result);
    expect(look(destination)).toEqual(old);
    expect(existsSync(corner.storage.stagingFolder) && existsSync(path.join(corner.storage.stagingFolder, id))).toBe(
      false,
    );
  });

  test('merge is refused: a folder has no merged value', async () => {
    const theirs = await meet(OLD);
    await expect(corner.takeBack(id, { [key]: { choice: 'merge', value: 'x' } })).rejects.toMatchObject({
      code: 'INVALID_MESSAGE',
      message: expect.stringContaining('a folder has no merged value') as unknown,
    });
    expect(look(destination)).toEqual(theirs);
  });
});

test('a kept folder that was tampered with is not put back', async () => {
  await bring(OURS, OLD);
  const { before } = (await corner.storage.ledger.find(key))!.data as { before: { copy: string } };
  writeFileSync(path.join(before.copy, 'a'), 'tampered');
  await expect(corner.takeBack(id)).rejects.toMatchObject({ code: 'CONTENT_DAMAGED' });
  expect(look(destination)).toEqual(OURS);
});

test('somebody changes a file while ours is staged: ours stays away, and the undo leaves theirs alone', async () => {
  build(corner.in(id), folder({ a: file('a'.repeat(20 << 20)) }));
  build(corner.in(`${id}-2`), file('second'));
  mkdirSync(path.dirname(destination), { recursive: true });
  writeFileSync(corner.out(id, 'first'), 'old');
  const artifacts = [
    { name: 'first', path: `${id}-2` },
    { name: 'thing', path: id },
  ];
  // By then the first is staged and what was there before it is known.
  const progress = (): void => writeFileSync(corner.out(id, 'first'), 'theirs');
  await expect(corner.bring(id, artifacts, { phase: id, progress })).rejects.toMatchObject({
    code: 'DESTINATION_CHANGED',
  });
  expect(existsSync(destination)).toBe(false);
  expect(await corner.takeBack(id)).toEqual(['nothing_to_undo', 'nothing_to_undo']);
  expect(readFileSync(corner.out(id, 'first'), 'utf8')).toBe('theirs');
});
