import { afterAll, beforeAll, expect, test } from 'vitest';
import { undoEffects } from '../../src/activities/undo.js';
import type { UndoResult } from '../../src/core/handoff.js';
import type { Subject } from '../../src/core/request.js';
import type { UndoChoice } from '../../src/core/task.js';
import { ContextManager } from '../../src/packages/context-manager.js';
import { Corner } from '../rules/corner.js';

let corner: Corner;
beforeAll(async () => {
  corner = await Corner.open();
});
afterAll(() => corner.close());

const parties = { source: { agent: '@a' }, target: { agent: '@b' } };

/** A handoff that has set `plan` and `new` where `plan` had been; the context as it was before. */
async function synced(id: string) {
  const subject = await corner.subject(id, { ...parties, context: { plan: { theirs: 1 }, new: true } });
  const context = await new ContextManager(corner.storage).createContext(subject.session);
  await context.set('plan', { ours: 1 }, { source: '@planner', tags: ['final', 'de'] });
  await context.set('plan', { ours: 2 }, { source: '@planner' });
  const before = await corner.storage.sessions.context(subject.session);
  await corner.act(subject, 'sync_state');
  return { subject, context, before };
}

async function undo(subject: Subject, choices: Record<string, UndoChoice> = {}): Promise<UndoResult[]> {
  const keys = (await corner.storage.ledger.toUndo(subject.handoffId, 10)).map((e) => e.key);
  return undoEffects(corner.deps, { subject, keys, choices }, new AbortController().signal);
}

test('an entry that a handoff sets says so, and keeps its tags and its age', async () => {
  const { context, before } = await synced('says');
  expect(await context.entry('plan')).toMatchObject({
    value: { theirs: 1 },
    metadata: {
      source: 'handoff says',
      tags: ['final', 'de'],
      createdAt: new Date(before[0]!.createdAt).toISOString(),
      version: 3,
    },
  });
  expect(await context.entry('new')).toMatchObject({ metadata: { source: 'handoff says', tags: [], version: 1 } });
});

test('undone, the whole entry is as it was: value, version, source, tags, times', async () => {
  const { subject, before } = await synced('undone');
  expect(await undo(subject)).toEqual(['undone', 'undone']);
  expect(await corner.storage.sessions.context(subject.session)).toEqual(before);
});

test('restored over what somebody else has set, it is as it was too', async () => {
  const { subject, context, before } = await synced('restored');
  await context.set('plan', 'of somebody else', { source: '@else', tags: [] });
  const told = `met someone else's change of context entry plan of session ${subject.session}: ours version`;
  const message = expect.stringMatching(new RegExp(`^Undo of step \\w+ ${told}`)) as unknown;
  await expect(undo(subject)).rejects.toMatchObject({ code: 'UNDO_CONFLICT', message });
  const [key] = (await corner.storage.ledger.toUndo(subject.handoffId, 10))
    .map((e) => e.key)
    .filter((k) => k.endsWith('plan'));
  expect(await undo(subject, { [key!]: { choice: 'restore_before' } })).toContain('restored_before');
  expect(await corner.storage.sessions.context(subject.session)).toEqual(before);
});

test('an entry that was deleted and set anew is not taken for ours', async () => {
  const { subject, context } = await synced('anew');
  await context.delete('new');
  await context.set('new', true);
  await expect(undo(subject)).rejects.toMatchObject({ code: 'UNDO_CONFLICT' });
  expect(await context.entry('new')).toMatchObject({ value: true, metadata: { version: 2 } });
});
