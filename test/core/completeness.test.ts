import { describe, expect, test } from 'vitest';
import { missingOf } from '../../src/core/document/completeness.js';
import type { Contract } from '../../src/core/contract.js';

const TASK = '/instructions/task';
const OUTPUT = '/instructions/expectedOutput';
const DONE = '/instructions/doneCriteria';
const missing = (instructions: unknown, contract?: Partial<Contract>, type = 'AGENT_HANDOFF'): string[] =>
  missingOf({ type, instructions }, contract as Contract | undefined).map((i) => i.path);

describe('what an agent would have to ask', () => {
  test.each<[string, unknown, string[]]>([
    ['nothing', undefined, [TASK, OUTPUT, DONE]],
    ['null', null, [TASK, OUTPUT, DONE]],
    ['a text', 'Review it', [OUTPUT, DONE]],
    ['a blank text', '  \n', [TASK, OUTPUT, DONE]],
    ['a number', 7, [TASK, OUTPUT, DONE]],
    ['a list', ['Review it'], [TASK, OUTPUT, DONE]],
    ['another shape', { goal: 'Review it' }, [TASK, OUTPUT, DONE]],
    ['a task that is no text', { task: 7, expectedOutput: {}, doneCriteria: 'x' }, [TASK, OUTPUT]],
    ['an output', { task: 'x', expectedOutput: 'gaps' }, [DONE]],
    ['criteria that say nothing', { task: 'x', expectedOutput: 'gaps', doneCriteria: ['', ' ', 3] }, [DONE]],
    ['no criteria', { task: 'x', expectedOutput: 'gaps', doneCriteria: [] }, [DONE]],
    ['all', { task: 'x', expectedOutput: 'gaps', doneCriteria: ['', 'read'] }, []],
  ])('of %s', (_, instructions, paths) => {
    expect(missing(instructions)).toEqual(paths);
  });

  test('a contract that expects returns says what is expected', () => {
    expect(missing('x', { returns: { report: {} } as unknown as Contract['returns'] })).toEqual([DONE]);
    expect(missing('x', { returns: {} })).toEqual([OUTPUT, DONE]);
  });

  test('only of agent handoffs', () => {
    expect(missing(undefined, undefined, 'PHASE_TRANSITION')).toEqual([]);
  });
});
