import { expect, test } from 'vitest';
import { workflowIdOf } from '../../src/core/ids.js';
import { pauseSignal, type PauseMessage } from '../../src/messages.js';
import { dropEarlyRuns } from '../../src/workflows/early-query.js';
import { Steps, newSession } from '../pipeline/phases.js';
import { Parts, startWork } from '../rig/parts.js';
import { Rig } from '../rig/rig.js';

const STEP = 'analysis/first';
const by = 'op';
const reason = 'why';
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const many = <T>(count: number, make: () => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, make));
const each = <T, R>(all: readonly T[], what: (one: T) => Promise<R>): Promise<R[]> => Promise.all(all.map(what));

const fired = async (rig: Rig, id: string): Promise<boolean> =>
  Boolean((await rig.history(id)).events?.some((e) => e.timerFiredEventAttributes));

test('what happens while a query waits for a worker takes place in its own task, and replays', async () => {
  const steps = new Steps();
  const rig = await Rig.create({ ...new Parts().options, phases: steps.phases, deadlineMs: 60_000 });
  const told = await many(4, () => startWork(rig, 'WORK_AND_ASK', { expiresInMinutes: 60 }));
  const timed = await many(4, () => startWork(rig, 'WORK_AND_ASK', { expiresInMinutes: 60 }));
  const sessions = Array.from({ length: 3 }, newSession);
  steps.hold(STEP);
  await each(sessions, (session) => rig.pipelines.start({ session }));
  await each([...told, ...timed], (id) => rig.untilStatus(id, 'awaiting_acceptance'));
  await each(timed, (id) => rig.client.pause(id, { by, reason }));
  await each(sessions, (session) => rig.pipelines.until(session, (s) => s.resumePoint === STEP));

  const time = Date.now() + 5000;
  const until = new Date(time).toISOString();
  const pause = (id: string, message: PauseMessage): Promise<void> =>
    rig.temporal.workflow.getHandle(workflowIdOf(id)).signal(pauseSignal, message);
  await each(timed, (id) => pause(id, { by, reason, until }));
  await each(sessions, (session) => rig.pipelines.pause(session, { until }));
  const expiring = await many(4, () => startWork(rig, 'WORK_AND_ASK', { expiresAt: until }));
  // On a slow machine it is past that time already, and there is nothing to wait for.
  const late = (): boolean => Date.now() > time;
  await each(timed, (id) => rig.until(id, (s) => late() || s.state?.holds.operator?.until !== undefined));
  await each(expiring, (id) => rig.until(id, (s) => late() || s.status === 'awaiting_acceptance'));
  await each(sessions, (session) => rig.pipelines.until(session, (s) => late() || s.shown === 'draining'));
  steps.openAll();
  await each(sessions, (session) => rig.pipelines.until(session, (s) => late() || s.shown === 'paused'));
  await rig.stopWorker();

  const asked = each([...told, ...timed, ...expiring], (id) => rig.client.status(id));
  const pipelinesAsked = each(sessions, (session) => rig.pipelines.status(session).catch((error: Error) => error));
  for (const id of [...timed, ...expiring])
    while (Date.now() < time + 5000 && !(await fired(rig, id))) await sleep(100);
  const sentAt = Date.now();
  await each(told, (id) => pause(id, { by, reason }));
  await rig.startWorker();

  // Those that expired are busy, and may have no time to answer.
  const quiet = (await asked).slice(0, told.length + timed.length);
  expect(quiet.map((s) => s.from)).toEqual(quiet.map(() => 'run'));
  await pipelinesAsked;
  const paused = await each(told, (id) => rig.until(id, (s) => s.state?.pausedSince !== undefined));
  for (const { state } of paused) expect(state?.pausedSince).toBeGreaterThanOrEqual(sentAt);
  await each(timed, (id) => rig.until(id, (s) => s.state?.pausedSince === undefined));
  await each([...told, ...timed], (id) => rig.client.cancel(id, { by, reason }));
  await each([...told, ...timed, ...expiring], (id) => rig.client.result(id));
  await each(sessions, (session) => rig.pipelines.handle(session).result());
  await rig.close();
}, 240_000);

type Input = Parameters<NonNullable<ReturnType<typeof dropEarlyRuns>['activate']>>[0];
type Shown = [job: string, length: number, at: number, replayed?: boolean];

/** Whether the query at the end of what a run was shown is answered. */
function answers(...all: readonly Shown[]): boolean {
  const interceptor = dropEarlyRuns();
  const show = ([job, historyLength, at, isReplaying = false]: Shown): boolean => {
    const jobs = [job === 'bound' || job === 'alone' ? { queryWorkflow: { queryId: queryIds[job] } } : { [job]: {} }];
    let passed = false;
    const activation = { timestamp: { seconds: { toString: () => String(at) }, nanos: 5 }, historyLength, isReplaying };
    interceptor.activate!({ activation: { ...activation, jobs }, batchIndex: 0 } as Input, () => void (passed = true));
    return passed;
  };
  for (const one of all.slice(0, -1)) expect(show(one)).toBe(true);
  try {
    return show(all.at(-1)!);
  } catch (error) {
    if ((error as { type?: string }).type !== 'QUERY_TOO_EARLY') throw error;
    return false;
  }
}
const queryIds = { bound: '7127d0ee', alone: 'legacy_query' };

test.each<[boolean, string, Shown[]]>([
  [
    true,
    'after a task',
    [
      ['initializeWorkflow', 3, 1],
      ['alone', 3, 1],
    ],
  ],
  [
    true,
    'after two',
    [
      ['initializeWorkflow', 3, 1],
      ['signalWorkflow', 8, 2],
      ['alone', 8, 2],
    ],
  ],
  [
    false,
    'events of no task',
    [
      ['initializeWorkflow', 3, 1],
      ['fireTimer', 7, 1],
      ['alone', 7, 1],
    ],
  ],
  [
    false,
    'a local activity of such',
    [
      ['initializeWorkflow', 3, 1],
      ['fireTimer', 7, 1],
      ['resolveActivity', 7, 1],
      ['alone', 7, 1],
    ],
  ],
  [
    true,
    'a local activity of a task',
    [
      ['initializeWorkflow', 3, 1],
      ['resolveActivity', 3, 1],
      ['alone', 3, 1],
    ],
  ],
  [
    true,
    'nothing but replay',
    [
      ['initializeWorkflow', 3, 1, true],
      ['signalWorkflow', 8, 2, true],
      ['alone', 9, 2],
    ],
  ],
  [
    false,
    'the first that is no replay',
    [
      ['initializeWorkflow', 3, 1, true],
      ['signalWorkflow', 8, 2],
      ['alone', 8, 2],
    ],
  ],
  [
    true,
    'the second',
    [
      ['initializeWorkflow', 3, 1, true],
      ['signalWorkflow', 8, 2],
      ['fireTimer', 12, 3],
      ['alone', 12, 3],
    ],
  ],
  [
    true,
    'an update',
    [
      ['initializeWorkflow', 3, 1, true],
      ['doUpdate', 8, 2],
      ['alone', 8, 2],
    ],
  ],
  [
    true,
    'a query of a task',
    [
      ['initializeWorkflow', 3, 1, true],
      ['signalWorkflow', 8, 2],
      ['bound', 8, 2],
      ['alone', 8, 2],
    ],
  ],
  [
    false,
    'events after a query of a task',
    [
      ['initializeWorkflow', 3, 1],
      ['bound', 6, 2],
      ['fireTimer', 9, 2],
      ['alone', 9, 2],
    ],
  ],
])('a query is answered: %s, %s', (answered, _, shown) => {
  expect(answers(...shown)).toBe(answered);
});
