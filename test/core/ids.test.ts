import { describe, expect, test } from 'vitest';
import {
  ACTION_NAME,
  AGENT_NAME,
  ARTIFACT_NAME,
  HANDOFF_ID,
  PHASE_NAME,
  PROCEDURE_ID,
  RULE_ID,
  SESSION_ID,
  STEP_ID,
  effectKey,
  handoffIdOf,
  printable,
  repairWorkflowIdOf,
  workflowIdOf,
} from '../../src/core/ids.js';

const ALL = {
  HANDOFF_ID,
  PROCEDURE_ID,
  STEP_ID,
  RULE_ID,
  ACTION_NAME,
  AGENT_NAME,
  PHASE_NAME,
  SESSION_ID,
  ARTIFACT_NAME,
};

const HOSTILE: [string, string][] = [
  ['nothing', ''],
  ['a way out', '../etc/passwd'],
  ['a way out inside', 'a/../b'],
  ['a slash', 'a/b'],
  ['a backslash', 'a\\b'],
  ['dots', '..'],
  ['a leading dot', '.hidden'],
  ['NUL', 'a\0b'],
  ['a line break', 'a\nb'],
  ['a final line break', 'A\n'],
  ['10,000 characters', 'A'.repeat(10_000)],
  ['a leading blank', ' a'],
  ['a quote', "a'b"],
  ['a leading dash', '-rf'],
];

describe.each(Object.entries(ALL))('%s', (_, pattern) => {
  test.each(HOSTILE)('refuses %s', (_, text) => {
    expect(pattern.test(text)).toBe(false);
  });
});

test.each([
  ['HANDOFF_ID', HANDOFF_ID, ['h-1', '0', 'a.b_c-D', 'x'.repeat(128)], ['x'.repeat(129), 'é', 'a b', 'a:b']],
  ['PROCEDURE_ID', PROCEDURE_ID, ['ABC', 'PHASE_TRANSITION_STANDARD', 'A1_'], ['AB', 'abc', '1AB', 'toString', 'A-B']],
  ['STEP_ID', STEP_ID, ['a', 'resource_handoff'], ['A', '1a', 'a-b', '__proto__']],
  ['RULE_ID', RULE_ID, ['VR001', 'MYRULE123456'], ['VR1', 'V001', 'vr001', 'VR0000001']],
  ['AGENT_NAME', AGENT_NAME, ['@nodejs-specialist', 'code-reviewer'], ['@', '@@a', 'a@b', '@-a']],
  ['PHASE_NAME', PHASE_NAME, ['8', 'extraction', '13.2'], ['x'.repeat(65), '@a', '-1']],
  ['SESSION_ID', SESSION_ID, ['s:1', 'abc'], [':a', 'a b']],
  ['ARTIFACT_NAME', ARTIFACT_NAME, ['a b.txt', 'ümlaut.md', 'x@2+3'], ['.env', 'a:b', '-a']],
])('%s takes what is fit and nothing else', (_, pattern, fit, unfit) => {
  expect(fit.filter((t) => !pattern.test(t))).toEqual([]);
  expect(unfit.filter((t) => pattern.test(t))).toEqual([]);
});

test('a workflow id leads back to its handoff, and no other id does', () => {
  expect(workflowIdOf('h-1')).toBe('handoff/h-1');
  expect(handoffIdOf('handoff/h-1')).toBe('h-1');
  expect(['h-1', 'other/h-1', 'handoff/', 'handoff/../x', repairWorkflowIdOf('h-1')].map(handoffIdOf)).toEqual(
    Array.from({ length: 5 }),
  );
});

test('an effect key names handoff, step, epoch and effect', () => {
  expect(effectKey('h', 'copy', 2, 'a b.txt')).toBe('h/copy/2/a b.txt');
});

test('a name is printed on one short line', () => {
  expect(printable('a\0b\nc')).toBe('"a\\x00b\\x0ac"');
  expect(printable('x'.repeat(10_000))).toBe(`"${'x'.repeat(60)}…" (10000 characters)`);
});
