import { to, withIncident, withStep } from './changes.js';
import { freshExpiry } from './acceptance.js';
import { acceptedStep, isTakenBack, type HandoffState, type StepState, type TakeBack } from './handoff.js';
import { stepsFrom, type Procedure } from './procedure.js';
import { RETURN_STEP, forgotten, withoutReturnIncidents } from './returns.js';

/**
 * Taking back a part of a handoff while the rest goes on: `rollback` with `toStep`, `skipStep`, and `retryStep`, which
 * first takes back what the failed attempts did: a step that has finished has made each effect once. `resolveIncident`
 * goes the same way to shut out attempts that may still run, and undoes nothing.
 */

/**
 * Begins it. An offer or acceptance among the steps is void at once: nobody can answer what is being undone. The next
 * offer has the next epoch and a full expiry.
 */
export function takeBack(s: HandoffState, asked: Omit<TakeBack, 'at'>, now: number): HandoffState {
  const { step, steps, becomes, input, by, reason } = asked;
  const part: TakeBack = { step, steps, becomes, ...(input ? { input } : {}), by, reason, at: now };
  const begun = { ...s, incidents: withoutThoseOf(s, part), takingBack: [...(s.takingBack ?? []), part] };
  const offer = part.steps.find((id) => isOffer(s.steps[id]));
  const voided = part.steps.includes(RETURN_STEP) ? { ...begun, ...forgotten(begun) } : begun;
  return offer || voided !== begun ? withdrawn(voided, offer, now) : begun;
}

/** What a rollback to a step undoes: that step and all after it, and what was returned to an acceptance among them. */
export function stepsBackTo(procedure: Procedure, s: HandoffState, toStep: string): string[] {
  const steps = stepsFrom(procedure, toStep);
  const confirms = procedure.steps.filter((p) => p.action === 'confirm').map((p) => p.step_id);
  // Accepted by the procedure, after all of its steps.
  const byItself = s.status === 'accepted' && acceptedStep(s) === undefined;
  return s.returns && (byItself || steps.some((id) => confirms.includes(id))) ? [...steps, RETURN_STEP] : steps;
}

/** The incidents that stay: those of the part's steps are void. */
const withoutThoseOf = (s: HandoffState, part: TakeBack): HandoffState['incidents'] =>
  s.incidents.filter((i) => i.kind !== 'step' || !part.steps.includes(i.step ?? ''));

/** The epoch of a step that was taken back: what an attempt before it still does is refused. */
export const epochAfter = (s: HandoffState, step: string): number =>
  (step === RETURN_STEP ? (s.returnEpoch ?? 1) : (s.steps[step]?.epoch ?? 0)) + 1;

const isOffer = (step: StepState | undefined): boolean =>
  step?.facts?.['offered'] === true || step?.facts?.['acceptedBy'] !== undefined;

function withdrawn(s: HandoffState, offer: string | undefined, now: number): HandoffState {
  const open = offer ? withStep(s, offer, { status: 'waiting', facts: undefined, finishedAt: undefined }) : s;
  return to(
    {
      ...open,
      incidents: withoutReturnIncidents(open).filter((i) => i.kind !== 'lease'),
      lease: undefined,
      completion: undefined,
      acceptance: { epoch: s.acceptance.epoch, lapses: 0 },
      // The acceptance had stopped its clock.
      expiry: s.status === 'accepted' ? freshExpiry(s, now) : s.expiry,
    },
    'running',
    now,
  );
}

/** The first part is undone: its steps are as if they had never run, at their next epoch. */
export function takenBack(s: HandoffState, now: number): HandoffState {
  const [part, ...rest] = s.takingBack ?? [];
  if (!part) return s;
  const over: HandoffState = {
    ...s,
    takingBack: rest.length > 0 ? rest : undefined,
    incidents: withoutThoseOf(s, part),
    ...(part.steps.includes(RETURN_STEP) ? { returnEpoch: epochAfter(s, RETURN_STEP) } : {}),
  };
  const fresh = part.steps.reduce((state, id) => withStep(state, id, { ...NEVER_RUN, epoch: epochAfter(s, id) }), over);
  const { step, becomes, input, by, reason } = part;
  if (becomes === 'retried') return withStep(fresh, step, input ? { input } : {});
  if (becomes === 'skipped')
    return withStep(fresh, step, { status: 'skipped', finishedAt: now, note: `skipped by ${by}: ${reason}` });
  // What it did stays, and is undone with the rest if it comes to that: it has begun.
  if (becomes === 'resolved')
    return withStep(fresh, step, { ...resolvedByHand(by, reason, now), startedAt: s.steps[step]?.startedAt });
  // Another rollback that was asked for meanwhile goes further back: its own incident stands for both.
  if (isTakenBack(over, step)) return fresh;
  const error = { code: 'ROLLED_BACK', message: `rolled back to here by ${by}: ${reason}` };
  return withIncident(withStep(fresh, step, { status: 'failed', error }), { kind: 'step', step, error }, now);
}

/** A step that somebody has done by hand. */
export const resolvedByHand = (by: string, reason: string, now: number): Partial<StepState> => ({
  status: 'finished',
  finishedAt: now,
  error: undefined,
  note: `resolved by hand by ${by}: ${reason}`,
});

const NEVER_RUN = {
  status: 'waiting',
  attempts: 0,
  startedAt: undefined,
  finishedAt: undefined,
  facts: undefined,
  error: undefined,
  note: undefined,
} as const;
