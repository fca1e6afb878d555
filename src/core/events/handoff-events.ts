import { isClosed, isPaused, shownStatus, type HandoffState, type Incident } from '../handoff.js';
import { partyText, type Subject } from '../request.js';
import type { EventType, NewEvent } from './event.js';

/** Texts of users in an event: enough to know what it is about. */
const TEXT_LENGTH = 200;
const short = (text: string): string => (text.length > TEXT_LENGTH ? `${text.slice(0, TEXT_LENGTH - 1)}…` : text);

const parties = ({ source, target }: Subject): string[] =>
  [...new Set([source.agent, target.agent])].flatMap((a) => (a === undefined ? [] : [`agent:${a}`]));

type Told = Omit<NewEvent, 'at' | 'subject'>;

function event(subject: Subject, type: EventType, key: string, facts: object, more: readonly string[] = []): Told {
  const { handoffId, procedure, session, priority, source, target } = subject;
  const common = { handoffId, procedure: procedure.id, session, priority };
  const data = { ...common, source: partyText(source), target: partyText(target), ...facts };
  return { type, key: `handoff/${handoffId}/${key}`, audience: [...parties(subject), ...more], data };
}

const finished = (subject: Subject, at: number, told: readonly Told[]): NewEvent[] =>
  told.map((t) => ({ ...t, subject: `handoff/${subject.handoffId}`, at }));

/** What a registration tells of. `at` in milliseconds. */
export const startedEvents = (subject: Subject, at: number): NewEvent[] =>
  finished(subject, at, [event(subject, 'handoff:started', 'started', {})]);

/**
 * What a record tells of: all that is in `after` and was not in `before`, the record that it replaces (undefined: only
 * registered). Keys have the times of the run itself, so that what happens again after a reset is told again, and the same record
 * written again tells nothing.
 */
export function handoffEvents(
  subject: Subject,
  before: HandoffState | undefined,
  after: HandoffState,
  at: number,
): NewEvent[] {
  return finished(subject, at, [
    ...resolved(subject, before, after),
    ...offers(subject, before, after),
    ...pauses(subject, before, after),
    ...opened(subject, before, after),
    ...closing(subject, before, after),
  ]);
}

function offers(subject: Subject, before: HandoffState | undefined, after: HandoffState): Told[] {
  const { epoch, offeredAt, by, at } = after.acceptance;
  const was = before?.acceptance;
  const told: Told[] = [];
  if (after.status === 'awaiting_acceptance' && (was?.epoch !== epoch || was.offeredAt !== offeredAt))
    told.push(event(subject, 'handoff:awaiting_acceptance', `offered/${epoch}@${offeredAt ?? 0}`, { epoch }));
  if (by !== undefined && (was?.by !== by || was.at !== at || was.epoch !== epoch))
    told.push(event(subject, 'handoff:accepted', `accepted/${epoch}@${at ?? 0}`, { epoch, by }));
  return told;
}

/** A pause is told of when it has taken hold: what was at work has ended. */
const holds = (s: HandoffState): boolean =>
  isPaused(s) && s.status !== 'compensating' && !isClosed(s.status) && shownStatus(s) !== 'draining';

function pauses(subject: Subject, before: HandoffState | undefined, after: HandoffState): Told[] {
  const had = before !== undefined && holds(before) ? before : undefined;
  const isSame = had?.pausedSince === after.pausedSince;
  const told: Told[] = [];
  // What is undone or closed has not been resumed.
  const ended = had && !(isSame && isPaused(after)) && after.status !== 'compensating' && !isClosed(after.status);
  if (ended) told.push(event(subject, 'handoff:resumed', `resumed/${had.pauses ?? 0}@${had.pausedSince ?? 0}`, {}));
  if (holds(after) && !(had && isSame)) {
    const { by = '', reason = '' } = after.holds.operator ?? after.holds.parent ?? {};
    const key = `paused/${after.pauses ?? 0}@${after.pausedSince ?? 0}`;
    told.push(event(subject, 'handoff:paused', key, { by: short(by), reason: short(reason) }));
  }
  return told;
}

const sameIncident = (a: Incident, b: Incident): boolean => a.id === b.id && a.at === b.at;

const ADMINS = ['role:admin'];

const factsOf = ({ id, kind, step, error }: Incident): object => ({
  incident: { id, kind, ...(step === undefined ? {} : { step }), code: error.code, message: short(error.message) },
});

function opened(subject: Subject, before: HandoffState | undefined, after: HandoffState): Told[] {
  return after.incidents
    .filter((i) => !before?.incidents.some((b) => sameIncident(i, b)))
    .map((i) => event(subject, 'handoff:incident_opened', `opened/${i.id}@${i.at}`, factsOf(i), ADMINS));
}

function resolved(subject: Subject, before: HandoffState | undefined, after: HandoffState): Told[] {
  return (before?.incidents ?? [])
    .filter((b) => !after.incidents.some((i) => sameIncident(i, b)))
    .map((b) => event(subject, 'handoff:incident_resolved', `resolved/${b.id}@${b.at}`, factsOf(b), ADMINS));
}

const CLOSINGS = {
  completed: 'handoff:completed',
  rejected: 'handoff:rejected',
  expired: 'handoff:expired',
  cancelled: 'handoff:cancelled',
  failed: 'handoff:failed',
} as const;

function closing(subject: Subject, before: HandoffState | undefined, after: HandoffState): Told[] {
  const { status, since, ending } = after;
  if (!(status in CLOSINGS) || before?.status === status) return [];
  const facts = ending ? { by: short(ending.by), reason: short(ending.reason), code: ending.code } : {};
  return [event(subject, CLOSINGS[status as keyof typeof CLOSINGS], `${status}@${since}`, facts)];
}
