import { createHash } from 'node:crypto';
import { rmSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Action } from '../../src/activities/action.js';
import { CONTRACT_HANDOFF_STANDARD } from '../../src/core/standard-procedures.js';
import { Rig } from '../rig/rig.js';
import { Corner, contractOf } from './corner.js';

const short = (content: string): string => createHash('sha256').update(content).digest('hex').slice(0, 12);
let corner: Corner;
beforeAll(async () => {
  corner = await Corner.open();
});
afterAll(() => corner.close());
const place = (name: string, phase: string): string =>
  path.join(corner.storage.root, 'artifacts', `phase_${phase}`, name);

describe('DC007 Transfer Successful', () => {
  test('passes where all is there as the ledger has it; names what has not arrived, has gone, or was changed', async () => {
    for (const name of ['one.txt', 'two.txt']) await corner.file(name);
    const artifacts = ['one.txt', 'two.txt'].map((name) => ({ name, path: name }));
    const contract = contractOf({ 'two.txt': {}, 'maybe.txt': { required: false } });
    const target = { phase: '71' };
    const subject = await corner.subject('dc007', { artifacts, contract, target });
    expect(await corner.finds(subject, 'DC007')).toEqual([false, 'one.txt has not arrived; two.txt has not arrived']);
    await corner.act(subject, 'transfer');
    expect(await corner.finds(subject, 'DC007')).toEqual([true, '2 artifacts have arrived whole']);
    writeFileSync(place('one.txt', '71'), 'tampered');
    unlinkSync(place('two.txt', '71'));
    expect(await corner.finds(subject, 'DC007')).toEqual([
      false,
      `one.txt: expected sha256 ${short('one.txt')}…, found ${short('tampered')}…; two.txt: there is nothing at ${place('two.txt', '71')}`,
    ]);
  });

  test('fails for what the contract promises and nobody sends', async () => {
    const subject = await corner.subject('dc007-promised', { contract: contractOf({ 'promised.json': {} }) });
    expect(await corner.finds(subject, 'DC007')).toEqual([false, 'promised.json has not arrived']);
  });

  test('passes where nothing is to arrive', async () => {
    expect(await corner.finds(await corner.subject('dc007-none'), 'DC007')).toEqual([
      true,
      '0 artifacts have arrived whole',
    ]);
  });
});

describe('DC008 Next Agent Can Start', () => {
  test('wants each input that is required at its place', async () => {
    const contract = contractOf({ 'in.txt': {}, 'maybe.txt': { required: false } });
    const subject = await corner.subject('dc008-inputs', {
      artifacts: [{ name: 'in.txt', path: 'in.txt' }],
      contract,
      target: { phase: '81' },
    });
    expect(await corner.finds(subject, 'DC008')).toEqual([false, 'its input in.txt is not there']);
    await corner.file('in.txt');
    await corner.act(subject, 'transfer');
    expect(await corner.finds(subject, 'DC008')).toEqual([true, '1 inputs are there']);
  });

  test('wants the target reachable and with room, and the agents and procedures that its step names', async () => {
    const { agents } = corner.storage;
    const target = { agent: '@next', phase: '82' };
    const subject = await corner.subject('dc008-agent', { target });
    const finds = (over: Record<string, unknown> = {}) => corner.finds(subject, 'DC008', { with: over });
    expect(await finds()).toEqual([false, 'agent @next is not registered']);
    await agents.add({ name: '@next', capacity: 1 });
    await agents.heartbeat('@next', Date.now() - 3_600_000);
    expect(await finds()).toEqual([false, '@next: its last heartbeat is 60 min old, one is due every 60 s']);
    await agents.heartbeat('@next', Date.now());
    expect(await finds()).toEqual([true, '0 inputs are there, @next is reachable and has room']);
    expect(await finds({ agents: ['@tester'], procedures: ['BUILD'] })).toEqual([
      false,
      `agent @tester is not registered; BUILD has not completed in session ${subject.session}`,
    ]);
    const before = await corner.subject('dc008-a', { target });
    await corner.storage.db.updateTable('handoffs').set({ created_at: 1 }).where('id', '=', before.handoffId).execute();
    expect(await finds()).toEqual([false, '@next is full: 1 open handoffs, capacity 1']);
  });
});

describe('in a handoff, and by `handoff validate`', () => {
  /** Spoils what has just arrived, where the request says so. */
  const spoil: Action = {
    name: 'spoil',
    run: ({ content, storage, task }) => {
      const how = content.metadata['spoil'];
      const file = path.join(storage.root, 'artifacts', `phase_${task.subject.target.phase ?? ''}`, 'modules.json');
      if (how === 'change') writeFileSync(file, 'tampered');
      if (how === 'remove') rmSync(file);
      return Promise.resolve();
    },
  };
  const [check, ...rest] = CONTRACT_HANDOFF_STANDARD.steps;
  const [transfer, ...after] = rest;
  const spoiled = {
    ...CONTRACT_HANDOFF_STANDARD,
    procedure_id: 'SPOILED_HANDOFF',
    steps: [
      check!,
      transfer!,
      { step_id: 'spoil', name: 'Spoil', action: 'spoil', compensation: 'irreversible' },
      ...after,
    ],
  };
  let rig: Rig;
  beforeAll(async () => {
    rig = await Rig.create({ actions: [spoil], procedures: [spoiled] });
  });
  afterAll(() => rig.close());

  test('both pass, before it is started they are open, and then they are told of it', async () => {
    const request = await rig.request('SPOILED_HANDOFF');
    const before = await rig.client.validate(request);
    expect(before.open).toMatchObject([
      { rule: 'DC007', message: 'can be told only after Artifact Transfer' },
      { rule: 'DC008', message: 'can be told only after Artifact Transfer' },
    ]);
    await rig.client.start(request);
    rig.started.add(request.handoffId);
    expect(await rig.client.result(request.handoffId)).toMatchObject({ outcome: 'completed' });
    const { verdict, open } = await rig.client.validate(request, { rules: ['DC007', 'DC008'] });
    expect([verdict.passed, verdict.rules, open]).toEqual([true, 2, []]);
    writeFileSync(rig.arrival(request.handoffId, 'modules.json'), 'tampered');
    const again = await rig.client.validate(request, { rules: ['DC007', 'DC008'] });
    expect(again.verdict.failures).toEqual([
      expect.stringMatching(/^DC007 Transfer Successful: modules.json: expected/),
    ]);
    // Asked for what nobody has done yet, they say so.
    const unsent = await rig.client.validate(await rig.request('SPOILED_HANDOFF'), { rules: ['DC007', 'DC008'] });
    expect(unsent.verdict.failures).toEqual([
      'DC007 Transfer Successful: architecture.json has not arrived; modules.json has not arrived',
      'DC008 Next Agent Can Start: its input architecture.json is not there; its input modules.json is not there',
    ]);
  });

  test.each([
    ['change', /^Step readiness_validation: .*DC007 Transfer Successful: modules\.json: expected sha256/],
    [
      'remove',
      /DC007 Transfer Successful: modules\.json: there is nothing.*DC008 .*its input modules\.json is not there/,
    ],
  ])('%s: it fails before anything is triggered', async (how, why) => {
    const id = await rig.start('SPOILED_HANDOFF', { metadata: { spoil: how } });
    // What was changed meanwhile is not overwritten by the undo: an operator decides.
    if (how === 'change') {
      const { state } = await rig.until(id, (s) => s.state?.incidents.length === 1);
      const incidentId = state!.incidents[0]!.id;
      await rig.client.resolve(id, { by: 'op', reason: 'a test', incidentId, choice: 'restore_before' });
    }
    const outcome = await rig.client.result(id);
    expect(outcome).toMatchObject({ outcome: 'failed', code: 'VALIDATION_FAILED' });
    expect(outcome.reason).toMatch(why);
    expect(outcome.steps['phase_trigger']!.status).toBe('waiting');
  });

  test('a target that cannot be reached by then stops it', async () => {
    await rig.client.agents.add({ name: '@gone', heartbeatSeconds: 86_400 });
    await rig.storage.db.updateTable('agents').set({ heartbeats: '[]' }).where('name', '=', '@gone').execute();
    const id = await rig.start('CONTRACT_HANDOFF_STANDARD', { target: { agent: '@gone', phase: 'p-gone' } });
    const outcome = await rig.client.result(id);
    expect(outcome.reason).toMatch(/DC008 Next Agent Can Start: @gone: it has never sent a heartbeat/);
    expect(outcome.undone.length).toBeGreaterThan(3);
  });
});
