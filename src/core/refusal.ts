import { dueAt } from './clock.js';
import type { ErrorCode, ErrorParams } from './errors.js';
import {
  LIFE,
  REPAIR,
  acceptedStep,
  isPaused,
  shownStatus,
  statusesThatAccept,
  type HandoffState,
  type Incident,
  type MessageName,
} from './handoff.js';
import { stepsFrom, type Procedure } from './procedure.js';
import { due } from './reducer.js';
import { outstanding, returnOf } from './returns.js';
import { awaitedUntil } from './return-words.js';

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
  artifacts?: readonly { name: string }[];
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
  if (name === 'submitReturn') return refuseReturn(handoff, s, command, now);
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
  return: 'a return',
  terminated: 'a terminated run',
};

/** The steps that a rollback can go back to from an incident: its own, and those that it comes after. */
function stepsBefore(procedure: Procedure, s: HandoffState, incident: Incident): string[] {
  const at = incident.step ?? acceptedStep(s);
  // Accepted by the procedure itself: what is owed comes after all of its steps.
  if (at === undefined) return incident.kind === 'return' ? procedure.steps.map((p) => p.step_id) : [];
  return procedure.steps.map((p) => p.step_id).filter((id) => stepsFrom(procedure, id).includes(at));
}

function secondAcceptance(handoff: string, s: HandoffState): Refusal | undefined {
  const taken = s.status === 'accepted' || s.status === 'completed';
  if (!taken || s.acceptance.by === undefined) return undefined;
  return { code: 'ALREADY_ACCEPTED', params: { handoff, by: s.acceptance.by, epoch: s.acceptance.epoch } };
}

/** Only who holds the present acceptance speaks for it. */
function staleFor(
  what: 'completion' | 'return',
  handoff: string,
  s: HandoffState,
  command: Command,
  now: number,
): Refusal | undefined {
  const current = s.acceptance.epoch;
  // A lease that has run out is over, whether its timer was not handled yet or an operator has to decide what follows.
  const lapsed = due(s, now) === 'lease_lapsed' || s.incidents.some((i) => i.kind === 'lease');
  if (command.epoch !== current || lapsed) {
    return {
      code: 'STALE_ACCEPTANCE',
      params: { what, handoff, epoch: command.epoch, current: command.epoch === current ? current + 1 : current },
    };
  }
  if (!s.completion) return undefined;
  const status = `already completed by ${s.completion.by}`;
  return { code: 'WRONG_STATE', params: { handoff, status, message: command.name, allowed: 'accepted' } };
}

function refuseCompletion(handoff: string, s: HandoffState, command: Command, now: number): Refusal | undefined {
  const stale = staleFor('completion', handoff, s, command, now);
  if (stale) return stale;
  const owed = outstanding(s).filter(([, r]) => r.critical || r.checking);
  if (owed.length === 0) return undefined;
  return { code: 'RETURN_OUTSTANDING', params: { handoff, returns: awaitedUntil(s, owed) } };
}

function refuseReturn(handoff: string, s: HandoffState, command: Command, now: number): Refusal | undefined {
  const stale = staleFor('return', handoff, s, command, now);
  if (stale) return stale;
  const wrong = (status: string, allowed: string): Refusal => ({
    code: 'WRONG_STATE',
    params: { handoff, status, message: 'submitReturn', allowed },
  });
  if (isPaused(s)) return wrong('paused', 'accepted and not paused');
  const names = (command.artifacts ?? []).map((a) => a.name);
  const unknown = names.find((name) => !returnOf(s, name));
  if (unknown !== undefined) {
    const expected = Object.keys(s.returns ?? {}).join(', ') || 'nothing';
    return { code: 'RETURN_UNKNOWN', params: { artifact: unknown, handoff, known: expected } };
  }
  for (const name of names) {
    const r = returnOf(s, name)!;
    if (r.status === 'received')
      return {
        code: 'RETURN_RECEIVED',
        params: { artifact: name, handoff, by: r.by, at: new Date(r.receivedAt ?? now).toISOString() },
      };
    const incident = s.incidents.find((i) => i.kind === 'return' && i.returns?.includes(name));
    if (incident)
      return wrong(`waiting for a person about ${name} (${incident.id})`, 'accepted and a person has decided');
  }
  return undefined;
}
