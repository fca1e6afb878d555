import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HandoffClient } from '../../src/client.js';
import { openStorage } from '../../src/storage/storage.js';
import { OwnActions } from '../handoff/own-actions.js';
import { AGENTS, Rig } from '../rig/rig.js';
import { WHOLE } from './procedures.js';

const folder = mkdtempSync(path.join(tmpdir(), 'handoff-refused-'));
let rig: Rig;
beforeAll(async () => {
  rig = await Rig.create({ actions: new OwnActions(folder).actions, procedures: [WHOLE] });
});
afterAll(async () => {
  await rig.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('an id that is used already', () => {
  test('by the same request: a start would only return it; by another: it is refused', async () => {
    const request = await rig.request('AGENT_HANDOFF_STANDARD');
    rig.started.add(request.handoffId);
    await rig.client.start(request);
    await rig.untilStatus(request.handoffId, 'awaiting_acceptance');
    const same = await rig.client.plan(request);
    expect(same).toMatchObject({
      ready: false,
      existing: { handoffId: request.handoffId, same: true },
      issues: [{ code: 'ALREADY_STARTED', next: `handoff show ${request.handoffId}` }],
    });
    const other = await rig.client.plan({ ...request, instructions: 'something else' });
    expect(other).toMatchObject({
      ready: false,
      existing: { same: false },
      // Another id would not help as long as that one holds its places.
      issues: [
        { code: 'HANDOFF_ID_CONFLICT', next: 'choose another id: --id' },
        { code: 'DESTINATION_RESERVED' },
        { code: 'DESTINATION_RESERVED' },
      ],
    });
    await rig.client.cancel(request.handoffId, { by: 'test', reason: 'over' });
    await rig.client.result(request.handoffId);
    // Where this storage has not heard of it, Temporal has.
    const elsewhere = await openStorage({ folder: path.join(folder, 'other') });
    for (const name of Object.values(AGENTS)) await elsewhere.agents.add({ name });
    const known = await new HandoffClient({ temporal: rig.temporal, storage: elsewhere }).plan(request);
    await elsewhere.close();
    expect(known).toMatchObject({
      existing: { same: true, status: 'cancelled' },
      issues: [{ code: 'ALREADY_STARTED' }],
    });
  });
});

describe('a bad request', () => {
  test.each([
    ['no object', null],
    ['many faults', { procedure: 'x', source: {}, target: {}, priority: 'soon' }],
    ['already expired', { procedure: 'WHOLE', source: { phase: 1 }, target: { phase: 2 }, expiresAt: '2020-01-01' }],
    ['an unknown procedure', { procedure: 'NOBODY_KNOWS', source: { phase: 1 }, target: { phase: 2 } }],
    [
      'too large',
      { procedure: 'WHOLE', source: { phase: 1 }, target: { phase: 2 }, instructions: 'x'.repeat(1 << 20) },
    ],
  ])('%s: the same error as at a start', async (_, bad) => {
    const refusal = async (call: Promise<unknown>): Promise<unknown> =>
      call.then(
        () => 'no error',
        (e: Error & { toJSON(): unknown }) => e.toJSON(),
      );
    const wanted = await refusal(rig.client.start(bad as never));
    expect(wanted).toMatchObject({ code: expect.any(String) as string });
    expect(await refusal(rig.client.plan(bad as never))).toEqual(wanted);
    expect(await refusal(rig.client.validate(bad as never))).toEqual(wanted);
  });

  test('without storage there is nothing to look into', async () => {
    const client = new HandoffClient({ temporal: rig.temporal });
    const request = await rig.request('WHOLE');
    await expect(client.plan(request)).rejects.toMatchObject({ code: 'STORAGE_REQUIRED' });
    await expect(client.validate(request)).rejects.toMatchObject({ code: 'STORAGE_REQUIRED' });
  });
});
