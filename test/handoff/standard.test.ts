import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AGENTS, Rig } from '../rig/rig.js';

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.create();
});
afterAll(() => rig.close());

test('a phase transition moves artifacts, context and phase records, and completes by itself', async () => {
  const id = await rig.start('PHASE_TRANSITION_STANDARD');
  const outcome = await rig.client.result(id);
  expect(outcome).toMatchObject({ outcome: 'completed', procedure: 'PHASE_TRANSITION_STANDARD', undone: [] });
  expect(readFileSync(rig.arrival(id, 'architecture.json'), 'utf8')).toBe('{"modules":["users"]}');
  expect((await rig.client.sessions.phase(`s-${id}`, '8'))?.status).toBe('handed_off');
  expect((await rig.client.sessions.phase(`s-${id}`, `p-${id}`))?.status).toBe('ready');
  expect((await rig.client.effects(id)).map((e) => [e.key, e.status])).toEqual([
    [`${id}/resource_handoff/1/architecture.json`, 'applied'],
    [`${id}/resource_handoff/1/modules.json`, 'applied'],
    [`${id}/state_synchronization/1/context:architecture`, 'applied'],
    [`${id}/state_synchronization/1/phase:8`, 'applied'],
    [`${id}/state_synchronization/1/phase:p-${id}`, 'applied'],
  ]);
});

test('an agent handoff waits for its target, who accepts and completes', async () => {
  const id = await rig.start('AGENT_HANDOFF_STANDARD');
  const status = await rig.untilStatus(id, 'awaiting_acceptance');
  expect(status.words).toContain('waits for @nodejs-specialist');
  const { epoch } = await rig.client.accept(id, { by: AGENTS.target });
  expect(epoch).toBe(1);
  await rig.client.complete(id, { by: AGENTS.target, epoch });
  expect(await rig.client.result(id)).toMatchObject({ outcome: 'completed', by: AGENTS.target });
});
