import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { HandoffError } from '../../src/core/errors.js';
import { Corner } from './corner.js';

const SECRET = 'SECRET';
const BYTES = 3 << 20;

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((e) => e.isFile())
    .map((e) => path.join(e.parentPath, e.name));
}

/** Stops the process that swaps; how often it did. */
async function stop(swapper: ChildProcess): Promise<number> {
  const said = once(swapper, 'message') as Promise<[number]>;
  swapper.send('stop');
  return (await said)[0];
}

/** What is swapped for a link to its counterpart outside, below the artifact `thing`, and how the artifact is named. */
test.for([
  ['a folder of the artifact', 'in/thing/sub', 'thing'],
  ['a file of the artifact', 'in/thing/sub/large', 'thing'],
  ['the artifact itself', 'in/thing', 'thing'],
  ['a folder above the artifact', 'in/up', 'up/thing'],
  ['a file that is the artifact', 'in/file', 'file'],
])('%s is swapped for a link: no byte from outside arrives', async ([, swapped, artifact]) => {
  const corner = await Corner.open();
  const at = path.join(corner.folder, swapped!);
  const fill = (top: string, text: string): void => {
    for (const below of ['thing/sub', 'up/thing/sub']) {
      mkdirSync(path.join(top, below), { recursive: true });
      writeFileSync(path.join(top, below, 'large'), text.repeat(BYTES / text.length));
      writeFileSync(path.join(top, below, 'small'), text);
    }
    writeFileSync(path.join(top, 'file'), text.repeat(BYTES / text.length));
  };
  fill(corner.in(), 'inside');
  const outside = path.join(corner.folder, 'outside');
  fill(outside, SECRET);
  const link = path.join(corner.folder, 'link');
  symlinkSync(path.join(outside, path.relative('in', swapped!)), link);
  const swapper = fork(path.join(import.meta.dirname, 'swap-links.mjs'), [at, link, path.join(corner.folder, 'aside')]);
  try {
    const ends = new Map<string, number>();
    const end = Date.now() + 6000;
    for (let n = 0; n < 150 && Date.now() < end; n++) {
      const id = `r-${n}`;
      const result = await corner.bring(id, [{ name: 'it', path: artifact! }], { phase: id }).then(
        () => 'arrived',
        (error: unknown) => (error instanceof HandoffError ? error.code : String(error)),
      );
      ends.set(result, (ends.get(result) ?? 0) + 1);
      for (const file of [...filesBelow(corner.out(id)), ...filesBelow(corner.storage.stagingFolder)])
        expect(readFileSync(file).includes(SECRET), `${file} after ${result}`).toBe(false);
      await corner.takeBack(id);
      expect(existsSync(corner.out(id))).toBe(false);
    }
    const swaps = await stop(swapper);
    expect(swaps).toBeGreaterThan(500);
    // It was refused, and not by chance never met.
    const refused = [...ends].filter(([code]) => code !== 'arrived');
    expect(refused.length).toBeGreaterThan(0);
    const known = [
      'PATH_NOT_ALLOWED',
      'ARTIFACT_CHANGED',
      'ARTIFACT_MISSING',
      'ARTIFACT_NOT_A_FILE',
      'ARTIFACT_LINK_REFUSED',
    ];
    expect(refused.filter(([code]) => !known.includes(code))).toEqual([]);
  } finally {
    swapper.kill('SIGKILL');
    await corner.close();
  }
});
