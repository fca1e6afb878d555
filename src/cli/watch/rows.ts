import { deadlineOf, forecast, type Deadline, type Forecast } from '../../core/estimate.js';
import { heldStep, isClosed, isPaused, runningSteps, shownStatus, type HandoffState } from '../../core/handoff.js';
import { progressOf } from '../../core/progress.js';
import { partyText, type Subject } from '../../core/request.js';
import { holder } from '../../core/return-words.js';
import { list, outstanding } from '../../core/returns.js';
import { utc } from '../../core/date.js';
import { span } from '../../core/words.js';
import { titleOf } from '../text/outcome-text.js';

/** What is known of a handoff in flight. Without a state only that it is there. */
export interface Watched {
  handoffId: string;
  status: string;
  procedure: string;
  createdAt: number;
  subject?: Subject;
  state?: HandoffState;
}

/** A line of `handoff watch`, and what `--json` prints of it. Times and spans in milliseconds. */
export interface Row {
  handoffId: string;
  status: string;
  /** `incident`, `paused` or `draining` where it is, else the status. */
  shown: string;
  procedure: string;
  route?: string;
  session?: string;
  createdAt: number;
  /** Per cent. */
  done?: number;
  /** The step of an incident, else those at work. */
  steps: string[];
  /** Who or what it waits for, and since when. */
  waitsFor?: string;
  since: number;
  forecast?: Forecast;
  deadline?: Deadline;
  /** The expected end that has passed, in words. */
  overdue?: string;
  /** `slow`: the engine takes longer than ever; `unanswered`: people do; `expires`: little time is left; `overdue`: see there; `return`: one is late. */
  late?: 'slow' | 'unanswered' | 'expires' | 'overdue' | 'return';
}

export function rowOf(w: Watched, past: readonly HandoffState[], now: number): Row {
  const { handoffId, status, procedure, createdAt, subject, state } = w;
  const known = {
    handoffId,
    status,
    procedure,
    createdAt,
    ...(subject
      ? { route: `${partyText(subject.source)} → ${partyText(subject.target)}`, session: subject.session }
      : {}),
  };
  if (!state) return { ...known, shown: status, steps: [], since: createdAt };
  const expected = forecast(past, state, now);
  const deadline = isClosed(state.status) ? undefined : deadlineOf(state, now);
  const owed = isClosed(state.status) ? [] : outstanding(state);
  const overdue = isClosed(state.status) ? undefined : state.late?.what;
  const late = lateBecause({
    expires: deadline?.near === true,
    return: owed.some(([, r]) => r.lateSince !== undefined),
    overdue: overdue !== undefined,
    slow: expected?.late ? slowOrUnanswered(expected) : undefined,
  });
  return {
    ...known,
    shown: shownStatus(state),
    done: progressOf(state).percent,
    steps: (state.incidents[0]?.step ? [state.incidents[0].step] : runningSteps(state)).map(titleOf),
    ...waiting(state, subject),
    ...(expected ? { forecast: expected } : {}),
    ...(deadline ? { deadline } : {}),
    ...(overdue === undefined ? {} : { overdue }),
    ...(late ? { late } : {}),
  };
}

/** The strongest of several: what somebody can still act on first. */
function lateBecause(is: { expires: boolean; return: boolean; overdue: boolean; slow: Row['late'] }): Row['late'] {
  if (is.expires) return 'expires';
  if (is.return) return 'return';
  return is.overdue ? 'overdue' : is.slow;
}

const slowOrUnanswered = ({ until }: Forecast): 'slow' | 'unanswered' =>
  until === 'acceptance' || until === 'completion' ? 'unanswered' : 'slow';

/** For whom or what a handoff waits; only `since` where it is at work. */
function waiting(s: HandoffState, subject: Subject | undefined): { waitsFor?: string; since: number } {
  const target = subject ? (subject.target.agent ?? partyText(subject.target)) : 'its target';
  const [incident] = s.incidents;
  if (incident) {
    const returned = incident.kind === 'return' ? `return of ${list(incident.returns ?? [], 2)}` : incident.kind;
    const where = incident.step ? titleOf(incident.step) : returned;
    const what = incident.kind === 'undo' ? `undo of ${where}` : where;
    return { waitsFor: `a person: ${incident.id}, ${what} (${incident.error.code})`, since: incident.at };
  }
  if (isPaused(s) && s.status !== 'compensating') {
    const hold = s.holds.operator ?? s.holds.parent;
    const drains = shownStatus(s) === 'draining' ? 'a step that still ends; then ' : '';
    const until = hold?.until === undefined ? '' : `, until ${new Date(hold.until).toISOString().slice(0, 16)}Z`;
    const why = `${hold?.by ?? ''}: ${hold?.reason ?? ''}`;
    return { waitsFor: `${drains}resume (${why}${until})`, since: s.pausedSince ?? s.since };
  }
  if (s.status === 'pending') return { waitsFor: s.waitsFor ?? 'its first step', since: s.createdAt };
  if (s.status === 'awaiting_acceptance') {
    return { waitsFor: `${target} to accept`, since: s.acceptance.offeredAt ?? s.since };
  }
  const owed = s.status === 'accepted' ? outstanding(s).map(([name]) => name) : [];
  if (owed.length > 0) {
    const whose = subject ? holder(subject, s) : (s.acceptance.by ?? target);
    return { waitsFor: `${whose} to return ${list(owed, 3)}`, since: s.acceptance.at ?? s.since };
  }
  if (s.status === 'accepted' && !s.acceptance.auto && !s.completion) {
    return { waitsFor: `${s.acceptance.by ?? target} to complete`, since: s.acceptance.at ?? s.since };
  }
  const held = heldStep(s);
  if (held) return { waitsFor: `${held.on}, ${utc(held.at)}`, since: s.since };
  if (s.status === 'compensating') return { waitsFor: `its undo, ${s.undone.length} undone`, since: s.since };
  return { since: s.since };
}

const ENDS = { expiry: 'expires', lease: 'lease over', return: 'return due' } as const;

/** `done in ~12 s`, `usually 5 min`, `LATE: usually 3 s`; empty where nothing is known. */
export function etaText({ late, forecast: f, deadline, overdue }: Row): string {
  if (late === 'expires' && deadline) {
    const what = ENDS[deadline.what];
    return deadline.leftMs > 0 ? `LATE: ${what} in ${span(deadline.leftMs)}` : `LATE: ${what} now`;
  }
  if (late === 'return') return 'LATE: a return';
  if (late === 'overdue') return `LATE: ${overdue ?? ''}`;
  if (!f) return '';
  if (late) return `LATE: usually ${about(f.usualMs)}`;
  if (f.until === 'acceptance' || f.until === 'completion') return `usually ${about(f.usualMs)}`;
  const left = f.leftMs > 0 ? `in ~${span(Math.max(f.leftMs, 1000))}` : 'any moment';
  return `${f.until === 'offer' ? 'offered' : 'done'} ${left}`;
}

/** `0 s` would say that it takes no time. */
const about = (ms: number): string => (ms < 1000 ? 'under 1 s' : span(ms));

/** What needs a person comes first: the stronger, then late ones, then those that have waited longest. */
export function sorted(rows: readonly Row[]): Row[] {
  return rows.toSorted(
    (a, b) =>
      rank(a) - rank(b) ||
      Number(b.late !== undefined) - Number(a.late !== undefined) ||
      a.since - b.since ||
      (a.handoffId < b.handoffId ? -1 : 1),
  );
}

const RANKS = ['incident', 'awaiting_acceptance', 'waits for completion', 'paused', 'draining', 'compensating'];
const OTHERS = ['accepted', 'running', 'pending'];

/** Of statuses that need nobody, a late one comes first. */
function rank({ shown, waitsFor }: Row): number {
  const what = shown === 'accepted' && waitsFor !== undefined ? 'waits for completion' : shown;
  const at = [...RANKS, ...OTHERS].indexOf(what);
  return at < 0 ? RANKS.length + OTHERS.length : at;
}
