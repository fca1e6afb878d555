import { expect, test } from 'vitest';
import { ContextManager } from '../../src/packages/context-manager.js';
import type { SharedContext } from '../../src/packages/shared-context.js';
import { storagePlace } from '../storage/place.js';

const place = storagePlace();
let made = 0;
const newContext = (): Promise<SharedContext> => new ContextManager(place.storage).createContext(`c-${++made}`);

test('a context that was made is found, though it is empty; making it again changes nothing', async () => {
  const manager = new ContextManager(place.storage);
  expect(await manager.getContext('nobody')).toBeUndefined();
  const context = await manager.createContext('made');
  expect(context.sessionId).toBe('made');
  expect(await (await manager.getContext('made'))!.findByPattern('*')).toEqual([]);
  await context.set('a', 1);
  await manager.createContext('made');
  expect(await (await manager.getContext('made'))!.get('a')).toBe(1);
});

test('entries that anybody else wrote are a context too', async () => {
  await place.storage.sessions.set('by-hand', 'plan', { rows: 1 }, 'somebody');
  const context = await new ContextManager(place.storage.sessions).getContext('by-hand');
  expect(await context!.entry('plan')).toMatchObject({
    value: { rows: 1 },
    metadata: { source: 'somebody', tags: [] },
  });
});

test('an entry has its value, source, tags, times and a version', async () => {
  const context = await newContext();
  const before = Date.now();
  const set = await context.set(
    'plan',
    { b: [1, null], a: 'x' },
    { source: '@planner', tags: ['draft', 'draft', 'de'] },
  );
  expect(set).toEqual(await context.entry('plan'));
  const { metadata } = set;
  expect(metadata).toMatchObject({ source: '@planner', tags: ['draft', 'de'], version: 1 });
  expect(Date.parse(metadata.createdAt)).toBeGreaterThanOrEqual(before);
  expect(metadata.updatedAt).toBe(metadata.createdAt);
  const again = await context.set('plan', 2);
  expect(again.metadata).toMatchObject({ source: 'system', tags: ['draft', 'de'], version: 2 });
  expect(again.metadata.createdAt).toBe(metadata.createdAt);
  expect((await context.set('plan', 3, { tags: [] })).metadata.tags).toEqual([]);
  expect(await context.get('plan')).toBe(3);
  expect(await context.get('other')).toBeUndefined();
  expect(await context.entry('other')).toBeUndefined();
});

test('compare and set: only the version that is there', async () => {
  const context = await newContext();
  await context.set('k', 1, { ifVersion: 0 });
  await expect(context.set('k', 2, { ifVersion: 0 })).rejects.toMatchObject({ code: 'STATE_CONFLICT' });
  await context.set('k', 2, { ifVersion: 1 });
  await expect(context.delete('k', { ifVersion: 1 })).rejects.toMatchObject({
    message: `context:${context.sessionId}/k is not as expected: expected version 1, found version 2.`,
  });
  expect(await context.delete('k', { ifVersion: 2 })).toBe(true);
  expect(await context.delete('k')).toBe(false);
  expect(await context.get('k')).toBeUndefined();
});

test('the version of an entry that was deleted does not come back', async () => {
  const context = await newContext();
  for (const value of [1, 2, 3]) await context.set('k', value);
  await context.delete('k');
  expect((await context.set('k', 4, { ifVersion: 0 })).metadata.version).toBe(4);
  await expect(context.set('k', 5, { ifVersion: 1 })).rejects.toMatchObject({ code: 'STATE_CONFLICT' });
});

test('entries are found by pattern and tag', async () => {
  const context = await newContext();
  const entries: [string, string[]][] = [
    ['notes', ['draft']],
    ['plan/a', ['final']],
    ['plan/b', ['draft', 'secret']],
    ['plan.c', []],
  ];
  for (const [key, tags] of entries) await context.set(key, key, { tags });
  const keys = async (filter: Parameters<SharedContext['find']>[0]): Promise<string> =>
    (await context.find(filter)).map((e) => e.key).join(' ');
  expect((await context.findByPattern('*')).map((e) => [e.key, e.value])).toEqual(
    ['notes', 'plan.c', 'plan/a', 'plan/b'].map((k) => [k, k]),
  );
  expect((await context.findByPattern('plan/?')).map((e) => e.key)).toEqual(['plan/a', 'plan/b']);
  expect(await keys({ include: ['notes', '*c'] })).toBe('notes plan.c');
  expect(await keys({ exclude: 'plan*' })).toBe('notes');
  expect(await keys({ tags: ['draft', 'final'] })).toBe('notes plan/a plan/b');
  expect(await keys({ include: 'plan*', tags: ['draft'], excludeTags: ['secret'] })).toBe('');
  expect(await keys({ include: [] })).toBe('');
  expect(await keys({ excludeTags: ['secret'] })).toBe('notes plan.c plan/a');
});

test('update reads what is there, and calls again where another writer was faster', async () => {
  const context = await newContext();
  expect((await context.update<number>('n', (n = 10) => n + 1, { source: 'me', tags: ['t'] })).value).toBe(11);
  let calls = 0;
  const end = await context.update<number>('n', async (n = 0) => {
    if (++calls < 3) await context.set('n', n + 100);
    return n + 1;
  });
  expect([calls, end.value, end.metadata.tags]).toEqual([3, 212, ['t']]);
  await Promise.all(Array.from({ length: 20 }, () => context.update<number>('many', (n = 0) => n + 1)));
  expect(await context.get('many')).toBe(20);
});

test('contexts in memory need no folder', async () => {
  const context = await (await ContextManager.inMemory()).createContext('s');
  await context.set('a', { deep: [1] });
  expect(await context.get('a')).toEqual({ deep: [1] });
});

const cycle: Record<string, unknown> = {};
cycle['self'] = { cycle };
const deep = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels));
const half = '\ud800';

test.for<[what: string, key: string, value: unknown, message: string]>([
  ['undefined', 'k', undefined, '/k: undefined is no JSON value'],
  ['undefined within', 'k', { a: [1, undefined] }, '/k/a/1: undefined is no JSON value'],
  ['a hole', 'k', [1, , 2], '/k/1: undefined is no JSON value'], // eslint-disable-line no-sparse-arrays
  ['a field that is undefined', 'k', { 'a/b': undefined }, '/k/a~1b: undefined is no JSON value'],
  ['a function', 'k', { f: () => 1 }, '/k/f: a function is no JSON value'],
  ['a symbol', 'k', Symbol('s'), '/k: a symbol is no JSON value'],
  ['NaN', 'k', { n: Number.NaN }, '/k/n: NaN is no JSON value'],
  ['Infinity', 'k', [-Infinity], '/k/0: -Infinity is no JSON value'],
  ['a bigint', 'k', 1n, '/k: a bigint is no JSON value'],
  ['a Date', 'k', { at: new Date(0) }, '/k/at: a Date is no JSON value'],
  ['a Map', 'k', new Map(), '/k: a Map is no JSON value'],
  ['a Buffer', 'k', Buffer.from('x'), '/k: a Buffer is no JSON value'],
  ['half a pair', 'k', { s: half }, '/k/s: has half of a surrogate pair, which is no Unicode text'],
  [
    'a name with half a pair',
    'k',
    { [half]: 1 },
    '/k: has a name that has half of a surrogate pair, which is no Unicode text',
  ],
  [
    '__proto__ as a name',
    'k',
    JSON.parse('{"a":{"__proto__":1}}'),
    '/k/a/__proto__: the name __proto__ is not allowed',
  ],
  ['a cycle', 'k', cycle, '/k: is nested more than 64 levels deep (or refers to itself)'],
  ['a depth bomb', 'k', deep(5000), '/k: is nested more than 64 levels deep (or refers to itself)'],
  ['no key', '', 1, '/: the key must not be empty'],
  ['__proto__ as a key', '__proto__', 1, '/__proto__: the key must not be __proto__'],
  ['a long key', 'k'.repeat(257), 1, `/${'k'.repeat(60)}…: the key must not be longer than 256 characters`],
  ['a control character', 'a\nb', 1, '/a\\x0ab: the key must not contain control characters'],
  ['half a pair as a key', half, 1, `/${half}: the key has half of a surrogate pair, which is no Unicode text`],
])('%s is refused, and nothing is written', async ([, key, value, message]) => {
  const context = await newContext();
  const refused = { code: 'INVALID_CONTEXT', message: `Not valid for a context: ${message}` };
  await expect(context.set(key, value)).rejects.toMatchObject(refused);
  await expect(place.storage.sessions.set(context.sessionId, key, value, 'me')).rejects.toMatchObject(refused);
  expect(await context.findByPattern('*')).toEqual([]);
});

test('what is just allowed is kept as it is', async () => {
  const context = await newContext();
  const value = { deep: deep(63), text: '😀\u0000\n', 'a/b': -1.5e-7, empty: { list: [], none: null } };
  await context.set('k'.repeat(256), value);
  expect(await context.get('k'.repeat(256))).toEqual(value);
  expect(await context.set('constructor', 1)).toMatchObject({ value: 1 });
});

test('sources and tags are bounded', async () => {
  const context = await newContext();
  for (const [options, message] of [
    [{ source: '' }, '/k: the source must not be empty'],
    [{ source: 'a\u0000' }, '/k: the source must not contain control characters'],
    [{ tags: [''] }, '/k: a tag must not be empty'],
    [{ tags: 'draft' as unknown as string[] }, '/k: the tags must be a list of texts'],
    [{ tags: Array.from({ length: 65 }, String) }, '/k: has 65 tags; at most 64 are allowed'],
  ] as const)
    await expect(context.set('k', 1, options)).rejects.toMatchObject({
      message: `Not valid for a context: ${message}`,
    });
});

test('a value of 50 MB is refused, and names its entry', async () => {
  const context = await newContext();
  await expect(context.set('notes', 'x'.repeat(50 << 20))).rejects.toMatchObject({
    code: 'INPUT_TOO_LARGE',
    message: `The value of "notes" is ${(50 << 20) + 2} bytes; at most 16777216 are allowed`,
  });
  expect(await context.get('notes')).toBeUndefined();
});

test.for(['../x', '', 'a/b', 'a\u0000', 'x'.repeat(200), undefined, null, 7, []])('%j is no session', async (given) => {
  const manager = new ContextManager(place.storage);
  const session = given as string;
  await expect(manager.createContext(session)).rejects.toMatchObject({ code: 'INVALID_ID' });
  await expect(manager.getContext(session)).rejects.toMatchObject({ code: 'INVALID_ID' });
});
