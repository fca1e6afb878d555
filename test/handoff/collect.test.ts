import { existsSync } from 'node:fs';
import { mkdir, rm, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { collect, leftovers, type Leftover } from '../../src/activities/collect.js';
import { openStorage } from '../../src/storage/storage.js';
import { Rig } from '../rig/rig.js';

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.create();
});
afterAll(() => rig.close());

const HOUR = 3_600_000;
const found = async (now?: number): Promise<Leftover[]> => leftovers(rig.storage, now);
const staging = (id: string): string => path.join(rig.storage.stagingFolder, id);
const undo = (id: string): string => path.join(rig.storage.undoFolder, id);

/** A file in a folder of its own, as an attempt stages it. */
async function kept(folder: string): Promise<string> {
  const file = path.join(folder, 'attempt', 'file');
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, 'half');
  return file;
}

test('what is kept of handoffs that the database does not know is collected once nobody has touched it for an hour', async () => {
  const [old, young] = [await kept(staging('gone-old')), await kept(undo('gone-old'))];
  expect(await found()).toEqual([]);
  expect(await found(Date.now() + HOUR + 1000)).toEqual([
    { handoff: 'gone-old', why: 'unknown', paths: [undo('gone-old'), staging('gone-old')] },
  ]);
  // A rename or a copy keeps a file's old times: when it came here counts.
  for (const file of [old, young])
    for (const one of [file, path.dirname(file), path.resolve(file, '..', '..')]) await utimes(one, 0, 0);
  expect(await found()).toEqual([]);
  await mkdir(path.join(rig.storage.stagingFolder, '.not-ours'), { recursive: true });
  expect(await found(Date.now() + 2 * HOUR)).toHaveLength(1);
});

test('with a root of its own, which other data folders may use as well, the unknown is left alone', async () => {
  const root = path.join(rig.folder, 'shared-root');
  const other = await openStorage({ folder: path.join(rig.folder, 'other'), root });
  await kept(path.join(other.undoFolder, 'theirs'));
  expect(await leftovers(other, Date.now() + 2 * HOUR)).toEqual([]);
  await other.close();
});

test('copies of an open handoff are collected where no effect refers to them any more, and only those', async () => {
  const id = await rig.start('AGENT_HANDOFF_STANDARD', { target: { agent: '@nodejs-specialist', phase: 'occupied' } });
  await rig.untilStatus(id, 'awaiting_acceptance');
  await rig.client.cancel(id, { by: 'test', reason: 'to write it again' });
  await rig.client.result(id);
  // The destinations are there now, so that an undo of the next one needs copies.
  const place = path.join(rig.storage.root, 'artifacts', 'phase_occupied');
  await mkdir(place, { recursive: true });
  for (const name of ['architecture.json', 'modules.json']) await writeFile(path.join(place, name), 'before');
  const open = await rig.start('AGENT_HANDOFF_STANDARD', {
    target: { agent: '@nodejs-specialist', phase: 'occupied' },
  });
  await rig.untilStatus(open, 'awaiting_acceptance');
  const rows = (await rig.client.effects(open)).filter((e) => e.kind === 'file');
  const copies = rows.map((e) => (e.data['before'] as { copy: string }).copy);
  expect(copies.every((copy) => existsSync(copy))).toBe(true);
  const stray = path.join(undo(open), 'stray');
  await writeFile(stray, 'of an attempt that never recorded it');
  const later = Date.now() + HOUR + 1000;
  const mine = async (now?: number): Promise<Leftover[]> => (await found(now)).filter((l) => l.handoff === open);
  expect(await mine()).toEqual([]);
  expect(await mine(later)).toEqual([{ handoff: open, why: 'undone', paths: [stray] }]);
  // Once its effect is undone, nobody needs the copy any more.
  await rig.storage.db.updateTable('effects').set({ status: 'undone' }).where('key', '=', rows[0]!.key).execute();
  expect(new Set((await mine(later))[0]!.paths)).toEqual(new Set([stray, copies[0]]));
  await rig.storage.db.updateTable('effects').set({ status: 'intended' }).where('key', '=', rows[0]!.key).execute();
  expect(await mine(later)).toMatchObject([{ paths: [stray] }]);
  await rig.storage.db.updateTable('effects').set({ status: 'applied' }).where('key', '=', rows[0]!.key).execute();
  await rig.client.cancel(open, { by: 'test', reason: 'end of test' });
  expect((await rig.client.result(open)).undone.map((u) => u.result)).toEqual(['undone', 'undone', 'undone']);
});

test('what closed is collected whole', async () => {
  const id = await rig.start('PHASE_TRANSITION_STANDARD');
  await rig.client.result(id);
  await kept(staging(id));
  await expect.poll(async () => (await rig.storage.handoffs.find(id))?.closedAt).toBeDefined();
  const mine = async (): Promise<Leftover[]> => (await found()).filter((l) => l.handoff === id);
  expect(await mine(), 'not at once').toEqual([]);
  const closed_at = Date.now() - HOUR;
  await rig.storage.db.updateTable('handoffs').set({ closed_at }).where('id', '=', id).execute();
  expect(await mine()).toEqual([{ handoff: id, why: 'closed', paths: [undo(id), staging(id)].filter(existsSync) }]);
  expect(await collect(rig.storage)).toBeGreaterThan(0);
  expect([await mine(), existsSync(staging(id)), existsSync(staging('gone-old'))]).toEqual([[], false, true]);
  await rm(staging('gone-old'), { recursive: true });
});
