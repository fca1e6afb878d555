import type { ContractFault } from './contract.js';
import { withIncident } from './changes.js';
import { dueAt, isDue, resume, startCountdown, stop, type Countdown } from './clock.js';
import { isPaused, type HandoffState, type Incident } from './handoff.js';
import { termsOf, type ReturnFact, type ReturnState, type ReturnTerms, type Returns } from './return-state.js';

/** The return leg: what a target owes after its acceptance, each with its own deadline. Pure; times in milliseconds. */

/** What returned artifacts stand under in the ledger: no step of a user's can have this name. */
export const RETURN_STEP = 'Returns';

/** How often the agent is asked again before a person is. */
export const MOST_ASKS = 3;
/** Faults that the state keeps of one return, and characters of each text of theirs. */
const KEPT_FAULTS = 20;
const KEPT_TEXT = 300;

const mapped = (returns: Returns, change: (r: ReturnState, name: string) => ReturnState): Returns =>
  Object.fromEntries(Object.entries(returns).map(([name, r]) => [name, change(r, name)]));

/** One return by its name, which a caller may have made up. */
export const returnOf = ({ returns }: HandoffState, name: string): ReturnState | undefined =>
  returns && Object.hasOwn(returns, name) ? returns[name] : undefined;

/** The change of a handoff's returns, where it has any. */
const withReturns = (
  s: HandoffState,
  change: (r: ReturnState, name: string) => ReturnState,
): Pick<HandoffState, 'returns'> => (s.returns ? { returns: mapped(s.returns, change) } : {});

/** Asked for as if for the first time: a deadline of its own, which stands still where the run does. */
function asked(s: HandoffState, r: ReturnState, now: number): ReturnState {
  const clock = (ms: number): Countdown => {
    const whole = startCountdown(ms, now);
    return isPaused(s) && s.clockWhilePaused === 'stop' ? stop(whole, now) : whole;
  };
  return {
    ...termsOf(r),
    status: 'expected',
    asks: 0,
    rounds: 0,
    deadline: clock(r.timeoutMs),
    ...(r.expectedInMs === undefined ? {} : { expected: clock(r.expectedInMs) }),
  };
}

/** An acceptance begins the deadlines of all that has not come, and that no person has taken as done. */
export const begun = (s: HandoffState, now: number): Pick<HandoffState, 'returns'> =>
  withReturns(s, (r) => (r.status === 'received' || r.waivedBy !== undefined ? r : asked(s, r, now)));

/** Nobody holds the work: deadlines wait for the next acceptance. */
export const halted = (s: HandoffState): Pick<HandoffState, 'returns'> => withReturns(s, withoutClocks);

const withoutClocks = ({ deadline: _, expected: _e, ...r }: ReturnState): ReturnState => r;

/** Nothing has come, as far as the run knows: what had is undone, or was by an earlier run of a reset one. */
export const forgotten = (s: HandoffState): Pick<HandoffState, 'returns'> =>
  withReturns(s, (r) => ({ ...termsOf(r), status: 'expected', asks: 0, rounds: 0 }));

const clocked = (s: HandoffState, change: (c: Countdown) => Countdown): Pick<HandoffState, 'returns'> =>
  withReturns(s, (r) => ({
    ...r,
    ...(r.deadline ? { deadline: change(r.deadline) } : {}),
    ...(r.expected ? { expected: change(r.expected) } : {}),
  }));

export const stopReturns = (s: HandoffState, at: number): Pick<HandoffState, 'returns'> =>
  clocked(s, (c) => stop(c, at));
export const resumeReturns = (s: HandoffState, at: number): Pick<HandoffState, 'returns'> =>
  clocked(s, (c) => resume(c, at));

const isLate = (r: ReturnState, now: number): boolean =>
  r.lateSince === undefined && r.expected !== undefined && isDue(r.expected, now);
const isOver = (r: ReturnState, now: number): boolean => r.deadline !== undefined && isDue(r.deadline, now);
const waitedFor = (r: ReturnState): boolean => r.status === 'expected' && !r.checking;

/** Whether time has decided anything about a return. */
export const returnsDue = (s: HandoffState, now: number): boolean =>
  s.returns !== undefined && Object.values(s.returns).some((r) => waitedFor(r) && (isLate(r, now) || isOver(r, now)));

/** When time next decides something about it, if nothing stops it. */
export function nextDue(r: ReturnState): number | undefined {
  if (!waitedFor(r)) return undefined;
  const late = r.lateSince === undefined && r.expected ? dueAt(r.expected) : undefined;
  const over = r.deadline && dueAt(r.deadline);
  return late !== undefined && over !== undefined ? Math.min(late, over) : (late ?? over);
}

/** What time has decided: late ones are marked, and what is over follows its `ifMissing`. `fails`: the handoff does. */
export function timedOut(s: HandoffState, now: number): { state: HandoffState; fails?: string } {
  const decided = (r: ReturnState): ReturnState => {
    if (!waitedFor(r)) return r;
    const late = isLate(r, now) ? { ...r, lateSince: dueAt(r.expected!)! } : r;
    if (!isOver(r, now)) return late;
    const over = { ...late, lateSince: late.lateSince ?? dueAt(r.deadline!)! };
    if (r.ifMissing === 'retry' && r.asks < MOST_ASKS)
      return { ...over, asks: r.asks + 1, deadline: startCountdown(r.timeoutMs, now) };
    if (r.ifMissing === 'warn') return { ...withoutClocks(over), status: 'missing', note: 'it did not come in time' };
    return withoutClocks(over);
  };
  const overdue = Object.entries(s.returns ?? {}).filter(([, r]) => waitedFor(r) && isOver(r, now));
  const names = (how: ReturnTerms['ifMissing']): string[] =>
    overdue.filter(([, r]) => r.ifMissing === how && (how !== 'retry' || r.asks >= MOST_ASKS)).map(([name]) => name);
  const state = { ...s, ...withReturns(s, decided) };
  const [failed] = names('fail');
  if (failed !== undefined) return { state, fails: failed };
  const waits = names('retry');
  if (waits.length === 0) return { state };
  const message = `${list(waits)} did not come, though asked for ${MOST_ASKS} times more`;
  return {
    state: withIncident(state, { kind: 'return', returns: waits, error: error('RETURN_MISSING', message) }, now),
  };
}

const error = (code: string, message: string): Incident['error'] => ({ code, message: message.slice(0, 1000) });

/** A few names of many. */
export const list = (names: readonly string[], most = 5): string =>
  names.length > most ? `${names.slice(0, most).join(', ')} and ${names.length - most} more` : names.join(', ');

/** Something came, and is looked at. */
export const came = (s: HandoffState, names: readonly string[]): HandoffState => ({
  ...s,
  ...withReturns(s, (r, name) => (names.includes(name) ? { ...r, checking: true } : r)),
});

/** It was not taken, for a reason that is not its own. */
export const notTaken = (s: HandoffState, names: readonly string[]): HandoffState => ({
  ...s,
  ...withReturns(s, (r, name) => (names.includes(name) ? unchecked(r) : r)),
});

const unchecked = ({ checking: _, ...r }: ReturnState): ReturnState => r;

export function received(s: HandoffState, by: string, facts: readonly ReturnFact[], now: number): HandoffState {
  const byName = new Map(facts.map((f) => [f.name, f]));
  return {
    ...s,
    ...withReturns(s, (r, name) => {
      const fact = byName.get(name);
      if (!fact) return r;
      const { lastFaults: _, note: _n, waivedBy: _w, ...rest } = unchecked(withoutClocks(r));
      const { name: _name, ...facts } = fact;
      return { ...rest, ...facts, status: 'received', by, receivedAt: now };
    }),
  };
}

/** It goes back to the agent with its faults; after so many rounds to a person. */
export function faulty(
  s: HandoffState,
  names: readonly string[],
  faults: readonly ContractFault[],
  now: number,
): HandoffState {
  const of = (name: string): ContractFault[] => faults.filter((f) => f.artifact === name);
  // A fault of none of them is one of them all.
  const guilty = names.filter((name) => of(name).length > 0);
  const blamed = guilty.length > 0 ? guilty : names;
  const most = s.maxReturnRounds ?? Infinity;
  const over = blamed.filter((name) => (returnOf(s, name)?.rounds ?? 0) + 1 >= most);
  const state = {
    ...s,
    ...withReturns(s, (given, name) => {
      const r = names.includes(name) ? unchecked(given) : given;
      if (!blamed.includes(name)) return r;
      const lastFaults = (guilty.length > 0 ? of(name) : faults).slice(0, KEPT_FAULTS).map(shortened);
      const again = { ...r, status: 'expected' as const, rounds: r.rounds + 1, lastFaults };
      return over.includes(name) ? withoutClocks(again) : again;
    }),
  };
  if (over.length === 0) return state;
  const first = faults.find((f) => over.includes(f.artifact)) ?? faults[0];
  const message = `${list(over)} came back with faults ${most === 1 ? 'once' : `${most} times`}; the first now: ${first?.message ?? 'unknown'}`;
  return withIncident(state, { kind: 'return', returns: over, error: error('RETURN_INVALID', message) }, now);
}

/** A fault as state and answers carry it: machine-readable, and no longer than anybody reads. */
export const shortened = (f: ContractFault): ContractFault => ({
  ...f,
  pointer: f.pointer.slice(0, KEPT_TEXT),
  expected: f.expected.slice(0, KEPT_TEXT),
  found: f.found.slice(0, KEPT_TEXT),
  message: f.message.slice(0, KEPT_TEXT),
});

/**
 * Ends an incident about returns: they are asked for again, with fresh rounds and deadlines, or `waived` by whoever
 * takes them as done. Undefined where the incident is about something else.
 */
export function repairedReturns(
  s: HandoffState,
  incidentId: string,
  now: number,
  waived?: { by: string; reason: string },
): HandoffState | undefined {
  const incident = s.incidents.find((i) => i.id === incidentId && i.kind === 'return');
  if (!incident) return undefined;
  const names = incident.returns ?? [];
  const open = { ...s, incidents: s.incidents.filter((i) => i !== incident) };
  return {
    ...open,
    ...withReturns(open, (r, name) => {
      if (!names.includes(name) || r.status === 'received') return r;
      if (!waived) return asked(s, r, now);
      const note = `taken as done by ${waived.by}: ${waived.reason}`;
      return { ...withoutClocks(r), status: 'missing', waivedBy: waived.by, note };
    }),
  };
}

/** The incidents that stay when the work goes to somebody else, who is asked for everything anew. */
export const withoutReturnIncidents = ({ incidents }: HandoffState): Incident[] =>
  incidents.filter((i) => i.kind !== 'return');

/** Returns that are not settled, as `[name, state]`. One that is being checked is not, whatever it was before. */
export const outstanding = (s: HandoffState): [string, ReturnState][] =>
  Object.entries(s.returns ?? {}).filter(([, r]) => r.status === 'expected' || r.checking);

/** Whoever has the work says that it is done: what it still owes, and may, is missing. */
export const givenUp = (s: HandoffState, by: string): Pick<HandoffState, 'returns'> =>
  withReturns(s, (r) =>
    r.status === 'expected' ? { ...withoutClocks(r), status: 'missing', note: `not there when ${by} completed` } : r,
  );

/** What nobody waits for any more, in words: `tests: it did not come in time`. */
export const returnWarnings = (s: HandoffState): string[] =>
  Object.entries(s.returns ?? {}).flatMap(([name, r]) =>
    r.status === 'missing' ? [`${name}: ${r.note ?? 'missing'}`] : [],
  );
