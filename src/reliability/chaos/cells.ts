import { DEFAULT_RETRY, hasEffect, type Procedure, type Step } from '../../core/procedure.js';
import {
  CHAOS_MOMENTS,
  CHAOS_STATES,
  type ChaosCell,
  type ChaosState,
  type ChaosVictim,
} from '../../core/reliability/chaos.js';

/** Steps whose effects can be undone, in the procedure's order. */
const undoable = ({ steps }: Procedure): Step[] =>
  steps.filter((s) => hasEffect(s) && s.compensation !== 'irreversible');

/** A confirmation or a check without rules is of the run alone: there is nothing to strike. */
const isStruck = (step: Step): boolean => hasEffect(step) || (step.rules?.length ?? 0) > 0;

const attemptsOf = (step: Step): number => step.retry?.maximum_attempts ?? DEFAULT_RETRY.maximum_attempts;

/** The step that is made to fail once, for a handoff that waits for its next attempt. */
const retriedStep = (procedure: Procedure): Step | undefined =>
  procedure.steps.find((s) => hasEffect(s) && attemptsOf(s) > 1);

const reachable: Record<ChaosState, (procedure: Procedure) => boolean> = {
  pending: () => true,
  awaiting_acceptance: ({ steps }) => steps.some((s) => s.action === 'confirm'),
  accepted: ({ steps }) => steps.some((s) => s.action === 'confirm'),
  paused: ({ steps }) => steps.findIndex(isStruck) >= 0 && steps.length > 1,
  retrying: (procedure) => retriedStep(procedure) !== undefined,
  incident: (procedure) => undoable(procedure).length > 0,
  compensating: (procedure) => undoable(procedure).length > 0,
};

/** All cells of a procedure's crash matrix: victim by victim, each with its steps, undos and waiting states. */
export function cellsOf(procedure: Procedure, victims: readonly ChaosVictim[]): ChaosCell[] {
  return victims.flatMap((victim) => [
    ...procedure.steps
      .filter(isStruck)
      .flatMap(({ step_id: step }) =>
        CHAOS_MOMENTS.map((moment): ChaosCell => ({ victim, kind: 'step', step, moment })),
      ),
    // As they are undone: newest first.
    ...undoable(procedure)
      .toReversed()
      .flatMap(({ step_id: step }) =>
        CHAOS_MOMENTS.map((moment): ChaosCell => ({ victim, kind: 'undo', step, moment })),
      ),
    ...CHAOS_STATES.filter((state) => reachable[state](procedure)).map((state): ChaosCell => ({
      victim,
      kind: 'state',
      state,
    })),
  ]);
}

/** How a cell's handoff is brought to where it is struck. */
export interface Scene {
  /** For the worker that is struck, as in `HANDOFF_FAILPOINTS`. */
  before: string;
  /** For the worker that takes its place. */
  after: string;
  /** The line of the failpoint's log that says that the handoff is there; absent where its state does. */
  at?: { point: string; step: string; fault: 'kill' | 'pause' };
  /** Whether the handoff fails at its end, so that all is undone. */
  isUndone: boolean;
  /** Whether its target rejects it, because no failpoint can make it fail at its end. */
  isRejected: boolean;
}

export function sceneOf(procedure: Procedure, cell: ChaosCell): Scene {
  // All is done by then, so all of it is undone.
  const last = procedure.steps.at(-1)!;
  const fails = isStruck(last) ? `step.recorded:${last.step_id}=refuse` : '';
  const ends = (isUndone: boolean): Pick<Scene, 'isUndone' | 'isRejected'> => ({
    isUndone,
    isRejected: isUndone && fails === '',
  });
  const joined = (...points: string[]): string => points.filter(Boolean).join(',');
  const [newest] = undoable(procedure).toReversed();
  const of = (point: string, step: string, fault: 'kill' | 'pause', isUndone = false): Scene => {
    const after = isUndone ? fails : '';
    return {
      before: joined(`${point}:${step}=${fault}@1`, after),
      after,
      at: { point, step, fault },
      ...ends(isUndone),
    };
  };
  // A worker kills itself there; it waits there while somebody else is killed.
  const fault = cell.victim === 'worker' ? 'kill' : 'pause';
  if (cell.kind !== 'state') return of(`${cell.kind}.${cell.moment}`, cell.step, fault, cell.kind === 'undo');
  switch (cell.state) {
    case 'paused':
      return of('step.recorded', procedure.steps.find(isStruck)!.step_id, 'pause');
    case 'retrying': {
      // The first may fail beside the registration, and go on without a wait.
      const step = retriedStep(procedure)!;
      const times = Array.from({ length: Math.min(2, attemptsOf(step) - 1) }, (_, n) => n + 1);
      const before = joined(...times.map((n) => `step.dispatched:${step.step_id}=fail@${n}`));
      return { before, after: '', ...ends(false) };
    }
    case 'compensating':
      return of('undo.dispatched', newest!.step_id, 'pause', true);
    case 'incident':
      return { before: joined(fails, `undo.dispatched:${newest!.step_id}=refuse`), after: fails, ...ends(true) };
    default:
      return { before: '', after: '', ...ends(false) };
  }
}
