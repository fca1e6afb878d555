import { afterAll, describe, expect, test } from 'vitest';
import { isClosed, shownStatus } from '../../src/core/handoff.js';
import { workflowIdOf } from '../../src/core/ids.js';
import { cancelSignal, pauseSignal } from '../../src/messages.js';
import { chosen, withCase, type Case, type CaseOptions } from './case.js';
import { replayKept } from './replay.js';

// A handoff that is about to complete hears what came before that is on record, however long its record takes.
afterAll(replayKept);

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function reached(c: Case, point: string): Promise<void> {
  for (const end = Date.now() + 30_000; c.workers[0]!.fired(point) === 0; await sleep(20))
    if (Date.now() > end) throw new Error(`${point} never fired`);
}

/** What stalls has gone on since, and had the time to do what it must not. */
async function over(c: Case): Promise<void> {
  const isOver = (point: string): boolean => c.workers[0]!.fired(point, '=over') > 0;
  const points = Object.values(PLACES).map((p) => p.point);
  // The attempt of a worker that was killed comes again after 5 s, and a back-off of 1 s.
  for (const end = Date.now() + 7000; !points.some(isOver) && Date.now() < end;) await sleep(50);
  await sleep(700);
}

const handleOf = (c: Case) => c.rig.temporal.workflow.getHandle(workflowIdOf(c.id));

/** How often an action was given to the workers: on a busy machine that is some time before it begins. */
async function given(c: Case, action: string): Promise<number> {
  const { events } = await c.rig.history(c.id);
  return events!.filter((e) => e.activityTaskScheduledEventAttributes?.activityType?.name === action).length;
}

/** A pause holds, also once what stalled has gone on; nothing is on record as completed before it is resumed. */
async function expectPaused(c: Case): Promise<void> {
  await c.rig.until(c.id, (s) => s.from === 'run' && shownStatus(s.state!) === 'paused', 30_000);
  await over(c);
  const { from, state } = await c.rig.client.status(c.id);
  expect([from, shownStatus(state!)]).toEqual(['run', 'paused']);
  const { status } = (await c.rig.storage.handoffs.find(c.id))!;
  expect(isClosed(status as never)).toBe(false);
  expect((await c.ledger()).every((row) => row.endsWith(' applied'))).toBe(true);
  await c.rig.client.resume(c.id, { by: 'test' });
  await expectCompleted(c);
}

async function expectCompleted(c: Case): Promise<void> {
  expect((await c.rig.client.result(c.id)).outcome).toBe('completed');
}

async function expectCancelled(c: Case): Promise<void> {
  expect((await c.rig.client.result(c.id)).outcome).toBe('cancelled');
  expect((await c.ledger()).every((row) => row.endsWith(' undone'))).toBe(true);
  expect(await c.look()).toEqual(c.before);
}

/** Sent past our client, at once: it asks whether the handoff is open. */
const SEND: Record<string, (c: Case) => Promise<unknown>> = {
  pause: (c) => handleOf(c).signal(pauseSignal, { by: 'test', reason: 'lunch' }),
  cancel: (c) => handleOf(c).signal(cancelSignal, { by: 'test', reason: 'enough' }),
  'Cancel of Temporal': (c) => handleOf(c).cancel(),
  // Heard, and yet answered after the end: it is refused then.
  extension: (c) => c.rig.client.extend(c.id, { by: 'test', minutes: 30 }).catch((e: { code: string }) => e.code),
};

/** What must come of a message. */
function expectHeard(c: Case, message: string): Promise<void> {
  if (message === 'pause') return expectPaused(c);
  return message === 'extension' ? expectCompleted(c) : expectCancelled(c);
}

interface Place extends CaseOptions {
  point: string;
  fault?: string;
}

/** Where a handoff may be late on its way to its completion, all in the task in which it would be recorded. */
const PLACES: Record<string, Place> = {
  'with its registration': { procedure: 'PHASE_TRANSITION_STANDARD', point: 'close.before' },
  'during its first steps': { procedure: 'PHASE_TRANSITION_STANDARD', point: 'validate.before.handoff_validation' },
  'accepted at once': {
    procedure: 'AGENT_HANDOFF_STANDARD',
    over: { acceptance: 'auto' },
    point: 'validate.before.handoff_confirmation',
  },
  'at a check after all else': { procedure: 'CRASH_CHECKED', point: 'validate.before.check' },
  'at its record': { procedure: 'CRASH_WHOLE', point: 'close.before' },
  'at its record, longer than a local activity may last': {
    procedure: 'CRASH_WHOLE',
    point: 'close.before',
    fault: 'delay:4500@1',
  },
};

const cases = Object.keys(PLACES).flatMap((place, p) =>
  Object.keys(SEND).map((message, m) => ({ place, message, short: message === 'pause' || (p + m) % 4 === 3 })),
);

describe.concurrent('what comes 1.5 s before it would be recorded as completed counts', { timeout: 90_000 }, () => {
  test.for(chosen(cases, (c) => c.short))('$message $place', async ({ place, message }) => {
    const { point, fault = 'delay:2000@1', ...options } = PLACES[place]!;
    await withCase(options, async (c) => {
      await c.worker(`${point}=${fault}`);
      await c.begin();
      await reached(c, point);
      await SEND[message]!(c);
      await expectHeard(c, message);
    });
  });
});

/** A handoff that was sent something before: its record is a regular activity. */
describe.concurrent('what comes while its record waits counts', { timeout: 90_000 }, () => {
  const regularly = (fault: string, body: (c: Case) => Promise<void>) =>
    withCase({ procedure: 'CRASH_WHOLE', slowMs: 1000 }, async (c) => {
      await c.worker(`close.before=${fault}`);
      await c.begin();
      await c.rig.until(c.id, () => c.starts() === 1);
      await c.rig.client.extend(c.id, { by: 'test', minutes: 30 });
      await reached(c, 'close.before');
      await body(c);
    });

  test.for(chosen(Object.keys(SEND), (_, i) => i < 2))('%s while its attempt stalls', async (message) => {
    await regularly('delay:4000@1', async (c) => {
      await SEND[message]!(c);
      await expectHeard(c, message);
    });
  });

  test.for(chosen(Object.keys(SEND), (_, i) => i < 1))('%s while no worker is there', async (message) => {
    await regularly('kill@1', async (c) => {
      await c.workers[0]!.gone;
      const sent = SEND[message]!(c);
      // What is answered needs a worker.
      if (message !== 'extension') await sent;
      await c.returns();
      await sent;
      await expectHeard(c, message);
    });
  });
});

test('a pause while the check of a step takes long: it starts once it is resumed', { timeout: 60_000 }, async () => {
  await withCase({ procedure: 'CRASH_GUARDED' }, async (c) => {
    await c.worker('validate.before.gate=delay:2000@1');
    await c.begin();
    await reached(c, 'validate.before.gate');
    await SEND['pause']!(c);
    await c.rig.until(c.id, (s) => s.from === 'run' && shownStatus(s.state!) === 'paused', 30_000);
    await sleep(1000);
    expect(await given(c, 'gate')).toBe(0);
    await c.rig.client.resume(c.id, { by: 'test' });
    await expectCompleted(c);
    expect(c.starts()).toBe(1);
  });
});

test(
  'a pause while its registration takes long: no step starts before it is resumed',
  { timeout: 60_000 },
  async () => {
    await withCase({ procedure: 'CRASH_CHECKED' }, async (c) => {
      await c.worker('open.after=delay:2000@1');
      await c.begin();
      await reached(c, 'open.after');
      await SEND['pause']!(c);
      await c.rig.until(c.id, (s) => s.from === 'run' && shownStatus(s.state!) === 'paused', 30_000);
      await sleep(1000);
      expect(await given(c, 'send_line')).toBe(0);
      await c.rig.client.resume(c.id, { by: 'test' });
      await expectCompleted(c);
      expect(c.calls('act')).toBe(1);
    });
  },
);
