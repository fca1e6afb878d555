import { createHash, randomUUID } from 'node:crypto';
import { appendFileSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startChecker, type Checker } from '../../src/reliability/checker.js';
import type { Line } from '../../src/reliability/checker/book.js';
import { openJournal } from '../../src/reliability/checker/journal.js';
import type { CheckerReport } from '../../src/core/reliability/report.js';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const CLEAN: CheckerReport = {
  applied: 0,
  absorbed: 0,
  undone: 0,
  twice: 0,
  missing: 0,
  leftBehind: 0,
  violations: [],
};

let folder: string;
let root: string;
let checker: Checker;
const folders: string[] = [];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'handoff-checker-'));
  folders.push(folder);
  root = path.join(folder, 'root');
  await mkdir(root);
  checker = await startChecker({ folder: path.join(folder, 'checker'), root });
});
afterEach(() => checker.close());
afterAll(() => Promise.all(folders.map((f) => rm(f, { recursive: true, force: true }))));

/** As the engine places a file: written elsewhere, then renamed. */
async function place(file: string, content: string, mode = 0o644): Promise<void> {
  const staged = path.join(folder, randomUUID());
  await writeFile(staged, content);
  await chmod(staged, mode);
  await mkdir(path.dirname(path.join(root, file)), { recursive: true });
  await rename(staged, path.join(root, file));
}

const put = async (key: string, handoff: string, call: string, content = 'the work'): Promise<number> =>
  (
    await fetch(`${checker.url}/effects/${encodeURIComponent(key)}`, {
      method: 'PUT',
      body: JSON.stringify({ handoff, call, content }),
    })
  ).status;
const undo = async (key: string): Promise<number> =>
  (await fetch(`${checker.url}/effects/${encodeURIComponent(key)}`, { method: 'DELETE' })).status;

const expects = (handoff: string, files: Record<string, string>, calls: string[] = []): Promise<void> =>
  checker.expect({
    handoff,
    session: 's',
    procedure: 'RELIABILITY_CHECKED',
    files: Object.entries(files).map(([name, content]) => ({ path: name, sha256: sha256(content) })),
    calls,
  });

/** The report, once the checker has seen what it shall have seen. */
async function until(fits: (r: CheckerReport) => boolean): Promise<CheckerReport> {
  for (const end = Date.now() + 5000; ; await sleep(20)) {
    const report = await checker.report();
    if (fits(report) || Date.now() > end) return report;
  }
}

describe('files', () => {
  test('arrived once: applied; and undone to what was there before', async () => {
    await place('artifacts/b.json', 'before', 0o600);
    await expects('h1', { 'artifacts/a.json': 'ours' });
    await expects('h2', { 'artifacts/b.json': 'ours' });
    await place('artifacts/a.json', 'ours');
    await place('artifacts/b.json', 'ours');
    // Seen by somebody who is as fast as the file system tells.
    await sleep(150);
    await place('artifacts/b.json', 'before', 0o600);
    await checker.ended('h1', 'completed');
    await checker.ended('h2', 'failed');
    expect(await until((r) => r.undone === 1)).toEqual({ ...CLEAN, applied: 1, undone: 1 });
  });

  test('what a completed handoff brought is gone, or another: missing', async () => {
    await expects('h1', { 'a.json': 'ours', 'b.json': 'ours' });
    await place('b.json', 'theirs');
    await checker.ended('h1', 'completed');
    const { missing, violations } = await checker.report();
    expect(missing).toBe(2);
    expect(violations).toEqual([
      expect.stringMatching(/^h1 completed, and .*a\.json is not there$/),
      expect.stringMatching(/^h1 completed, and .*b\.json holds something else$/),
    ]);
  });

  test('removed after the handoff had ended: missing', async () => {
    await expects('h1', { 'a.json': 'ours' });
    await place('a.json', 'ours');
    await checker.ended('h1', 'completed');
    expect(await checker.report()).toEqual({ ...CLEAN, applied: 1 });
    await rm(path.join(root, 'a.json'));
    expect(await checker.report()).toMatchObject({ applied: 0, missing: 1 });
  });

  test('an undo that leaves a file, its content or its mode behind; or takes what was there before', async () => {
    await place('b.json', 'before');
    await place('c.json', 'before');
    await place('d.json', 'before');
    await expects('h1', { 'a.json': 'ours', 'b.json': 'ours', 'c.json': 'ours', 'd.json': 'ours' });
    await place('a.json', 'ours');
    await place('b.json', 'ours');
    await place('c.json', 'before', 0o666);
    await rm(path.join(root, 'd.json'));
    await checker.ended('h1', 'cancelled');
    expect(await checker.report()).toMatchObject({ leftBehind: 3, missing: 1 });
  });

  test('a second rename onto a finished place: absorbed if equal, else twice', async () => {
    await expects('h1', { 'x/a.json': 'ours', 'x/b.json': 'ours' });
    for (const name of ['a', 'b']) await place(`x/${name}.json`, 'ours');
    await sleep(150);
    await place('x/a.json', 'ours');
    await place('x/b.json', 'other');
    const report = await until((r) => r.absorbed > 0 && r.twice > 0);
    expect(report).toMatchObject({ absorbed: 1, twice: 1 });
    expect(report.violations[0]).toMatch(/b\.json had arrived, and was written again with other content$/);
  });
});

describe('deliveries', () => {
  test('once, again under the same key, undone: applied, absorbed, undone', async () => {
    await expects('h1', {}, ['a/delivery']);
    await expects('h2', {}, ['a/delivery']);
    expect(await put('h1/a/1/delivery', 'h1', 'a/delivery')).toBe(201);
    expect(await put('h1/a/1/delivery', 'h1', 'a/delivery')).toBe(200);
    await put('h2/a/1/delivery', 'h2', 'a/delivery');
    expect(await undo('h2/a/1/delivery')).toBe(200);
    expect(await undo('h2/a/1/delivery')).toBe(204);
    await checker.ended('h1', 'completed');
    await checker.ended('h2', 'failed');
    expect(await checker.report()).toEqual({ ...CLEAN, applied: 1, absorbed: 1, undone: 1 });
  });

  test('under another key after an undo it is made once; without one, twice', async () => {
    await expects('h1', {}, ['a/delivery', 'b/delivery']);
    await put('h1/a/1/delivery', 'h1', 'a/delivery');
    await undo('h1/a/1/delivery');
    await put('h1/a/2/delivery', 'h1', 'a/delivery');
    await put('h1/b/1/delivery', 'h1', 'b/delivery');
    await put('h1/b/2/delivery', 'h1', 'b/delivery');
    await checker.ended('h1', 'completed');
    const report = await checker.report();
    expect(report).toMatchObject({ applied: 2, twice: 1, missing: 0 });
    expect(report.violations).toEqual([expect.stringContaining('b/delivery was made again under another key')]);
  });

  test('the same key with other content; a lost one; one that nobody asked for; one left behind; a stranger', async () => {
    await expects('h1', {}, ['a/delivery', 'b/delivery']);
    await expects('h2', {}, ['a/delivery']);
    await put('1', 'h1', 'a/delivery');
    await put('1', 'h1', 'a/delivery', 'other work');
    await put('2', 'h1', 'c/delivery');
    await put('3', 'h2', 'a/delivery');
    await put('4', 'h9', 'a/delivery');
    await checker.ended('h1', 'completed');
    await checker.ended('h2', 'expired');
    const report = await checker.report();
    expect(report).toMatchObject({ twice: 1, missing: 1, leftBehind: 3 });
    expect(report.violations).toHaveLength(5);
  });

  test('a delivery that its receiver lost: missing', async () => {
    await expects('h1', {}, ['a/delivery']);
    await put('1', 'h1', 'a/delivery');
    await checker.ended('h1', 'completed');
    expect(await checker.report()).toMatchObject({ applied: 1 });
    await writeFile(path.join(folder, 'checker', 'received', sha256('1')), 'spoiled');
    expect(await checker.report()).toMatchObject({ applied: 0, missing: 1 });
  });

  test('an incident is judged when it ends', async () => {
    await expects('h1', {}, ['a/delivery']);
    await put('1', 'h1', 'a/delivery');
    await checker.ended('h1', 'incident');
    expect(await checker.report()).toEqual(CLEAN);
    await checker.ended('h1', 'failed');
    expect(await checker.report()).toMatchObject({ leftBehind: 1 });
  });
});

test('killed and started again it goes on from its file, without the line that was torn', async () => {
  await expects('h1', { 'a.json': 'ours', 'b.json': 'ours' }, ['a/delivery']);
  await put('1', 'h1', 'a/delivery');
  await place('a.json', 'ours');
  await until(() => readFileSync(path.join(folder, 'checker', 'checker.jsonl'), 'utf8').includes('"t":"file"'));
  process.kill(checker.pid, 'SIGKILL');
  await checker.close();
  appendFileSync(path.join(folder, 'checker', 'checker.jsonl'), '{"t":"undo","ke');
  await place('a.json', 'other');
  const { url } = checker;
  checker = await startChecker({ folder: path.join(folder, 'checker'), root });
  expect(checker.url).toBe(url);
  await put('1', 'h1', 'a/delivery');
  await place('b.json', 'ours');
  await checker.ended('h1', 'completed');
  expect(await checker.report()).toMatchObject({ applied: 2, absorbed: 1, missing: 1, twice: 1 });
});

test('it ends with the process that started it', async () => {
  await checker.close();
  expect(() => process.kill(checker.pid, 0)).toThrow('ESRCH');
});

test('10,000 lines stay cheap', async () => {
  await checker.close();
  const lines = await openJournal<Line>(path.join(folder, 'checker', 'checker.jsonl'));
  const of = (handoff: string) => ({ handoff, session: 's', procedure: 'P', files: [], calls: ['a/delivery'] });
  const began = performance.now();
  for (let i = 0; i < 2500; i += 50) {
    const written = Array.from({ length: 50 }, (_, n) => `h${i + n}`).flatMap((handoff) => {
      const delivery = { t: 'put', key: handoff, handoff, call: 'a/delivery', sha256: sha256('the work') } as const;
      const ended = { t: 'ended', handoff, outcome: 'failed' } as const;
      return [{ t: 'expect', of: of(handoff), before: {} } as const, delivery, delivery, ended].map((line) =>
        lines.append(line),
      );
    });
    await Promise.all(written);
  }
  await lines.close();
  const wrote = performance.now();
  checker = await startChecker({ folder: path.join(folder, 'checker'), root });
  expect(await checker.report()).toMatchObject({ absorbed: 2500, leftBehind: 2500 });
  // The order of magnitude, on a busy machine: a sync for each line alone would take longer.
  expect(wrote - began).toBeLessThan(20_000);
  expect(performance.now() - wrote).toBeLessThan(10_000);
});
