import { clampAt } from '../clock.js';
import type { Failure, Holder } from '../handoff.js';
import type { MergeStrategy, RestoreConflict } from '../package/package.js';
import {
  DEFAULT_MERGE,
  isOpenPipeline,
  placeAt,
  stepAfter,
  type Checkpoint,
  type FrozenPhase,
  type PipelineHold,
  type ResumePlace,
  type PipelineState,
} from './pipeline.js';

/** All that can happen to a pipeline. `now`: milliseconds, as the run handles it. */
export type PipelineEvent = { now: number } & (
  | { type: 'opened'; epoch: number }
  | { type: 'pause'; by: string; reason?: string; until?: number | undefined; at?: number | undefined; holder?: Holder }
  | { type: 'unhold'; holder: Holder }
  | { type: 'transfer'; by: string; taskQueue: string; merge?: MergeStrategy }
  | { type: 'cancel'; by: string; reason: string }
  | { type: 'step_started' }
  | { type: 'attempt_failed'; failure: Failure; retryAt: number; counts: boolean }
  | { type: 'step_done' }
  | { type: 'failed'; failure: Failure }
  | { type: 'transition_started'; handoffId: string }
  | { type: 'transition_done' }
  | { type: 'checkpointed'; checkpoint: Checkpoint }
  | { type: 'unwritten'; failure: Failure }
  | { type: 'moving' }
  | { type: 'received'; epoch: number; conflicts: RestoreConflict[]; lifts: Holder[]; place?: ResumePlace }
  | { type: 'receive_failed'; failure: Failure }
  | { type: 'continued' }
  | { type: 'closed'; status: 'completed' | 'cancelled' }
);

/** What a pause says that was given no reason. */
export const PAUSE_REASON = 'user-requested';

/** The only place where a pipeline's state changes. An event that does not fit changes nothing but the time. */
export function reducePipeline(
  before: PipelineState,
  event: PipelineEvent,
  phases: readonly FrozenPhase[],
): PipelineState {
  if (!isOpenPipeline(before)) return before;
  const now = Math.max(before.lastEventAt, event.now);
  const s: PipelineState = { ...before, lastEventAt: now };
  switch (event.type) {
    case 'opened':
      return { ...s, epoch: event.epoch };
    case 'pause':
      return hold(s, event, now);
    case 'unhold':
      return without(s, event.holder);
    case 'transfer': {
      const { taskQueue, by, merge = DEFAULT_MERGE } = event;
      const { unwritten: _anew, ...rest } = s;
      return { ...rest, moveTo: { taskQueue, by, merge } };
    }
    case 'cancel':
      return s.ending ? s : { ...s, ending: { by: event.by, reason: event.reason } };
    case 'step_started': {
      const { since = now, attempt = 1, lost } = s.running ?? {};
      return { ...s, running: { since, attempt, ...(lost ? { lost } : {}) } };
    }
    case 'attempt_failed': {
      const { since = now, attempt = 1, lost = 0 } = s.running ?? {};
      const next = event.counts ? { attempt: attempt + 1, lost } : { attempt, lost: lost + 1 };
      return {
        ...s,
        failure: failureAt(s, event.failure, phases),
        running: { since, ...next, retryAt: event.retryAt },
      };
    }
    case 'step_done': {
      const { running: _ran, failure: _mended, ...rest } = s;
      return { ...rest, at: stepAfter(s.at, phases), stepsInRun: s.stepsInRun + 1 };
    }
    case 'failed': {
      const { running: _ran, transition: _over, ...rest } = s;
      return { ...to(rest, 'failed', now), failure: failureAt(s, event.failure, phases) };
    }
    case 'transition_started': {
      const [from, into] = [s.entered, s.entered + 1].map((phase) => placeAt({ phase, step: 0 }, phases).phase);
      const transition = { handoffId: event.handoffId, from: from!, to: into! };
      return { ...s, transition, transitions: s.transitions + 1 };
    }
    case 'transition_done': {
      const { transition: _over, failure: _mended, ...rest } = s;
      return { ...rest, entered: s.at.phase };
    }
    case 'checkpointed': {
      const { checkpoint } = event;
      return s.status === 'failed' ? { ...s, checkpoint } : { ...to(s, 'paused', now), checkpoint };
    }
    case 'unwritten':
      return { ...to(s, 'failed', now), unwritten: true, failure: failureAt(s, event.failure, phases) };
    case 'moving':
      return moving(s, now);
    case 'received':
      return received(s, event, now);
    case 'receive_failed': {
      const { moveTo: _gone, ...rest } = s;
      const operator: PipelineHold = { by: 'handoff', reason: event.failure.message, at: now };
      return {
        ...to(rest, 'paused', now),
        holds: { ...s.holds, operator },
        failure: failureAt(s, event.failure, phases),
      };
    }
    case 'continued':
      return { ...s, stepsInRun: 0 };
    case 'closed': {
      const { running: _ran, transition: _over, moveTo: _gone, ...rest } = s;
      return { ...to(rest, event.status, now), holds: {} };
    }
  }
}

const to = (s: PipelineState, status: PipelineState['status'], now: number): PipelineState => ({
  ...s,
  status,
  since: now,
});

function hold(s: PipelineState, event: PipelineEvent & { type: 'pause' }, now: number): PipelineState {
  const { by, reason = PAUSE_REASON, until, holder = 'operator' } = event;
  const at = clampAt(event.at, s.lastEventAt, now);
  return { ...s, holds: { ...s.holds, [holder]: { by, reason, at, ...(until === undefined ? {} : { until }) } } };
}

function without(s: PipelineState, holder: Holder): PipelineState {
  const { [holder]: _lifted, ...holds } = s.holds;
  return { ...s, holds };
}

/** The rest goes elsewhere with the package that is there. An operator's pause ends with it; a parent's does not. */
function moving(s: PipelineState, now: number): PipelineState {
  if (!s.moveTo || !s.checkpoint) return s;
  const moves = [...s.moves.slice(-19), { to: s.moveTo.taskQueue, at: now, packageId: s.checkpoint.packageId }];
  return { ...without(to(s, 'transferring', now), 'operator'), moves };
}

/** A pause that came meanwhile, or that another holder has, takes hold again at once. */
function received(s: PipelineState, event: PipelineEvent & { type: 'received' }, now: number): PipelineState {
  const { checkpoint: _used, failure: _mended, moveTo: _there, unwritten: _past, running, ...rest } = s;
  const { epoch, conflicts, place = {} } = event;
  // What a pause interrupted has its remaining attempts; what had failed begins anew.
  const kept = running && s.status === 'paused' ? { running: { since: running.since, attempt: running.attempt } } : {};
  const lifted = event.lifts.reduce<PipelineState>(without, { ...rest, ...kept, ...place, epoch, conflicts });
  return to(lifted, 'running', now);
}

const failureAt = (
  s: PipelineState,
  failure: Failure,
  phases: readonly FrozenPhase[],
): PipelineState['failure'] & object => {
  const { phase, step = '' } = placeAt(s.at, phases);
  return { ...failure, phase, step };
};

/** The holder whose pause ends by itself now, if any. */
export function holdThatEnds(s: PipelineState, now: number): Holder | undefined {
  return (Object.keys(s.holds) as Holder[]).find((h) => (s.holds[h]?.until ?? Infinity) <= now);
}
