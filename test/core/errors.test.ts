import { expect, test } from 'vitest';
import {
  ERRORS,
  HandoffError,
  errorMessage,
  formatIssues,
  isErrorCode,
  type ErrorCode,
} from '../../src/core/errors.js';

const CODES = Object.keys(ERRORS) as ErrorCode[];

test.each(CODES)('%s has a text, an HTTP status and a word on retrying', (code) => {
  expect(code).toMatch(/^[A-Z][A-Z_]+$/);
  const { message, http, retryable } = ERRORS[code];
  expect(message).toMatch(/^(\{why\}$|[A-Z`{].{15})/);
  expect(http).toSatisfy((n: number) => n >= 400 && n < 600);
  expect(retryable).toBeTypeOf('boolean');
});

test('a text is filled from the params, and shows what is missing', () => {
  expect(errorMessage('HANDOFF_NOT_FOUND', { handoff: 'h-1' })).toBe(
    'No handoff h-1 exists. `handoff list` shows what is there.',
  );
  expect(errorMessage('HANDOFF_NOT_FOUND', {})).toBe(
    'No handoff <handoff> exists. `handoff list` shows what is there.',
  );
  expect(errorMessage('DEADLINE_EXCEEDED', { what: 'It', seconds: 1 })).toBe('It got no answer within 1 s.');
  expect(errorMessage('DEADLINE_EXCEEDED', { what: 'It', seconds: 1, next: 'Ask.' })).toBe(
    'It got no answer within 1 s. Ask.',
  );
  expect(errorMessage('INTERNAL', { why: { a: [1] } })).toContain('{"a":[1]}');
});

test('what comes from outside cannot blow up a text or fill another place', () => {
  const text = errorMessage('HANDOFF_NOT_FOUND', { handoff: 'x'.repeat(100_000) });
  expect(text.length).toBeLessThan(500);
  expect(errorMessage('STALE_ACCEPTANCE', { what: 'completion', epoch: '{current}', handoff: '$&', current: 2 })).toBe(
    'The completion is for epoch {current}, but handoff $& is now at epoch 2. Only who accepted that one completes it.',
  );
});

test('an error carries code, params, text, status and whether to retry', () => {
  const cause = new Error('below');
  const error = new HandoffError('NO_WORKER', { queue: 'q', namespace: 'n', updateId: 'u' }, { cause });
  expect(error).toMatchObject({ name: 'HandoffError', code: 'NO_WORKER', retryable: true, http: 503, cause });
  expect(JSON.parse(JSON.stringify(error))).toEqual({
    code: 'NO_WORKER',
    message: error.message,
    params: { queue: 'q', namespace: 'n', updateId: 'u' },
    retryable: true,
  });
});

test('only keys of the catalogue are codes', () => {
  expect(['INTERNAL', 'toString', '__proto__', 5, undefined].filter(isErrorCode)).toEqual(['INTERNAL']);
});

test('issues are listed, and those beyond the limit counted', () => {
  const issues = Array.from({ length: 14 }, (_, i) => ({ path: i === 0 ? '' : `/f${i}`, message: 'bad' }));
  const lines = formatIssues(issues).split('; ');
  expect([lines[0], lines[1], lines.at(-1)]).toEqual(['/: bad', '/f1: bad', 'and 2 more']);
});
