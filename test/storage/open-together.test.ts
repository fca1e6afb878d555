import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

const STORAGE = pathToFileURL(path.resolve('dist/storage/storage.js')).href;
/** Waits for the same moment as the others, opens the folder, and writes. */
const OPENS = `
  const [folder, name, at] = process.argv.slice(1);
  const { openStorage } = await import('${STORAGE}');
  while (Date.now() < Number(at));
  const storage = await openStorage({ folder });
  await storage.sessions.setPhase('s', name, 'completed', 'test');
  await storage.close();
`;

let folder: string;
beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'handoff-open-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('processes that open a new storage in the same moment all get it', async () => {
  for (let round = 0; round < 3; round++) {
    const at = String(Date.now() + 1500);
    const where = path.join(folder, String(round));
    const opening = ['a', 'b', 'c', 'd'].map((name) =>
      promisify(execFile)(process.execPath, ['--input-type=module', '-e', OPENS, '--', where, name, at]),
    );
    const ended = await Promise.allSettled(opening);
    expect(ended.flatMap((e) => (e.status === 'rejected' ? [String(e.reason)] : []))).toEqual([]);
  }
});
