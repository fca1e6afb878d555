import { Context } from '@temporalio/activity';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { Action } from '../../src/activities/action.js';
import { isClosed, type HandoffState } from '../../src/core/handoff.js';
import { workflowIdOf } from '../../src/core/ids.js';
import type { Procedure } from '../../src/core/procedure.js';
import { newId } from '../rig/parts.js';
import { AGENTS, type Rig } from '../rig/rig.js';
import type { Begun, Look } from './pause-history.js';
import type { PauseDeed, PauseScenario } from './random-pauses.js';

const by = AGENTS.target;
const message = { by: 'chance', reason: 'at random' };
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const action = 'work_of_chance';
const STEPS = ['s0', 's1', 'ask', 's2', 's3'];

/** Two steps before the target is asked and two after, each of which does what its run's scenario says. */
const PROCEDURE: Procedure = {
  procedure_id: 'PAUSED_AT_RANDOM',
  version: '1.0.0',
  name: 'Paused at random',
  steps: STEPS.map((step_id) => ({
    step_id,
    name: step_id,
    action: step_id === 'ask' ? 'confirm' : action,
    retry: { maximum_attempts: 3, initial_interval: 0.3 },
  })),
  rollback_procedures: [{ rollback_id: 'back', name: 'Back', steps: STEPS.filter((s) => s !== 'ask') }],
};

/** The server's time, and how long a unit of the scenarios is. */
export interface Ticks {
  now(): Promise<number>;
  unitMs: number;
}

export interface PausedRun {
  id: string;
  scenario: PauseScenario;
  startAfter?: number;
  begun: Begun[];
  looks: Look[];
  /** Whether it was sent anything: before, a query beside a local activity makes a history that does not replay. */
  told: boolean;
}

/** Runs that are started, disturbed and looked at; their steps log here when they begin. */
export class PausedRuns {
  readonly all = new Map<string, PausedRun>();
  readonly effects = new Set<string>();

  private readonly work: Action = {
    name: action,
    run: async (context) => {
      const { subject, step } = context.task;
      const { begun, scenario } = this.all.get(subject.handoffId)!;
      const first = !begun.some((b) => b.step === step);
      begun.push({ step, at: Date.now(), scheduled: Context.current().info.currentAttemptScheduledTimestampMs });
      const { takes, fails } = scenario.steps[Number(step.slice(1))]!;
      await sleep(takes);
      if (first && fails) throw new Error('the first attempt fails');
      await context.effect('it', {}, (key) => Promise.resolve(void this.effects.add(key)));
    },
    undo: (effect) => Promise.resolve(void this.effects.delete(effect.key)),
  };

  readonly parts = { procedures: [PROCEDURE], actions: [this.work] };

  async start(rig: Rig, scenario: PauseScenario, ticks: Ticks): Promise<PausedRun> {
    const { startsIn, span, runsOn } = scenario;
    const id = newId();
    const startAfter = startsIn === undefined ? undefined : (await ticks.now()) + startsIn * ticks.unitMs;
    const run: PausedRun = { id, scenario, begun: [], looks: [], told: false, ...(startAfter ? { startAfter } : {}) };
    this.all.set(id, run);
    await rig.client.start({
      handoffId: id,
      procedure: PROCEDURE.procedure_id,
      source: { agent: AGENTS.source },
      target: { agent: by },
      expiresInMinutes: (span * ticks.unitMs) / 60_000,
      ...(runsOn ? { clockWhilePaused: 'run' as const } : {}),
      ...(startAfter ? { startAfter: new Date(startAfter).toISOString() } : {}),
    });
    rig.started.add(id);
    return run;
  }

  /** The effects that a run has left. */
  left(id: string): number {
    return [...this.effects].filter((key) => key.startsWith(`${id}/`)).length;
  }
}

/** Sends a signal as the Web UI does, past our client; false where the run is over. */
export async function signal(rig: Rig, run: PausedRun, name: string, content: object): Promise<boolean> {
  try {
    run.told = true;
    await rig.temporal.workflow.getHandle(workflowIdOf(run.id)).signal(name, content);
    return true;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

const SKEW = { early: -90, late: 90 };

/** One deed; what needs an answer waits for a worker, and is left out where there is none. */
export async function disturbRun(rig: Rig, run: PausedRun, d: PauseDeed, ticks: Ticks, worker: boolean): Promise<void> {
  await sleep(d.wait);
  const { client } = rig;
  const now = await ticks.now();
  const iso = (ms: number): string => new Date(ms).toISOString();
  const skew = d.at === 'early' || d.at === 'late' ? SKEW[d.at] * 1000 : 0;
  const at = d.at === 'none' ? {} : { at: iso(now + skew) };
  const until = d.until === undefined ? {} : { until: iso(now + d.until * ticks.unitMs) };
  const who = d.holder === 'parent' ? { holder: d.holder } : {};
  if (d.kind === 'pause') await signal(rig, run, 'pause', { ...message, ...who, ...at, ...until });
  else if (d.kind === 'resume') await signal(rig, run, 'resume', { by: 'chance', ...who, ...at });
  else if (d.kind === 'cancel') await signal(rig, run, 'cancel', message);
  else if (worker) {
    const stored = (await rig.storage.handoffs.find(run.id))?.state;
    const offered = stored?.status === 'awaiting_acceptance';
    if (!offered) return;
    run.told = true;
    // What was offered may be over by now; whether it was rightly refused, what follows shows.
    await (
      d.kind === 'extend'
        ? client.extend(run.id, { by, minutes: ticks.unitMs / 6000 })
        : client.accept(run.id, { by, ...(d.lease ? { leaseMinutes: (d.lease * ticks.unitMs) / 60_000 } : {}) })
    ).catch(refused);
  }
}

function refused(error: unknown): void {
  const { code } = error as { code?: string };
  if (!['EXPIRED', 'WRONG_STATE', 'ALREADY_ACCEPTED', 'STALE_ACCEPTANCE'].includes(code ?? '')) throw error;
}

/** What the run says of itself, kept to be compared; undefined where only the record answers. */
export async function lookAt(rig: Rig, run: PausedRun): Promise<HandoffState | undefined> {
  if (!run.told) return (await rig.storage.handoffs.find(run.id))?.state;
  const { state, from, at } = await rig.client.status(run.id);
  if (from !== 'run' || !state || at === undefined) return state;
  const clock = (c: HandoffState['expiry']): Look['expiry'] =>
    c.runningSince === undefined ? { left: c.remainingMs } : { due: c.runningSince + c.remainingMs };
  const { status, holds, expiry, lease } = state;
  const open = status !== 'compensating' && !isClosed(status);
  run.looks.push({
    at,
    open,
    accepted: status === 'accepted',
    holds: Object.keys(holds),
    expiry: clock(expiry),
    lease: lease && clock(lease),
  });
  return state;
}

/** Ends a run as its scenario says, whatever it has come to. */
export async function windUp(rig: Rig, run: PausedRun, ticks: Ticks): Promise<void> {
  const { end } = run.scenario;
  const at = { at: new Date(await ticks.now()).toISOString() };
  if (end === 'cancel') return void (await signal(rig, run, 'cancel', message));
  await signal(rig, run, 'resume', { by: 'chance', ...at });
  await signal(rig, run, 'resume', { by: 'chance', holder: 'parent', ...at });
  if (end === 'expire') return;
  for (;;) {
    const state = await lookAt(rig, run);
    if (!state || isClosed(state.status) || state.status === 'compensating' || state.incidents.length > 0) return;
    if (state.status === 'pending' && run.startAfter) return;
    if (state.status === 'awaiting_acceptance') await rig.client.accept(run.id, { by }).catch(refused);
    if (state.status === 'accepted')
      return void (await rig.client.complete(run.id, { by, epoch: state.acceptance.epoch }).catch(refused));
    await sleep(100);
  }
}
