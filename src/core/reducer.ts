import { accepted, freshExpiry, leaseLapsed, nextOffer, offerAgain, withoutOffer } from './acceptance.js';
import { to, withIncident, withStep } from './changes.js';
import { clampAt, extend, isDue, resume, stop } from './clock.js';
import {
  allStepsDone,
  isBeforeAcceptance,
  isClosed,
  isPaused,
  type Checkpoint,
  type Ending,
  type Failure,
  type HandoffState,
  type Holder,
  type Incident,
  type Outcome,
  type StepState,
  type UndoneEffect,
} from './handoff.js';
import type { ContractFault } from './contract.js';
import type { ReturnFact } from './return-state.js';
import {
  begun,
  came,
  faulty,
  forgotten,
  givenUp,
  halted,
  notTaken,
  outstanding,
  received,
  repairedReturns,
  resumeReturns,
  returnsDue,
  stopReturns,
  timedOut,
  withoutReturnIncidents,
  RETURN_STEP,
} from './returns.js';
import { resolvedByHand, takeBack, takenBack } from './take-back.js';
import { lateBy, type LateEnd } from './timing.js';

/** Everything that can happen to a handoff. `now` is the time of handling, `at` a sender's own. Milliseconds. */
export type HandoffEvent = { now: number } & (
  | { type: 'waits'; on: string }
  | { type: 'began'; steps: readonly string[]; epochs: Record<string, number>; attempts?: Record<string, number> }
  | { type: 'step_started'; step: string }
  /** A step that is ready and may not start before `until`, which is what `on` says. */
  | { type: 'held'; step: string; until: number; on: string }
  /** An expected end, at `at`, has passed. */
  | { type: 'late'; end: LateEnd; at: number; what: string }
  /** A child was told that it is paused, or that it is not any more. */
  | { type: 'child_told'; child: string; paused: boolean }
  | { type: 'step_finished'; step: string; facts?: Record<string, unknown> }
  /** Stopped before its end by a pause, or its retries interrupted; it will be started again. */
  | { type: 'step_parked'; step: string; attempts: number; epoch?: number }
  | { type: 'step_failed'; step: string; error: Failure; hold: boolean }
  | { type: 'steps_over'; expectsReturn: boolean }
  | { type: 'offered'; step: string; auto?: { by: string } }
  | { type: 'accept'; by: string; leaseMinutes?: number }
  | { type: 'reject'; by: string; reason: string }
  | { type: 'complete'; by: string; epoch: number; note?: string }
  | { type: 'lease_lapsed' }
  /** A deadline of a return, or several, has passed. */
  | { type: 'returns_due' }
  /** An agent has sent `names`: they are looked at, and then one of the three that follow comes of it. */
  | { type: 'return_came'; names: readonly string[] }
  | { type: 'return_received'; by: string; received: readonly ReturnFact[] }
  | { type: 'return_faulty'; names: readonly string[]; faults: readonly ContractFault[] }
  | { type: 'return_failed'; names: readonly string[] }
  /** What a submission had left is undone; later ones have this epoch. */
  | { type: 'return_undone'; epoch: number }
  | { type: 'extendExpiry'; by: string; minutes: number }
  | { type: 'pause'; by: string; reason: string; holder?: Holder; until?: number; at?: number }
  | { type: 'resume'; by: string; note?: string; holder?: Holder; at?: number }
  | { type: 'cancel'; by: string; reason: string }
  | { type: 'expired' }
  | { type: 'undo_failed'; effect: UndoneEffect['key']; step: string; error: Failure; conflict?: Incident['conflict'] }
  | { type: 'effect_undone'; effect: UndoneEffect }
  /** `mayRunOn`: attempts at the step may have left something behind, or still do. */
  | {
      type: 'retryStep';
      by: string;
      reason: string;
      incidentId: string;
      input?: Record<string, unknown>;
      mayRunOn?: boolean;
    }
  | { type: 'resolveIncident'; by: string; reason: string; incidentId: string; mayRunOn?: boolean }
  /** `steps`: those to be undone; `step` as far back as the rollback goes, or the step to be skipped. */
  | { type: 'rollback'; by: string; reason: string; incidentId: string; toStep?: string; steps?: readonly string[] }
  | { type: 'skipStep'; by: string; reason: string; incidentId: string }
  /** The package of a pause is written, or could not be. */
  | { type: 'checkpoint'; checkpoint: Checkpoint }
  | { type: 'taken_back' }
  | { type: 'closed'; outcome: Outcome }
);

const MINUTE = 60_000;

/**
 * The one place where a handoff changes its state. Pure: returns a new state, never touches the old one. Events that
 * callers send were checked with {@link file://./refusal.ts} first; one that does not fit changes nothing.
 */
export function reduce(state: HandoffState, event: HandoffEvent): HandoffState {
  if (isClosed(state.status)) return state;
  const s: HandoffState = { ...state, lastEventAt: Math.max(state.lastEventAt, event.now) };
  const { now } = event;
  switch (event.type) {
    case 'waits':
      return { ...s, waitsFor: event.on };
    case 'began': {
      const { epochs, attempts = {} } = event;
      const fresh = (id: string): StepState => ({
        status: 'waiting',
        attempts: attempts[id] ?? 0,
        epoch: epochs[id] ?? 1,
      });
      const steps = Object.fromEntries(event.steps.map((id) => [id, fresh(id)]));
      const known = event.epochs[RETURN_STEP];
      const ahead = known === undefined ? {} : { returnEpoch: known };
      return to({ ...s, ...ahead, steps, waitsFor: undefined }, 'running', now);
    }
    case 'held':
      return { ...s, waitsUntil: { step: event.step, at: event.until, on: event.on } };
    case 'late':
      return lateBy(s, event.end, event.at, event.what);
    case 'child_told': {
      const others = (s.toldToPause ?? []).filter((child) => child !== event.child);
      return { ...s, toldToPause: event.paused ? [...others, event.child] : others };
    }
    case 'step_started':
      return withStep(s.waitsUntil ? { ...s, waitsUntil: undefined } : s, event.step, {
        status: 'running',
        startedAt: s.steps[event.step]?.startedAt ?? now,
        error: undefined,
      });
    case 'step_finished':
      return withStep(s, event.step, { status: 'finished', finishedAt: now, facts: event.facts, error: undefined });
    case 'step_parked': {
      const { epoch, attempts } = event;
      if (event.step === RETURN_STEP) return returnsOvertaken(s, epoch ?? 1, now);
      const { status } = s.steps[event.step] ?? {};
      // Where the ledger is ahead of a reset run, what a person has decided, or has yet to decide, stays as it is.
      if (epoch && (status === 'skipped' || status === 'failed')) return withStep(s, event.step, { epoch });
      return withStep(s, event.step, { status: 'waiting', attempts, ...(epoch ? { epoch } : {}) });
    }
    case 'step_failed': {
      const failed = withStep(s, event.step, { status: 'failed', error: event.error });
      if (s.ending) return failed;
      return event.hold
        ? withIncident(failed, { kind: 'step', step: event.step, error: event.error }, now)
        : endWith(failed, 'failed', 'handoff', `Step ${event.step}: ${event.error.message}`, event.error.code, now);
    }
    case 'steps_over':
      // An offer before it may have been taken back and skipped.
      return event.expectsReturn && s.status === 'running'
        ? accepted({ ...s, acceptance: { ...s.acceptance, epoch: s.acceptance.epoch + 1 } }, 'procedure', now, {
            auto: true,
          })
        : s;
    case 'offered': {
      // Offered again, as after a reset: the acceptance had stopped its clock.
      const expiry = s.acceptance.epoch > 0 ? freshExpiry(s, now) : s.expiry;
      const offered = to(
        withStep({ ...s, ...halted(s), acceptance: nextOffer(s, now), expiry, completion: undefined }, event.step, {
          facts: { offered: true },
        }),
        'awaiting_acceptance',
        now,
      );
      return event.auto ? accepted(offered, event.auto.by, now, { auto: true }) : offered;
    }
    case 'accept':
      return accepted(s, event.by, now, event.leaseMinutes ? { leaseMinutes: event.leaseMinutes } : {});
    case 'reject':
      return endWith(s, 'rejected', event.by, event.reason, 'HANDOFF_REJECTED', now);
    case 'complete':
      return {
        ...s,
        ...givenUp(s, event.by),
        lease: undefined,
        completion: { by: event.by, at: now, ...(event.note ? { note: event.note } : {}) },
      };
    case 'lease_lapsed':
      return leaseLapsed(s, now);
    case 'returns_due': {
      const { state: decided, fails } = timedOut(s, now);
      if (fails === undefined) return decided;
      const why = `${fails} was not returned in time`;
      return endWith(decided, 'failed', 'clock', why, 'RETURN_MISSING', now);
    }
    case 'return_came':
      return came(s, event.names);
    case 'return_received':
      return received(s, event.by, event.received, now);
    case 'return_faulty':
      return faulty(s, event.names, event.faults, now);
    case 'return_failed':
      return notTaken(s, event.names);
    case 'return_undone':
      return { ...s, returnEpoch: Math.max(s.returnEpoch ?? 1, event.epoch) };
    case 'extendExpiry':
      return { ...s, expiry: extend(s.expiry, event.minutes * MINUTE) };
    // What its sender dates counts from there, and so may the next: both may be handled at once, when a worker is back.
    case 'pause': {
      const at = clampAt(event.at, state.lastEventAt, now);
      return pause({ ...s, lastEventAt: Math.max(state.lastEventAt, at) }, event, at);
    }
    case 'resume': {
      const at = clampAt(event.at, state.lastEventAt, now);
      return unpause({ ...s, lastEventAt: Math.max(state.lastEventAt, at) }, event.holder ?? 'operator', at);
    }
    case 'cancel':
      return endWith(s, 'cancelled', event.by, event.reason, 'HANDOFF_CANCELLED', now);
    case 'expired':
      return endWith(s, 'expired', 'clock', 'nobody accepted it in time', 'HANDOFF_EXPIRED', now);
    case 'undo_failed':
      return withIncident(
        s,
        {
          kind: 'undo',
          step: event.step,
          effect: event.effect,
          error: event.error,
          ...(event.conflict ? { conflict: event.conflict } : {}),
        },
        now,
      );
    case 'effect_undone':
      // What cannot be undone is named again by each rollback that meets it.
      return s.undone.some((u) => u.key === event.effect.key && u.result === 'irreversible')
        ? s
        : { ...s, undone: [...s.undone, event.effect] };
    case 'retryStep': {
      const again = repairedReturns(s, event.incidentId, now);
      if (again) return again;
      const input = event.input ? { input: event.input } : {};
      const failed = event.mayRunOn && stepOf(s, event.incidentId);
      if (failed) return takeBack(s, { ...event, step: failed, steps: [failed], becomes: 'retried' }, now);
      return repaired(s, event.incidentId, now, (step) => ({
        status: 'waiting',
        epoch: step.epoch + 1,
        attempts: 0,
        error: undefined,
        ...input,
      }));
    }
    case 'resolveIncident': {
      const { by, reason } = event;
      const waived = repairedReturns(s, event.incidentId, now, { by, reason });
      if (waived) return waived;
      const done = event.mayRunOn && stepOf(s, event.incidentId);
      if (done) return takeBack(s, { by, reason, step: done, steps: [done], becomes: 'resolved' }, now);
      return repaired(s, event.incidentId, now, () => resolvedByHand(by, reason, now), by);
    }
    case 'skipStep': {
      const step = stepOf(s, event.incidentId);
      return step ? takeBack(s, { ...event, step, steps: [step], becomes: 'skipped' }, now) : s;
    }
    case 'checkpoint':
      return { ...s, checkpoint: event.checkpoint };
    case 'taken_back':
      return takenBack(s, now);
    case 'rollback':
      if (event.toStep && event.steps && !s.ending)
        return takeBack(s, { ...event, step: event.toStep, steps: event.steps, becomes: 'incident' }, now);
      // During an undo it means: go on undoing, this effect included.
      return s.ending
        ? { ...s, incidents: s.incidents.filter((i) => i.id !== event.incidentId) }
        : endWith(s, 'failed', event.by, event.reason, 'HANDOFF_FAILED', now);
    case 'closed':
      return to(s, event.outcome, now);
  }
}

/** The step that an incident stands at; undefined where it is about something else. */
const stepOf = (s: HandoffState, incidentId: string): string | undefined =>
  s.incidents.find((i) => i.id === incidentId && i.kind === 'step')?.step;

/** This run was reset, and what it took is undone, or stands under a later epoch: it is asked for anew. */
function returnsOvertaken(s: HandoffState, epoch: number, now: number): HandoffState {
  const incidents = withoutReturnIncidents(s);
  const anew = { ...s, ...forgotten(s), incidents, returnEpoch: epoch, completion: undefined };
  const held = s.status === 'accepted' && !incidents.some((i) => i.kind === 'lease');
  return held ? { ...anew, ...begun(anew, now) } : anew;
}

/** The first ending wins. Clocks stop for good; incidents of steps are void, because nothing retries them any more. */
function endWith(
  s: HandoffState,
  outcome: Ending,
  by: string,
  reason: string,
  code: string,
  now: number,
): HandoffState {
  if (s.ending || isClosed(s.status)) return s;
  const ended = to(withoutOffer(s), 'compensating', now);
  return {
    ...ended,
    ...halted(s),
    ending: { outcome, by, reason, code, at: now },
    incidents: [],
    takingBack: undefined,
    holds: {},
    pausedSince: undefined,
    lease: undefined,
    expiry: stop(s.expiry, now),
  };
}

function pause(s: HandoffState, e: Extract<HandoffEvent, { type: 'pause' }>, at: number): HandoffState {
  if (s.status === 'compensating' || isClosed(s.status)) return s;
  const hold = { by: e.by, reason: e.reason, at, ...(e.until === undefined ? {} : { until: e.until }) };
  const holds = { ...s.holds, [e.holder ?? 'operator']: hold };
  if (isPaused(s)) return { ...s, holds };
  const stops = s.clockWhilePaused === 'stop';
  return {
    ...s,
    holds,
    pauses: (s.pauses ?? 0) + 1,
    pausedSince: at,
    expiry: stops ? stop(s.expiry, at) : s.expiry,
    lease: stops && s.lease ? stop(s.lease, at) : s.lease,
    ...(stops ? stopReturns(s, at) : {}),
  };
}

function unpause(s: HandoffState, holder: Holder, at: number): HandoffState {
  if (!s.holds[holder]) return s;
  const { [holder]: _, ...holds } = s.holds;
  const open = { ...s, holds };
  if (isPaused(open)) return open;
  return {
    ...open,
    pausedSince: undefined,
    expiry: isBeforeAcceptance(s.status) ? resume(s.expiry, at) : s.expiry,
    lease: s.lease ? resume(s.lease, at) : undefined,
    ...resumeReturns(s, at),
  };
}

/** Closes an incident; a step's own is changed by `mend`, an undo's is taken up by the rollback that waits for it. */
function repaired(
  s: HandoffState,
  incidentId: string,
  now: number,
  mend: (step: StepState) => Partial<StepState>,
  takenOverBy?: string,
): HandoffState {
  const incident = s.incidents.find((i) => i.id === incidentId);
  if (!incident) return s;
  const open = { ...s, incidents: s.incidents.filter((i) => i !== incident) };
  if (incident.kind === 'lease') {
    const fresh = { ...open, acceptance: { ...s.acceptance, lapses: 0 } };
    // Resolved by hand: whoever did it holds the work now, without a lease, at a new epoch.
    return takenOverBy
      ? {
          ...fresh,
          ...begun(fresh, now),
          acceptance: {
            ...fresh.acceptance,
            epoch: s.acceptance.epoch + 1,
            by: takenOverBy,
            at: now,
            leaseMinutes: undefined,
          },
        }
      : offerAgain(fresh, now);
  }
  const step = incident.kind === 'step' && incident.step ? s.steps[incident.step] : undefined;
  return step ? withStep(open, incident.step!, mend(step)) : open;
}

/** What the passing of time has decided at `now`. A clock that stands still, as a pause makes it, decides nothing. */
export function due(s: HandoffState, now: number): 'expired' | 'lease_lapsed' | 'returns_due' | undefined {
  if (s.status === 'compensating' || isClosed(s.status)) return undefined;
  if (isDue(s.expiry, now)) return 'expired';
  if (s.lease && isDue(s.lease, now)) return 'lease_lapsed';
  return returnsDue(s, now) ? 'returns_due' : undefined;
}

/** Whether everything has happened that completion needs. A paused run stays where it is. */
export function mayComplete(s: HandoffState, expectsReturn: boolean): boolean {
  if (s.ending || isPaused(s) || s.incidents.length > 0 || s.takingBack || !allStepsDone(s)) return false;
  if (s.status === 'running') return !expectsReturn;
  if (s.status !== 'accepted' || outstanding(s).length > 0) return false;
  return s.completion !== undefined || s.acceptance.auto === true;
}

/** Whether an event of the holder's own auto-resume time is due: the first such holder. */
export function autoResumeDue(s: HandoffState, now: number): Holder | undefined {
  return (Object.keys(s.holds) as Holder[]).find((h) => {
    const until = s.holds[h]?.until;
    return until !== undefined && until <= now;
  });
}
