import { dueAt } from './clock.js';
import type { ErrorCode, ErrorParams } from './errors.js';
import {
  LIFE,
  REPAIR,
  acceptedStep,
  shownStatus,
  statusesThatAccept,
  type HandoffState,
  type Incident,
  type MessageName,
} from './handoff.js';
import { stepsFrom, type Procedure } from './procedure.js';
import { due } from './reducer.js';

export interface Refusal {
  code: ErrorCode;
  params: ErrorParams;
}

/** A message as the state machine sees it: its name and what of its content a refusal can depend on. */
export interface Command {
  name: MessageName;
  by?: string;
  epoch?: number;
  incidentId?: string;
  toStep?: string | null;
  holder?: string;
}

/**
 * Why a message does not fit the state, or undefined where it does. Used by the workflow's update validators and
 * signal handlers, by the client before it sends a signal, and by the tests. `now` in milliseconds. A repair names steps of
 * `procedure`.
 */
export function refuse(
  handoff: string,
  s: HandoffState,
  command: Command,
  now: number,
  procedure?: Procedure,
): Refusal | undefined {
  const { name } = command;
  const second = name === 'accept' ? secondAcceptance(handoff, s) : undefined;
  if (second) return second;
  if (!LIFE[s.status].accepts.includes(name)) {
    return {
      code: 'WRONG_STATE',
      params: { handoff, status: s.status, message: name, allowed: statusesThatAccept(name).join(', ') },
    };
  }
  if ((name === 'accept' || name === 'reject' || name === 'extendExpiry') && due(s, now) === 'expired') {
    return { code: 'EXPIRED', params: { handoff, at: new Date(dueAt(s.expiry) ?? now).toISOString() } };
  }
  if (name === 'resume' && !s.holds[command.holder === 'parent' ? 'parent' : 'operator']) {
    const held = Object.keys(s.holds).join(', ');
    const status = held ? `paused by ${held} only` : `${shownStatus(s)} and not paused`;
    return {
      code: 'WRONG_STATE',
      params: { handoff, status, message: name, allowed: `paused by ${command.holder ?? 'operator'}` },
    };
  }
  if (name === 'complete') return refuseCompletion(handoff, s, command, now);
  return isRepair(name) ? refuseRepair(handoff, s, command, procedure) : undefined;
}

const isRepair = (name: MessageName): boolean => (REPAIR as readonly MessageName[]).includes(name);

function refuseRepair(
  handoff: string,
  s: HandoffState,
  { name, incidentId, toStep }: Command,
  procedure: Procedure | undefined,
): Refusal | undefined {
  const incident = s.incidents.find((i) => i.id === incidentId);
  if (!incident) {
    const open = s.incidents.map((i) => i.id).join(', ') || 'none';
    return { code: 'INCIDENT_NOT_OPEN', params: { incident: incidentId, handoff, open } };
  }
  const wrong = (what: string, instead: string): Refusal => ({
    code: 'WRONG_INCIDENT',
    params: { incident: incident.id, handoff, what, kind: KINDS[incident.kind], instead },
  });
  if (name === 'skipStep' && incident.kind !== 'step')
    return wrong('skipped', 'retryStep, resolveIncident or rollback');
  if (name !== 'rollback' || !toStep) return undefined;
  if (incident.kind === 'undo' || incident.kind === 'terminated')
    return wrong('rolled back to a step', 'retryStep, resolveIncident, or rollback without toStep');
  const possible = procedure ? stepsBefore(procedure, s, incident) : [];
  if (possible.includes(toStep)) return undefined;
  const why = `toStep: ${toStep} is not the step of ${incident.id} or one before it; possible: ${possible.join(', ')}`;
  return { code: 'INVALID_MESSAGE', params: { message: name, why } };
}

const KINDS: Record<Incident['kind'], string> = {
  step: 'a step',
  undo: 'an undo',
  lease: 'a lease',
  terminated: 'a terminated run',
};

/** The steps that a rollback can go back to from an incident: its own, and those that it comes after. */
function stepsBefore(procedure: Procedure, s: HandoffState, incident: Incident): string[] {
  const at = incident.step ?? acceptedStep(s) ?? '';
  return procedure.steps.map((p) => p.step_id).filter((id) => stepsFrom(procedure, id).includes(at));
}

function secondAcceptance(handoff: string, s: HandoffState): Refusal | undefined {
  const taken = s.status === 'accepted' || s.status === 'completed';
  if (!taken || s.acceptance.by === undefined) return undefined;
  return { code: 'ALREADY_ACCEPTED', params: { handoff, by: s.acceptance.by, epoch: s.acceptance.epoch } };
}

function refuseCompletion(handoff: string, s: HandoffState, command: Command, now: number): Refusal | undefined {
  const current = s.acceptance.epoch;
  // A lease that has run out is over, whether its timer was not handled yet or an operator has to decide what follows.
  const lapsed = due(s, now) === 'lease_lapsed' || s.incidents.some((i) => i.kind === 'lease');
  if (command.epoch !== current || lapsed) {
    return {
      code: 'STALE_ACCEPTANCE',
      params: { handoff, epoch: command.epoch, current: command.epoch === current ? current + 1 : current },
    };
  }
  if (s.completion) {
    return {
      code: 'WRONG_STATE',
      params: { handoff, status: `already completed by ${s.completion.by}`, message: 'complete', allowed: 'accepted' },
    };
  }
  return undefined;
}
