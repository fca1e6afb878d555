import { LIFE, type HandoffState, type Incident, type Status, type StepState } from './handoff.js';

/** The small changes that larger ones are made of. Pure: each returns a new state. */

/** Changes the status where the table allows it; a move that it does not allow is a fault of ours and stays unmade. */
export function to(s: HandoffState, status: Status, now: number): HandoffState {
  return LIFE[s.status].next.includes(status) ? { ...s, status, since: now } : s;
}

/** Changes one step; one that there is not changes nothing. */
export const withStep = (s: HandoffState, id: string, change: Partial<StepState>): HandoffState => {
  const step = s.steps[id];
  return step ? { ...s, steps: { ...s.steps, [id]: { ...step, ...change } } } : s;
};

/** Opens an incident under the next id. */
export function withIncident(s: HandoffState, incident: Omit<Incident, 'id' | 'at'>, now: number): HandoffState {
  const incidentCount = s.incidentCount + 1;
  return { ...s, incidentCount, incidents: [...s.incidents, { ...incident, id: `inc-${incidentCount}`, at: now }] };
}
