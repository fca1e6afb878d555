import { isDue } from '../clock.js';
import { isClosed, type HandoffState, type Incident } from '../handoff.js';
import { repairsOf } from '../repairs.js';
import { partyText, type Subject } from '../request.js';
import { ROLES } from '../service/policy.js';

/** What somebody can do about what waits for them. */
export interface Todo {
  /** The verb of the command line and of the client. */
  verb: string;
  /** Below the API's prefix: `POST /handoffs/ho_1/accept`. */
  endpoint: string;
  /** What comes of it, in a few words. */
  means: string;
}

/** Something that waits for somebody. `since` in milliseconds. */
export interface Waiting {
  /** `handoff/<id>` or `report/<id>`. */
  subject: string;
  /** `agent:@a`, `role:reviewer`: each of them may do it. */
  whom: string[];
  /** Tells this time from an earlier one: the offer, the incident, the version. */
  mark: string;
  since: number;
  words: string;
  todo: Todo[];
}

/** What a handoff waits for: its target to accept, or somebody to end an incident. */
export function waitingOf(subject: Subject, state: HandoffState, now: number): Waiting[] {
  if (isClosed(state.status)) return [];
  return [...offer(subject, state, now), ...state.incidents.map((i) => incident(subject, i))];
}

function offer({ handoffId, source, target }: Subject, s: HandoffState, now: number): Waiting[] {
  const { epoch, offeredAt = s.since } = s.acceptance;
  if (s.status !== 'awaiting_acceptance' || target.agent === undefined || isDue(s.expiry, now)) return [];
  const todo = (['accept', 'reject'] as const).map((verb) => ({
    verb,
    endpoint: `POST /handoffs/${handoffId}/${verb}`,
    means: verb === 'accept' ? 'take the work' : 'refuse it; all is undone',
  }));
  const words = `${partyText(source)} hands over to you; accept it, or reject it`;
  const whom = [`agent:${target.agent}`];
  return [
    { subject: `handoff/${handoffId}`, whom, mark: `offer/${epoch}@${offeredAt}`, since: offeredAt, words, todo },
  ];
}

function incident({ handoffId, source }: Subject, i: Incident): Waiting {
  const todo = repairsOf(i).map(({ verb, choice, means }) => ({
    verb: choice ? `${verb} --choice ${choice}` : verb,
    endpoint: `POST /handoffs/${handoffId}/${verb}`,
    means,
  }));
  const where = i.step === undefined ? '' : ` at ${i.step}`;
  return {
    subject: `handoff/${handoffId}`,
    whom: ['role:admin', ...(source.agent === undefined ? [] : [`agent:${source.agent}`])],
    mark: `${i.id}@${i.at}`,
    since: i.at,
    words: `incident ${i.id}${where} (${i.error.code}) waits for a person`,
    todo,
  };
}

/** A role or an agent by its bare name, as reports have it, in the form of an audience. */
export const nameOf = (one: string): string =>
  (ROLES as readonly string[]).includes(one) ? `role:${one}` : `agent:${one}`;

/** What can be done about a report that waits. */
export function reportTodo(id: string, status: string): Todo[] {
  const at = `/reports/${id}`;
  switch (status) {
    case 'under_review':
      return [
        { verb: 'report review', endpoint: `POST ${at}/review`, means: 'approve it, reject it, or ask for amendments' },
      ];
    case 'approved':
      return [
        { verb: 'report sign-off', endpoint: `POST ${at}/sign-off`, means: 'sign it off in your role, or refuse to' },
      ];
    case 'amendments_required':
      return [
        { verb: 'report edit', endpoint: `PUT ${at}`, means: 'amend it' },
        { verb: 'report submit', endpoint: `POST ${at}/submit`, means: 'hand it in again' },
      ];
    default:
      return [];
  }
}
