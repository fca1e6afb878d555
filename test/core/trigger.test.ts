import { describe, expect, test } from 'vitest';
import { HandoffError } from '../../src/core/errors.js';
import { initialState } from '../../src/core/handoff.js';
import { builtinActions, lintProcedure } from '../../src/core/procedure-lint.js';
import { parseProcedure } from '../../src/core/procedure-schema.js';
import type { Procedure, Step } from '../../src/core/procedure.js';
import { parseRequest } from '../../src/core/request-schema.js';
import { debtOf } from '../../src/core/debt.js';
import { faultOfStart } from '../../src/core/input-guard.js';
import { handoffIdOf } from '../../src/core/ids.js';
import { endsToCome, lateBy, timingOf } from '../../src/core/timing.js';
import { childIdOf, heldSteps } from '../../src/core/trigger.js';

/** What is wrong with a trigger, as `path: message` for each fault; empty where it is taken. */
function faults(trigger: unknown): string[] {
  const least = { procedure: 'AAA', source: { agent: '@a' }, target: { agent: '@b' }, trigger };
  try {
    parseRequest(least, 0, () => 'ho_1');
    return [];
  } catch (error) {
    if (!(error instanceof HandoffError) || error.code !== 'INVALID_REQUEST') throw error;
    return (error.params['list'] as { path: string; message: string }[]).map((i) => `${i.path}: ${i.message}`);
  }
}
const signal = { workflowId: 'w', signalName: 's' };
const webhook = (url: string, headers?: object) => ({ webhook: { url, ...(headers ? { headers } : {}) } });

describe('a trigger in a request', () => {
  test.each<[string, unknown]>([
    ['none of the three', {}],
    ['a signal', { signal: { ...signal, runId: '0190', args: [1, null, { a: [] }] } }],
    ['a workflow', { workflow: { type: 'T', taskQueue: 'q', workflowId: 'next', args: [] } }],
    ['a webhook', webhook('https://example.org/a?b=c#d', { authorization: 'Bearer x', 'X-A': '' })],
    ['an address with a port', webhook('http://[::1]:80')],
  ])('%s is taken', (_, trigger) => {
    expect(faults(trigger)).toEqual([]);
  });

  const long = 'x'.repeat(201);
  test.each<[string, unknown, string]>([
    ['two of the three', { signal, ...webhook('http://a') }, '/trigger/webhook: give signal or webhook, not both'],
    ['no object', 'now', '/trigger: Invalid input'],
    ['something else', { mail: {} }, '/trigger: Unrecognized key'],
    ['a signal without its name', { signal: { workflowId: 'w' } }, '/trigger/signal/signalName: '],
    ['a signal to nobody', { signal: { ...signal, workflowId: '' } }, '/trigger/signal/workflowId: '],
    ['a long id', { signal: { ...signal, workflowId: long } }, '/trigger/signal/workflowId: '],
    [
      'a line break in a name',
      { signal: { ...signal, signalName: 'a\nb' } },
      '/trigger/signal/signalName: must not contain control',
    ],
    ['arguments that are no list', { signal: { ...signal, args: {} } }, '/trigger/signal/args: '],
    [
      'large arguments',
      { signal: { ...signal, args: ['x'.repeat(8200)] } },
      '/trigger/signal/args: is longer than 8192',
    ],
    ['a workflow without a type', { workflow: {} }, '/trigger/workflow/type: '],
    [
      'an id of ours',
      { workflow: { type: 'T', workflowId: 'handoff/x' } },
      '/trigger/workflow/workflowId: must not begin with handoff/',
    ],
    [
      "the server's queue",
      { workflow: { type: 'T', taskQueue: '/_sys/x' } },
      '/trigger/workflow/taskQueue: must not begin with /_sys/',
    ],
    ['no URL', webhook('example.org'), '/trigger/webhook/url: is not a URL'],
    ['a file', webhook('file:///etc/passwd'), '/trigger/webhook/url: must begin with http:// or https://'],
    ['a script', webhook('javascript:alert(1)'), '/trigger/webhook/url: must begin with http'],
    ['a password in the address', webhook('https://u:p@a'), '/trigger/webhook/url: must not contain a user name'],
    [
      'a header that adds another',
      webhook('http://a', { x: 'a\r\nb: c' }),
      '/trigger/webhook/headers/x: must be visible ASCII',
    ],
    ['a header with NUL', webhook('http://a', { x: '\0' }), '/trigger/webhook/headers/x: must be visible ASCII'],
    ["a header's name with a blank", webhook('http://a', { 'a b': 'c' }), '/trigger/webhook/headers/a b: '],
    [
      'the key, which is ours',
      webhook('http://a', { 'Idempotency-Key': 'mine' }),
      '/trigger/webhook/headers/Idempotency-Key: ',
    ],
    ['a header that is no text', webhook('http://a', { x: 1 }), '/trigger/webhook/headers/x: '],
  ])('%s is refused, at its place', (_, trigger, fault) => {
    expect(faults(trigger)).toEqual([expect.stringContaining(fault)]);
  });
});

const procedure = (...steps: Partial<Step>[]): Procedure => ({
  procedure_id: 'MINE',
  version: '1.0.0',
  name: 'Mine',
  steps: steps.map((s, i) => ({ step_id: `s${i}`, name: 'S', action: 'trigger', ...s })),
  rollback_procedures: [{ rollback_id: 'back', name: 'Back', steps: ['s0'] }],
});
const irreversible = { compensation: 'irreversible' };
const lint = (p: Procedure): string[] =>
  lintProcedure({ ...p }, { actions: builtinActions, rules: new Set(['VR001']) }).map((i) => `${i.path}: ${i.message}`);
const oneWay = '/steps/0: a trigger that is no workflow cannot be undone: set "compensation": "irreversible"';

describe('a trigger in a procedure', () => {
  const { rollback_procedures: _, ...bare } = procedure(irreversible);
  test.each<[string, Procedure, string[]]>([
    ['what the request decides', bare, []],
    ['a signal', { ...bare, steps: procedure({ ...irreversible, with: { signal } }).steps }, []],
    ['a workflow, with its rollback', procedure({ compensation: 'back', with: { workflow: { type: 'T' } } }), []],
    ['what the request decides, undone', procedure({ compensation: 'back' }), [oneWay]],
    ['without a word', { ...bare, steps: procedure({}).steps }, [oneWay]],
    ['a webhook, undone', procedure({ with: webhook('http://a') }), [oneWay]],
    [
      'a workflow, declared irreversible',
      { ...bare, steps: procedure({ ...irreversible, with: { workflow: { type: 'T' } } }).steps },
      ['/steps/0: the built-in action trigger can always be undone; name its rollback'],
    ],
    [
      'two of them',
      { ...bare, steps: procedure(irreversible, irreversible).steps },
      ['/steps: at most one trigger step: s0, s1'],
    ],
  ])('%s', (_name, p, issues) => {
    expect(lint(parseProcedure(p))).toEqual(issues);
  });

  test('names the place of what is wrong with what it triggers', () => {
    const bad = procedure({ action: 'validate', rules: ['VR001'] }, { ...irreversible, with: webhook('ftp://a') });
    expect(() => parseProcedure(bad)).toThrow('/steps/1/with/webhook/url: must begin with http:// or https://');
    // What others call so is theirs.
    expect(() => parseProcedure(procedure({ action: 'mine', with: webhook('ftp://a') }))).not.toThrow();
  });

  test('holds its trigger, or without one its offer, or nothing', () => {
    const confirm = { action: 'confirm' };
    expect(heldSteps(procedure(confirm, {}))).toEqual(['s1']);
    expect(heldSteps(procedure({ action: 'transfer' }, confirm))).toEqual(['s1']);
    expect(heldSteps(procedure({ action: 'transfer' }))).toEqual([]);
  });
});

test("a child's id is never a handoff's, and is another for each epoch", () => {
  expect([1, 2].map((epoch) => childIdOf('h', epoch, undefined))).toEqual(['handoff/h/next/1', 'handoff/h/next/2']);
  expect([1, 2].map((epoch) => childIdOf('h', epoch, 'mine'))).toEqual(['mine', 'mine/2']);
  expect(handoffIdOf(childIdOf('h', 1, undefined))).toBeUndefined();
});

describe('timing', () => {
  const timing = {
    phase_8_expected_end: '2026-01-13T11:30:00Z',
    phase_13_can_start_after: '2026-01-13T11:30:00Z',
    phase_13_expected_end: '2026-01-13T15:30:00Z',
  };
  const parties = { source: { phase: '8' }, target: { phase: '13' } };
  const [half, end] = [Date.parse('2026-01-13T11:30:00Z'), Date.parse('2026-01-13T15:30:00Z')];

  test('is of the two phases, and holds only a procedure that has something to hold', () => {
    const expectedEnds = { source: half, target: end };
    expect(timingOf(timing, parties, ['s'])).toEqual({ triggerAfter: half, expectedEnds });
    expect(timingOf(timing, parties, [])).toEqual({ expectedEnds });
    expect(timingOf(timing, { source: { agent: 'a' }, target: { phase: '9' } }, ['s'])).toEqual({});
    expect(timingOf({ phase_13_can_start_after: 'soon' }, parties, ['s'])).toEqual({});
    expect(timingOf(undefined, parties, ['s'])).toEqual({});
  });

  test('an end makes late once, the source only until it has handed over', () => {
    const s = initialState({ now: 0, expiresInMs: 1, clockWhilePaused: 'stop' });
    const p = procedure({ action: 'transfer' });
    const expected = { source: 5, target: 9 };
    const both = [
      { end: 'source', at: 5 },
      { end: 'target', at: 9 },
    ];
    expect(endsToCome(s, p, expected)).toEqual(both);
    const step = { status: 'finished', epoch: 1, attempts: 1 } as const;
    const moved = { ...s, status: 'running' as const, steps: { s0: step } };
    expect(endsToCome(moved, p, expected)).toEqual(both.slice(1));
    expect(endsToCome({ ...moved, steps: { s0: { ...step, status: 'running' } } }, p, expected)).toEqual(both);
    const late = lateBy(s, 'target', 9, 'b');
    expect(late.late).toEqual({ since: 9, what: 'b', ends: ['target'] });
    expect(lateBy(late, 'target', 10, 'c')).toBe(late);
    expect(lateBy(late, 'source', 5, 'a').late).toEqual({ since: 5, what: 'b; a', ends: ['target', 'source'] });
    expect(endsToCome(late, p, expected)).toEqual(both.slice(0, 1));
  });

  test('times that are none are refused where a run is started by hand', () => {
    const subject = { handoffId: 'h', session: 's', type: 'T', priority: 'normal', requestDigest: 'd' };
    const input = {
      subject: { ...subject, source: {}, target: {}, procedure: { id: 'MINE', version: '1.0.0' } },
      definition: { inline: procedure(irreversible) },
      expiresInMs: 1,
      acceptance: 'auto',
      clockWhilePaused: 'stop',
    };
    const fault = (over: object) =>
      faultOfStart({ workflowType: 'MINE', workflowId: 'handoff/h', continued: false, input: { ...input, ...over } });
    expect(fault({ triggerAfter: 1, expectedEnds: { source: 2 } })).toBeUndefined();
    expect(fault({ triggerAfter: 'soon' })).toBe('/triggerAfter must be a time in milliseconds');
    expect(fault({ expectedEnds: { source: 'soon' } })).toBe('/expectedEnds must be times in milliseconds');
    expect(fault({ expectedEnds: 5 })).toBe('/expectedEnds must be times in milliseconds');
  });
});

test('a cancellation would take back a child, could not a signal, and owes nothing for nothing', () => {
  const s = initialState({ now: 0, expiresInMs: 1, clockWhilePaused: 'stop' });
  const of = (facts: Record<string, unknown> | undefined) =>
    debtOf(procedure(irreversible), {
      ...s,
      status: 'running',
      steps: { s0: { status: 'finished', epoch: 1, attempts: 1, startedAt: 1, ...(facts ? { facts } : {}) } },
    });
  expect(of({ triggered: 'workflow', child: 'c' })).toEqual({ undo: ['s0'], cannot: [] });
  expect(of({ triggered: 'signal', to: 'w' })).toEqual({ undo: [], cannot: ['s0'] });
  expect(of({ triggered: 'nothing' })).toEqual({ undo: [], cannot: [] });
  expect(of(undefined)).toEqual({ undo: [], cannot: ['s0'] });
});
