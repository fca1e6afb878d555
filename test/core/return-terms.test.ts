import { expect, test } from 'vitest';
import { faultOfStart } from '../../src/core/input-guard.js';
import type { Contract, ReturnSpec } from '../../src/core/contract.js';
import { HandoffError } from '../../src/core/errors.js';
import { returnTermsOf } from '../../src/core/return-terms.js';

const contract = (returns: Record<string, ReturnSpec>): Contract => ({ returns, maxReturnRounds: 3 }) as Contract;
const MINUTE = 60_000;

test('the contract printed in S2 is owed by its own terms, and by the defaults', () => {
  const s2 = contract({
    'express-app.json': { timeout_minutes: 120, expected_in: 120, if_missing: 'retry', critical: true },
    'api-routes.json': { critical: true },
    tests: { type: 'directory', minimum_test_coverage: 0.8, critical: false },
  });
  expect(returnTermsOf(s2)).toEqual({
    maxReturnRounds: 3,
    returns: {
      'express-app.json': { critical: true, ifMissing: 'retry', timeoutMs: 120 * MINUTE, expectedInMs: 120 * MINUTE },
      'api-routes.json': { critical: true, ifMissing: 'fail', timeoutMs: 120 * MINUTE },
      tests: { critical: false, ifMissing: 'warn', timeoutMs: 120 * MINUTE },
    },
  });
  expect(returnTermsOf(contract({}))).toEqual({});
  expect(returnTermsOf(undefined)).toEqual({});
});

test('more than a run can carry is refused', () => {
  const many = contract(Object.fromEntries(Array.from({ length: 501 }, (_, i) => [`r${i}`, {}])));
  expect(() => returnTermsOf(many)).toThrow(HandoffError);
  expect(() => returnTermsOf(many)).toThrow('/contract/expects_in_return: 501 returns; at most 500');
});

const terms = { critical: true, ifMissing: 'fail', timeoutMs: 1 };
const started = (over: object): string | undefined =>
  faultOfStart({
    workflowType: 'SOME_PROCEDURE',
    workflowId: 'handoff/h',
    continued: false,
    input: {
      subject: {
        handoffId: 'h',
        session: 's',
        type: 'T',
        priority: 'normal',
        requestDigest: 'd',
        source: {},
        target: {},
        procedure: { id: 'SOME_PROCEDURE', version: '1' },
      },
      definition: {
        inline: { procedure_id: 'SOME_PROCEDURE', steps: [{ step_id: 'a', name: 'A', action: 'confirm' }] },
      },
      expiresInMs: 1,
      acceptance: 'auto',
      clockWhilePaused: 'stop',
      ...over,
    },
  });

test.each([
  [{ returns: { a: terms }, maxReturnRounds: 2 }, undefined],
  [{ returns: [], maxReturnRounds: 'x' }, '/maxReturnRounds must be a number'],
  [{ returns: 5 }, '/returns/ is not what a contract expects back'],
  [{ returns: { a: {} } }, '/returns/a is not'],
  [{ returns: { a: { ...terms, ifMissing: 'ask' } } }, '/returns/a is not'],
  [{ returns: { a: { ...terms, timeoutMs: '1' } } }, '/returns/a is not'],
])('a run started by hand with %j', (over, fault) => {
  expect(started(over)?.slice(0, fault?.length)).toBe(fault);
});
