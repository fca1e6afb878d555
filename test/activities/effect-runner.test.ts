import { expect, test } from 'vitest';
import type { Deps } from '../../src/activities/action.js';
import { runEffect } from '../../src/activities/effect-runner.js';
import { storagePlace, subjectOf } from '../storage/place.js';

const place = storagePlace();

test('an effect whose intent is refused is not made; one that is made stands in the ledger before', async () => {
  const { storage } = place;
  await storage.handoffs.register(subjectOf('h-1'), 'run-1', 'running');
  const ref = { handoff: 'h-1', session: 's-h-1', step: 'work', epoch: 1 };
  await storage.steps.begin(ref);
  const owner = { ref, kind: 'action:work' as const, irreversible: false };
  const effect = runEffect({ storage } as Deps, owner, new AbortController().signal, async () => {});
  const seen: (string | undefined)[] = [];
  const act = async (key: string): Promise<void> => void seen.push((await storage.ledger.find(key))?.status);
  await effect('first', {}, act);
  expect(seen).toEqual(['intended']);
  await storage.steps.shut('h-1', ['work']);
  await expect(effect('second', {}, act)).rejects.toMatchObject({ code: 'STALE_EPOCH' });
  expect(seen).toHaveLength(1);
});
