import { dueAt, remaining } from './clock.js';
import { utc } from './date.js';
import type { HandoffState } from './handoff.js';
import { partyText, type Subject } from './request.js';
import type { ReturnState } from './return-state.js';
import { list, outstanding, returnWarnings, MOST_ASKS } from './returns.js';
import { said } from './said.js';

/** The return leg in plain words, for the Web UI and the command line. */

/** Returns that a text names one by one. */
const SHOWN = 12;
const FAULTS = 5;

const iso = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');

/** `app.json until 2026-01-13T11:30:00Z, tests (being checked)`, for one line. */
export const awaitedUntil = (s: HandoffState, owed: readonly [string, ReturnState][]): string =>
  list(owed.map(([name, r]) => `${name}${untilText(s, name, r)}`));

function untilText(s: HandoffState, name: string, r: ReturnState): string {
  if (r.checking) return ' (being checked)';
  const incident = s.incidents.find((i) => i.kind === 'return' && i.returns?.includes(name));
  if (incident) return ` (${incident.id})`;
  const until = r.deadline && dueAt(r.deadline);
  return until === undefined ? '' : ` until ${iso(until)}`;
}

/** Why an accepted handoff whose steps are done does not move, as a keyword; undefined where nothing is owed. */
export function blockedByReturns(s: HandoffState): string | undefined {
  const owed = outstanding(s);
  if (owed.length === 0) return undefined;
  const times = owed.flatMap(([, r]) => (r.deadline && dueAt(r.deadline)) ?? []);
  const until = times.length > 0 ? ` until ${iso(Math.min(...times))}` : '';
  return (
    `waits for return of ${list(
      owed.map(([name]) => name),
      3,
    )}`.slice(0, 200 - until.length) + until
  );
}

/** What is awaited from whom, until when, what was wrong with it last, and what to press. */
export function returnLines(subject: Subject, s: HandoffState): string[] {
  const warnings = returnWarnings(s).map((w) => `Not returned: ${w}.`);
  const owed = outstanding(s);
  if (s.status !== 'accepted' || owed.length === 0) return warnings;
  const by = holder(subject, s);
  const more = owed.length > SHOWN ? [`- and ${owed.length - SHOWN} more`] : [];
  const items = owed.slice(0, SHOWN).map(([name, r]) => `- ${awaited(s, name, r)}`);
  const [name] = owed.find(([, r]) => !r.checking) ?? owed[0]!;
  const sent = JSON.stringify({ by, epoch: s.acceptance.epoch, artifacts: [{ name, path: `path/to/${name}` }] });
  return [
    `Awaited from ${by}:\n\n${[...items, ...more].join('\n')}`,
    ...owed.flatMap(([one, r]) => faultLines(one, r)).slice(0, SHOWN),
    `Press *More Actions → Send an Update* → \`submitReturn\` \`${spaced(sent)}\`, with one entry for each that comes.`,
    ...warnings,
  ];
}

/** JSON as people type it. */
const spaced = (json: string): string =>
  json.replaceAll(/("(?:[^"\\]|\\.)*")|([:,])/g, (_, text: string | undefined, sign: string) => text ?? `${sign} `);

export const holder = (subject: Subject, { acceptance }: HandoffState): string =>
  acceptance.by !== undefined && !acceptance.auto ? acceptance.by : (subject.target.agent ?? partyText(subject.target));

function awaited(s: HandoffState, name: string, r: ReturnState): string {
  const until = r.deadline && dueAt(r.deadline);
  const then = {
    retry: r.asks < MOST_ASKS ? 'then it is asked for again' : 'then a person is asked',
    fail: 'then the handoff fails and is undone',
    warn: 'then it goes on without it',
  }[r.ifMissing];
  const time = r.checking
    ? 'being checked'
    : until === undefined
      ? untilText(s, name, r).trim() || 'its clock stands still'
      : `until ${utc(until)}, ${then}`;
  const rounds = r.rounds === 0 ? [] : [`faults in ${r.rounds} of ${s.maxReturnRounds ?? r.rounds} rounds`];
  return [
    `**${name}** ${time}`,
    ...(r.critical ? ['critical'] : []),
    ...(r.lateSince === undefined ? [] : [`late since ${utc(r.lateSince)}`]),
    ...(r.asks === 0 ? [] : [`asked for again ${r.asks} ${r.asks === 1 ? 'time' : 'times'}`]),
    ...rounds,
  ].join('; ');
}

function faultLines(name: string, r: ReturnState): string[] {
  if (!r.lastFaults?.length) return [];
  const lines = r.lastFaults.slice(0, FAULTS).map((f) => `- \`${f.pointer || '/'}\`: ${said(f.message)}`);
  const more = r.lastFaults.length > FAULTS ? [`- and ${r.lastFaults.length - FAULTS} more`] : [];
  return [`Faults of **${name}**, last time:\n\n${[...lines, ...more].join('\n')}`];
}

/** What changes without the status, for whoever records it: a round, a question, a mark. */
export const returnsMark = ({ returns }: HandoffState): string =>
  Object.values(returns ?? {})
    .map((r) => `${r.status}${r.asks}.${r.rounds}.${r.lateSince ?? ''}`)
    .join();

/** The return whose deadline comes first. */
export function nearestReturn(s: HandoffState, now: number): { name: string; r: ReturnState } | undefined {
  let nearest: { name: string; r: ReturnState; left: number } | undefined;
  for (const [name, r] of outstanding(s)) {
    if (!r.deadline) continue;
    const left = remaining(r.deadline, now);
    if (nearest === undefined || left < nearest.left) nearest = { name, r, left };
  }
  return nearest;
}
