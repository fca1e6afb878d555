import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ContextManager } from '../../src/packages/context-manager.js';
import { HandoffManager, type CreateHandoffOptions } from '../../src/packages/handoff-manager.js';
import type { SharedContext } from '../../src/packages/shared-context.js';
import { newPackageId } from '../../src/storage/packages/seal.js';
import { storagePlace } from '../storage/place.js';

// S1's acceptance criteria and its checklist for the manager.

const place = storagePlace();
let made = 0;
const options: CreateHandoffOptions = { cloneId: 'clone-1', sourcePhase: 'analysis', targetPhase: 'synthesis' };
const folder = (): string => path.join(place.folder, 'packages');

/** A session with three entries, and a manager over real files. */
async function begun(): Promise<{ manager: HandoffManager; contexts: ContextManager; context: SharedContext }> {
  const contexts = new ContextManager(place.storage);
  const context = await contexts.createContext(`m-${++made}`);
  await context.set('plan', { steps: ['a', 'b'] }, { source: '@planner', tags: ['final'] });
  await context.set('notes/1', 'Grüße 😀', { source: '@writer', tags: ['draft', 'de'] });
  await context.set('count', 42);
  return { contexts, context, manager: new HandoffManager(contexts, place.storage.packages) };
}

test('paused midway: the current state is serialised and saved', async () => {
  const { manager, context } = await begun();
  const before = Date.now();
  const handoff = await manager.createHandoff(context.sessionId, {
    ...options,
    checkpoint: { step: 2, totalSteps: 5, resumePoint: 'analysis:2' },
  });
  expect(handoff).toMatchObject({
    id: expect.stringMatching(/^hof-/) as string,
    sessionId: context.sessionId,
    ...options,
    checkpoint: { phase: 'analysis', step: 2, totalSteps: 5, status: 'paused', resumePoint: 'analysis:2' },
    metadata: { version: '1.0.0', pipelineVersion: '1.0.0', createdBy: 'system', reason: 'manual' },
    integrity: { algorithm: 'sha256', checksum: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
  });
  expect(handoff.createdAt.getTime()).toBeGreaterThanOrEqual(before);
  expect(handoff.metadata.expiresAt).toBeUndefined();
  expect(
    handoff.context.entries.map((e) => [e.key, JSON.parse(e.value) as unknown, e.metadata.source, e.metadata.tags]),
  ).toEqual([
    ['count', 42, 'system', []],
    ['notes/1', 'Grüße 😀', '@writer', ['draft', 'de']],
    ['plan', { steps: ['a', 'b'] }, '@planner', ['final']],
  ]);
  expect(await place.storage.packages.load(handoff.id)).toEqual(handoff);
  expect(readdirSync(folder())).toContain(`${handoff.id}.json`);
});

test('without a checkpoint it goes on at the target phase', async () => {
  const { manager, context } = await begun();
  const handoff = await manager.createHandoff(context.sessionId, options);
  expect(handoff.checkpoint).toEqual({
    phase: 'analysis',
    step: 0,
    totalSteps: 0,
    status: 'paused',
    resumePoint: 'synthesis',
  });
});

test('resumed elsewhere: the context is restored as it was, and the resume point is said', async () => {
  const { manager, context } = await begun();
  const handoff = await manager.createHandoff(context.sessionId, options);
  const before = await context.findByPattern('*');
  const there = await ContextManager.inMemory();
  const now = new Date();
  const received = await new HandoffManager(there, place.storage.packages).receiveHandoff(handoff.id, { now });
  expect(received).toEqual({
    success: true,
    handoff: { ...handoff, integrity: { ...handoff.integrity, verifiedAt: now, valid: true } },
    resumePoint: 'synthesis',
    conflicts: [],
    restored: ['count', 'notes/1', 'plan'],
  });
  expect(await (await there.getContext(context.sessionId))!.findByPattern('*')).toEqual(before);
  const stored = readFileSync(path.join(folder(), `${handoff.id}.json`), 'utf8');
  expect(stored).not.toMatch(/verifiedAt|"valid"/);
});

test('an empty context travels too', async () => {
  const { contexts, manager } = await begun();
  await contexts.createContext('empty');
  const { id } = await manager.createHandoff('empty', options);
  expect(await manager.receiveHandoff(id, { into: 'empty-2' })).toMatchObject({ success: true, restored: [] });
  expect(await contexts.getContext('empty-2')).toBeDefined();
});

test('restored again, nothing changes: an equal value is no conflict', async () => {
  const { manager, context } = await begun();
  const { id } = await manager.createHandoff(context.sessionId, options);
  const before = await context.findByPattern('*');
  for (const merge of ['overwrite', 'fail'] as const)
    expect(await manager.receiveHandoff(id, { merge })).toMatchObject({ success: true, conflicts: [], restored: [] });
  expect(await context.findByPattern('*')).toEqual(before);
});

test('a package carries only what is asked for', async () => {
  const { manager, context } = await begun();
  const keys = async (filter: Partial<CreateHandoffOptions>): Promise<string> => {
    const handoff = await manager.createHandoff(context.sessionId, { ...options, ...filter });
    return handoff.context.entries.map((e) => e.key).join(' ');
  };
  expect(await keys({ include: ['notes/*', 'count'] })).toBe('count notes/1');
  expect(await keys({ exclude: '*s*' })).toBe('count plan');
  expect(await keys({ tags: ['final', 'draft'], excludeTags: ['de'] })).toBe('plan');
});

test('a session without context', async () => {
  const { manager } = await begun();
  await expect(manager.createHandoff('nobody', options)).rejects.toMatchObject({
    code: 'CONTEXT_NOT_FOUND',
    message: 'Context not found for session nobody',
  });
});

test('over the budget: the largest are named with their bytes, and nothing is stored', async () => {
  const { manager, contexts } = await begun();
  const context = await contexts.createContext('large');
  for (const [key, mb] of [
    ['a', 1],
    ['notes', 14],
    ['b', 15],
    ['c', 14],
    ['d', 14],
    ['e', 13],
  ] as const)
    await context.set(key, 'x'.repeat(mb << 20));
  const stored = readdirSync(folder()).length;
  const sum = (71 << 20) + 12;
  const largest = [
    ['b', 15],
    ['c', 14],
    ['d', 14],
    ['notes', 14],
    ['e', 13],
  ].map(([key, mb]) => `${String(key)} (${(Number(mb) << 20) + 2})`);
  await expect(manager.createHandoff('large', options)).rejects.toMatchObject({
    code: 'CONTEXT_TOO_LARGE',
    message: `The context of session large is ${sum} bytes; at most ${64 << 20} are allowed. Largest: ${largest.join(', ')}`,
  });
  // The keys and what is known of them count as well.
  await expect(manager.createHandoff('large', { ...options, include: 'a', maxBytes: (1 << 20) + 10 })).rejects.toThrow(
    /^The context of session large is 1048\d{3} bytes; at most 1048586 are allowed. Largest: a \(1048578\)$/,
  );
  expect(readdirSync(folder())).toHaveLength(stored);
  await manager.createHandoff('large', { ...options, exclude: '[b-d]' });
});

test('an expiry is a time or a number of minutes; past it the package is refused', async () => {
  const { manager, context } = await begun();
  const now = Date.now();
  const { id, metadata, createdAt } = await manager.createHandoff(context.sessionId, {
    ...options,
    expiresInMinutes: 30,
  });
  const until = createdAt.getTime() + 30 * 60_000;
  expect(metadata.expiresAt).toEqual(new Date(until));
  const at = (ms: number, more = {}) => manager.receiveHandoff(id, { now: new Date(ms), ...more });
  expect(await at(now)).toMatchObject({ success: true });
  expect(await at(until)).toMatchObject({ success: true });
  expect(await at(until + 1)).toEqual({
    success: false,
    error: 'Handoff package expired',
    code: 'PACKAGE_EXPIRED',
    detail: `Handoff package expired: ${id} was good until ${metadata.expiresAt!.toISOString()}`,
  });
  expect(await at(until + 5000, { pausedForMs: 5000 })).toMatchObject({ success: true });
  expect(await at(until + 5001, { pausedForMs: 5000 })).toMatchObject({ error: 'Handoff package expired' });
  expect(await at(until + 1e12, { pausedForMs: Infinity })).toMatchObject({ success: true });
  const expiresAt = new Date(now + 1000);
  expect((await manager.createHandoff(context.sessionId, { ...options, expiresAt })).metadata.expiresAt).toEqual(
    expiresAt,
  );
});

test.for<[Partial<CreateHandoffOptions>, string]>([
  [{ expiresAt: new Date(), expiresInMinutes: 1 }, '/expiresInMinutes: give it or expiresAt, and not both'],
  [{ expiresInMinutes: Number.NaN }, '/expiresAt: is not a date'],
  [{ expiresAt: 'soon' as unknown as Date }, '/expiresAt: is not a date'],
  [{ sourcePhase: '' }, '/sourcePhase: Too small: expected string to have >=1 characters'],
  [{ cloneId: undefined }, '/cloneId: Invalid input: expected string, received undefined'],
])('options that do not fit: %o', async ([over, why]) => {
  const { manager, context } = await begun();
  await expect(manager.createHandoff(context.sessionId, { ...options, ...over })).rejects.toMatchObject({
    code: 'INVALID_PACKAGE',
    message: expect.stringContaining(`Invalid handoff: ${why}`) as string,
  });
});

test('the same id again is the same package, made anew', async () => {
  const { manager, context } = await begun();
  const id = newPackageId();
  await manager.createHandoff(context.sessionId, { ...options, id });
  await context.set('count', 43);
  await manager.createHandoff(context.sessionId, { ...options, id });
  expect(await manager.receiveHandoff(id, { into: 'anew' })).toMatchObject({ success: true });
  expect((await place.storage.sessions.entry('anew', 'count'))?.value).toBe('43');
});

test('what is known of an entry comes back; the version goes on from what is there', async () => {
  const { manager, context, contexts } = await begun();
  await context.set('plan', 'later');
  const { id } = await manager.createHandoff(context.sessionId, options);
  const there = await contexts.createContext(`${context.sessionId}-there`);
  for (let i = 0; i < 5; i++) await there.set('plan', i, { source: 'other', tags: ['x'] });
  await there.set('own', 'stays');
  const now = await there.entry('plan');
  const received = await manager.receiveHandoff(id, { into: there.sessionId, by: 'pipeline run 7' });
  expect(received).toMatchObject({
    conflicts: [
      {
        key: 'plan',
        decision: 'package',
        package: { updatedAt: (await context.entry('plan'))!.metadata.updatedAt },
        existing: { version: 5, updatedAt: now!.metadata.updatedAt },
      },
    ],
  });
  const { metadata } = (await context.entry('plan'))!;
  expect(await there.entry('plan')).toEqual({ key: 'plan', value: 'later', metadata: { ...metadata, version: 6 } });
  expect(await there.get('own')).toBe('stays');
  expect((await place.storage.sessions.entry(there.sessionId, 'plan'))?.updatedBy).toBe('pipeline run 7');
});

test('restored after it was deleted, an entry has a version that it never had', async () => {
  const { manager, context } = await begun();
  await context.set('plan', 'again');
  const { id } = await manager.createHandoff(context.sessionId, options);
  await context.delete('plan');
  expect(await manager.receiveHandoff(id)).toMatchObject({ conflicts: [], restored: ['plan'] });
  expect(await context.entry('plan')).toMatchObject({ value: 'again', metadata: { version: 3 } });
});

test('fail: nothing is restored, and every conflict is listed', async () => {
  const { manager, context } = await begun();
  const { id } = await manager.createHandoff(context.sessionId, options);
  await context.set('plan', 'mine');
  await context.set('count', 1);
  await context.delete('notes/1');
  const before = await context.findByPattern('*');
  expect(await manager.receiveHandoff(id, { merge: 'fail' })).toMatchObject({
    success: false,
    code: 'PACKAGE_CONFLICT',
    error: `Nothing of handoff package ${id} was restored into session ${context.sessionId}: count, plan are there with other values.`,
    conflicts: [
      { key: 'count', decision: 'existing' },
      { key: 'plan', decision: 'existing' },
    ],
  });
  expect(await context.findByPattern('*')).toEqual(before);
  await expect(manager.receiveHandoff(id, { merge: 'mine' as 'fail' })).rejects.toMatchObject({
    message: 'Invalid handoff: /merge: must be one of overwrite, keep-existing, newest-wins, fail',
  });
});

test('with a key it is restored once: an attempt that comes late changes nothing and says the same', async () => {
  const { manager, context } = await begun();
  const { id } = await manager.createHandoff(context.sessionId, options);
  await context.set('plan', 'mine');
  const first = await manager.receiveHandoff(id, { once: 'resume-1' });
  expect(first).toMatchObject({ conflicts: [{ key: 'plan', decision: 'package' }], restored: ['plan'] });
  await context.set('plan', 'what the next step has written');
  const again = await manager.receiveHandoff(id, { once: 'resume-1' });
  expect(again).toMatchObject({ success: true });
  expect(again.conflicts).toEqual(first.conflicts);
  expect(again).toMatchObject({ restored: ['plan'] });
  expect(await context.get('plan')).toBe('what the next step has written');
  expect(await manager.receiveHandoff(id, { once: 'resume-1', into: 'elsewhere' })).toMatchObject({
    restored: ['count', 'notes/1', 'plan'],
  });
  expect(await manager.receiveHandoff(id, { once: 'resume-2' })).toMatchObject({ restored: ['plan'] });
  expect(await context.get('plan')).toEqual({ steps: ['a', 'b'] });
});

test('a restore with a key that was refused can be tried again', async () => {
  const { manager, context } = await begun();
  const { id } = await manager.createHandoff(context.sessionId, options);
  await context.set('plan', 'mine');
  const receive = (merge: 'fail' | 'overwrite') => manager.receiveHandoff(id, { merge, once: 'k' });
  expect(await receive('fail')).toMatchObject({ code: 'PACKAGE_CONFLICT' });
  expect(await receive('overwrite')).toMatchObject({ restored: ['plan'] });
});
