import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { FileHandoffStorage } from '../../src/storage/packages/file-storage.js';
import { corner, packageOf } from './parts.js';

const { under } = corner();
const KILLS = process.env['HANDOFF_CRASH'] === 'full' ? 100 : 10;

/** A process that saves; `said` has its lines. */
function saver(...args: string[]): { said: () => string; child: ReturnType<typeof spawn>; ended: Promise<unknown> } {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'saver.mjs'), ...args]);
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => void (said += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => void (said += chunk.toString()));
  return { said: () => said, child, ended: once(child, 'close') };
}

test(`a save killed ${KILLS} times, at any moment: what was acknowledged is there, or a later one, whole`, async () => {
  const folder = under();
  const storage = new FileHandoffStorage(folder);
  const parts = async (): Promise<string[]> => (await readdir(folder)).filter((name) => name.endsWith('.part'));
  let left = 0;
  // Until some were killed while they were writing: otherwise this would have tested nothing.
  for (let n = 0; n < KILLS || left === 0; n++) {
    // Packages of up to 0.8 MB: most of the time is spent while one is being written.
    const { said, child, ended } = saver(folder, 'killed', '1000000', '800000');
    while (!said().includes('\n')) await sleep(2);
    await sleep(Math.random() * 120);
    if (n % 2 === 1) while ((await parts()).length <= left);
    child.kill('SIGKILL');
    await ended;
    left = (await parts()).length;
    const acknowledged = new Map(
      said()
        .split('\n')
        .slice(0, -1)
        .map((line) => line.split(' ') as [string, string]),
    );
    for (const [id, step] of acknowledged)
      expect((await storage.load(id))?.checkpoint.step).toBeGreaterThanOrEqual(Number(step));
    for await (const { error } of storage.inspect()) expect(error).toBeUndefined();
  }
});

test('what a killed save has left is removed by a later one, but not what may still be written', async () => {
  const folder = under();
  await mkdir(folder);
  const [old, young, other] = ['.hof-1.json.a.part', '.hof-1.json.b.part', 'mine.part'].map((n) =>
    path.join(folder, n),
  );
  for (const file of [old!, young!, other!]) await writeFile(file, 'half');
  const hourAgo = new Date(Date.now() - 3_600_000);
  for (const file of [old!, other!]) await utimes(file, hourAgo, hourAgo);
  const one = packageOf();
  const storage = new FileHandoffStorage(folder);
  expect(await storage.list()).toEqual([]);
  expect(await readdir(folder)).toHaveLength(3);
  await storage.save(one);
  expect((await readdir(folder)).toSorted()).toEqual(['.hof-1.json.b.part', `${one.id}.json`, 'mine.part'].toSorted());
});

test('three processes save, load, list and delete the same packages: nobody ever sees half of one', async () => {
  const folder = under();
  const all = ['one', 'two', 'three'].map((who) => saver(folder, who, '150'));
  await Promise.all(all.map((s) => s.ended));
  for (const s of all) expect(s.said().trimEnd().split('\n').at(-1)).toBe('damaged []');
  const storage = new FileHandoffStorage(folder);
  for await (const { error } of storage.inspect()) expect(error).toBeUndefined();
  // Whatever form the last save of each left: a delete leaves nothing.
  for (let n = 0; n < 5; n++) await storage.delete(`hof-${n}`);
  expect(await readdir(folder)).toEqual([]);
});
