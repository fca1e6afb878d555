import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { ContextEntrySerialized, PipelineHandoffPackage } from '../../src/core/package/package.js';
import { ContextManager } from '../../src/packages/context-manager.js';
import { HandoffManager } from '../../src/packages/handoff-manager.js';
import { FileHandoffStorage } from '../../src/storage/packages/file-storage.js';
import { storagePlace } from '../storage/place.js';
import { packageOf } from './parts.js';

// What a package is refused for when it is taken up; and then nothing of it is restored.

const place = storagePlace();
let made = 0;
const folder = (): string => path.join(place.folder, 'packages');

function begun(): { manager: HandoffManager; contexts: ContextManager } {
  const contexts = new ContextManager(place.storage);
  return { contexts, manager: new HandoffManager(contexts, place.storage.packages) };
}

const entryOf = (key: string, value: unknown): ContextEntrySerialized => ({
  key,
  value: JSON.stringify(value),
  metadata: { source: '@architect', tags: ['design'] },
});

/** A package that a store holds, though this manager would not make it. */
async function stored(over: Parameters<typeof packageOf>[0]): Promise<PipelineHandoffPackage> {
  const handoff = packageOf({ sessionId: `bad-${++made}`, ...over });
  await place.storage.packages.save(handoff);
  return handoff;
}
const raw = (key: string, value: string) => ({ ...entryOf(key, 0), value });
const good = entryOf('good', 1);

test.for<[what: string, entries: ReturnType<typeof raw>[], code: string, error: string]>([
  ['no JSON', [good, raw('k', '{"a":')], 'INVALID_PACKAGE', 'Invalid handoff: /context/entries/1/value: is not JSON'],
  ['twice', [good, good], 'INVALID_PACKAGE', 'Invalid handoff: /context/entries/1/key: the key good is there twice'],
  [
    '__proto__',
    [good, raw('k', '{"__proto__":{"admin":true}}')],
    'INVALID_CONTEXT',
    'Not valid for a context: /k/__proto__: the name __proto__ is not allowed',
  ],
  [
    '__proto__ as key',
    [good, entryOf('__proto__', 1)],
    'INVALID_CONTEXT',
    'Not valid for a context: /__proto__: the key must not be __proto__',
  ],
  [
    'half a pair',
    [good, raw('k', '"\\ud800"')],
    'INVALID_CONTEXT',
    'Not valid for a context: /k: has half of a surrogate pair, which is no Unicode text',
  ],
  [
    'a depth bomb',
    [good, raw('k', '['.repeat(90_000) + ']'.repeat(90_000))],
    'INVALID_CONTEXT',
    'Not valid for a context: /k: is nested more than 64 levels deep (or refers to itself)',
  ],
  [
    'a time after the year 9999, which no later package could say',
    [{ ...good, metadata: { ...good.metadata, updatedAt: '9999-12-31T23:59:59-01:00' } }],
    'INVALID_PACKAGE',
    'Invalid handoff: /context/entries/0/metadata/updatedAt: is not a date',
  ],
  [
    '50 MB',
    [good, entryOf('k', 'x'.repeat(50 << 20))],
    'INPUT_TOO_LARGE',
    `The value of "k" is ${(50 << 20) + 2} bytes; at most 16777216 are allowed`,
  ],
])('an entry that no context can hold (%s): nothing is restored', async ([, entries, code, error]) => {
  const { manager, contexts } = begun();
  const { id, sessionId } = await stored({ context: { entries } });
  expect(await manager.receiveHandoff(id)).toEqual({ success: false, code, error });
  expect(await contexts.getContext(sessionId)).toBeUndefined();
});

test('refused, and nothing is restored: not there, damaged, another major, a wrong id or session', async () => {
  const { manager, contexts } = begun();
  expect(await manager.receiveHandoff('hof-none')).toEqual({
    success: false,
    error: 'Handoff package not found',
    code: 'PACKAGE_NOT_FOUND',
    detail: 'Handoff package not found: hof-none. `handoff package list` shows what is there.',
  });
  for (const id of ['../../etc/passwd', 'hof-../x', '', 'hof-a/b'])
    expect(await manager.receiveHandoff(id)).toMatchObject({ success: false, code: 'INVALID_ID' });

  const changes: [string, (text: string) => string][] = [
    ['one value', (text) => text.replace('rest', 'soap')],
    ['the checkpoint', (text) => text.replace('"step":2', '"step":3')],
    ['cut short', (text) => text.slice(0, -20)],
    ['foreign', () => '{"hello":1}'],
    ['empty', () => ''],
  ];
  for (const [what, change] of changes) {
    const { id, sessionId } = await stored({});
    const file = path.join(folder(), `${id}.json`);
    writeFileSync(file, change(readFileSync(file, 'utf8')));
    const result = await manager.receiveHandoff(id);
    expect([what, result]).toMatchObject([what, { success: false, error: 'Integrity check failed' }]);
    expect(result).toMatchObject({
      code: 'PACKAGE_DAMAGED',
      detail: expect.stringContaining(`Handoff package ${id} at ${file} is damaged: `) as string,
    });
    expect(await contexts.getContext(sessionId)).toBeUndefined();
  }

  const session = await stored({ sessionId: '../up' });
  expect(await manager.receiveHandoff(session.id)).toMatchObject({ success: false, code: 'INVALID_ID' });
});

test('a signature that does not fit', async () => {
  const contexts = new ContextManager(place.storage);
  const key = { key: 'secret', keyId: 'k1' };
  const signed = new FileHandoffStorage(path.join(place.folder, 'signed'), key);
  const { sessionId } = await contexts.createContext('signed');
  const { id } = await new HandoffManager(contexts, signed).createHandoff(sessionId, {
    cloneId: 'clone-1',
    sourcePhase: 'analysis',
    targetPhase: 'synthesis',
  });
  expect(await new HandoffManager(contexts, signed).receiveHandoff(id)).toMatchObject({ success: true });
  const stranger = new FileHandoffStorage(path.join(place.folder, 'signed'), { key: 'other' });
  expect(await new HandoffManager(contexts, stranger).receiveHandoff(id)).toMatchObject({
    error: 'Integrity check failed',
    detail: expect.stringContaining('its signature does not match') as string,
  });
});

/** The simplest adapter that a user could write: it checks nothing. */
const careless = (handoff: unknown): FileHandoffStorage =>
  ({ load: () => Promise.resolve(handoff) }) as unknown as FileHandoffStorage;

test('a storage that checks nothing is not believed', async () => {
  const { contexts } = begun();
  const whole = packageOf({ sessionId: 'believed' });
  const receive = (handoff: unknown) => new HandoffManager(contexts, careless(handoff)).receiveHandoff('hof-x');
  for (const [handoff, result] of [
    [{ ...whole, checkpoint: { ...whole.checkpoint, step: 1 } }, { error: 'Integrity check failed' }],
    [{ ...whole, metadata: { ...whole.metadata, version: '2.0.0' } }, { code: 'PACKAGE_VERSION' }],
    [packageOf({ metadata: { ...whole.metadata, version: '2.0.0' } }), { code: 'PACKAGE_VERSION' }],
    [{ ...whole, context: undefined }, { code: 'INVALID_PACKAGE' }],
    [{ ...whole, createdAt: '2026' }, { code: 'INVALID_PACKAGE' }],
    [{ hello: 1 }, { code: 'INVALID_PACKAGE' }],
    ['text', { code: 'INVALID_PACKAGE' }],
  ] as const)
    expect(await receive(handoff)).toMatchObject({ success: false, ...result });
  expect(await contexts.getContext('believed')).toBeUndefined();
  const failing = { load: () => Promise.reject(new Error('the disk is gone')) } as unknown as FileHandoffStorage;
  await expect(new HandoffManager(contexts, failing).receiveHandoff('hof-x')).rejects.toThrow('the disk is gone');
  const keyed = new HandoffManager(contexts, careless(whole), { key: { key: 'secret' } });
  expect(await keyed.receiveHandoff('hof-x')).toMatchObject({ error: 'Integrity check failed' });
});
