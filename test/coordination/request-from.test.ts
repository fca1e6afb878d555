import { describe, expect, it } from 'vitest';
import { ExecutionTrace, requestFrom } from '../../src/index.js';
import { asRequest } from '../../src/coordination/request-from.js';
import { prepared } from './parts.js';

describe('the request of a document', () => {
  it('has every field of it in its place, and nothing twice', () => {
    const document = prepared({ trace: new ExecutionTrace('x') });
    const { id, createdAt, expiresAt, instructions, trace, metadata, context } = document.toJSON();
    const { sessionId, custom, ...said } = context;
    expect(requestFrom(document)).toEqual({
      handoffId: id,
      procedure: 'AGENT_HANDOFF_STANDARD',
      type: 'AGENT_HANDOFF',
      source: { agent: 'speckit-generator' },
      target: { agent: 'code-reviewer' },
      session: sessionId,
      priority: 'immediate',
      expiresAt,
      context: custom,
      instructions,
      trace,
      metadata,
      document: { version: '1.0.0', createdAt, context: said },
    });
  });

  it('has no field for what the document does not say', () => {
    const { expiresAt: _, ...json } = prepared({ context: {}, metadata: undefined, instructions: 'Look' }).toJSON();
    expect(Object.keys(requestFrom(json)).toSorted()).toEqual([
      'document',
      'handoffId',
      'instructions',
      'priority',
      'procedure',
      'source',
      'target',
      'type',
    ]);
  });

  it('is what its caller says besides', () => {
    const request = requestFrom(prepared(), { procedure: 'OWN', expiresInMinutes: 5, session: 'other' });
    expect(request).toMatchObject({ procedure: 'OWN', expiresInMinutes: 5, session: 'other' });
    expect(request).not.toHaveProperty('expiresAt');
  });

  it('is made only of what is pending', () => {
    const document = prepared();
    document.status = 'completed';
    expect(() => requestFrom(document)).toThrow('/status: is completed; only what is pending is handed over');
  });
});

it('what names a procedure is a request, and stays as it is', () => {
  const request = { procedure: 'X', sourceAgent: 'not a field', source: { agent: 'a' }, target: { agent: 'b' } };
  expect(asRequest(request)).toBe(request);
  for (const other of [null, undefined, 7, 'text']) expect(asRequest(other as never)).toBe(other);
  const document = prepared();
  expect(asRequest(document)).toEqual(requestFrom(document));
});
