import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { planText } from '../../src/cli/text/plan-text.js';
import { paintFor } from '../../src/cli/text/text.js';
import { rowOf, etaText } from '../../src/cli/watch/rows.js';
import type { HandoffSummary } from '../../src/client/summary.js';
import type { HandoffRequest } from '../../src/core/request.js';
import type { HandoffPlan } from '../../src/plan/plan.js';
import { Parts } from '../rig/parts.js';
import { Rig } from '../rig/rig.js';
import { rowsOf } from '../rig/untouched.js';

const PROCEDURE = 'CONTRACT_HANDOFF_STANDARD';
const named = (id: string, over: object) => ({
  procedure_id: id,
  version: '1.0.0',
  name: 'Own',
  steps: [{ step_id: 'go', name: 'Go', action: 'trigger', ...over }],
});
const workflow = { type: 'Build', taskQueue: 'q' };
const procedures = [
  named('SIGNALS', { compensation: 'irreversible', with: { signal: { workflowId: 'w', signalName: 'next' } } }),
  {
    ...named('STARTS', { with: { workflow: { ...workflow, workflowId: 'build-13', args: [1] } } }),
    rollback_procedures: [{ rollback_id: 'stop', name: 'Stop the Build', steps: ['go'] }],
  },
];
let rig: Rig;
beforeAll(async () => {
  const parts = new Parts().options;
  rig = await Rig.create({ ...parts, procedures: [...(parts.procedures ?? []), ...procedures] });
});
afterAll(() => rig.close());

const planOf = async (procedure: string, over: Partial<HandoffRequest> = {}): Promise<HandoffPlan> =>
  rig.client.plan(await rig.request(procedure, over));
const textOf = (plan: HandoffPlan): string =>
  planText(paintFor(process.stdout), plan, 'handoff run x', 200).replaceAll(/\u001b\[\d+m/g, '');
const inDays = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString();
const contractWith = (timing: Record<string, string>) => ({ contract: { sends: {} }, timing });
const to13 = { source: { phase: 8 }, target: { phase: 13 }, artifacts: [] };

describe('a plan says what would be triggered, and triggers nothing', () => {
  test.each<[string, string, HandoffRequest['trigger'], string, boolean, string[]]>([
    ['nothing', PROCEDURE, undefined, 'has nothing to trigger', false, []],
    [
      'a signal',
      PROCEDURE,
      { signal: { workflowId: 'w-1', signalName: 'next' } },
      'signals next to workflow w-1 with what has arrived',
      true,
      [],
    ],
    [
      'a webhook, without what its query may hide',
      PROCEDURE,
      { webhook: { url: 'http://127.0.0.1:1/go?token=secret', headers: { a: 'secret' } } },
      'calls http://127.0.0.1:1/go with what has arrived',
      true,
      [],
    ],
    [
      'a child, which can be cancelled',
      PROCEDURE,
      { workflow },
      'starts workflow Build as handoff/<id>/next/1 on task queue q with what has arrived; an undo cancels it',
      false,
      ['Phase Trigger, by Cancel the Child (cancel_child)'],
    ],
    ["a step's own signal", 'SIGNALS', undefined, 'signals next to workflow w with what has arrived', true, []],
    [
      "a step's own child",
      'STARTS',
      undefined,
      'starts workflow Build as build-13 on task queue q with the arguments given; an undo cancels it',
      false,
      ['Go, by Stop the Build (stop)'],
    ],
  ])('%s', async (_, procedure, trigger, deed, oneWay, rollback) => {
    const before = await rowsOf(rig.storage);
    const request = await rig.request(procedure, trigger ? { trigger } : {});
    const rows = await rowsOf(rig.storage);
    const plan = await rig.client.plan(request);
    expect(plan.issues).toEqual([]);
    expect(await rowsOf(rig.storage)).toEqual(rows);
    expect(rows).not.toEqual(before);
    const text = textOf(plan);
    expect(text).toContain(`: ${deed}\n`);
    expect(text).not.toContain('secret');
    expect(plan.irreversible.map((s) => s.action)).toEqual(oneWay ? ['trigger'] : []);
    const lines = plan.rollback.map((u) => `${u.name}, by ${u.rollback.name} (${u.rollback.id})`);
    expect(lines.slice(0, rollback.length)).toEqual(rollback);
    expect(lines.filter((l) => l.includes('cancel_child'))).toHaveLength(rollback[0]?.includes('cancel_child') ? 1 : 0);
  });

  test('and until when it would be held; the expiry counts from then on', async () => {
    const at = inDays(3);
    const contract = contractWith({ phase_13_can_start_after: at });
    const { request, ...plan } = await planOf(PROCEDURE, { ...to13, contract, expiresInMinutes: 60 });
    expect(request).toMatchObject({
      triggerAfter: at,
      expiresAt: new Date(Date.parse(at) + 3_600_000).toISOString(),
    });
    expect(textOf({ request, ...plan })).toContain('its target not before ');
    const over = await planOf(PROCEDURE, { ...to13, contract: contractWith({ phase_13_can_start_after: inDays(-3) }) });
    expect(over.request.triggerAfter).toBeUndefined();
  });
});

describe('what is refused at the start, and by a plan alike', () => {
  const trigger = { workflow };
  const soon = inDays(1);
  test.each<[string, string, Partial<HandoffRequest>, string]>([
    ['a trigger that no step takes', 'WORK_ONLY', { trigger }, '/trigger: WORK_ONLY has no trigger step'],
    ['a second one', 'SIGNALS', { trigger }, '/trigger: step go of SIGNALS says itself what it triggers'],
    [
      'an expiry before the target may start',
      PROCEDURE,
      { ...to13, expiresAt: soon, contract: contractWith({ phase_13_can_start_after: inDays(2) }) },
      "/expiresAt: must be after the contract's timing lets the target start (",
    ],
    [
      'an address that is none',
      PROCEDURE,
      { trigger: { webhook: { url: 'mailto:a' } } },
      '/trigger/webhook/url: must begin',
    ],
  ])('%s', async (_, procedure, over, message) => {
    const request = await rig.request(procedure, over);
    for (const call of [() => rig.client.start(request), () => rig.client.plan(request)]) {
      await expect(call()).rejects.toMatchObject({
        code: 'INVALID_REQUEST',
        message: expect.stringContaining(message) as string,
      });
    }
    expect(await rig.storage.handoffs.find(request.handoffId)).toBeUndefined();
  });

  test('an expiry before a date that holds nothing there is taken', async () => {
    const contract = contractWith({ phase_13_can_start_after: inDays(2) });
    expect((await planOf('PHASE_TRANSITION_STANDARD', { ...to13, expiresAt: soon, contract })).issues).toEqual([]);
  });
});

test('who watches sees what waits for its date, and what is late, before what only runs', async () => {
  const timing = {
    phase_8_expected_end: inDays(-2),
    phase_13_can_start_after: inDays(2),
    phase_13_expected_end: inDays(3),
  };
  const id = await rig.start(PROCEDURE, { ...to13, contract: contractWith(timing) });
  const { state, subject, status } = await rig.until(id, (s) => s.state?.waitsUntil !== undefined);
  const row = rowOf(
    { handoffId: id, status, procedure: PROCEDURE, createdAt: 0, state: state!, subject: subject! },
    [],
    Date.now(),
  );
  expect(row).toMatchObject({
    late: 'overdue',
    waitsFor: expect.stringMatching(/^phase 13 to be allowed to start, 20/) as string,
  });
  expect(etaText(row)).toMatch(/^LATE: phase 8 was expected to end by /);
  const list = async (): Promise<HandoffSummary | undefined> => (await rig.client.list({ session: `s-${id}` }))[0];
  await expect.poll(list, { timeout: 10_000 }).toMatchObject({
    blocked: expect.stringMatching(/^waits for phase 13 to be allowed to start/) as string,
    late: { ends: ['source'] },
  });
  const listed = await list();
  await rig.client.cancel(id, { by: 'op', reason: 'a test' });
  expect(await rig.client.result(id)).toMatchObject({ outcome: 'cancelled', late: listed!.late! });
});
