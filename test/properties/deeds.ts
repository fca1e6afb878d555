import fc from 'fast-check';
import {
  allStepsDone,
  initialState,
  isClosed,
  isPaused,
  isTakenBack,
  stepIsDone,
  type HandoffState,
  type Holder,
} from '../../src/core/handoff.js';
import { dependenciesOf, type Procedure } from '../../src/core/procedure.js';
import { autoResumeDue, due, mayComplete, reduce, type HandoffEvent } from '../../src/core/reducer.js';
import { refuse } from '../../src/core/refusal.js';
import { RETURN_STEP, outstanding } from '../../src/core/returns.js';
import { stepsBackTo } from '../../src/core/take-back.js';

const STEPS = ['one', 'two', 'confirm', 'after'] as const;
/** `two` and `confirm` need `one`, and `after` needs `confirm`. */
export const PROCEDURE: Procedure = {
  procedure_id: 'DEEDS',
  version: '1.0.0',
  name: 'Deeds',
  steps: STEPS.map((step_id, i) => ({
    step_id,
    name: step_id,
    action: step_id === 'confirm' ? 'confirm' : 'transfer',
    depends_on: [[], ['one'], ['one'], ['confirm']][i]!,
  })),
};
export const MINUTE = 60_000;

/** A caller's message, or something that the engine may do; what it means depends on the state it meets. */
interface Deed {
  kind: (typeof KINDS)[number];
  step: (typeof STEPS)[number];
  holder: Holder;
  /** Milliseconds that pass before. */
  wait: number;
  /** Of a sender's own time before or after the present one. */
  skew: number;
  n: number;
}
const KINDS = [
  'pause',
  'resume',
  'cancel',
  'accept',
  'reject',
  'complete',
  'extendExpiry',
  'retryStep',
  'resolveIncident',
  'rollback',
  'skipStep',
  'back',
  'submitReturn',
  'begin',
  'start',
  'finish',
  'fail',
  'hold',
  'park',
  'offer',
  'undo',
  'undo_fails',
  'taken_back',
  'overtaken',
  'received',
  'faulty',
  'unread',
  'close',
  'wait',
  'next',
] as const;

type Kind = Deed['kind'];

const deedOf = (kind: fc.Arbitrary<Kind>, highest: { wait: number; n: number }): fc.Arbitrary<Deed> =>
  fc.record({
    kind,
    step: fc.constantFrom(...STEPS),
    holder: fc.constantFrom('operator' as const, 'parent' as const),
    wait: fc.oneof(
      { arbitrary: fc.integer({ min: 0, max: 20_000 }), weight: 9 },
      fc.integer({ min: 0, max: highest.wait }),
    ),
    skew: fc.integer({ min: -100_000, max: 100_000 }),
    n: fc.integer({ min: 0, max: highest.n }),
  });

const anything = fc.constantFrom(...KINDS);
export const deed = deedOf(fc.oneof({ arbitrary: fc.constant('next' as const), weight: 3 }, anything), {
  wait: 90 * MINUTE,
  n: 4,
});

/** Deeds of a handoff that breaks and is repaired again and again, and seldom ends. */
export const repairDeed = deedOf(
  fc.oneof(
    { arbitrary: fc.constantFrom<Kind>('next', 'start', 'hold'), weight: 12 },
    { arbitrary: fc.constantFrom<Kind>('back', 'skipStep', 'retryStep', 'undo_fails'), weight: 6 },
    { arbitrary: anything, weight: 3 },
  ),
  { wait: 20 * MINUTE, n: 1 },
);

const plain = (kind: Kind, step: Deed['step']): Deed => ({ kind, step, holder: 'operator', wait: 0, skew: 0, n: 0 });
/** Deeds after which two steps have failed, the one after an acceptance; in the second case one of them goes back. */
const BROKEN: readonly Deed[] = [
  plain('begin', 'one'),
  ...(['start', 'finish'] as const).map((kind) => plain(kind, 'one')),
  ...(['start', 'hold'] as const).map((kind) => plain(kind, 'two')),
  ...(['start', 'offer'] as const).map((kind) => plain(kind, 'confirm')),
  ...(['start', 'hold'] as const).map((kind) => plain(kind, 'after')),
];
export const PRELUDES = [[], BROKEN, [...BROKEN, plain('back', 'two')]];

export const fresh = (clockWhilePaused: 'stop' | 'run'): HandoffState =>
  initialState({ now: 0, expiresInMs: 60 * MINUTE, clockWhilePaused });

/** One of each kind, which most deeds leave time for. */
export const owing = (clockWhilePaused: 'stop' | 'run'): HandoffState =>
  initialState({
    now: 0,
    expiresInMs: 60 * MINUTE,
    clockWhilePaused,
    maxReturnRounds: 2,
    returns: {
      asked: { critical: true, ifMissing: 'retry', expectedInMs: 5 * MINUTE, timeoutMs: 20 * MINUTE },
      must: { critical: true, ifMissing: 'fail', timeoutMs: 200 * MINUTE },
      may: { critical: false, ifMissing: 'warn', expectedInMs: MINUTE, timeoutMs: 10 * MINUTE },
    },
  });
const OWED = ['asked', 'must', 'may', 'may'] as const;

export const error = { code: 'X', message: 'x' };

/** The event that a deed is in this state, as the workflow would make it; undefined where it would make none. */
export function eventOf(s: HandoffState, d: Deed, now: number): HandoffEvent | undefined {
  const { step, holder } = d;
  const by = 'somebody';
  const reason = 'because';
  const incidentId = s.incidents[d.n]?.id ?? `inc-${d.n}`;
  const at = now + d.skew;
  const state = s.steps[step];
  const atWork = state?.status === 'running' && state.facts?.['offered'] !== true;
  const goesBack = isTakenBack(s, step);
  switch (d.kind) {
    case 'pause':
      return { type: 'pause', by, reason, holder, at, now, ...(d.n > 2 ? { until: now + d.wait } : {}) };
    case 'resume':
      return { type: 'resume', by, holder, at, now };
    case 'cancel':
    case 'reject':
      return { type: d.kind, by, reason, now };
    case 'accept':
      return { type: 'accept', by, now, ...(d.n > 1 ? { leaseMinutes: d.n } : {}) };
    case 'complete':
      return { type: 'complete', by, epoch: d.n, now };
    case 'extendExpiry':
      return { type: 'extendExpiry', by, minutes: d.n + 1, now };
    case 'retryStep':
      return { type: d.kind, by, reason, incidentId, now, mayRunOn: step !== 'confirm' };
    case 'resolveIncident':
      return { type: d.kind, by, reason, incidentId, now, mayRunOn: step !== 'confirm' };
    case 'submitReturn': {
      const name = OWED[STEPS.indexOf(step)]!;
      const { epoch } = s.acceptance;
      const told = { name: 'submitReturn' as const, epoch, artifacts: [{ name }] };
      const one = !Object.values(s.returns ?? {}).some((r) => r.checking);
      // The main loop has one of them at a time; its validator has said that it fits.
      return one && !refuse('h', s, told, now) ? { type: 'return_came', names: [name], now } : undefined;
    }
    case 'received':
    case 'faulty':
    case 'unread':
      return lookedAt(s, d.kind, now);
    case 'rollback':
    case 'skipStep':
      return { type: d.kind, by, reason, incidentId, now };
    case 'back':
      return { type: 'rollback', by, reason, incidentId, toStep: step, steps: stepsBackTo(PROCEDURE, s, step), now };
    case 'begin':
      return s.status === 'pending' && !isPaused(s) ? { type: 'began', steps: STEPS, epochs: {}, now } : undefined;
    case 'start':
      return mayStart(s, step) ? { type: 'step_started', step, now } : undefined;
    case 'finish':
      return atWork && step !== 'confirm' ? { type: 'step_finished', step, now } : undefined;
    case 'fail':
    case 'hold':
      // What comes of a step that is taken back does not matter any more.
      return atWork && !goesBack ? { type: 'step_failed', step, error, hold: d.kind === 'hold', now } : undefined;
    case 'park':
      return atWork || (state?.status === 'running' && isTakenBack(s, step))
        ? { type: 'step_parked', step, attempts: d.n, now }
        : undefined;
    case 'offer':
      return s.steps['confirm']?.status === 'running' &&
        s.status === 'running' &&
        !isPaused(s) &&
        !isTakenBack(s, 'confirm')
        ? { type: 'offered', step: 'confirm', now, ...(d.n === 0 ? { auto: { by } } : {}) }
        : undefined;
    case 'undo':
      return s.ending || s.takingBack
        ? { type: 'effect_undone', effect: { key: 'k', resource: 'r', result: 'undone' }, now }
        : undefined;
    case 'undo_fails':
      return s.ending || s.takingBack?.[0]?.steps.includes(step)
        ? { type: 'undo_failed', effect: `k${d.n}`, step, error, now }
        : undefined;
    case 'taken_back':
      return mayEnd(s) ? { type: 'taken_back', now } : undefined;
    case 'overtaken':
      if (d.n === 4 && s.returns && !s.ending)
        return { type: 'step_parked', step: RETURN_STEP, attempts: 0, epoch: (s.returnEpoch ?? 1) + 1, now };
      return state && !s.ending ? { type: 'step_parked', step, attempts: 0, epoch: state.epoch + 1, now } : undefined;
    case 'close': {
      if (s.ending) return s.incidents.length > 0 ? undefined : { type: 'closed', outcome: s.ending.outcome, now };
      return mayComplete(s, s.returns !== undefined) && allStepsDone(s)
        ? { type: 'closed', outcome: 'completed', now }
        : undefined;
    }
    case 'wait':
      return undefined;
    case 'next':
      return nextOf(s, d, now);
  }
}

/** What comes of a submission that is looked at; it counts only while the acceptance that made it does. */
function lookedAt(s: HandoffState, kind: 'received' | 'faulty' | 'unread', now: number): HandoffEvent | undefined {
  const names = Object.entries(s.returns ?? {}).flatMap(([name, r]) => (r.checking ? [name] : []));
  if (names.length === 0) return undefined;
  const told = { name: 'submitReturn' as const, epoch: s.acceptance.epoch, artifacts: names.map((name) => ({ name })) };
  if (kind === 'unread' || refuse('h', { ...s, holds: {} }, told, now)) return { type: 'return_failed', names, now };
  if (kind === 'received')
    return { type: 'return_received', by: 'target', received: names.map((name) => ({ name })), now };
  const fault = { code: 'missing_artifact', pointer: '', expected: 'x', found: 'y', message: 'z' } as const;
  return { type: 'return_faulty', names, faults: names.map((artifact) => ({ ...fault, artifact })), now };
}

/** Whether the workflow would start a step. */
function mayStart(s: HandoffState, step: string): boolean {
  const at = PROCEDURE.steps.findIndex((p) => p.step_id === step);
  const ready = dependenciesOf(PROCEDURE.steps, at).every((d) => stepIsDone(s.steps[d]));
  const open = !isPaused(s) && !s.ending && s.status !== 'pending';
  return open && ready && s.steps[step]?.status === 'waiting' && !isTakenBack(s, step);
}

/** Whether what is being taken back may be over: nothing of it is at work, and no undo of it waits for a person. */
function mayEnd(s: HandoffState): boolean {
  const [part] = s.takingBack ?? [];
  return (
    part !== undefined &&
    part.steps.every((id) => s.steps[id]?.status !== 'running') &&
    !s.incidents.some((i) => i.kind === 'undo')
  );
}

/** What a handoff that nothing disturbs does next; random deeds alone hardly ever get to its end. */
function nextOf(s: HandoffState, d: Deed, now: number): HandoffEvent | undefined {
  if (s.status === 'awaiting_acceptance') return { type: 'accept', by: 'target', now };
  const done = s.status === 'accepted' && allStepsDone(s) && !s.completion && s.incidents.length === 0;
  const looked = lookedAt(s, d.n === 0 ? 'faulty' : 'received', now);
  if (looked) return looked;
  const [owed] = done ? outstanding(s) : [];
  if (owed && !isPaused(s)) return { type: 'return_came', names: [owed[0]], now };
  if (done && !s.acceptance.auto) return { type: 'complete', by: 'target', epoch: s.acceptance.epoch, now };
  const tries = (['begin', 'close', 'offer', 'finish', 'start', 'taken_back'] as const).flatMap((kind) =>
    STEPS.map((step) => eventOf(s, { ...d, kind, step }, now)),
  );
  return tries.find((e) => e !== undefined);
}

const MESSAGES = new Set<string>(KINDS.slice(0, KINDS.indexOf('begin')));

/** Plays deeds on a handoff as the workflow's main loop does, and shows every change to `look`. */
export function play(
  start: HandoffState,
  deeds: readonly Deed[],
  look: (before: HandoffState, event: HandoffEvent, after: HandoffState) => void,
): HandoffState {
  let s = start;
  let now = 0;
  const dispatch = (event: HandoffEvent): void => {
    const before = s;
    s = reduce(s, event);
    look(before, event, s);
  };
  for (const d of deeds) {
    now += d.wait;
    const event = eventOf(s, d, now);
    const refused =
      event && MESSAGES.has(event.type) && refuse('h', s, { ...event, name: event.type as never }, now, PROCEDURE);
    if (event && !refused) dispatch(event);
    if (isClosed(s.status)) continue;
    for (let h = autoResumeDue(s, now); h; h = autoResumeDue(s, now))
      dispatch({ type: 'resume', by: 'clock', holder: h, now });
    const decided = due(s, now);
    if (decided) dispatch({ type: decided, now });
  }
  return s;
}
