import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HandoffInput } from '../../src/core/request.js';
import { workflowIdOf } from '../../src/core/ids.js';
import { Parts, newId, startWork } from '../rig/parts.js';
import { AGENTS, Rig } from '../rig/rig.js';

const parts = new Parts();
let rig: Rig;
beforeAll(async () => {
  rig = await Rig.create(parts.options);
});
afterAll(() => rig.close());

const by = AGENTS.target;
const handleOf = (id: string): ReturnType<typeof rig.temporal.workflow.getHandle> =>
  rig.temporal.workflow.getHandle(workflowIdOf(id));
const failedTasks = async (id: string): Promise<number> =>
  (await rig.history(id)).events!.filter((e) => e.workflowTaskFailedEventAttributes).length;

describe('messages of any Temporal client', () => {
  const GARBAGE: [string, unknown[]][] = [
    ['nothing', []],
    ['null', [null]],
    ['a text', ['stop!']],
    ['a number', [5]],
    ['a list', [[{ by: 'op', reason: 'why' }]]],
    ['an empty object', [{}]],
    ['two messages', [{ reason: 'why' }, { by: 'op' }]],
    ['wrong types', [{ by: 5, reason: {}, until: 'tomorrow', epoch: 'x', minutes: -1 }]],
    ['a field too many', [{ by: 'op', reason: 'why', note: 'n', sudo: true }]],
    ['hidden names', [JSON.parse('{"__proto__": {"by": "op", "reason": "why"}}')]],
  ];
  const payload = (encoding: string, data: string): object => ({
    payloads: [{ metadata: { encoding: Buffer.from(encoding) }, data: Buffer.from(data) }],
  });
  const UNREADABLE: [string, object][] = [
    ['no JSON', payload('json/plain', '{not json')],
    ['an encoding that nobody knows', payload('binary/other', '{"by":"op","reason":"why"}')],
    ['protobuf', payload('json/protobuf', '{"by":"op","reason":"why"}')],
    ['no encoding', { payloads: [{ data: Buffer.from('x') }] }],
  ];

  test('that are garbage change nothing, and the run goes on', async () => {
    const id = await startWork(rig, 'WORK_AND_ASK');
    const { state: before } = await rig.untilStatus(id, 'awaiting_acceptance');
    const updates = ['accept', 'reject', 'complete', 'extendExpiry', 'retryStep', 'resolveIncident', 'rollback'];
    for (const [, args] of GARBAGE) {
      for (const signal of ['pause', 'resume', 'cancel', 'nobodyKnowsMe']) await handleOf(id).signal(signal, ...args);
      for (const update of updates)
        await expect(handleOf(id).executeUpdate(update, { args: args as [] })).rejects.toMatchObject({
          cause: { type: 'INVALID_MESSAGE' },
        });
      await expect(handleOf(id).executeUpdate('nobodyKnowsMe', { args: args as [] })).rejects.toThrow(
        'Workflow Update failed',
      );
    }
    const after = await rig.client.status(id);
    expect(after).toMatchObject({ from: 'run', state: before });
    expect(await failedTasks(id)).toBe(0);
    const { epoch } = await rig.client.accept(id, { by });
    await rig.client.complete(id, { by, epoch });
    expect((await rig.client.result(id)).outcome).toBe('completed');
  });

  test('that nobody can read change nothing, and the run goes on', async () => {
    const id = await startWork(rig, 'WORK_AND_ASK');
    const { state: before } = await rig.untilStatus(id, 'awaiting_acceptance');
    const { workflowService } = rig.temporal.connection;
    const workflowExecution = { workflowId: workflowIdOf(id) };
    for (const [, input] of UNREADABLE)
      for (const signalName of ['pause', 'resume', 'cancel', 'nobodyKnowsMe'])
        await workflowService.signalWorkflowExecution({ namespace: 'default', workflowExecution, signalName, input });
    expect(await rig.client.status(id)).toMatchObject({ from: 'run', state: before });
    expect(await failedTasks(id)).toBe(0);
    await rig.client.reject(id, { by, reason: 'seen enough' });
    await rig.client.result(id);
  });

  test('that say null for what is absent are understood', async () => {
    const id = await startWork(rig, 'WORK_AND_ASK');
    await rig.untilStatus(id, 'awaiting_acceptance');
    await handleOf(id).signal('pause', { by: 'op', reason: 'why', until: null, at: null, holder: null });
    const paused = await rig.until(id, (s) => s.state?.holds.operator !== undefined);
    expect(paused.state?.holds).toEqual({ operator: { by: 'op', reason: 'why', at: paused.state?.pausedSince } });
    await handleOf(id).signal('resume', { by: 'op', note: null, at: null, holder: null });
    await rig.until(id, (s) => s.state?.pausedSince === undefined);
    const accepted = await handleOf(id).executeUpdate('accept', { args: [{ by, leaseMinutes: null }] });
    expect(accepted).toEqual({ epoch: 1 });
    await handleOf(id).executeUpdate('complete', { args: [{ by, epoch: 1, note: null }] });
    expect((await rig.client.result(id)).outcome).toBe('completed');
    expect(await failedTasks(id)).toBe(0);
  });
});

describe('a workflow that somebody starts by hand', () => {
  const subject = {
    handoffId: 'x',
    session: 's',
    type: 'T',
    priority: 'normal',
    source: {},
    target: {},
    procedure: { id: 'WORK_ONLY', version: '1.0.0', digest: 'd' },
    requestDigest: 'd',
  };
  const step = { step_id: 'a', name: 'A', action: 'work' };
  const whole: HandoffInput = {
    subject: subject as HandoffInput['subject'],
    definition: { inline: { procedure_id: 'WORK_ONLY', version: '1.0.0', name: 'W', steps: [step] } },
    expiresInMs: 1000,
    acceptance: 'explicit',
    clockWhilePaused: 'stop',
    expectsReturn: false,
  };
  const started = async (type: string, args: unknown[], workflowId = `by-hand/${newId()}`): Promise<string> => {
    const handle = await rig.temporal.workflow.start(type, { workflowId, taskQueue: rig.taskQueue, args });
    const end = handle.result().then(
      (value) => `completed with ${JSON.stringify(value)}`,
      (error: { cause?: { type?: string; message?: string } }) =>
        `${error.cause?.type ?? ''}: ${error.cause?.message ?? ''}`,
    );
    const hung = new Promise<string>((resolve) => setTimeout(() => resolve('it hangs'), 5000).unref());
    const text = await Promise.race([end, hung]);
    if (text === 'it hangs') await handle.terminate();
    return text;
  };

  test.concurrent.each<[string, string, unknown[]]>([
    ['no input', 'WORK_ONLY', []],
    ['null', 'WORK_ONLY', [null]],
    ['a text', 'WORK_ONLY', ['go']],
    ['an empty object', 'WORK_ONLY', [{}]],
    ['half a subject', 'WORK_ONLY', [{ ...whole, subject: { handoffId: 'x' } }]],
    ['no definition', 'WORK_ONLY', [{ ...whole, definition: null }]],
    ['an empty definition', 'WORK_ONLY', [{ ...whole, definition: { inline: {} } }]],
    ['steps that are none', 'WORK_ONLY', [{ ...whole, definition: { inline: { procedure_id: 'X', steps: [null] } } }]],
    ['no expiry', 'WORK_ONLY', [{ ...whole, expiresInMs: 'soon' }]],
    ['state that no run left', 'WORK_ONLY', [{ ...whole, carried: {} }]],
    ["another procedure's input", 'OTHER_PROCEDURE', [whole]],
    ['our input under an id that is not its own', 'WORK_ONLY', [whole]],
    ['a repair of nothing', 'repairHandoff', []],
    ['what every object has: toString', 'toString', []],
    ['what every object has: hasOwnProperty', 'hasOwnProperty', ['x']],
    ['what every object has: constructor', 'constructor', [{}]],
    ['what every object has: __proto__', '__proto__', []],
    ['the default', 'default', [whole]],
  ])('fails at once on %s', async (_, type, args) => {
    expect(await started(type, args)).toMatch(/^INVALID_REQUEST: The handoff request is not valid: .{5,}\. Start/);
  });

  test('is told what its contract lacks', async () => {
    const text = await started('WORK_ONLY', [{ ...whole, subject: { ...subject, contract: {} } }]);
    expect(text).toContain('/subject/contract must have a digest');
  });

  test('is told which id it must have', async () => {
    expect(await started('WORK_ONLY', [whole])).toContain('the workflow id must be handoff/x.');
  });

  test('with the input of a handoff that is over is a conflict, and undoes nothing of it', async () => {
    const id = await startWork(rig, 'WORK_ONLY');
    await rig.client.result(id);
    const { events } = await rig.history(id);
    const data = events![0]!.workflowExecutionStartedEventAttributes!.input!.payloads![0]!.data!;
    const text = await started('WORK_ONLY', [JSON.parse(Buffer.from(data).toString())], workflowIdOf(id));
    expect(text).toContain('HANDOFF_FAILED');
    expect(text).toContain('already exists');
    expect(await rig.storage.handoffs.find(id)).toMatchObject({ status: 'completed' });
    expect((await rig.client.effects(id)).map((e) => e.status)).toEqual(['applied']);
  });
});
