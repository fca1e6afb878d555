import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HandoffClient } from '../../src/client.js';
import { workflowIdOf } from '../../src/core/ids.js';
import type { HandoffRequest } from '../../src/core/request.js';
import type { HandoffPlan } from '../../src/plan/plan.js';
import { handoff, launch } from '../cli/rig.js';
import { OwnActions } from '../handoff/own-actions.js';
import { eventually } from '../handoff/return-parts.js';
import { AGENTS, Rig } from '../rig/rig.js';
import { rowsOf, treeOf } from '../rig/untouched.js';
import { LARGE, WHOLE, example4, example5 } from './procedures.js';

const folder = mkdtempSync(path.join(tmpdir(), 'handoff-untouched-'));
/** What is not compared. */
const beside = mkdtempSync(path.join(tmpdir(), 'handoff-untouched-'));
const own = new OwnActions(path.join(folder, 'notes'));
const PROCEDURES = [
  'PHASE_TRANSITION_STANDARD',
  'CONTRACT_HANDOFF_STANDARD',
  'AGENT_HANDOFF_STANDARD',
  example4.procedure_id,
  ...example5.procedures.map((p) => p.procedure_id),
  LARGE.procedure_id,
  WHOLE.procedure_id,
];
let rig: Rig;
let client: HandoffClient;
beforeAll(async () => {
  rig = await Rig.create({
    actions: [...own.actions, ...example5.actions],
    rules: example5.rules,
    procedures: [example4, ...example5.procedures, LARGE, WHOLE],
  });
  const { temporal, storage, taskQueue } = rig;
  client = new HandoffClient({ temporal, storage, taskQueue, rules: example5.rules });
  // An open handoff, so that there is something that could be changed.
  await rig.untilStatus(await rig.start('AGENT_HANDOFF_STANDARD', { handoffId: 'open' }), 'awaiting_acceptance');
  rig.leftOpen.add('open');
  await eventually(isStill, Boolean);
});
afterAll(async () => {
  await rig.close();
  for (const made of [folder, beside]) rmSync(made, { recursive: true, force: true });
});

const visible = async (): Promise<string[]> => {
  const found = [];
  for await (const w of rig.temporal.workflow.list({ query: `TaskQueue = '${rig.taskQueue}'` }))
    found.push(w.workflowId);
  return found;
};

/** What changes by itself for a moment after the offer: the record, what still runs, and what Temporal lists. */
async function isStill(): Promise<boolean> {
  const { raw } = await rig.temporal.workflow.getHandle(workflowIdOf('open')).describe();
  const atWork = raw.pendingWorkflowTask || raw.pendingActivities?.length;
  const stored = await rig.storage.handoffs.find('open');
  return !atWork && stored?.status === 'awaiting_acceptance' && (await visible()).length === 1;
}

/** All that a dry run must leave alone. */
async function world(id: string): Promise<object> {
  const described = await rig.temporal.workflow
    .getHandle(workflowIdOf(id))
    .describe()
    .catch((error: Error) => error.name);
  return {
    rows: await rowsOf(rig.storage),
    files: treeOf(rig.folder, folder),
    ledger: await rig.client.effects('open'),
    visible: await visible(),
    run: described,
    acted: [...own.calls, ...own.sent],
  };
}

const cliArgs = (file: string): string[] => {
  const { address, taskQueue, storage } = rig;
  const files = ['--folder', storage.folder, '--source', path.join(rig.folder, 'in')];
  return ['plan', file, '--json', ...files, '--address', address, '--task-queue', taskQueue];
};

function requestFile(request: HandoffRequest): string {
  const file = path.join(beside, 'request.json');
  writeFileSync(file, JSON.stringify(request));
  return file;
}

test('every procedure that is known here is among those below', async () => {
  const known = (await rig.client.procedures()).map((p) => p.procedure_id);
  expect(PROCEDURES.toSorted()).toEqual(known.toSorted());
});

describe('a dry run leaves ledger, files, database and visibility untouched', () => {
  test.each(PROCEDURES)('%s', async (id) => {
    const request = await rig.request(id, { instructions: `by ${id}` });
    const before = await world(request.handoffId);
    const plan = await client.plan(request);
    expect(await world(request.handoffId), 'through the client').toEqual(before);
    const args = cliArgs(requestFile(request));
    const { code, stdout, stderr } = await handoff([...args, '--module', 'examples/05-own-action.mjs']);
    expect(await world(request.handoffId), 'by the command line').toEqual(before);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const untimed = (p: HandoffPlan): object => ({ ...p, request: { ...p.request, expiresAt: '' } });
    expect(untimed(JSON.parse(stdout) as HandoffPlan), 'both say the same').toEqual(untimed(plan));
    expect(plan).toMatchObject({
      ready: true,
      issues: [],
      procedure: { id },
      request: { handoffId: request.handoffId },
    });
  });

  test('a request of which much is wrong', async () => {
    const request = await rig.request('WHOLE', {
      source: { agent: '@nobody', phase: 99 },
      artifacts: [{ name: 'missing.txt', path: 'missing.txt' }],
      contextVersions: { architecture: 7 },
    });
    const before = await world(request.handoffId);
    expect((await client.plan(request)).ready).toBe(false);
    const { code } = await handoff(cliArgs(requestFile(request)));
    expect(code).toBe(1);
    expect(await world(request.handoffId)).toEqual(before);
  });

  test('a rule that tries to write: it is refused, and nothing is there', async () => {
    const tries = {
      id: 'OWN001',
      name: 'Writes',
      severity: 'high' as const,
      check: async ({ storage, subject }: Parameters<(typeof example5.rules)[0]['check']>[0]) => {
        await storage.blobs.put('kept only in memory', 'text/plain');
        await storage.sessions.set(subject.session, 'k', 1, 'the rule');
        return { passed: true, message: 'written' };
      },
    };
    const { temporal, storage, taskQueue } = rig;
    const other = new HandoffClient({ temporal, storage, taskQueue, rules: [tries] });
    const request = await rig.request('TICKET_HANDOFF');
    const before = await world(request.handoffId);
    const { steps } = await other.plan(request);
    expect(steps[0]!.rules[0]).toMatchObject({
      result: 'failed',
      message: 'the rule itself failed: attempt to write a readonly database',
    });
    expect(await world(request.handoffId)).toEqual(before);
  });
});

test('a dry run that is killed midway and run again is still a dry run', async () => {
  let asked = 0;
  let answers = false;
  const server = createServer((_, res) => {
    asked++;
    if (answers) res.writeHead(204).end();
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  await rig.client.agents.add({ name: '@slow', endpoint, heartbeatSeconds: 3600 });
  for (let beat = 0; beat < 3; beat++) await rig.client.agents.heartbeat('@slow');
  await rig.client.addProcedure({
    procedure_id: 'PROBES_LAST',
    version: '1.0.0',
    name: 'Probes last',
    steps: [
      { step_id: 'bring', name: 'Bring', action: 'transfer' },
      { step_id: 'sync', name: 'Synchronise', action: 'sync_state' },
      { step_id: 'probe', name: 'Probe', action: 'validate', rules: ['VR006'] },
    ],
    rollback_procedures: [{ rollback_id: 'back', name: 'Back', steps: ['bring', 'sync'] }],
  });
  const request = await rig.request('PROBES_LAST', {
    source: { agent: AGENTS.source, phase: 8 },
    target: { agent: '@slow' },
  });
  const before = await world(request.handoffId);
  try {
    const first = launch(cliArgs(requestFile(request)));
    await expect.poll(() => asked, { timeout: 50_000 }).toBe(1);
    first.child.kill('SIGKILL');
    expect(await first.ended).toMatchObject({ signal: 'SIGKILL', stdout: '' });
    expect(await world(request.handoffId), 'killed').toEqual(before);
    answers = true;
    const again = await handoff(cliArgs(requestFile(request)));
    expect(again).toMatchObject({ code: 0, stderr: '' });
    expect(asked).toBe(4);
    expect(JSON.parse(again.stdout)).toMatchObject({ ready: true });
    expect(await world(request.handoffId), 'run again').toEqual(before);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test('visibility: after all of these, only what was really started is there', async () => {
  const before = await visible();
  expect(before).toEqual(['handoff/open']);
  const id = await rig.start('TICKET_HANDOFF', { acceptance: 'auto' });
  await rig.client.result(id);
  // What a dry run had started before would be seen no later than this.
  await expect.poll(visible, { timeout: 50_000 }).toContain(workflowIdOf(id));
  expect((await visible()).toSorted()).toEqual([workflowIdOf(id), 'handoff/open'].toSorted());
});
