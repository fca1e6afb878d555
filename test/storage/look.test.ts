import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { lookInto, openStorage, type Storage } from '../../src/storage/storage.js';
import { treeOf } from '../rig/untouched.js';
import { subjectOf } from './place.js';

let base: string;
let folder: string;
beforeEach(async () => {
  base = await mkdtemp(path.join(tmpdir(), 'handoff-look-'));
  folder = path.join(base, 'data');
});
afterEach(() => rm(base, { recursive: true, force: true }));

/** Works on the storage in a process of its own, which ends; `storage` is open in `code`. */
function elsewhere(code: string): void {
  const { href } = pathToFileURL(path.resolve('dist/storage/storage.js'));
  const script = `
    const { openStorage } = await import('${href}');
    const storage = await openStorage({ folder: '${folder}' });
    ${code}
    await storage.close();`;
  const { status, signal, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  if (status !== 0 && signal !== 'SIGKILL') throw new Error(stderr);
}

const names = async (s: Storage): Promise<string[]> => (await s.agents.list()).map((a) => a.name);

/** Everything that writes, tried on a storage. */
async function tryToWrite(s: Storage): Promise<string[]> {
  const subject = subjectOf('h');
  const ref = { handoff: 'h', session: 's', step: 'x', epoch: 1 };
  const deeds: (() => Promise<unknown>)[] = [
    () => s.agents.add({ name: '@late' }),
    () => s.agents.remove('@a'),
    () => s.sessions.set('s', 'k', 1, 'me'),
    () => s.sessions.setPhase('s', '8', 'completed', 'me'),
    () => s.handoffs.register(subject, 'run', 'running'),
    () => s.steps.begin(ref),
    () =>
      s.ledger.intend(ref, [{ effect: 'e', kind: 'file', resource: 'file:/x', data: {} }], () =>
        Promise.resolve(false),
      ),
    () => s.ledger.claim('k', 'me', 1000),
    () => s.steps.shut('h', ['x']),
    () => s.procedures.publishParts({ actions: ['x'], rules: [] }),
    () => s.validations.record({ id: 'v', procedure: 'P', passed: true, results: [], startedAt: 1, endedAt: 2 }),
  ];
  return Promise.all(
    deeds.map((deed) =>
      deed().then(
        () => 'written',
        (e: Error) => e.message,
      ),
    ),
  );
}

describe('what is looked into cannot be written', () => {
  test('whoever tries is refused, and a content that is put is there only to look at', async () => {
    elsewhere(`await storage.agents.add({ name: '@a' });`);
    const before = treeOf(folder);
    await lookInto({ folder }, async (s) => {
      expect(await names(s)).toEqual(['@a']);
      const answers = await tryToWrite(s);
      expect(answers).toEqual(answers.map(() => 'attempt to write a readonly database'));
      const ref = await s.blobs.put('content', 'text/plain');
      expect((await s.blobs.get(ref)).toString()).toBe('content');
      expect(await s.look(names)).toEqual(['@a']);
    });
    expect(treeOf(folder)).toEqual(before);
  });

  test('nor through the view of a storage that others write', async () => {
    const storage = await openStorage({ folder });
    await storage.agents.add({ name: '@a' });
    const before = treeOf(folder);
    const answers = await storage.look(tryToWrite);
    expect(answers).toEqual(answers.map(() => 'attempt to write a readonly database'));
    expect(treeOf(folder)).toEqual(before);
    // It sees what is written meanwhile.
    await storage.agents.add({ name: '@b' });
    expect(await storage.look(names)).toEqual(['@a', '@b']);
    await storage.close();
  });
});

describe('to look leaves no trace', () => {
  test('where there is no folder: it reads as empty, and none is made', async () => {
    expect(await lookInto({ folder }, names)).toEqual([]);
    expect(existsSync(folder)).toBe(false);
  });

  test('where nobody has it open: no lock table and no log beside the database', async () => {
    elsewhere(`await storage.agents.add({ name: '@a' });`);
    const before = treeOf(folder);
    expect(Object.keys(before).map((f) => path.relative(folder, f))).toEqual(['', 'handoff.db']);
    expect(await lookInto({ folder }, names)).toEqual(['@a']);
    expect(treeOf(folder)).toEqual(before);
  });

  test('after a killed process: what stands only in its log is read, and stays there', async () => {
    elsewhere(`await storage.agents.add({ name: '@a' });`);
    elsewhere(`await storage.agents.add({ name: '@b' }); process.kill(process.pid, 'SIGKILL');`);
    const before = treeOf(folder);
    expect(Object.keys(before).map((f) => path.relative(folder, f))).toContain('handoff.db-wal');
    expect(await lookInto({ folder }, names)).toEqual(['@a', '@b']);
    expect(treeOf(folder)).toEqual(before);
  });
});

test('a look that somebody writes beneath is repeated', async () => {
  elsewhere(`await storage.agents.add({ name: '@a' });`);
  const seen: string[][] = [];
  const last = await lookInto({ folder }, async (s) => {
    seen.push(await names(s));
    if (seen.length === 1) elsewhere(`await storage.agents.add({ name: '@b' });`);
    return names(s);
  });
  expect(seen).toEqual([['@a'], ['@a', '@b']]);
  expect(last).toEqual(['@a', '@b']);
});

test('what is no database, or one of another version, is named', async () => {
  await mkdir(folder);
  const file = path.join(folder, 'handoff.db');
  await writeFile(file, 'no database, but long enough to be taken for one\n'.repeat(100));
  await expect(lookInto({ folder }, names)).rejects.toMatchObject({ code: 'STORAGE_DAMAGED', params: { where: file } });
  await rm(file);
  elsewhere(`await storage.db.deleteFrom('kysely_migration').execute();`);
  await expect(lookInto({ folder }, names)).rejects.toMatchObject({
    code: 'STORAGE_DAMAGED',
    message: expect.stringContaining('lacks 0001_first; start `handoff dev` or `handoff worker`') as unknown,
  });
});
