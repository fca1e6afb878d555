import { expect, test } from 'vitest';
import { ContextManager } from '../../src/packages/context-manager.js';
import { HandoffManager } from '../../src/packages/handoff-manager.js';
import { storagePlace } from '../storage/place.js';
import { dyingAt, inProcesses } from './processes.js';

const place = storagePlace();
const contexts = (): ContextManager => new ContextManager(place.storage);
const options = { cloneId: 'c', sourcePhase: 'analysis', targetPhase: 'synthesis' };

test('writers in four processes, several at once in each, lose no update', async () => {
  const versions = await inProcesses<number[]>(
    4,
    place.folder,
    `const context = await contexts.createContext('shared');
     const seen = [];
     await Promise.all([0, 1, 2].map(async (lane) => {
       for (let i = 0; i < 15; i++) {
         const { metadata } = await context.update('count', (n = 0) => n + 1);
         seen.push(metadata.version);
         await context.update('who', (all = []) => [...all, me + '/' + lane + '/' + i], { source: '@' + me });
       }
     }));
     print(seen);`,
  );
  const context = await contexts().createContext('shared');
  expect(await context.entry('count')).toMatchObject({ value: 180, metadata: { version: 180 } });
  expect(versions.flat().toSorted((a, b) => a - b)).toEqual(Array.from({ length: 180 }, (_, i) => i + 1));
  const who = (await context.get<string[]>('who'))!;
  expect(new Set(who).size).toBe(180);
  for (const lane of new Set(who.map((w) => w.slice(0, 3))))
    expect(who.filter((w) => w.startsWith(lane)).map((w) => Number(w.slice(4)))).toEqual([...Array(15).keys()]);
});

test('of writers that compare and set one entry, and delete it, one wins each version', async () => {
  const won = await inProcesses<number[]>(
    3,
    place.folder,
    `const context = await contexts.createContext('cas');
     const won = [];
     for (let i = 0; i < 40; i++) {
       const ifVersion = (await context.entry('k'))?.metadata.version ?? 0;
       try {
         if (i % 10 === 9) await context.delete('k', { ifVersion });
         else won.push((await context.set('k', me, { ifVersion })).metadata.version);
       } catch (e) { if (e.code !== 'STATE_CONFLICT') throw e; }
     }
     print(won);`,
  );
  const all = won.flat();
  expect(new Set(all).size).toBe(all.length);
  for (const mine of won) expect(mine).toEqual(mine.toSorted((a, b) => a - b));
});

test('restores in three processes at once are one after the other: the context is one of the packages', async () => {
  const ids = await Promise.all(
    ['a', 'b', 'c'].map(async (who) => {
      const context = await contexts().createContext(`from-${who}`);
      for (let i = 0; i < 50; i++) await context.set(`k${i}`, who);
      const manager = new HandoffManager(contexts(), place.storage.packages);
      return (await manager.createHandoff(context.sessionId, options)).id;
    }),
  );
  await inProcesses(
    3,
    place.folder,
    `const ids = ${JSON.stringify(ids)};
     for (let i = 0; i < 5; i++) await manager.receiveHandoff(ids[me], { into: 'both' });
     print(0);`,
  );
  const values = (await (await contexts().getContext('both'))!.findByPattern('*')).map((e) => e.value);
  expect([values.length, new Set(values).size]).toEqual([50, 1]);
});

test('killed in the midst of a restore: nothing of it is there, and the next attempt restores it all', async () => {
  const from = await contexts().createContext('from');
  for (let i = 0; i < 20; i++) await from.set(`k${i}`, i, { source: '@writer', tags: ['t'] });
  const manager = new HandoffManager(contexts(), place.storage.packages);
  const { id } = await manager.createHandoff('from', options);
  const into = await contexts().createContext('into');
  await into.set('k3', 'mine');
  const before = await into.findByPattern('*');
  for (const nth of [1, 10, 20]) {
    await dyingAt(`context.in_change@${nth}`, place.folder, `await manager.receiveHandoff('${id}', { into: 'into' });`);
    expect(await into.findByPattern('*')).toEqual(before);
  }
  expect(await manager.receiveHandoff(id, { into: 'into' })).toMatchObject({
    success: true,
    conflicts: [{ key: 'k3', decision: 'package', existing: { version: 1 } }],
  });
  const values = async (context: typeof from) => (await context.findByPattern('*')).map((e) => [e.key, e.value]);
  expect(await values(into)).toEqual(await values(from));
});
