import { WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../src/core/errors.js';
import type { HandoffState, MessageName, Status } from '../../src/core/handoff.js';
import { workflowIdOf } from '../../src/core/ids.js';
import { Parts, newId, startWork } from '../rig/parts.js';
import { AGENTS, Rig } from '../rig/rig.js';

const parts = new Parts();
let rig: Rig;
beforeAll(async () => {
  rig = await Rig.create(parts.options);
});
afterAll(async () => {
  parts.openAll();
  await rig.close();
});

const by = AGENTS.target;
const repair = { by: 'op', reason: 'why', incidentId: 'inc-1' };
/** A whole message of each kind, so that only the state can be wrong. */
const MESSAGES: Record<MessageName, object> = {
  pause: { by: 'op', reason: 'why' },
  resume: { by: 'op' },
  cancel: { by: 'op', reason: 'why' },
  accept: { by },
  reject: { by, reason: 'why' },
  complete: { by, epoch: 1 },
  submitReturn: { by, epoch: 1, artifacts: [{ name: 'app.json', path: 'app.json' }] },
  extendExpiry: { by: 'op', minutes: 5 },
  retryStep: repair,
  resolveIncident: repair,
  skipStep: repair,
  rollback: repair,
};
const SIGNALS: MessageName[] = ['pause', 'resume', 'cancel'];

const NO_INCIDENT: Refusals = {
  retryStep: 'INCIDENT_NOT_OPEN',
  resolveIncident: 'INCIDENT_NOT_OPEN',
  skipStep: 'INCIDENT_NOT_OPEN',
  rollback: 'INCIDENT_NOT_OPEN',
};
const NOT_OFFERED: Refusals = { accept: 'WRONG_STATE', reject: 'WRONG_STATE' };
const NOT_ACCEPTED: Refusals = { complete: 'WRONG_STATE', submitReturn: 'WRONG_STATE' };
const NOT_PAUSED: Refusals = { resume: 'WRONG_STATE' };
const NOTHING_FITS = Object.fromEntries(Object.keys(MESSAGES).map((m) => [m, 'WRONG_STATE'])) as Refusals;
type Refusals = Partial<Record<MessageName, ErrorCode>>;
/** What each state refuses; whatever is not named here, it takes. Written by hand from SPEC.md, not from the code. */
const REFUSED: Record<Status, Refusals> = {
  pending: { ...NO_INCIDENT, ...NOT_PAUSED, ...NOT_OFFERED, ...NOT_ACCEPTED },
  running: { ...NO_INCIDENT, ...NOT_PAUSED, ...NOT_OFFERED, ...NOT_ACCEPTED },
  awaiting_acceptance: { ...NO_INCIDENT, ...NOT_PAUSED, ...NOT_ACCEPTED },
  accepted: {
    ...NO_INCIDENT,
    ...NOT_PAUSED,
    accept: 'ALREADY_ACCEPTED',
    reject: 'WRONG_STATE',
    submitReturn: 'RETURN_UNKNOWN',
    extendExpiry: 'WRONG_STATE',
  },
  compensating: { ...NOTHING_FITS, ...NO_INCIDENT },
  completed: NOTHING_FITS,
  rejected: NOTHING_FITS,
  expired: NOTHING_FITS,
  cancelled: NOTHING_FITS,
  failed: NOTHING_FITS,
};

const OFFERED = ['awaiting_acceptance', 'accepted', 'compensating', 'completed', 'rejected', 'cancelled'];

/** A handoff in that state, which stays there. */
async function reach(status: Status): Promise<string> {
  const id = newId();
  if (status === 'running') parts.hold(id, 'act');
  if (status === 'failed') parts.fail(id, 'act');
  if (status === 'compensating') parts.hold(id, 'undo');
  await startWork(rig, 'WORK_AND_ASK', {
    handoffId: id,
    ...(status === 'pending' ? { startAfter: new Date(Date.now() + 3_600_000) } : {}),
    ...(status === 'expired' ? { expiresInMinutes: 0.01 } : {}),
  });
  if (OFFERED.includes(status)) await rig.untilStatus(id, 'awaiting_acceptance');
  if (status === 'accepted' || status === 'completed') await rig.client.accept(id, { by });
  if (status === 'completed') await rig.client.complete(id, { by, epoch: 1 });
  if (status === 'rejected') await rig.client.reject(id, { by, reason: 'no' });
  if (status === 'cancelled' || status === 'compensating') await rig.client.cancel(id, { by: 'op', reason: 'no' });
  if (status === 'running') await rig.until(id, (s) => s.state?.steps['work']?.status === 'running');
  await rig.untilStatus(id, status);
  if (!['pending', 'running', 'awaiting_acceptance', 'accepted', 'compensating'].includes(status))
    await rig.client.result(id);
  else rig.leftOpen.add(id);
  return id;
}

/** Until the history stands still: a projection or an undo may still be on its way. */
async function settled(id: string): Promise<void> {
  for (let before = '', now = await events(id); before !== now; now = await events(id)) {
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 400));
  }
}

const stateOf = async (id: string): Promise<HandoffState> => (await rig.client.status(id)).state!;
/**
 * The kinds of all events in the history of a handoff. While an activity beats, the server writes down the workflow
 * task in which an update was refused, without the update; such empty tasks are left out there.
 */
async function events(id: string): Promise<string> {
  const { state } = await rig.client.status(id);
  const beating = state?.status === 'running' || state?.status === 'compensating';
  const kinds = (await rig.history(id)).events!.map((e) => Object.keys(e).find((k) => k.endsWith('Attributes')) ?? '');
  return kinds.filter((k) => !beating || !k.startsWith('workflowTask')).join('\n');
}
/** The code of our error that a call through the client gives; undefined where it takes the message. */
async function sent(id: string, name: MessageName, message: object): Promise<string | undefined> {
  const { client } = rig;
  const calls: Record<MessageName, (m: never) => Promise<unknown>> = {
    pause: (m) => client.pause(id, m),
    resume: (m) => client.resume(id, m),
    cancel: (m) => client.cancel(id, m),
    accept: (m) => client.accept(id, m),
    reject: (m) => client.reject(id, m),
    complete: (m) => client.complete(id, m),
    submitReturn: (m) => client.submitReturn(id, m),
    extendExpiry: (m) => client.extend(id, m),
    retryStep: (m) => client.retry(id, m),
    resolveIncident: (m) => client.resolve(id, m),
    skipStep: (m) => client.skip(id, m),
    rollback: (m) => client.rollback(id, m),
  };
  try {
    await calls[name](message as never);
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
  return undefined;
}
/** The type of the failure that a bare Temporal client gets for an update. */
async function sentBare(id: string, name: MessageName, message: object): Promise<string | null | undefined> {
  try {
    await rig.temporal.workflow.getHandle(workflowIdOf(id)).executeUpdate(name, { args: [message] });
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure)
      return error.cause.type;
    return (error as Error).name;
  }
  return undefined;
}

describe.concurrent.each(Object.keys(REFUSED) as Status[])('%s', (status) => {
  const closed = ['completed', 'rejected', 'expired', 'cancelled', 'failed'].includes(status);

  test('refuses what does not fit, by name, and nothing is left of it', async () => {
    const id = await reach(status);
    await settled(id);
    const before = { state: await stateOf(id), events: await events(id), effects: await rig.client.effects(id) };
    const refusals = Object.entries(REFUSED[status]) as [MessageName, ErrorCode][];
    const got: Refusals = {};
    for (const [name] of refusals) got[name] = (await sent(id, name, MESSAGES[name])) as ErrorCode;
    expect(got).toEqual(REFUSED[status]);
    for (const [name, code] of refusals.filter(([n]) => !SIGNALS.includes(n)))
      expect([name, await sentBare(id, name, MESSAGES[name])]).toEqual([name, closed ? 'WorkflowNotFoundError' : code]);
    expect({ state: await stateOf(id), events: await events(id), effects: await rig.client.effects(id) }).toEqual(
      before,
    );
    // Signals cannot be refused: sent past our client they stand in history, and change nothing.
    for (const [name] of refusals.filter(([n]) => !closed && SIGNALS.includes(n)))
      await rig.temporal.workflow.getHandle(workflowIdOf(id)).signal(name, MESSAGES[name]);
    expect(await stateOf(id)).toEqual(before.state);
  });

  const taken = (Object.keys(MESSAGES) as MessageName[]).filter((m) => REFUSED[status][m] === undefined);
  test.runIf(taken.length > 0).each(taken)('takes %s', async (name) => {
    const id = await reach(status);
    const before = await stateOf(id);
    expect(await sent(id, name, MESSAGES[name])).toBeUndefined();
    expect(await stateOf(id)).not.toEqual(before);
    rig.leftOpen.add(id);
  });
});

test('a refusal says what the handoff is, and when the message would fit', async () => {
  const id = await reach('running');
  await expect(rig.client.accept(id, { by })).rejects.toThrow(
    `Handoff ${id} is running; accept is possible only while it is awaiting_acceptance.`,
  );
  await expect(rig.client.resume(id, { by: 'op' })).rejects.toThrow(
    `Handoff ${id} is running and not paused; resume is possible only while it is paused by operator.`,
  );
  await rig.client.pause(id, { by: 'op', reason: 'why' });
  await rig.until(id, (s) => s.state?.holds.operator !== undefined);
  await expect(rig.client.resume(id, { by: 'p', holder: 'parent' })).rejects.toThrow('is paused by operator only');
});

test('an incident that is closed, or never was, takes no repair', async () => {
  const id = newId();
  parts.fail(id, 'act');
  await startWork(rig, 'WORK_OR_HOLD', { handoffId: id });
  await rig.until(id, (s) => s.state?.incidents.length === 1);
  await settled(id);
  const grown = await events(id);
  await expect(rig.client.retry(id, { ...repair, incidentId: 'inc-7' })).rejects.toMatchObject({
    code: 'INCIDENT_NOT_OPEN',
    message: `Handoff ${id} has no open incident inc-7. Open: inc-1. \`handoff show ${id}\` says more.`,
  });
  expect(await events(id)).toBe(grown);
  parts.mend(id, 'act');
  await rig.client.retry(id, repair);
  await rig.untilStatus(id, 'awaiting_acceptance');
  expect(await sent(id, 'retryStep', repair)).toBe('INCIDENT_NOT_OPEN');
  expect(await sent(id, 'resolveIncident', repair)).toBe('INCIDENT_NOT_OPEN');
  rig.leftOpen.add(id);
});

test('a handoff that nobody knows', async () => {
  const names = Object.keys(MESSAGES) as MessageName[];
  const codes = await Promise.all(names.map((name) => sent('h-unknown', name, MESSAGES[name])));
  expect(codes).toEqual(names.map(() => 'HANDOFF_NOT_FOUND'));
  await expect(rig.client.status('h-unknown')).rejects.toThrow('No handoff h-unknown exists.');
  await expect(rig.client.progress('h-unknown')).rejects.toMatchObject({ code: 'HANDOFF_NOT_FOUND' });
  await expect(rig.client.result('h-unknown')).rejects.toMatchObject({ code: 'HANDOFF_NOT_FOUND' });
});

test('an id that is none, and a message that is not whole, are refused before anybody is asked', async () => {
  for (const id of ['../x', 'a\0b', 'x'.repeat(10_000), '', undefined, 5])
    await expect(rig.client.status(id as string)).rejects.toMatchObject({ code: 'INVALID_ID' });
  for (const name of Object.keys(MESSAGES) as MessageName[])
    expect([name, await sent('h-unknown', name, { by: 5 })]).toEqual([name, 'INVALID_MESSAGE']);
});
