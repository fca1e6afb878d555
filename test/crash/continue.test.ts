import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { shownStatus } from '../../src/core/handoff.js';
import { workflowIdOf } from '../../src/core/ids.js';
import { launchServer, type RunningServer } from '../../src/temporal/launch-server.js';
import { SEARCH_ATTRIBUTES } from '../../src/temporal/search-attributes.js';
import { AGENTS } from '../rig/rig.js';
import { withCase, type Case, expectCompleted, expectStanding, expectUndone } from './case.js';
import { keepForReplay, replayKept } from './replay.js';
import { linesFile } from './world.js';

let server: RunningServer;
beforeAll(async () => {
  server = await launchServer({
    executable: inject('serverPath'),
    headless: true,
    searchAttributes: SEARCH_ATTRIBUTES,
    dynamicConfig: { 'limit.historyCount.suggestContinueAsNew': 60 },
  });
});
afterAll(async () => {
  await replayKept();
  await server.stop();
});

const runOf = async (c: Case): Promise<string> =>
  (await c.rig.temporal.workflow.getHandle(workflowIdOf(c.id)).describe()).runId;

/** Sends what a run has to hear until its history is full and it goes on as a new one. */
async function fill(c: Case, send: (n: number) => Promise<unknown>): Promise<void> {
  const first = await runOf(c);
  for (let n = 1; (await runOf(c)) === first; n++) {
    if (n > 80) throw new Error('it did not continue as new');
    await send(n);
  }
  await keepForReplay(c.rig.temporal, workflowIdOf(c.id), first);
}

test('a run that continues as new keeps its pause, its clock, its acceptance and its effects', async () => {
  await withCase({ procedure: 'AGENT_HANDOFF_STANDARD', address: server.address }, async (c) => {
    const { client } = c.rig;
    await c.returns();
    await c.begin();
    await c.rig.untilStatus(c.id, 'awaiting_acceptance');
    await client.pause(c.id, { by: 'test', reason: 'lunch 0' });
    const { state: paused } = await c.rig.until(c.id, (s) => shownStatus(s.state!) === 'paused');
    expect(paused!.expiry.runningSince).toBeUndefined();

    await fill(c, (n) => client.pause(c.id, { by: 'test', reason: `lunch ${n}` }));
    const { state } = await c.rig.until(c.id, (s) => s.from === 'run');
    expect(shownStatus(state!)).toBe('paused');
    expect(state!.holds.operator!.reason).toMatch(/^lunch \d+$/);
    expect(state!.expiry).toEqual(paused!.expiry);
    expect(state!.acceptance).toEqual(paused!.acceptance);
    expect(state!.steps).toEqual(paused!.steps);

    await client.resume(c.id, { by: 'test' });
    const { epoch } = await client.accept(c.id, { by: AGENTS.target, leaseMinutes: 50 });
    expect(epoch).toBe(1);
    await fill(c, (n) =>
      n % 2 ? client.pause(c.id, { by: 'test', reason: 'again' }) : client.resume(c.id, { by: 'test' }),
    );
    const { state: later } = await c.rig.until(c.id, (s) => s.from === 'run');
    expect(later!.acceptance).toMatchObject({ epoch: 1, by: AGENTS.target });
    expect(later!.lease).toBeDefined();
    if (shownStatus(later!) === 'paused') await client.resume(c.id, { by: 'test' });
    await client.complete(c.id, { by: AGENTS.target, epoch });
    await expectCompleted(c, await client.result(c.id));
  });
}, 120_000);

test('a run that continued as new still undoes what its first run did', async () => {
  await withCase({ procedure: 'AGENT_HANDOFF_STANDARD', address: server.address, occupied: true }, async (c) => {
    await c.returns();
    await c.begin();
    await c.rig.untilStatus(c.id, 'awaiting_acceptance');
    await fill(c, () => c.rig.client.extend(c.id, { by: 'test', minutes: 1 }));
    await c.rig.client.reject(c.id, { by: AGENTS.target, reason: 'not for me' });
    await expectUndone(c, await c.rig.client.result(c.id), 'rejected');
  });
}, 120_000);

test('a run does not continue as new while a part is taken back, and what is left to decide goes along', async () => {
  await withCase({ procedure: 'CRASH_HOLD', fails: true, address: server.address }, async (c) => {
    const { client } = c.rig;
    const op = (n: number) => ({ by: 'op', reason: 'at 3 a.m.', incidentId: `inc-${n}` });
    const incident = (n: number) => c.rig.until(c.id, (s) => s.state?.incidents[0]?.id === `inc-${n}`, 40_000);
    const refuses = `${linesFile(c.rig.folder, c.id)}.refuses`;
    writeFileSync(refuses, '');
    await c.returns();
    await c.begin();
    await incident(1);
    await client.rollback(c.id, { ...op(1), toStep: 'send' });
    await incident(2);
    const first = await runOf(c);
    const length = async () =>
      (await c.rig.temporal.workflow.getHandle(workflowIdOf(c.id), first).describe()).historyLength;
    while ((await length()) < 80) await client.extend(c.id, { by: 'test', minutes: 1 });
    expect(await runOf(c)).toBe(first);

    rmSync(refuses);
    await client.retry(c.id, op(2));
    const { state } = await incident(3);
    expect(state!.incidents).toMatchObject([{ step: 'send', error: { code: 'ROLLED_BACK' } }]);
    // It ends once its record is written.
    await expect.poll(() => runOf(c), { timeout: 20_000 }).not.toBe(first);
    await c.rig.until(c.id, (s) => s.from === 'run');
    await keepForReplay(c.rig.temporal, workflowIdOf(c.id), first);
    writeFileSync(path.join(c.rig.folder, 'in', `${c.id}.passes`), '');
    await client.retry(c.id, op(3));
    expect(await client.result(c.id)).toMatchObject({
      outcome: 'completed',
      undone: [{ key: `${c.id}/send/1/line`, result: 'undone' }],
    });
    await expectStanding(c, { bring: 1, sync: 1, send: 3 }, ['send/1/line']);
  });
}, 120_000);

test('a run that continues as new stays late, and its outcome says so', async () => {
  const contract = { contract: { sends: {} }, timing: { phase_8_expected_end: '2026-01-13T11:30:00Z' } };
  await withCase({ procedure: 'AGENT_HANDOFF_STANDARD', address: server.address, over: { contract } }, async (c) => {
    await c.returns();
    await c.begin();
    const { state } = await c.rig.untilStatus(c.id, 'awaiting_acceptance');
    expect(state!.late).toMatchObject({ since: Date.parse('2026-01-13T11:30:00Z'), ends: ['source'] });
    await fill(c, () => c.rig.client.extend(c.id, { by: 'test', minutes: 1 }));
    const { state: later } = await c.rig.until(c.id, (s) => s.from === 'run');
    expect(later!.late).toEqual(state!.late);
    await c.rig.client.reject(c.id, { by: AGENTS.target, reason: 'not for me' });
    const outcome = await c.rig.client.result(c.id);
    expect(outcome.late).toEqual(state!.late);
    await expectUndone(c, outcome, 'rejected');
  });
}, 120_000);

test('a run that continues as new knows what was returned, what is owed, and until when', async () => {
  const contract = {
    expects_in_return: { 'a.json': { critical: true }, 'b.json': { critical: true, format: 'json' } },
  };
  const options = { procedure: 'PHASE_TRANSITION_STANDARD', address: server.address, over: { contract } };
  await withCase(options, async (c) => {
    const { client } = c.rig;
    await c.returns();
    await c.begin();
    await c.rig.untilStatus(c.id, 'accepted');
    const submit = async (name: string, text: string) => {
      await c.rig.file(name, text);
      return client.submitReturn(c.id, { by: AGENTS.target, epoch: 1, artifacts: [{ name, path: name }] });
    };
    await submit('a.json', '{}');
    expect(await submit('b.json', 'no')).toMatchObject({ accepted: false, roundsLeft: 2 });
    const { state: before } = await client.status(c.id);
    await fill(c, (n) =>
      n % 2 ? client.pause(c.id, { by: 'test', reason: 'again' }) : client.resume(c.id, { by: 'test' }),
    );
    const { state } = await c.rig.until(c.id, (s) => s.from === 'run');
    if (shownStatus(state!) === 'paused') await client.resume(c.id, { by: 'test' });
    const { state: after } = await c.rig.until(c.id, (s) => shownStatus(s.state!) === 'accepted');
    expect(after!.returns!['a.json']).toEqual(before!.returns!['a.json']);
    expect(after!.returns!['b.json']).toMatchObject({ status: 'expected', rounds: 1 });
    const left = (s: typeof after) => s!.returns!['b.json']!.deadline!.remainingMs;
    expect(left(before) - left(after)).toBeGreaterThanOrEqual(0);
    expect(left(before) - left(after)).toBeLessThan(120_000);
    await submit('b.json', '{}');
    expect((await client.result(c.id)).outcome).toBe('completed');
    expect((await c.ledger()).slice(-2)).toEqual(['Returns/1/a.json applied', 'Returns/1/b.json applied']);
  });
}, 120_000);
