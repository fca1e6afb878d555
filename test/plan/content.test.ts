import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HandoffClient, type HandoffClientOptions } from '../../src/client.js';
import type { Severity } from '../../src/core/procedure.js';
import type { HandoffRequest } from '../../src/core/request.js';
import { STANDARD_PROCEDURES } from '../../src/core/standard-procedures.js';
import type { HandoffPlan, PlannedRule } from '../../src/plan/plan.js';
import { OwnActions, note, procedure } from '../handoff/own-actions.js';
import { AGENTS, Rig } from '../rig/rig.js';
import { ruleOf } from '../rules/corner.js';
import { WHOLE } from './procedures.js';

const folder = mkdtempSync(path.join(tmpdir(), 'handoff-plan-'));
const own = new OwnActions(folder);
const saysNo = (severity: Severity = 'high') =>
  ruleOf('OWN001', () => Promise.resolve({ passed: false, message: 'no' }), severity);
const check = (step_id: string, ...rules: string[]) => ({
  step_id,
  name: `Check ${step_id}`,
  action: 'validate',
  rules,
});
let rig: Rig;
beforeAll(async () => {
  rig = await Rig.create({
    actions: own.actions,
    rules: [saysNo()],
    procedures: [
      WHOLE,
      procedure('OWN_FIRST', [check('first', 'OWN001'), note('one')]),
      procedure('OWN_AFTER', [note('one'), check('after', 'OWN001', 'VR001')]),
      procedure('NEEDS_OTHERS', [note('one')], { dependencies: ['WHOLE'], required_agents: [AGENTS.source] }),
      procedure('NEVER_DELIVERS', [check('all', 'VR005')]),
    ],
  });
});
afterAll(async () => {
  await rig.close();
  rmSync(folder, { recursive: true, force: true });
});

const clientWith = (over: Partial<HandoffClientOptions>): HandoffClient =>
  new HandoffClient({ temporal: rig.temporal, storage: rig.storage, taskQueue: rig.taskQueue, ...over });
const planOf = async (procedureId: string, over: Partial<HandoffRequest> = {}): Promise<HandoffPlan> =>
  rig.client.plan(await rig.request(procedureId, over));
const codes = ({ issues }: HandoffPlan): string[] => issues.map((i) => i.code);
const ruleIn = ({ steps }: HandoffPlan, step: string, rule: string): PlannedRule | undefined =>
  steps.find((s) => s.step === step)?.rules.find((r) => r.rule === rule);
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

test('a plan tells everything that the handoff would do', async () => {
  const request = await rig.request('WHOLE', { handoffId: 'whole', acceptance: 'auto' });
  await rig.client.sessions.set('s-whole', 'architecture', 'old', 'test');
  await rig.client.sessions.setPhase('s-whole', 8, 'completed', 'test');
  mkdirSync(rig.arrival('whole'), { recursive: true });
  writeFileSync(rig.arrival('whole', 'modules.json'), 'something older');
  const plan = await rig.client.plan(request);
  expect(plan).toMatchObject({
    ready: true,
    issues: [],
    warnings: [],
    estimatedMinutes: 5,
    waitsFor: [],
    unreachable: [],
    request: { handoffId: 'whole', session: 's-whole', acceptance: 'auto', priority: 'normal' },
    irreversible: [{ step: 'mail', name: 'Mail', action: 'send_mail' }],
    rollback: [
      { step: 'tell', name: 'Note tell', rollback: { id: 'back', name: 'Take it back' } },
      { step: 'sync', rollback: { id: 'back' } },
      { step: 'bring', rollback: { id: 'back' } },
    ],
  });
  expect(plan).not.toHaveProperty('existing');
  const [, bring, sync, tell, mail, again, ask] = plan.steps;
  expect(bring!.deed).toEqual({
    kind: 'transfer',
    context: { keys: ['architecture'], bytes: expect.any(Number) as number },
    artifacts: [
      {
        name: 'architecture.json',
        source: path.join(rig.folder, 'in', 'architecture.json'),
        size: 21,
        destination: rig.arrival('whole', 'architecture.json'),
      },
      {
        name: 'modules.json',
        source: path.join(rig.folder, 'in', 'modules.json'),
        size: 12,
        destination: rig.arrival('whole', 'modules.json'),
        replaces: { size: 15 },
      },
    ],
  });
  expect(sync!.deed).toEqual({
    kind: 'sync_state',
    context: [{ key: 'architecture', version: 1 }],
    phases: [
      { phase: '8', from: 'completed', to: 'handed_off' },
      { phase: 'p-whole', to: 'ready' },
    ],
  });
  expect(tell).toMatchObject({ after: ['bring', 'sync'], deed: { kind: 'own', with: { how: 'softly' } } });
  expect(mail).toMatchObject({
    action: 'send_mail',
    timeout: 60,
    onFailure: 'rollback',
    retry: { maximum_attempts: 3 },
  });
  expect(ask!.deed).toEqual({ kind: 'confirm', by: '@nodejs-specialist (phase p-whole)', acceptance: 'auto' });
  // What looks at the deeds of earlier steps is open, and says after which; the same rule before them is told.
  expect(again!.rules.map((r) => [r.rule, r.result, r.message])).toEqual([
    ['VR003', 'open', 'can be told only after Synchronise'],
    ['VR005', 'open', 'can be told only after Bring'],
    ['VR008', 'open', 'can be told only after Bring'],
  ]);
  expect(ruleIn(plan, 'check', 'VR008')).toMatchObject({ result: 'passed', message: '0 checksums hold' });

  // And that is what it does.
  rig.started.add('whole');
  await rig.client.start(request);
  expect((await rig.client.result('whole')).outcome).toBe('completed');
  const did = (await rig.client.effects('whole')).map((e) => `${e.step} ${e.resource}`);
  expect(did.toSorted()).toEqual(
    [
      `bring delivery:whole`,
      ...(bring!.deed.kind === 'transfer' ? bring!.deed.artifacts! : []).map((a) => `bring file:${a.destination}`),
      'sync context:s-whole/architecture',
      'sync phase:s-whole/8',
      'sync phase:s-whole/p-whole',
      'tell action:write_note:whole/note',
      'mail action:send_mail:whole/mail',
    ].toSorted(),
  );
  expect(own.sent).toEqual(['whole/mail/1/mail']);
});

test('the rollback plan is the order in which a handoff is undone', async () => {
  await rig.client.addProcedure(procedure('UNDONE', [note('one'), note('two'), note('three', { with: { fail: 99 } })]));
  const request = await rig.request('UNDONE', { artifacts: [], context: {} });
  const { rollback } = await rig.client.plan(request);
  expect(rollback.map((u) => u.step)).toEqual(['three', 'two', 'one']);
  rig.started.add(request.handoffId);
  await rig.client.start(request);
  const { undone } = await rig.client.result(request.handoffId);
  // The third failed before its effect.
  expect(undone.map((u) => u.key.split('/')[1])).toEqual(['two', 'one']);
});

describe('what stands against it', () => {
  test('is told at once, each with what to do next', async () => {
    await rig.file('sum.txt', 'changed');
    writeFileSync(path.join(rig.folder, 'secret.txt'), 'outside');
    const plan = await planOf('WHOLE', {
      source: { agent: '@nobody', phase: 77 },
      artifacts: [
        { name: 'missing.txt', path: 'missing.txt' },
        { name: 'sum.txt', path: 'sum.txt', sha256: sha256('as declared') },
        { name: 'outside.txt', path: '../secret.txt' },
      ],
      contextVersions: { architecture: 3 },
    });
    expect(plan.ready).toBe(false);
    const found = plan.issues.map((i) => `${i.step ?? '-'} ${i.code}: ${i.next ?? ''}`);
    const session = plan.request.session!;
    expect(found.toSorted()).toEqual(
      [
        '- AGENT_UNKNOWN: handoff agents add @nobody',
        'bring ARTIFACT_MISSING: make the file, or correct its path',
        'bring CHECKSUM_MISMATCH: send the file that is meant, or correct its sha256',
        'bring PATH_NOT_ALLOWED: name its folder with --source, here and for the worker',
        `check VALIDATION_FAILED: handoff phases set ${session} 77 completed`,
        'check VALIDATION_FAILED: send the files that are meant, or correct their sha256',
        `sync STATE_CONFLICT: handoff phases set ${session} 77 completed`,
        `sync STATE_CONFLICT: see what has changed: handoff context list ${session}`,
      ].toSorted(),
    );
    expect(plan.unreachable).toEqual([{ agent: '@nobody', as: ['source'], why: 'it is not registered' }]);
    // What a rule says of files stands there once: with the files.
    expect(ruleIn(plan, 'check', 'VR002')).toMatchObject({ result: 'failed', stops: true });
    const artifacts = plan.steps.flatMap((s) => (s.deed.kind === 'transfer' ? (s.deed.artifacts ?? []) : []));
    expect(artifacts.map((a) => [a.name, a.size])).toEqual([
      ['missing.txt', undefined],
      ['sum.txt', 7],
      ['outside.txt', undefined],
    ]);
  });

  test('a folder is told with its size, and one that leads out is no folder to be sent', async () => {
    mkdirSync(path.join(rig.folder, 'in', 'tree', 'sub'), { recursive: true });
    writeFileSync(path.join(rig.folder, 'in', 'tree', 'sub', 'a'), '12345');
    const request = await rig.request('PHASE_TRANSITION_STANDARD', { artifacts: [{ name: 'tree', path: 'tree' }] });
    mkdirSync(rig.arrival(request.handoffId, 'tree'), { recursive: true });
    writeFileSync(rig.arrival(request.handoffId, 'tree/old'), '123');
    const plan = await rig.client.plan(request);
    const { deed } = plan.steps.find((s) => s.action === 'transfer')!;
    expect(deed).toMatchObject({ artifacts: [{ name: 'tree', size: 5, files: 1, replaces: { size: 3 } }] });
    expect(plan.issues).toEqual([]);
    symlinkSync('../../..', path.join(rig.folder, 'in', 'tree', 'sub', 'out'));
    expect(codes(await rig.client.plan(request))).toContain('ARTIFACT_LINK_REFUSED');
  });

  test('a link where a file would arrive', async () => {
    const request = await rig.request('PHASE_TRANSITION_STANDARD');
    mkdirSync(rig.arrival(request.handoffId), { recursive: true });
    symlinkSync('elsewhere', rig.arrival(request.handoffId, 'modules.json'));
    expect(codes(await rig.client.plan(request))).toEqual(['ARTIFACT_NOT_A_FILE']);
  });

  test('a failing rule stops it from its severity on, and below only warns', async () => {
    const bare = { artifacts: [], context: {} };
    const high = await clientWith({ rules: [saysNo()] }).plan(await rig.request('OWN_FIRST', bare));
    expect(high).toMatchObject({ ready: false, warnings: [] });
    expect(high.issues).toMatchObject([
      { code: 'VALIDATION_FAILED', step: 'first', message: 'Check first: OWN001 Rule OWN001: no' },
    ]);
    const low = await clientWith({ rules: [saysNo('medium')] }).plan(await rig.request('OWN_FIRST', bare));
    expect(low).toMatchObject({ ready: true, issues: [], warnings: [{ code: 'VALIDATION_FAILED' }] });
    expect(ruleIn(low, 'first', 'OWN001')).toMatchObject({ result: 'failed', stops: false });
  });

  test('a rule that finds nothing in the time that its step has', async () => {
    await rig.client.addProcedure(procedure('SLOW', [{ ...check('slow', 'OWN001'), timeout: 0.2 }, note('one')]));
    const aborted: boolean[] = [];
    const slow = {
      ...saysNo(),
      check: ({ signal }: { signal: AbortSignal }) =>
        new Promise<never>(() => signal.addEventListener('abort', () => aborted.push(true))),
    };
    const plan = await clientWith({ rules: [slow] }).plan(await rig.request('SLOW'));
    expect(ruleIn(plan, 'slow', 'OWN001')).toMatchObject({
      result: 'failed',
      message: 'it found nothing within 0.2 s',
    });
    expect(aborted).toEqual([true]);
  });

  test('a required agent that is not reachable, and a procedure that has not completed: it would wait', async () => {
    const now = await planOf('NEEDS_OTHERS');
    expect(codes(now)).toEqual(['WOULD_WAIT']);
    expect(now.waitsFor).toEqual(['WHOLE']);
    const beats = (list: number[]) =>
      rig.storage.db
        .updateTable('agents')
        .set({ heartbeats: JSON.stringify(list) })
        .where('name', '=', AGENTS.source)
        .execute();
    await beats([]);
    const plan = await planOf('NEEDS_OTHERS', { session: 's-whole' });
    await beats([Date.now()]);
    expect(plan.unreachable).toEqual([
      { agent: AGENTS.source, as: ['source', 'required'], why: 'it has never sent a heartbeat' },
    ]);
    // In that session WHOLE has completed.
    expect(plan.waitsFor).toEqual([]);
    expect(plan.issues).toMatchObject([
      { code: 'WOULD_WAIT', next: `where it is up: handoff agents heartbeat ${AGENTS.source}` },
    ]);
    // A source or target that is silent is told, but stops nothing by itself: rules may.
    await beats([]);
    const silent = await planOf('PHASE_TRANSITION_STANDARD');
    await beats([Date.now()]);
    expect(silent).toMatchObject({ ready: true, unreachable: [{ agent: AGENTS.source, as: ['source'] }] });
  });

  test('a destination, a key or a phase that an open handoff has written', async () => {
    const target = { agent: AGENTS.target, phase: 'shared' };
    const holder = await rig.start('AGENT_HANDOFF_STANDARD', { target });
    await rig.untilStatus(holder, 'awaiting_acceptance');
    const plan = await planOf('AGENT_HANDOFF_STANDARD', { target });
    await rig.client.cancel(holder, { by: 'test', reason: 'over' });
    await rig.client.result(holder);
    expect(codes(plan)).toEqual(['DESTINATION_RESERVED', 'DESTINATION_RESERVED']);
    expect(plan.issues[0]!.next).toBe(`wait until it is closed: handoff show ${holder}`);
    const { deed } = plan.steps[2]!;
    expect(deed.kind === 'transfer' && deed.artifacts!.map((a) => a.reservedBy)).toEqual([holder, holder]);
    expect(codes(await planOf('AGENT_HANDOFF_STANDARD', { target }))).toEqual([]);
  });

  test('what is wrong with its procedure, and an action that nothing undoes', async () => {
    const wrong = procedure('WRONG', [note('one'), { ...check('two', 'XX001'), depends_on: ['nowhere'] }], {
      required_agents: ['@unheard-of'],
    });
    const client = clientWith({ procedures: [wrong], actions: [{ name: 'write_note' }] });
    const plan = await client.plan(await rig.request('WRONG'));
    expect(plan.issues.map((i) => i.message.replace(/; known: .*/, ''))).toEqual([
      'The procedure WRONG is not valid: /steps/1/rules/0: unknown rule XX001',
      'The procedure WRONG is not valid: /steps/1/depends_on/0: there is no step nowhere',
      'The procedure WRONG is not valid: /required_agents/0: unknown agent @unheard-of',
      'Action write_note has no undo on this worker: give it one, or declare its steps irreversible.',
    ]);
    expect(plan.unreachable).toMatchObject([{ agent: '@unheard-of', as: ['required'] }]);
  });

  test('a server that does not answer', async () => {
    // Not closed: the SDK repeats a call on a closed connection, and breaks.
    const temporal = new Client({ connection: Connection.lazy({ address: '127.0.0.1:1' }) });
    const client = clientWith({ temporal, deadlineMs: 300 });
    const plan = await client.plan(await rig.request('PHASE_TRANSITION_STANDARD'));
    expect(codes(plan)).toEqual(['TEMPORAL_UNREACHABLE']);
    expect(plan.steps[0]!.rules.map((r) => r.result)).toEqual(['passed', 'passed']);
  });
});

describe('what cannot be told is not called passed, nor failed', () => {
  test('a rule that only the workers have is not run, and said so', async () => {
    const plan = await planOf('OWN_FIRST');
    expect(ruleIn(plan, 'first', 'OWN001')).toEqual({
      rule: 'OWN001',
      name: 'OWN001',
      result: 'not_run',
      stops: true,
      message: 'not run here: the workers have this rule',
    });
    expect(plan).toMatchObject({ ready: true, warnings: [{ code: 'RULE_UNKNOWN', step: 'first' }] });
  });

  test('a rule that fails now, after a step whose effect may change that, is open and says what it finds now', async () => {
    const plan = await clientWith({ rules: [saysNo()] }).plan(await rig.request('OWN_AFTER', { session: 'empty' }));
    const may = 'Note one comes before and may change that';
    expect(ruleIn(plan, 'after', 'OWN001')).toMatchObject({ result: 'open', message: `as of now: no; ${may}` });
    // A built-in one as well, because the step is a user's own.
    expect(ruleIn(plan, 'after', 'VR001')).toMatchObject({
      result: 'open',
      message: `as of now: phase 8 has no record in session empty; ${may}`,
    });
    expect(plan.ready).toBe(true);
  });

  test('a rule whose cause no earlier step can mend has failed: nothing before VR005 delivers anything', async () => {
    const plan = await planOf('NEVER_DELIVERS');
    expect(ruleIn(plan, 'all', 'VR005')).toMatchObject({ result: 'failed' });
    expect(codes(plan)).toEqual(['VALIDATION_FAILED']);
  });

  const TOLD: Record<string, string[]> = {
    PHASE_TRANSITION_STANDARD: ['VR001 passed', 'VR002 passed', 'VR003 open'],
    AGENT_HANDOFF_STANDARD: ['VR004 passed', 'VR005 open'],
    CONTRACT_HANDOFF_STANDARD: [
      'VR002 passed',
      ...[1, 2, 3, 4, 5, 6].map((n) => `DC00${n} passed`),
      'DC007 open',
      'DC008 open',
    ],
  };
  test('each standard procedure passes what can be told, and leaves open what its steps do', async () => {
    for (const { procedure_id } of STANDARD_PROCEDURES) {
      const plan = await planOf(procedure_id);
      const results = plan.steps.flatMap((s) => s.rules.map((r) => `${r.rule} ${r.result}`));
      expect([procedure_id, results]).toEqual([procedure_id, TOLD[procedure_id]]);
    }
  });
});
