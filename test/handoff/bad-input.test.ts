import { WorkflowNotFoundError } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HandoffClient } from '../../src/client.js';
import { workflowIdOf } from '../../src/core/ids.js';
import type { HandoffRequest } from '../../src/core/request.js';
import { Parts, newId } from '../rig/parts.js';
import { AGENTS, Rig } from '../rig/rig.js';
import { containing } from '../rig/matchers.js';

const parts = new Parts();
let rig: Rig;
beforeAll(async () => {
  rig = await Rig.create({ ...parts.options, start: false });
});
afterAll(() => rig.close());

const request = (over: object = {}): HandoffRequest & { handoffId: string } => ({
  handoffId: newId(),
  procedure: 'AGENT_HANDOFF_STANDARD',
  source: { agent: AGENTS.source },
  target: { agent: AGENTS.target },
  ...over,
});

/** Nothing may know of it: no workflow, no row, no content. */
async function expectNothing(id: string): Promise<void> {
  if (!/^[\w.-]{1,128}$/.test(id)) return;
  await expect(rig.temporal.workflow.getHandle(workflowIdOf(id)).describe()).rejects.toThrow(WorkflowNotFoundError);
  expect(await rig.storage.handoffs.find(id)).toBeUndefined();
}

describe('a request that is refused starts nothing', () => {
  const ring: Record<string, unknown> = {};
  ring['ring'] = ring;
  test.each<[string, object, string, string]>([
    ['an unknown procedure', { procedure: 'NOBODY_HAS_IT' }, 'PROCEDURE_UNKNOWN', 'PHASE_TRANSITION_STANDARD'],
    [
      'an unknown source',
      { source: { agent: '@nobody' } },
      'AGENT_UNKNOWN',
      'No agent @nobody is registered (at /source/agent)',
    ],
    [
      'an unknown target',
      { target: { agent: '@nobody' } },
      'AGENT_UNKNOWN',
      'No agent @nobody is registered (at /target/agent)',
    ],
    ['a malformed phase', { target: { phase: '../8' } }, 'INVALID_REQUEST', '/target/phase: '],
    ['a phase that is half', { target: { phase: 1.5 } }, 'INVALID_REQUEST', '/target/phase: '],
    ['JSON that is too large', { context: { big: 'x'.repeat(2 ** 20) } }, 'INPUT_TOO_LARGE', 'at most 1048576'],
    ['JSON that refers to itself', { context: { ring } }, 'INVALID_REQUEST', 'refers to itself'],
    ['what is no JSON', { metadata: { n: 1n } }, 'INVALID_REQUEST', '/metadata/n: a BigInt'],
    ['an id that is a path', { handoffId: '../x' }, 'INVALID_REQUEST', '/handoffId: "../x" is not a handoff id'],
    ['an id with NUL', { handoffId: 'a\0b' }, 'INVALID_REQUEST', '/handoffId: "a\\x00b" is not'],
    ['an id of 10,000 characters', { handoffId: 'x'.repeat(10_000) }, 'INVALID_REQUEST', '(10000 characters) is not'],
    ['a session that is a path', { session: '../s' }, 'INVALID_REQUEST', '/session: '],
    ['30 February', { startAfter: '2027-02-30' }, 'INVALID_REQUEST', '/startAfter: "2027-02-30" is not a date'],
    ['tomorrow', { expiresAt: 'tomorrow' }, 'INVALID_REQUEST', '/expiresAt: "tomorrow" is not a date'],
    [
      'an expiry that is over',
      { expiresAt: '2020-01-01' },
      'INVALID_REQUEST',
      '/expiresAt: 2020-01-01T00:00:00.000Z is already',
    ],
    ['a field that is none', { priorty: 'high' }, 'INVALID_REQUEST', 'Unrecognized key: "priorty"'],
    ['no procedure', { procedure: undefined }, 'INVALID_REQUEST', '/procedure: '],
  ])('%s', async (_, over, code, text) => {
    const bad = request(over);
    await expect(rig.client.start(bad)).rejects.toMatchObject({ code, message: containing(text) });
    await expectNothing(bad.handoffId);
  });

  test.each([null, undefined, 'go', [], 5])('%o', async (input) => {
    await expect(rig.client.start(input as never)).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
  });
});

describe('a procedure that is refused is not kept', () => {
  const step = (step_id: string, over = {}) => ({ step_id, name: 'S', action: 'validate', rules: ['VR001'], ...over });
  const procedure = (...steps: object[]) => ({ procedure_id: 'MY_OWN', version: '1.0.0', name: 'Mine', steps });
  test.each<[string, unknown, string]>([
    [
      'a cycle',
      procedure(step('a', { depends_on: ['b'] }), step('b')),
      '/steps: the dependencies form a cycle: a → b → a',
    ],
    ['an unknown action', procedure(step('a', { action: 'fly' })), '/steps/0/action: unknown action fly'],
    ['an unknown rule', procedure(step('a', { rules: ['XX001'] })), '/steps/0/rules/0: unknown rule XX001'],
    [
      'an unknown agent',
      { ...procedure(step('a')), required_agents: ['@no'] },
      '/required_agents/0: unknown agent @no',
    ],
    ['no procedure at all', 'text', '/: '],
  ])('%s', async (_, input, text) => {
    await expect(rig.client.addProcedure(input)).rejects.toMatchObject({
      code: 'INVALID_PROCEDURE',
      message: containing(text),
    });
    expect((await rig.client.procedures()).map((p) => p.procedure_id)).not.toContain('MY_OWN');
    const bad = request({ procedure: 'MY_OWN' });
    await expect(rig.client.start(bad)).rejects.toMatchObject({ code: 'PROCEDURE_UNKNOWN' });
    await expectNothing(bad.handoffId);
  });

  test('one given to the client itself is checked as well', async () => {
    const procedures = [procedure(step('a', { depends_on: ['a'] }))] as never;
    const client = new HandoffClient({ temporal: rig.temporal, storage: rig.storage, procedures });
    const bad = request({ procedure: 'MY_OWN' });
    await expect(client.start(bad)).rejects.toMatchObject({ code: 'INVALID_PROCEDURE' });
    await expectNothing(bad.handoffId);
  });
});

describe('a client without storage', () => {
  const bare = () => new HandoffClient({ temporal: rig.temporal, taskQueue: rig.taskQueue });

  test.each<[string, object]>([
    ['context', { context: { a: 1 } }],
    ['artifacts', { artifacts: [{ name: 'a', path: 'a' }] }],
    ['instructions', { instructions: 'do it' }],
    ['contract', { contract: { sends: {} } }],
    ['metadata', { metadata: { a: 1 } }],
  ])('says that %s need one', async (_, over) => {
    const bad = request(over);
    await expect(bare().start(bad)).rejects.toMatchObject({
      code: 'STORAGE_REQUIRED',
      message: containing('give the client `storage: await openStorage()`'),
    });
    await expectNothing(bad.handoffId);
  });

  test('says that the ledger, the agents, sessions and own procedures need one', async () => {
    const calls = [
      () => bare().effects('h-1'),
      () => bare().agents.list(),
      () => bare().sessions.phase('s', '8'),
      () => bare().addProcedure({}),
    ];
    for (const call of calls) await expect((async () => call())()).rejects.toMatchObject({ code: 'STORAGE_REQUIRED' });
  });
});
