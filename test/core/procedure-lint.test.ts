import { describe, expect, test } from 'vitest';
import { HandoffError } from '../../src/core/errors.js';
import { findCycle, builtinActions, lintProcedure, type Known } from '../../src/core/procedure-lint.js';
import { parseProcedure } from '../../src/core/procedure-schema.js';
import { stepsFrom, type Procedure, type Step } from '../../src/core/procedure.js';
import { BUILTIN_RULES } from '../../src/core/rule.js';
import { STANDARD_PROCEDURES } from '../../src/core/standard-procedures.js';
import { containing } from '../rig/matchers.js';

const known: Known = {
  actions: new Set([...builtinActions, 'notify']),
  rules: new Set(Object.keys(BUILTIN_RULES)),
  agents: new Set(['@a']),
  procedures: new Set(['MINE', 'OTHER']),
};
const check = (step_id: string, over: Partial<Step> = {}): Step => ({
  step_id,
  name: step_id,
  action: 'validate',
  rules: ['VR001'],
  ...over,
});
const act = (step_id: string, over: Partial<Step> = {}): Step => ({
  step_id,
  name: step_id,
  action: 'notify',
  ...over,
});
const procedure = (steps: Step[], over: Partial<Procedure> = {}): Procedure => ({
  procedure_id: 'MINE',
  version: '1.0.0',
  name: 'Mine',
  steps,
  ...over,
});
const undo = (rollback_id: string, ...steps: string[]) => ({ rollback_id, name: rollback_id, steps });
const faults = (steps: Step[], over: Partial<Procedure> = {}, parts = known): string[] =>
  lintProcedure(procedure(steps, over), parts).map((i) => `${i.path}: ${i.message}`);

describe('procedures that can run', () => {
  test.each(STANDARD_PROCEDURES.map((p) => [p.procedure_id, p]))('%s', (_, p) => {
    expect(lintProcedure(parseProcedure(p), known)).toEqual([]);
  });

  test('one with parallel steps, a rollback for each effect, and one effect that cannot be undone', () => {
    const steps = [
      check('first'),
      act('left', { depends_on: ['first'], compensation: 'back' }),
      act('right', { depends_on: ['first'] }),
      act('last', { depends_on: ['left', 'right'], compensation: 'irreversible' }),
    ];
    const over = { rollback_procedures: [undo('back', 'left', 'right')], dependencies: ['OTHER'] };
    expect(faults(steps, over)).toEqual([]);
  });
});

describe('faults, each with its place', () => {
  const back = { rollback_procedures: [undo('back', 'a')] };
  test.each<[string, Step[], Partial<Procedure>, string]>([
    ['an unknown action', [act('a', { action: 'fly' })], back, '/steps/0/action: unknown action fly; known: confirm, '],
    [
      'an unknown rule',
      [check('a', { rules: ['VR001', 'VR999'] })],
      {},
      '/steps/0/rules/1: unknown rule VR999; known:',
    ],
    ['a check without a rule', [check('a', { rules: [] })], {}, '/steps/0/rules: a validate step names at least one'],
    ['an unknown step', [check('a', { depends_on: ['b'] })], {}, '/steps/0/depends_on/0: there is no step b'],
    ['a step twice', [check('a'), check('a')], {}, '/steps/1/step_id: step a is listed twice'],
    [
      'a step that waits for itself',
      [check('a', { depends_on: ['a'] })],
      {},
      '/steps: the dependencies form a cycle: a → a',
    ],
    [
      'a cycle',
      [check('x'), check('a', { depends_on: ['c'] }), check('b'), check('c')],
      {},
      '/steps: the dependencies form a cycle: a → c → b → a',
    ],
    ['an effect without an undo', [act('a')], {}, '/steps/0: step a has an effect: list it in a rollback procedure'],
    ['a rollback that does not exist', [act('a', { compensation: 'gone' })], back, '/steps/0: there is no rollback'],
    [
      'a rollback that does not list the step',
      [act('a'), act('b', { compensation: 'back' })],
      back,
      '/steps/1: rollback procedure back does not list step b',
    ],
    [
      'irreversible, and undone all the same',
      [act('a', { compensation: 'irreversible' })],
      back,
      '/steps/0: step a is declared irreversible, but back undoes it',
    ],
    [
      'a built-in action declared irreversible',
      [act('a', { action: 'transfer', compensation: 'irreversible' })],
      {},
      '/steps/0: the built-in action transfer can always be undone; name its rollback',
    ],
    [
      'a compensation of what has no effect',
      [check('a', { compensation: 'back' })],
      back,
      '/steps/0: a validate step has no effect that a compensation could undo',
    ],
    [
      'a rollback of no step',
      [act('a')],
      { rollback_procedures: [undo('back', 'a', 'z')] },
      '/rollback_procedures/0/steps/1',
    ],
    [
      'a rollback twice',
      [act('a')],
      { rollback_procedures: [undo('back', 'a'), undo('back', 'a')] },
      '/rollback_procedures/1/rollback_id: rollback back is listed twice',
    ],
    [
      'an unknown rule in the list of rules',
      [check('a')],
      { validation_rules: [{ rule_id: 'XX001' }] },
      '/validation_rules/0/rule_id: unknown rule XX001',
    ],
    [
      'a rule twice, so that its severity is a matter of luck',
      [check('a')],
      {
        validation_rules: [
          { rule_id: 'VR001', severity: 'low' },
          { rule_id: 'VR001', severity: 'critical' },
        ],
      },
      '/validation_rules/1/rule_id: rule VR001 is listed twice',
    ],
    [
      'an unknown agent',
      [check('a')],
      { required_agents: ['@a', '@z'] },
      '/required_agents/1: unknown agent @z; known: @a',
    ],
    [
      'a procedure of its own',
      [check('a')],
      { dependencies: ['MINE'] },
      '/dependencies/0: a procedure cannot depend on',
    ],
    [
      'an unknown procedure',
      [check('a')],
      { dependencies: ['GONE'] },
      '/dependencies/0: unknown procedure GONE; known:',
    ],
    [
      'two confirmations',
      [check('a', { action: 'confirm' }), check('b', { action: 'confirm' })],
      {},
      '/steps: at most one confirm step: a, b',
    ],
  ])('%s', (_, steps, over, fault) => {
    expect(faults(steps, over)).toEqual([containing(fault)]);
  });

  test('all of them at once', () => {
    expect(faults([act('a', { action: 'fly', depends_on: ['z'], rules: ['NO123'] })])).toHaveLength(4);
  });

  test('agents and procedures that nobody can be asked for are left to the worker', () => {
    const parts = { actions: known.actions, rules: known.rules };
    expect(faults([check('a')], { required_agents: ['@z'], dependencies: ['GONE'] }, parts)).toEqual([]);
  });
});

describe('the shape of a procedure', () => {
  const refused = (input: unknown): string => {
    try {
      parseProcedure(input);
    } catch (error) {
      if (error instanceof HandoffError && error.code === 'INVALID_PROCEDURE') return error.message;
      throw error;
    }
    return 'taken';
  };
  test.each<[string, object, string]>([
    ['an unknown field', { stepz: [] }, '/: Unrecognized key: "stepz"'],
    ['no steps', { steps: [] }, '/steps: '],
    ['a bad id', { procedure_id: 'toString' }, '/procedure_id: must be a procedure id'],
    ['a bad version', { version: '1' }, '/version: must be a version such as 1.0.0'],
    ['a bad step id', { steps: [check('../a')] }, '/steps/0/step_id: must be a step id'],
    ['a time-out of nothing', { steps: [check('a', { timeout: 0 })] }, '/steps/0/timeout: '],
    [
      'half an attempt',
      { steps: [check('a', { retry: { maximum_attempts: 0.5 } })] },
      '/steps/0/retry/maximum_attempts',
    ],
    ['a severity that is none', { stop_at_severity: 'worst' }, '/stop_at_severity: '],
  ])('%s is refused', (_, over, fault) => {
    expect(refused({ ...procedure([check('a')]), ...over })).toContain(fault);
  });

  test.each([null, [], 'text', 5])('%o is refused', (input) => {
    expect(refused(input)).toContain('The procedure document is not valid: /: ');
  });
});

test('a cycle is found however long the list, in no time', () => {
  const steps = Array.from({ length: 200 }, (_, i) =>
    check(`s${i}`, { depends_on: Array.from({ length: i }, (_, j) => `s${j}`) }),
  );
  expect(findCycle(steps)).toBeUndefined();
  steps[0]!.depends_on = ['s199'];
  expect(findCycle(steps)).toEqual(['s0', 's199', 's0']);
});

test('a step and all that comes after it, by dependencies', () => {
  const steps = [check('a'), check('d', { depends_on: ['c'] }), check('b', { depends_on: ['a'] }), check('c')];
  expect(stepsFrom(procedure(steps), 'b')).toEqual(['d', 'b', 'c']);
});
