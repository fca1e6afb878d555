import { rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { isPaused, runningSteps, type HandoffState } from '../../core/handoff.js';
import type { RunStatus } from '../../client/runs.js';
import { workflowIdOf } from '../../core/ids.js';
import { QUICK_BUDGET_MS } from '../../core/quick.js';
import type { ChaosCell, ChaosRun, ChaosState } from '../../core/reliability/chaos.js';
import { firings } from '../../faults/fired.js';
import { attach, type Attached } from '../attach.js';
import { startStack, type StackOptions } from '../stack-start.js';
import type { Stack } from '../stack.js';
import { sceneOf, type Scene } from './cells.js';
import { faultsOf } from './faults.js';
import { progressAfter, untilQuiet } from './history.js';
import { play, type Played } from './play.js';
import { expectedOf, nextRequest, prepare, type ReadyRequest, type Template } from './subject.js';

/** A call that nobody answers while the server is away is made again soon. */
const DEADLINE_MS = 2000;
/** How long a handoff may take to where it is struck. */
const REACH_MS = 60_000;
/** How long it may take from there: what takes longer is stuck. */
const END_MS = 120_000;
const POLL_MS = 20;
/** Longer than a record of a state takes, shorter than the wait for a time. */
const QUIET_MS = 2000;
/** How far off a handoff starts that is struck while it waits for its time. */
const START_AFTER_MS = 4000;

/** A stack of its own, on which one handoff at a time is struck. */
export interface Lane {
  strike(cell: ChaosCell, options: { occupied: boolean }): Promise<ChaosRun & { undone: boolean }>;
  close(keep?: boolean): Promise<void>;
}

export async function openLane(template: Template, parts: StackOptions['parts'], folder?: string): Promise<Lane> {
  const stack = await startStack({ workers: 1, parts, ...(folder ? { folder } : {}) });
  let attached: Attached | undefined;
  const close = async (keep?: boolean): Promise<void> => {
    await attached?.close();
    await stack.close(keep);
  };
  try {
    const { procedure } = template;
    attached = await attach(stack, {
      deadlineMs: DEADLINE_MS,
      procedures: [procedure],
      actions: procedure.steps.map((s) => s.action),
      rules: procedure.steps.flatMap((s) => s.rules ?? []),
    });
    await prepare(attached.client, stack, template);
    const on: On = { ...attached, stack, template };
    return { strike: (cell, options) => strike(on, cell, options), close };
  } catch (error) {
    await close();
    throw error;
  }
}

interface On extends Pick<Attached, 'client' | 'temporal' | 'checker'> {
  stack: Stack;
  template: Template;
}

async function strike(
  on: On,
  cell: ChaosCell,
  { occupied }: { occupied: boolean },
): Promise<ChaosRun & { undone: boolean }> {
  const { stack, client, temporal, checker, template } = on;
  const { procedure } = template;
  const scene = sceneOf(procedure, cell);
  const { isUndone } = scene;
  rmSync(stack.failpointRelease, { force: true });
  await stack.rearm(scene.before);
  const struck = deathOf(stack, scene);
  const request = await nextRequest(client, stack, template, occupied);
  const { handoffId: handoff } = request;
  request.metadata = { ...request.metadata, checker: checker.url };
  if (cell.kind === 'state' && cell.state === 'pending')
    request.startAfter = new Date(Date.now() + START_AFTER_MS).toISOString();
  await checker.expect(expectedOf(stack, procedure, request));
  const told = (await checker.report()).violations.length;
  await client.start(request);

  const early = await reach(on, cell, scene, request, struck.isAt);
  if (cell.kind === 'state' && cell.state !== 'retrying' && cell.state !== 'compensating')
    await untilQuiet(temporal, handoff, QUIET_MS);
  const died = early ? undefined : await kill(stack, cell, scene, struck.died);
  const played = early ?? (await play(client, request, { ms: END_MS, repairs: isUndone, rejects: scene.isRejected }));
  const outcome = played.outcome === 'there' ? 'stuck' : played.outcome;
  await checker.ended(handoff, outcome);
  const seen = (await checker.report()).violations.slice(told);
  const known = await faultsOf(client, request, procedure, { cell, outcome, isUndone });
  const times = died === undefined ? {} : await timesOf(temporal, request, died);
  if (outcome === 'stuck' || outcome === 'incident')
    await temporal.workflow
      .getHandle(workflowIdOf(handoff))
      .terminate('the test is over')
      .catch(() => {});
  const undoneSteps = (played.state?.undone ?? []).map((u) => u.key.split('/')[1]);
  return {
    handoff,
    fired: died !== undefined,
    outcome,
    ...times,
    faults: [...seen, ...known].map((f) => (f.includes(handoff) ? f : `${handoff}: ${f}`)),
    undone: cell.kind === 'undo' && undoneSteps.includes(cell.step),
  };
}

/** What tells that the handoff is where it is struck, and when the worker that it had then died by itself. */
function deathOf(stack: Stack, { at }: Scene): { isAt: () => boolean; died: Promise<number> } {
  const before = firings(stack.failpointLog).length;
  const [worker] = stack.workers as [Stack['workers'][number]];
  const isAt = (): boolean =>
    at !== undefined &&
    firings(stack.failpointLog)
      .slice(before)
      .some((f) => f.point === at.point && f.step === at.step && f.fault === at.fault);
  return { isAt, died: worker.gone().then(() => Date.now()) };
}

/** Brings the handoff to where it is struck. Returns what it came to where it ended first. */
async function reach(
  { stack, client }: On,
  cell: ChaosCell,
  { at, isUndone, isRejected }: Scene,
  request: ReadyRequest,
  isAt: () => boolean,
): Promise<Played | undefined> {
  const state = cell.kind === 'state' ? cell.state : undefined;
  const reaching: { over?: Played } = {};
  void play(client, request, {
    ms: REACH_MS,
    isOver: isAt,
    isThere: (s) => at === undefined && state !== undefined && isIn(state, s),
    repairs: isUndone && state !== 'incident',
    rejects: isRejected,
  }).then((played) => (reaching.over = played));
  // Nobody waits for a question that a dead worker does not answer.
  while (!reaching.over && !isAt()) await sleep(POLL_MS);
  const { over } = reaching;
  if (over && over.outcome !== 'there') return over;
  if (state !== 'paused') return undefined;
  // It stands within a step, and is told to pause; then that step may end.
  await client.pause(request.handoffId, { by: 'chaos', reason: 'a test' });
  // What runs with the registration is over by then: the steps after it hear of the pause.
  await sleep(2 * QUICK_BUDGET_MS);
  writeFileSync(stack.failpointRelease, '');
  const paused = await play(client, request, {
    ms: REACH_MS,
    looksOnly: true,
    isThere: ({ state: s }) => isPaused(s) && runningSteps(s).length === 0,
  });
  return paused.outcome === 'there' ? undefined : paused;
}

function isIn(state: ChaosState, { status, state: s, retries = [] }: RunStatus & { state: HandoffState }): boolean {
  if (state === 'incident') return s.incidents.length > 0;
  if (state === 'retrying') return retries.some((r) => r.nextAt !== undefined);
  return status === state;
}

/** Kills, and starts again what was killed. Returns when it died, milliseconds. */
async function kill(stack: Stack, cell: ChaosCell, scene: Scene, died: Promise<number>): Promise<number> {
  const { server } = stack;
  const [worker] = stack.workers as [Stack['workers'][number]];
  let killed = Number.NaN;
  if (cell.victim === 'worker' && scene.at?.fault === 'kill') killed = await died;
  else {
    // Nothing that they did before comes after it.
    if (cell.victim !== 'server') await worker.kill();
    if (cell.victim !== 'worker') await server!.kill();
    killed = Date.now();
  }
  if (cell.victim !== 'worker') await server!.restart();
  writeFileSync(stack.failpointRelease, '');
  if (cell.victim !== 'server') await worker.restart(scene.after);
  // Its worker lives on, with what keeps the incident from being repaired.
  else if (cell.kind === 'state' && cell.state === 'incident') await stack.rearm(scene.after);
  return killed;
}

async function timesOf(
  temporal: Client,
  { handoffId, startAfter }: ReadyRequest,
  died: number,
): Promise<Pick<ChaosRun, 'recoveryMs' | 'endedMs'>> {
  // One that waits for its time does nothing before.
  const from = Math.max(died, startAfter === undefined ? 0 : Number(new Date(startAfter)));
  const { at, closedAt } = await progressAfter(temporal, handoffId, from);
  return {
    ...(at === undefined ? {} : { recoveryMs: at - from }),
    ...(closedAt === undefined ? {} : { endedMs: closedAt - died }),
  };
}
