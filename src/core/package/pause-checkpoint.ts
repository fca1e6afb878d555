import { stepIsDone, type HandoffState, type Status } from '../handoff.js';
import { dependenciesOf, type Procedure } from '../procedure.js';
import type { Party, Subject } from '../request.js';

/** What a pause of a handoff puts into its package: see {@link checkpointOf}. */
export interface PauseCheckpoint {
  subject: Subject;
  /** Counts the pauses of the handoff. */
  pause: number;
  /** When it was paused, milliseconds. */
  at: number;
  by: string;
  reason: string;
  /** The state beneath the pause. */
  status: Status;
  /** Of the acceptance. */
  epoch: number;
  sourcePhase: string;
  targetPhase: string;
  /** Whose work it is at the moment: the source's until the target has accepted. */
  phase: string;
  /** Steps that are done, and how many there are. */
  step: number;
  totalSteps: number;
  /** The steps that come next, or `complete` where only that is left. */
  resumePoint: string;
}

/** How far a handoff had come when a pause took hold. */
export function checkpointOf(subject: Subject, procedure: Procedure, s: HandoffState): PauseCheckpoint {
  const { steps } = procedure;
  const done = (id: string): boolean => stepIsDone(s.steps[id]);
  const next = steps.filter((p, i) => !done(p.step_id) && dependenciesOf(steps, i).every(done));
  const { by, reason } = (s.holds.operator ?? s.holds.parent)!;
  const [sourcePhase, targetPhase] = [nameOf(subject.source), nameOf(subject.target)];
  return {
    subject,
    pause: s.pauses ?? 1,
    at: s.pausedSince ?? s.lastEventAt,
    by,
    reason,
    status: s.status,
    epoch: s.acceptance.epoch,
    sourcePhase,
    targetPhase,
    phase: s.status === 'accepted' ? targetPhase : sourcePhase,
    step: steps.filter((p) => done(p.step_id)).length,
    totalSteps: steps.length,
    resumePoint: next.map((p) => p.step_id).join(', ') || 'complete',
  };
}

const nameOf = ({ phase, agent }: Party): string => phase ?? agent ?? 'anyone';
