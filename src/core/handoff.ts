import type { Countdown } from './clock.js';
import { DEFAULT_RETURN_ROUNDS } from './contract.js';
import { freshReturns, type ReturnState, type ReturnTerms, type Returns } from './return-state.js';
import type { Late } from './timing.js';

/** The states of a handoff; the last five are closed. */
export const STATUSES = [
  'pending',
  'running',
  'awaiting_acceptance',
  'accepted',
  'compensating',
  'completed',
  'rejected',
  'expired',
  'cancelled',
  'failed',
] as const;
export type Status = (typeof STATUSES)[number];
export type Outcome = 'completed' | 'rejected' | 'expired' | 'cancelled' | 'failed';
export type Ending = Exclude<Outcome, 'completed'>;

/** Every message that a caller can send to a handoff. */
export type MessageName =
  | 'pause'
  | 'resume'
  | 'cancel'
  | 'accept'
  | 'reject'
  | 'complete'
  | 'submitReturn'
  | 'extendExpiry'
  | 'retryStep'
  | 'skipStep'
  | 'resolveIncident'
  | 'rollback';

interface StatusRow {
  /** The states that can follow. */
  next: readonly Status[];
  /** The messages that fit. */
  accepts: readonly MessageName[];
}

export const REPAIR = ['retryStep', 'skipStep', 'resolveIncident', 'rollback'] as const;
const STEER = ['pause', 'resume', 'cancel'] as const;
const CLOSED: StatusRow = { next: [], accepts: [] };

/** The life of a handoff as one table: a state that is not handled here does not compile. */
export const LIFE: Record<Status, StatusRow> = {
  pending: { next: ['running', 'compensating'], accepts: [...STEER, 'extendExpiry', ...REPAIR] },
  running: {
    next: ['awaiting_acceptance', 'accepted', 'completed', 'compensating'],
    accepts: [...STEER, 'extendExpiry', ...REPAIR],
  },
  awaiting_acceptance: {
    next: ['accepted', 'running', 'compensating'],
    accepts: [...STEER, 'accept', 'reject', 'extendExpiry', ...REPAIR],
  },
  accepted: {
    next: ['completed', 'awaiting_acceptance', 'running', 'compensating'],
    accepts: [...STEER, 'complete', 'submitReturn', ...REPAIR],
  },
  compensating: { next: ['rejected', 'expired', 'cancelled', 'failed'], accepts: REPAIR },
  completed: CLOSED,
  rejected: CLOSED,
  expired: CLOSED,
  cancelled: CLOSED,
  failed: CLOSED,
};

export const isClosed = (status: Status): boolean => LIFE[status].next.length === 0;

/** The states in which a message fits, for an error that names them. */
export const statusesThatAccept = (message: MessageName): Status[] =>
  STATUSES.filter((s) => LIFE[s].accepts.includes(message));

/** An error as state and history keep it. */
export interface Failure {
  code: string;
  message: string;
}

export type StepStatus = 'waiting' | 'running' | 'finished' | 'skipped' | 'failed';

export interface StepState {
  status: StepStatus;
  /** How often an operator reopened the step, from 1. */
  epoch: number;
  /** Attempts used up in this epoch, where the run knows of them; the database counts them all. */
  attempts: number;
  startedAt?: number;
  finishedAt?: number;
  /** Small facts that the action returned. */
  facts?: Record<string, unknown>;
  error?: Failure;
  /** Who skipped or resolved it, and why. */
  note?: string;
  /** What an operator amended: laid over the step's `with`. */
  input?: Record<string, unknown>;
}

export type Holder = 'operator' | 'parent';
export interface Hold {
  by: string;
  reason: string;
  at: number;
  until?: number;
}

export interface Incident {
  id: string;
  /** `terminated`: the run was ended in Temporal without an undo; a repair run holds this. */
  kind: 'step' | 'undo' | 'lease' | 'return' | 'terminated';
  /** The step that failed, or whose effect could not be undone. */
  step?: string;
  /** The key of the effect whose undo failed. */
  effect?: string;
  /** The returns that did not come, or not as they should. */
  returns?: string[];
  at: number;
  error: Failure;
  /** For an undo that met someone else's change: digests or versions of the three. */
  conflict?: { resource: string; ours: string; theirs: string; before: string };
}

export type UndoResult =
  | 'undone'
  | 'nothing_to_undo'
  | 'kept_theirs'
  | 'restored_before'
  | 'merged'
  | 'resolved_by_hand'
  | 'irreversible';

export interface UndoneEffect {
  key: string;
  resource: string;
  result: UndoResult;
}

/** A part of a handoff that an operator takes back while the rest goes on; done in the order in which it was asked for. */
export interface TakeBack {
  /** The step where it begins. */
  step: string;
  /** The steps whose effects are undone; `step` is one of them. */
  steps: readonly string[];
  /**
   * What becomes of `step` then: an incident stands there, it is skipped, or it is tried again. Of one that was resolved
   * by hand nothing is undone; late attempts at it are shut out all the same.
   */
  becomes: 'incident' | 'skipped' | 'retried' | 'resolved';
  /** What an operator amended, for `retried`. */
  input?: Record<string, unknown>;
  by: string;
  reason: string;
  at: number;
}

export interface Acceptance {
  /** Counts the offers. 0: not offered yet. */
  epoch: number;
  offeredAt?: number;
  by?: string;
  at?: number;
  auto?: boolean;
  leaseMinutes?: number;
  /** Leases that lapsed since the last repair. */
  lapses: number;
}

/** The package of one pause, or why there is none. */
export interface Checkpoint {
  /** Which pause, from 1. */
  pause: number;
  packageId?: string;
  error?: Failure;
}

export interface HandoffState {
  status: Status;
  /** When it took this status, milliseconds. */
  since: number;
  createdAt: number;
  /** The time of the last handled event: no sender's clock goes behind it. */
  lastEventAt: number;
  steps: Record<string, StepState>;
  holds: Partial<Record<Holder, Hold>>;
  /** When the first of the present holds took hold. */
  pausedSince?: number;
  expiry: Countdown;
  /** The whole span, for an offer after a lapsed lease. */
  expiryMs: number;
  lease?: Countdown;
  acceptance: Acceptance;
  completion?: { by: string; at: number; note?: string };
  /** How often it was paused. */
  pauses?: number;
  /** What became of the package that the last pause wrote. */
  checkpoint?: Checkpoint;
  /** What the contract expects back, by name. */
  returns?: Returns;
  /** How often what came back was taken back: its effects stand in the ledger under this epoch. */
  returnEpoch?: number;
  /** Rounds with faults before a person is asked. */
  maxReturnRounds?: number;
  incidents: Incident[];
  incidentCount: number;
  /** What is being taken back, the first of them now. */
  takingBack?: TakeBack[];
  /** Set once it is decided that the handoff does not complete. */
  ending?: { outcome: Ending; by: string; reason: string; code: string; at: number };
  undone: UndoneEffect[];
  /** What a pending handoff waits for. */
  waitsFor?: string;
  /** The step that could start but for its time, which is then: `on` says in words what it waits for. */
  waitsUntil?: { step: string; at: number; on: string };
  /** That an expected end has passed. */
  late?: Late;
  /** Workflow ids of children that were told of the present pause. */
  toldToPause?: string[];
  clockWhilePaused: 'stop' | 'run';
}

/** What a closed handoff has to say. The same for all five outcomes. */
export interface HandoffOutcome {
  handoffId: string;
  procedure: string;
  outcome: Outcome;
  by?: string;
  reason?: string;
  code?: string;
  at: string;
  steps: Record<string, { status: StepStatus; facts?: Record<string, unknown>; error?: Failure; note?: string }>;
  /** That it was late. */
  late?: Late;
  /** What was undone, newest first; of a completed one, what a rollback to a step or a skip took back. */
  undone: UndoneEffect[];
  /** What the contract expected back. */
  returns?: Record<string, ReturnReport>;
  /** What a person should know of one that completed all the same. */
  warnings?: string[];
}

/** What became of one return. */
export type ReturnReport = Pick<
  ReturnState,
  'status' | 'by' | 'receivedAt' | 'lateSince' | 'rounds' | 'sha256' | 'path' | 'note'
>;

/** The state of a repair run: a handoff that is to be undone, once somebody says so. `now` in milliseconds. */
export function terminatedState(now: number, reason: string): HandoffState {
  const error = { code: 'HANDOFF_TERMINATED', message: reason };
  return {
    ...initialState({ now, expiresInMs: 0, clockWhilePaused: 'stop' }),
    status: 'compensating',
    ending: { outcome: 'failed', by: 'reconcile', reason, code: error.code, at: now },
    expiry: { remainingMs: 0 },
    incidents: [{ id: 'inc-1', kind: 'terminated', at: now, error }],
    incidentCount: 1,
  };
}

/** A new handoff's state. Times in milliseconds. */
export function initialState(init: {
  now: number;
  expiresInMs: number;
  /** Until then the expiry of a relative span does not count. */
  startAfter?: number;
  expiresAt?: number;
  clockWhilePaused: 'stop' | 'run';
  returns?: Record<string, ReturnTerms>;
  maxReturnRounds?: number | undefined;
}): HandoffState {
  const delay = Math.max(0, (init.startAfter ?? init.now) - init.now);
  const span = init.expiresAt === undefined ? init.expiresInMs + delay : init.expiresAt - init.now;
  return {
    status: 'pending',
    since: init.now,
    createdAt: init.now,
    lastEventAt: init.now,
    steps: {},
    holds: {},
    expiry: { remainingMs: span, runningSince: init.now },
    expiryMs: init.expiresAt === undefined ? init.expiresInMs : span,
    acceptance: { epoch: 0, lapses: 0 },
    incidents: [],
    incidentCount: 0,
    undone: [],
    clockWhilePaused: init.clockWhilePaused,
    ...(init.returns
      ? {
          returns: freshReturns(init.returns),
          returnEpoch: 1,
          maxReturnRounds: init.maxReturnRounds ?? DEFAULT_RETURN_ROUNDS,
        }
      : {}),
  };
}

/** Whether nobody has accepted it yet, so that its expiry counts. */
export const isBeforeAcceptance = (status: Status): boolean =>
  status === 'pending' || status === 'running' || status === 'awaiting_acceptance';
export const isPaused = (s: HandoffState): boolean => Object.keys(s.holds).length > 0;
export const runningSteps = (s: HandoffState): string[] =>
  Object.keys(s.steps).filter((id) => s.steps[id]!.status === 'running');
export const stepIsDone = (step: StepState | undefined): boolean =>
  step?.status === 'finished' || step?.status === 'skipped';
/** What is shown of a step. Of a handoff that does not complete, one that has not ended comes no more. */
export type ShownStep = StepStatus | 'stopped' | 'not_reached';

export function shownStep({ status, ending }: HandoffState, step: StepState): ShownStep {
  // In older records an offer that nobody took was running for good.
  const isOpen = step.status === 'waiting' || (step.status === 'running' && isClosed(status));
  if (!ending || !isOpen) return step.status;
  return step.startedAt === undefined ? 'not_reached' : 'stopped';
}

/** The step at which the target accepted. */
export const acceptedStep = (s: HandoffState): string | undefined =>
  Object.keys(s.steps).find((id) => s.steps[id]!.facts?.['acceptedBy'] !== undefined);
/** Whether a step may not start now, because it is being taken back. */
export const isTakenBack = (s: HandoffState, step: string): boolean =>
  s.takingBack?.some((t) => t.steps.includes(step)) ?? false;
/** The step that only its time keeps from starting, where nothing else is at work. */
export const heldStep = (s: HandoffState): HandoffState['waitsUntil'] =>
  s.waitsUntil &&
  !s.ending &&
  !s.takingBack &&
  s.steps[s.waitsUntil.step]?.status === 'waiting' &&
  runningSteps(s).length === 0
    ? s.waitsUntil
    : undefined;
export const allStepsDone = (s: HandoffState): boolean => Object.values(s.steps).every(stepIsDone);

/** What is shown over the status, the stronger first. `draining`: paused while a step still ends. */
export type ShownStatus = Status | 'incident' | 'paused' | 'draining';

export function shownStatus(s: HandoffState): ShownStatus {
  if (isClosed(s.status)) return s.status;
  if (s.incidents.length > 0) return 'incident';
  if (isPaused(s) && s.status !== 'compensating') return activeSteps(s).length > 0 ? 'draining' : 'paused';
  return s.status;
}

/** Whether a pause has taken hold: what was at work has ended. */
export const hasTakenHold = (s: HandoffState): boolean =>
  isPaused(s) && LIFE[s.status].accepts.includes('pause') && !s.takingBack && activeSteps(s).length === 0;

/** Running steps that have work in flight: an offer that waits for its target has none. */
const activeSteps = (s: HandoffState): string[] =>
  runningSteps(s).filter((id) => !(s.status === 'awaiting_acceptance' && s.steps[id]!.facts?.['offered'] === true));
