import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Corner } from './corner.js';
import { look } from './trees.js';

const MKFIFO = 'mkfifo';

let corner: Corner;
let id: string;
let source: string;
beforeAll(async () => {
  corner = await Corner.open();
});
afterAll(() => corner.close());
beforeEach(() => {
  id = corner.newId();
  source = corner.in(id);
  mkdirSync(source);
  writeFileSync(path.join(source, 'plain'), 'plain');
});

const bring = (): Promise<unknown> => corner.bring(id, [{ name: 'thing', path: id }], { phase: id });
/** It fails as it should, nothing arrives, and the undo leaves nothing behind. */
async function expectRefused(code: string, text: RegExp | string): Promise<void> {
  await expect(bring()).rejects.toMatchObject({ code, message: expect.stringMatching(text) as unknown });
  expect(existsSync(corner.out(id, 'thing'))).toBe(false);
  await corner.takeBack(id);
  const { stagingFolder } = corner.storage;
  expect(existsSync(stagingFolder) ? readdirSync(stagingFolder) : []).toEqual([]);
  expect(existsSync(corner.out(id))).toBe(false);
}

describe('symbolic links', () => {
  const OUT = 'it leads out of the folder';
  const cases: [string, Record<string, string>, string][] = [
    ['absolute', { l: '/etc/hostname' }, 'it is absolute'],
    ['absolute, into the folder itself', { l: '/plain' }, 'it is absolute'],
    ['up and out', { l: '../other' }, OUT],
    ['out and back in', { l: '../IT/plain' }, OUT],
    ['out from a deep folder', { 'd/e/l': '../../../x' }, OUT],
    ['out through a folder that is not there', { l: 'no/../../x' }, OUT],
    ['dangling, and outward', { l: '../../nowhere' }, OUT],
    ['out through another link', { 'p/q/r/d': '../../../s', 's/x': 'FILE', l: 'p/q/r/d/../../x' }, OUT],
    ['to a link that is absolute', { a: '/etc', l: 'a/hostname' }, 'absolute'],
    ['the folder above', { l: '..' }, OUT],
  ];
  test.each(cases)('%s: refused, and named', async (_, links, why) => {
    for (const [at, target] of Object.entries(links)) {
      mkdirSync(path.dirname(path.join(source, at)), { recursive: true });
      if (target === 'FILE') writeFileSync(path.join(source, at), 'x');
      else symlinkSync(target.replace('IT', id), path.join(source, at));
    }
    await expectRefused('ARTIFACT_LINK_REFUSED', why);
  });

  test.each([
    ['to a neighbour', 'plain'],
    ['to itself', 'l'],
    ['dangling, within', 'no/such'],
    ['down and up', 'd/../plain'],
    ['the folder itself', '.'],
  ])('%s: arrives as it is', async (_, target) => {
    mkdirSync(path.join(source, 'd'));
    symlinkSync(target, path.join(source, 'l'));
    await bring();
    expect(look(corner.out(id, 'thing'))).toEqual(look(source));
  });

  test('an artifact that is a link within the roots is what it leads to', async () => {
    renameSync(source, `${source}-real`);
    symlinkSync(`${id}-real`, source);
    await bring();
    expect(look(corner.out(id, 'thing'))).toEqual(look(`${source}-real`));
  });
});

describe('what is no artifact', () => {
  test('a fifo in a folder', async () => {
    execFileSync(MKFIFO, [path.join(source, 'fifo')]);
    await expectRefused('ARTIFACT_NOT_A_FILE', /fifo is neither/);
  });

  test('a fifo itself, which does not make it wait', async () => {
    rmSync(source, { recursive: true });
    execFileSync(MKFIFO, [source]);
    await expect(bring()).rejects.toMatchObject({ code: 'ARTIFACT_NOT_A_FILE' });
  });

  test('more than 256 levels', async () => {
    mkdirSync(path.join(source, ...Array<string>(255).fill('d')), { recursive: true });
    await bring();
    await corner.takeBack(id);
    id = corner.newId();
    mkdirSync(path.join(corner.in(id), ...Array<string>(256).fill('d')), { recursive: true });
    await expectRefused('ARTIFACT_LIMIT', /depth of .* over the limit of 256/);
  });

  test('the folder that holds the data itself', async () => {
    const own = await Corner.open({ folder: path.join(source, 'data'), sources: [corner.in()] });
    await expect(own.bring(id, [{ name: 'thing', path: id }])).rejects.toMatchObject({
      code: 'ARTIFACT_HOLDS_STORAGE',
      message: expect.stringContaining(source) as unknown,
    });
    await own.close();
  });

  test('a folder without the digest that it should have', async () => {
    const wrong = { name: 'thing', path: id, sha256: '0'.repeat(64) };
    await expect(corner.bring(id, [wrong], { phase: id })).rejects.toMatchObject({ code: 'CHECKSUM_MISMATCH' });
    expect(existsSync(corner.out(id))).toBe(false);
  });
});

describe('a source that changes while it is read', () => {
  const large = (): void => writeFileSync(path.join(source, 'large'), Buffer.alloc(40 << 20, 1));
  /** Does something once the copy has begun. */
  const whileCopied = (act: () => void): Promise<unknown> => {
    let done = false;
    const progress = (): void => {
      if (!done) act();
      done = true;
    };
    return corner.bring(id, [{ name: 'thing', path: id }], { phase: id, progress });
  };
  test.each<[string, () => void]>([
    ['another entry appears', () => writeFileSync(path.join(source, 'zz'), 'new')],
    ['an entry vanishes', () => rmSync(path.join(source, 'plain'))],
    ['the file that is read grows', () => writeFileSync(path.join(source, 'large'), 'x', { flag: 'a' })],
    ['the file that is read shrinks', () => writeFileSync(path.join(source, 'large'), 'x')],
    ['a file that was read gets another content of the same size', () => writeFileSync(path.join(source, 'a'), 'b')],
    ['a mode changes', () => chmodSync(path.join(source, 'a'), 0o600)],
    [
      'a link is turned',
      () => {
        rmSync(path.join(source, 'al'));
        symlinkSync('large', path.join(source, 'al'));
      },
    ],
    ['the folder is moved away', () => renameSync(source, `${source}-gone`)],
  ])('%s', async (_, act) => {
    large();
    writeFileSync(path.join(source, 'a'), 'a');
    symlinkSync('plain', path.join(source, 'al'));
    await expect(whileCopied(act)).rejects.toMatchObject({
      code: expect.stringMatching(/^ARTIFACT_(CHANGED|MISSING)$/) as unknown,
    });
    expect(existsSync(corner.out(id, 'thing'))).toBe(false);
    await corner.takeBack(id);
    expect(existsSync(corner.out(id))).toBe(false);
  });

  test('and then it stays as it is: the next attempt brings what is there now', async () => {
    large();
    await expect(
      whileCopied(() => writeFileSync(path.join(source, 'large'), Buffer.alloc(40 << 20, 2))),
    ).rejects.toMatchObject({ code: 'ARTIFACT_CHANGED' });
    writeFileSync(path.join(source, 'more'), 'more');
    rmSync(path.join(source, 'plain'));
    await bring();
    // Not by toEqual, which compares forty million numbers.
    expect(readFileSync(corner.out(id, 'thing', 'large')).equals(Buffer.alloc(40 << 20, 2))).toBe(true);
    expect(readdirSync(corner.out(id, 'thing')).toSorted()).toEqual(['large', 'more']);
  });
});

describe('the destination', () => {
  test.each(['artifacts', 'phase', 'thing'])('a link in place of %s is never followed', async (which) => {
    const own = await Corner.open();
    const outside = path.join(own.folder, 'outside');
    try {
      mkdirSync(own.in(id));
      mkdirSync(path.join(outside, 'thing'), { recursive: true });
      const at = {
        artifacts: path.join(own.storage.root, 'artifacts'),
        phase: own.out(id),
        thing: own.out(id, 'thing'),
      };
      const link = at[which as keyof typeof at];
      mkdirSync(path.dirname(link), { recursive: true });
      symlinkSync(outside, link);
      await expect(own.bring(id, [{ name: 'thing', path: id }], { phase: id })).rejects.toMatchObject({
        code: which === 'thing' ? 'ARTIFACT_NOT_A_FILE' : 'DESTINATION_NOT_ALLOWED',
      });
      await own.takeBack(id);
      expect(look(outside)).toMatchObject({ entries: { thing: { entries: {} } } });
      expect(look(link)).toEqual({ kind: 'link', target: outside });
    } finally {
      await own.close();
    }
  });

  test.each(['.staging', '.undo'])('nor one in place of %s', async (which) => {
    const own = await Corner.open();
    const outside = path.join(own.folder, 'outside');
    try {
      mkdirSync(own.in(id));
      mkdirSync(outside);
      symlinkSync(outside, path.join(own.storage.root, which));
      // What stands there would have to be kept.
      mkdirSync(own.out(id, 'thing'), { recursive: true });
      await expect(own.bring(id, [{ name: 'thing', path: id }], { phase: id })).rejects.toMatchObject({
        code: 'DESTINATION_NOT_ALLOWED',
      });
      expect(readdirSync(outside)).toEqual([]);
    } finally {
      await own.close();
    }
  });
});
