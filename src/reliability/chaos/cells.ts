import { DEFAULT_RETRY, hasEffect, type Procedure, type Step } from '../../core/procedure.js';
import {
  CHAOS_MOMENTS,
  CHAOS_STATES,
  type ChaosCell,
  type ChaosState,
  type ChaosVictim,
} from '../../core/reliability/chaos.js';

/** Steps whose effects can be undone, in the procedure's order. */
export const undoable = ({ steps }: Procedure): Step[] =>
  steps.filter((s) => hasEffect(s) && s.compensation !== 'irreversible');

const attemptsOf = (step: Step): number => step.retry?.maximum_attempts ?? DEFAULT_RETRY.maximum_attempts;

/** The step that is made to fail once, for a handoff that waits for its next attempt. */
export const retriedStep = (procedure: Procedure): Step | undefined =>
  procedure.steps.find((s) => hasEffect(s) && attemptsOf(s) > 1);

const reachable: Record<ChaosState, (procedure: Procedure) => boolean> = {
  pending: () => true,
  awaiting_acceptance: ({ steps }) => steps.some((s) => s.action === 'confirm'),
  accepted: ({ steps }) => steps.some((s) => s.action === 'confirm'),
  paused: ({ steps }) => steps.length > 1,
  retrying: (procedure) => retriedStep(procedure) !== undefined,
  incident: (procedure) => undoable(procedure).length > 0,
  compensating: (procedure) => undoable(procedure).length > 0,
};

/** All cells of a procedure's crash matrix: victim by victim, each with its steps, undos and waiting states. */
export function cellsOf(procedure: Procedure, victims: readonly ChaosVictim[]): ChaosCell[] {
  return victims.flatMap((victim) => [
    ...procedure.steps.flatMap(({ step_id: step }) =>
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
  at?: { point: string; step: string; fault: 'kill' | 'pause' | 'fail' };
  /** Whether the handoff fails at its end, so that all is undone. */
  isUndone: boolean;
}

export function sceneOf(procedure: Procedure, cell: ChaosCell): Scene {
  // All is done by then, so all of it is undone.
  const fails = `step.recorded:${procedure.steps.at(-1)!.step_id}=refuse`;
  const [newest] = undoable(procedure).toReversed();
  const of = (point: string, step: string, fault: 'kill' | 'pause' | 'fail', isUndone = false): Scene => {
    const after = isUndone ? fails : '';
    // Of a step that fails at its end, the one entry would hide the other: what strikes only once is asked first.
    const before = [`${point}:${step}=${fault}@1`, after].filter(Boolean).join(',');
    return { before, after, at: { point, step, fault }, isUndone };
  };
  // A worker kills itself there; it waits there while somebody else is killed.
  const fault = cell.victim === 'worker' ? 'kill' : 'pause';
  if (cell.kind !== 'state') return of(`${cell.kind}.${cell.moment}`, cell.step, fault, cell.kind === 'undo');
  switch (cell.state) {
    case 'paused':
      return of('step.recorded', procedure.steps[0]!.step_id, 'pause');
    case 'retrying':
      return of('step.dispatched', retriedStep(procedure)!.step_id, 'fail');
    case 'compensating':
      return of('undo.dispatched', newest!.step_id, 'pause', true);
    case 'incident':
      return { before: `${fails},undo.dispatched:${newest!.step_id}=refuse`, after: fails, isUndone: true };
    default:
      return { before: '', after: '', isUndone: false };
  }
}
