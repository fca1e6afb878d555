import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AGENTS, Rig } from '../rig/rig.js';
import { OwnActions, note, procedure } from './own-actions.js';

const folder = mkdtempSync(path.join(tmpdir(), 'handoff-own-'));
const own = new OwnActions(folder);
let rig: Rig;
beforeAll(async () => {
  rig = await Rig.create({
    actions: own.actions,
    procedures: [
      procedure('FIRST', [note('one')]),
      procedure('NEEDS_FIRST', [note('one')], { dependencies: ['FIRST'] }),
    ],
  });
});
afterAll(async () => {
  await rig.close();
  rmSync(folder, { recursive: true, force: true });
});
const bare = { artifacts: [], context: {} };

describe('a handoff is pending, and does nothing,', () => {
  test('until the procedures that it depends on have completed in its own session', async () => {
    const elsewhere = await rig.start('FIRST', bare);
    await rig.client.result(elsewhere);
    const id = await rig.start('NEEDS_FIRST', { ...bare, session: 'shared' });
    const waiting = await rig.until(id, (s) => s.state?.waitsFor !== undefined);
    expect(waiting).toMatchObject({
      status: 'pending',
      state: { waitsFor: 'FIRST to complete in session shared' },
    });
    expect(waiting.words).toContain('waits for FIRST to complete in session shared');
    expect(own.attempts(id, 'one')).toBe(0);
    await rig.client.result(await rig.start('FIRST', { ...bare, session: 'shared' }));
    expect((await rig.client.result(id)).outcome).toBe('completed');
  });

  test('until the agents that it requires are reachable', async () => {
    await rig.client.agents.add({ name: '@needed', heartbeatSeconds: 1 });
    await rig.storage.db.updateTable('agents').set({ heartbeats: '[]' }).where('name', '=', '@needed').execute();
    await rig.client.addProcedure(procedure('NEEDS_AGENT', [note('one')], { required_agents: ['@needed'] }));
    const id = await rig.start('NEEDS_AGENT', bare);
    const waiting = await rig.until(id, (s) => s.state?.waitsFor !== undefined);
    expect(waiting.state?.waitsFor).toBe('agent @needed: it has never sent a heartbeat');
    expect(waiting.status).toBe('pending');
    expect(own.attempts(id, 'one')).toBe(0);
    await rig.client.agents.add({ name: '@needed', heartbeatSeconds: 60 });
    expect((await rig.client.result(id)).outcome).toBe('completed');
  });
});

describe('what completes a handoff', () => {
  const contract = { expects_in_return: { 'users.test.js': { description: 'the tests' } } };

  test('a contract that expects something in return: accepted after the last step, until somebody completes it', async () => {
    const id = await rig.start('FIRST', { ...bare, contract });
    const accepted = await rig.untilStatus(id, 'accepted');
    expect(accepted.state?.acceptance).toMatchObject({ epoch: 1, by: 'procedure' });
    await expect(rig.client.complete(id, { by: 'x', epoch: 2 })).rejects.toMatchObject({ code: 'STALE_ACCEPTANCE' });
    await rig.client.complete(id, { by: AGENTS.target, epoch: 1 });
    expect(await rig.client.result(id)).toMatchObject({ outcome: 'completed', by: AGENTS.target });
  });

  test('a contract that expects nothing: it completes by itself', async () => {
    const id = await rig.start('FIRST', { ...bare, contract: { expects_in_return: {} } });
    expect((await rig.client.result(id)).outcome).toBe('completed');
  });

  test('automatic acceptance: accepted as it is offered, and completed by itself', async () => {
    const id = await rig.start('AGENT_HANDOFF_STANDARD', { acceptance: 'auto' });
    const outcome = await rig.client.result(id);
    expect(outcome).toMatchObject({ outcome: 'completed' });
    expect(outcome.by).toMatch(/\(by policy\)$/);
    expect(outcome.steps['handoff_confirmation']?.facts).toMatchObject({ epoch: 1 });
  });

  test('automatic acceptance of a contract that expects something: accepted until it is completed', async () => {
    const id = await rig.start('AGENT_HANDOFF_STANDARD', { acceptance: 'auto', contract });
    await rig.untilStatus(id, 'accepted');
    await rig.client.complete(id, { by: AGENTS.target, epoch: 1 });
    expect((await rig.client.result(id)).outcome).toBe('completed');
  });
});
