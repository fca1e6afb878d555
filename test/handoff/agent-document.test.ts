import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  AgentHandoffCoordinator,
  ExecutionTrace,
  HandoffClient,
  requestFrom,
  type CreateHandoffRequest,
  type HandoffPackage,
} from '../../src/index.js';
import { AGENTS, Rig } from '../rig/rig.js';

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.create();
});
afterAll(() => rig.close());

const SAID = 'what the others think';
const { source: sourceAgent, target: targetAgent } = AGENTS;
const trace = new ExecutionTrace('write-spec');
trace.recordDecision('template', 'standard', SAID);
trace.complete();

const prepare = (over: Partial<CreateHandoffRequest> = {}) =>
  AgentHandoffCoordinator.prepareHandoff({
    sourceAgent,
    targetAgent,
    trace,
    priority: 'immediate',
    context: {
      sessionId: `s-${process.pid}`,
      artifacts: ['spec.md'],
      userRequest: SAID,
      decisions: [{ what: 'Scope', why: SAID, alternatives: ['all'] }],
      custom: { tickets: [17], [SAID]: true },
    },
    instructions: {
      task: `Review ${SAID}`,
      expectedOutput: 'gaps',
      doneCriteria: ['all is read'],
      deadline: new Date('2099-01-01T00:00:00Z'),
    },
    metadata: { team: 'auth' },
    ...over,
  });
const begin = async (document: HandoffPackage): Promise<string> => {
  const { handoffId } = await rig.client.start(document);
  rig.started.add(handoffId);
  return handoffId;
};
const deliveredTo = async (id: string): Promise<unknown> => {
  const row = await rig.storage.db
    .selectFrom('deliveries')
    .select('content')
    .where('handoff', '=', id)
    .executeTakeFirst();
  return row && (JSON.parse(row.content) as unknown);
};

describe('a document that is handed over durably', () => {
  test('is the same on the other side, from its offer to its completion', async () => {
    const document = prepare();
    const id = await begin(document);
    expect(id).toBe(document.id);
    await rig.untilStatus(id, 'awaiting_acceptance');
    expect(await rig.client.document(id)).toEqual(document);
    const { expiresAt: _, ...given } = document.toJSON();
    expect(await deliveredTo(id)).toEqual(given);
    expect(AgentHandoffCoordinator.parseHandoff((await deliveredTo(id)) as object).instructions).toEqual(
      document.instructions,
    );
    const { epoch } = await rig.client.accept(id, { by: targetAgent });
    expect((await rig.client.document(id)).status).toBe('accepted');
    await rig.client.complete(id, { by: targetAgent, epoch });
    await rig.client.result(id);
    const { expiresAt: gone, ...end } = await rig.client.document(id);
    expect([end, gone]).toEqual([{ ...given, ...document, expiresAt: undefined, status: 'completed' }, undefined]);
  });

  test('is handed over once, and its warnings come each time', async () => {
    const document = prepare({ instructions: 'Review' });
    const id = await begin(document);
    const [again, other] = [await rig.client.start(document), requestFrom(document, { metadata: { other: 1 } })];
    expect(again).toMatchObject({ handoffId: id, existing: true });
    expect(again.warnings?.map((w) => w.path)).toEqual(['/instructions/expectedOutput', '/instructions/doneCriteria']);
    await expect(rig.client.start(other)).rejects.toMatchObject({ code: 'HANDOFF_ID_CONFLICT' });
    await rig.untilStatus(id, 'awaiting_acceptance');
    await rig.client.reject(id, { by: targetAgent, reason: 'no time' });
    await rig.client.result(id);
    expect(await rig.client.document(id)).toMatchObject({
      status: 'rejected',
      metadata: { team: 'auth', ending: { outcome: 'rejected', by: targetAgent, reason: 'no time' } },
    });
    expect(await deliveredTo(id)).toBeUndefined();
  });

  test('is rejected where it is cancelled or fails, with the reason; expired where nobody accepts it', async () => {
    const cancelled = await begin(prepare());
    await rig.untilStatus(cancelled, 'awaiting_acceptance');
    await rig.client.cancel(cancelled, { by: 'op', reason: 'no longer needed' });
    const failed = prepare();
    rig.started.add(failed.id);
    await rig.client.start(requestFrom(failed, { artifacts: [{ name: 'spec.md', path: 'not-there.md' }] }));
    const late = prepare();
    rig.started.add(late.id);
    await rig.client.start(requestFrom(late, { expiresInMinutes: 0.02 }));
    for (const id of [cancelled, failed.id, late.id]) await rig.client.result(id);
    expect(await rig.client.document(cancelled)).toMatchObject({
      status: 'rejected',
      metadata: { ending: { outcome: 'cancelled', reason: 'no longer needed' } },
    });
    expect(await rig.client.document(failed.id)).toMatchObject({
      status: 'rejected',
      metadata: { ending: { outcome: 'failed', reason: expect.stringContaining('not-there.md') as unknown } },
    });
    const expired = await rig.client.document(late.id);
    expect(expired.status).toBe('expired');
    expect(new AgentHandoffCoordinator().isExpired(expired)).toBe(true);
  });

  test('has no expiry while its clock stands still', async () => {
    const id = await begin(prepare());
    await rig.untilStatus(id, 'awaiting_acceptance');
    await rig.client.pause(id, { by: 'op', reason: 'audit' });
    await rig.until(id, (s) => s.state?.expiry.runningSince === undefined);
    expect(await rig.client.document(id)).not.toHaveProperty('expiresAt');
    await rig.client.resume(id, { by: 'op' });
    await rig.until(id, (s) => s.state?.expiry.runningSince !== undefined);
    expect(await rig.client.document(id)).toHaveProperty('expiresAt');
    await rig.client.cancel(id, { by: 'op', reason: 'end' });
    await rig.client.result(id);
  });

  test('keeps what a later minor version has added, wherever it stands', async () => {
    const { context, instructions, ...rest } = prepare().toJSON();
    const later = {
      ...rest,
      version: '1.4.0',
      mood: { good: [true] },
      context: { ...context, tone: 'kind' },
      instructions: { ...instructions, budget: 3 },
    };
    const id = await begin(AgentHandoffCoordinator.parseHandoff(later));
    await rig.untilStatus(id, 'awaiting_acceptance');
    expect((await rig.client.document(id)).toJSON()).toEqual(later);
    await rig.client.cancel(id, { by: 'op', reason: 'end' });
    await rig.client.result(id);
  });

  test('is refused before anything is written, with its place', async () => {
    const { storage } = rig;
    const before = await storage.db.selectFrom('handoffs').select('id').execute();
    const refused = async (document: HandoffPackage): Promise<unknown> =>
      rig.client.start(document).then(
        () => 'started',
        (error: { code: string; message: string }) => `${error.code} ${error.message}`,
      );
    const answered = prepare();
    answered.status = 'accepted';
    expect(await refused(answered)).toBe(
      'INVALID_PACKAGE Invalid handoff: /status: is accepted; only what is pending is handed over',
    );
    expect(await refused({ sourceAgent } as HandoffPackage)).toBe('INVALID_PACKAGE Invalid handoff: missing version');
    expect(await refused({ ...prepare(), version: '2.0.0' })).toMatch(/^PACKAGE_VERSION /);
    expect(await refused({ ...prepare(), id: '../../etc' })).toMatch(/^INVALID_REQUEST .*\/handoffId: /);
    expect(await refused(prepare({ targetAgent: 'any other agent' }))).toMatch(/^INVALID_REQUEST .*\/target\/agent: /);
    expect(await refused(prepare({ targetAgent: 'nobody' }))).toMatch(/^AGENT_UNKNOWN /);
    expect(await refused(prepare({ expirationMinutes: 0 }))).toMatch(/^INVALID_REQUEST .*\/expiresAt: .* already over/);
    expect(await refused(prepare({ context: { custom: { ['\n']: 1 } } }))).toMatch(/^INVALID_REQUEST .*\/context\//);
    expect(await refused(prepare({ metadata: { big: 'x'.repeat(1024 * 1024) } }))).toMatch(/^INPUT_TOO_LARGE /);
    expect(await storage.db.selectFrom('handoffs').select('id').execute()).toEqual(before);
  });
});

describe('the document of any other handoff', () => {
  test('has its artifacts, its context and its instructions, whatever their shape', async () => {
    const say = (instructions: unknown) => rig.start('PHASE_TRANSITION_STANDARD', { instructions });
    const ids = await Promise.all([say('Build it'), say({ goal: 'ship' }), say({ task: 'Ship', avoid: ['haste'] })]);
    for (const id of ids) await rig.client.result(id);
    const [text, other, shaped] = await Promise.all(ids.map((id) => rig.client.document(id)));
    expect(text).toMatchObject({
      sourceAgent,
      targetAgent,
      status: 'completed',
      context: {
        artifacts: ['architecture.json', 'modules.json'],
        custom: { architecture: { modules: ['users'] } },
      },
      instructions: { task: 'Build it' },
    });
    expect(other!.instructions).toEqual({ task: '{"goal":"ship"}' });
    expect(shaped!.instructions).toEqual({ task: 'Ship', avoid: ['haste'] });
  });

  test('calls who is not named by the phase', async () => {
    const id = await rig.start('PHASE_TRANSITION_STANDARD', { source: { phase: 8 }, target: { phase: 'next' } });
    await rig.client.result(id);
    expect(await rig.client.document(id)).toMatchObject({ sourceAgent: 'phase 8', targetAgent: 'phase next' });
  });

  test('is asked for with storage, and only of a handoff that is there', async () => {
    await expect(rig.client.document('not-there')).rejects.toMatchObject({ code: 'HANDOFF_NOT_FOUND' });
    await expect(rig.client.document('../x')).rejects.toMatchObject({ code: 'INVALID_ID' });
    const bare = new HandoffClient({ temporal: rig.temporal, taskQueue: rig.taskQueue });
    await expect(bare.document('x')).rejects.toMatchObject({ code: 'STORAGE_REQUIRED' });
  });
});

test('a request may have the trace itself, and a date as the deadline; what is no trace is refused', async () => {
  const request = await rig.request('AGENT_HANDOFF_STANDARD', {
    source: { agent: sourceAgent },
    target: { agent: targetAgent },
    trace,
    instructions: { task: 'Review', deadline: new Date('2099-01-01T00:00:00Z') },
    document: { context: { userRequest: 'A spec' } },
  });
  rig.started.add(request.handoffId);
  await expect(rig.client.start({ ...request, trace: { operation: 7 } as never })).rejects.toThrow(
    '/trace/operation: ',
  );
  await expect(rig.client.start({ ...request, document: { context: { decisions: ['x'] } } as never })).rejects.toThrow(
    '/document/context/decisions/0: ',
  );
  const plan = await rig.client.plan(request);
  expect(plan.issues).toEqual([]);
  const said = plan.warnings.filter((w) => w.code === 'INCOMPLETE').map((w) => w.message);
  expect(said).toEqual([
    '/instructions/expectedOutput: it is not said what is expected back.',
    '/instructions/doneCriteria: it is not said how to tell that it is done.',
  ]);
  const { warnings } = await rig.client.start(request);
  expect(warnings?.map((w) => `${w.path}: ${w.message}.`)).toEqual(said);
  await rig.untilStatus(request.handoffId, 'awaiting_acceptance');
  const { trace: carried, instructions, context } = await rig.client.document(request.handoffId);
  expect(carried).toMatchObject({ operation: 'write-spec', success: true, decisions: [{ point: 'template' }] });
  expect(instructions.deadline).toEqual(new Date('2099-01-01T00:00:00Z'));
  expect(context.userRequest).toBe('A spec');
  await rig.client.cancel(request.handoffId, { by: 'op', reason: 'end' });
  await rig.client.result(request.handoffId);
});
