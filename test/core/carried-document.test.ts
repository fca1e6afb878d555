import { describe, expect, test } from 'vitest';
import { carriedDocument, deliveryOf } from '../../src/core/document/carried-schema.js';
import type { Ending, HandoffState, Status } from '../../src/core/handoff.js';
import type { PackageContent, Subject } from '../../src/core/request.js';

const subject: Subject = {
  handoffId: 'ho_1',
  session: 's',
  type: 'AGENT_HANDOFF',
  priority: 'normal',
  source: { agent: '@a' },
  target: { agent: '@b' },
  procedure: { id: 'OWN', version: '1.0.0', digest: 'd' },
  requestDigest: 'r',
};
const content: PackageContent = { artifacts: [], context: {}, metadata: {} };
const at = Date.UTC(2026, 0, 13);
const state = (status: Status, outcome?: Ending): HandoffState =>
  ({
    status,
    expiry: { remainingMs: 60_000, runningSince: at },
    ...(outcome ? { ending: { outcome, by: 'x', reason: 'because', code: 'HANDOFF_FAILED', at } } : {}),
  }) as HandoffState;

describe('the status of a document', () => {
  test.each<[Status, Ending | undefined, string]>([
    ['pending', undefined, 'pending'],
    ['running', undefined, 'pending'],
    ['awaiting_acceptance', undefined, 'pending'],
    ['accepted', undefined, 'accepted'],
    ['completed', undefined, 'completed'],
    ['expired', 'expired', 'expired'],
    ['rejected', 'rejected', 'rejected'],
    ['cancelled', 'cancelled', 'rejected'],
    ['failed', 'failed', 'rejected'],
    ['compensating', 'expired', 'expired'],
    ['compensating', 'rejected', 'rejected'],
    ['compensating', 'cancelled', 'rejected'],
    ['compensating', 'failed', 'rejected'],
  ])('of a handoff that is %s (%s) is %s', (status, outcome, shown) => {
    const document = carriedDocument(subject, content, at, state(status, outcome));
    expect(document.status).toBe(shown);
    expect(document.metadata).toEqual(
      outcome
        ? { ending: { outcome, by: 'x', reason: 'because', code: 'HANDOFF_FAILED', at: '2026-01-13T00:00:00.000Z' } }
        : undefined,
    );
  });

  test('is pending where nobody knows of a state yet', () => {
    expect(carriedDocument(subject, content, at)).toEqual({
      id: 'ho_1',
      version: '1.0.0',
      sourceAgent: '@a',
      targetAgent: '@b',
      priority: 'normal',
      status: 'pending',
      context: { sessionId: 's' },
      instructions: { task: '' },
      createdAt: '2026-01-13T00:00:00.000Z',
    });
  });
});

test('artifacts that are transferred and those that are only listed stand together, each once', () => {
  const sent = [
    { name: 'spec.md', path: 'x' },
    { name: 'plan.md', path: 'y' },
  ];
  const { context } = carriedDocument(
    subject,
    { ...content, artifacts: sent, document: { context: { artifacts: ['notes.md', 'spec.md'] } } },
    at,
  );
  expect(context.artifacts).toEqual(['notes.md', 'spec.md', 'plan.md']);
});

test('who delivers a document: agent handoffs, with what the contract asks for; others deliver their content', () => {
  const handed = { ...content, context: { plan: 1 }, contextVersions: { plan: 2 }, contract: { digest: 'c' } as never };
  expect(deliveryOf(subject, handed, at)).toEqual({
    ...carriedDocument(subject, handed, at),
    contract: { digest: 'c' },
    contextVersions: { plan: 2 },
  });
  const standard = { ...subject, type: 'OWN', procedure: { ...subject.procedure, id: 'AGENT_HANDOFF_STANDARD' } };
  expect(deliveryOf(standard, content, at)).toMatchObject({ sourceAgent: '@a' });
  expect(deliveryOf({ ...subject, type: 'PHASE_TRANSITION' }, handed, at)).toEqual({ ...handed, artifacts: [] });
});
