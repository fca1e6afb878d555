import { expect, test } from 'vitest';
import { initialState } from '../../src/core/handoff.js';
import { storagePlace, subjectOf } from './place.js';

const place = storagePlace();

test('a state that is older than what is written changes nothing, whenever it comes', async () => {
  const { handoffs } = place.storage;
  const subject = subjectOf('h-late');
  await handoffs.register(subject, 'run-1', 'running');
  const older = initialState({ now: 1000, expiresInMs: 1000, clockWhilePaused: 'stop' });
  const newer = { ...older, status: 'running' as const, lastEventAt: 2000 };
  await handoffs.project(subject, newer);
  await handoffs.project(subject, older);
  expect(await handoffs.find('h-late')).toMatchObject({ status: 'running', state: { lastEventAt: 2000 } });
});
