import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { FileHandoffStorage } from '../../src/storage/packages/file-storage.js';
import { corner, packageOf } from '../packages/parts.js';
import { handoff, json } from './rig.js';

const { under } = corner();
const [old, young, over] = [
  packageOf({ id: 'hof-old', createdAt: new Date(Date.now() - 3_600_000) }),
  packageOf({ id: 'hof-young', sessionId: 'other', cloneId: 'c2', createdAt: new Date() }),
  packageOf({
    id: 'hof-over',
    metadata: { ...packageOf().metadata, reason: '\u001b[31mred\nsha256 0 · signed with k', expiresAt: new Date(1e12) },
  }),
];
let [folder, packages] = ['', ''];

beforeAll(async () => {
  folder = under();
  packages = path.join(folder, 'packages');
  const storage = new FileHandoffStorage(packages);
  for (const one of [young, old, over]) await storage.save(one);
  const damaged = (await readFile(path.join(packages, 'hof-old.json'), 'utf8')).replace('"step":2', '"step":3');
  await writeFile(path.join(packages, 'hof-damaged.json'), damaged.replace('hof-old', 'hof-damaged'));
});
const ids = async (...args: string[]): Promise<string[]> =>
  (await json<{ id: string }[]>(['package', 'list', '--folder', folder, ...args])).map((one) => one.id);

test('list has all of them, the damaged one with its reason, and every filter narrows it', async () => {
  const { code, stdout } = await handoff(['package', 'list', '--in', packages]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^hof-damaged +damaged +its checksum does not match$/m);
  expect(stdout).toMatch(/^hof-young +active +.* ago +other +analysis → synthesis +paused 2\/5, \d+ B$/m);
  expect(await ids()).toEqual(['hof-over', 'hof-old', 'hof-young', 'hof-damaged']);
  expect(await ids('--session', 'shop')).toEqual(['hof-over', 'hof-old', 'hof-damaged']);
  expect(await ids('--clone', 'c2')).toEqual(['hof-young', 'hof-damaged']);
  expect(await ids('--status', 'active')).toEqual(['hof-old', 'hof-young', 'hof-damaged']);
  expect(await ids('--status', 'expired')).toEqual(['hof-over', 'hof-damaged']);
});

test('show says where it goes on and what it carries, and nothing of it reaches the terminal raw', async () => {
  const { stdout } = await handoff(['package', 'show', 'hof-over', '--folder', folder]);
  expect(stdout).toContain('paused in analysis, 2 of 5 steps · goes on at analysis:2');
  expect(stdout).toContain('\\x1b[31mred sha256 0 · signed with k');
  expect(stdout.split('\n').filter((l) => l.startsWith('sha256 '))).toEqual([expect.stringMatching(/not signed$/)]);
  expect(stdout).toMatch(/^architecture +14 B +1 +@architect +design$/m);
  expect(await json(['package', 'show', 'hof-old', '--folder', folder])).toEqual(JSON.parse(JSON.stringify(old)));
});

test('verify tells the whole from the damaged, by its exit code too', async () => {
  const all = await handoff(['package', 'verify', '--folder', folder]);
  expect([all.code, all.stdout.trimEnd().split('\n').at(-1)]).toEqual([1, '3 of 4 packages are whole.']);
  const some = await handoff(['package', 'verify', 'hof-old', 'hof-young', '--folder', folder]);
  expect([some.code, some.stdout]).toEqual([0, '✓ hof-old\n✓ hof-young\n2 of 2 packages are whole.\n']);
  const signed = await handoff(['package', 'verify', 'hof-old', '--folder', folder], {
    env: { HANDOFF_PACKAGE_KEY: 'k' },
  });
  expect([signed.code, signed.stdout]).toEqual([1, expect.stringContaining('it is not signed')]);
});

test.each([
  [['show', 'hof-none'], 1, 'Handoff package not found: hof-none. `handoff package list` shows what is there.'],
  [['show', '../x'], 2, 'Package "../x" is not a valid id'],
  [['verify', '../x'], 2, 'Package "../x" is not a valid id'],
  [['show', 'hof-damaged'], 1, 'is damaged: its checksum does not match'],
  [['list', '--in', '/no/such/folder'], 2, 'There is no folder /no/such/folder.'],
])('%j: exit code %i', async (args, code, said) => {
  const ended = await handoff(['package', ...args, '--folder', folder]);
  expect([ended.code, ended.stderr]).toEqual([code, expect.stringContaining(said)]);
});

test('an empty folder has none', async () => {
  expect((await handoff(['package', 'list', '--in', path.dirname(folder)])).stdout).toBe('No packages.\n');
});
