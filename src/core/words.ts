import { utc } from './date.js';
import { dueAt } from './clock.js';
import {
  heldStep,
  isBeforeAcceptance,
  isClosed,
  isPaused,
  runningSteps,
  shownStatus,
  shownStep,
  stepIsDone,
  type HandoffState,
  type Incident,
  type ShownStep,
} from './handoff.js';
import { debtOf } from './debt.js';
import type { Procedure } from './procedure.js';
import { partyText, type Subject } from './request.js';
import { blockedByReturns, holder, returnLines } from './return-words.js';
import { list, outstanding } from './returns.js';
import { said, saidWithin } from './said.js';
import { triggeredText } from './trigger.js';

const MINUTE = 60_000;

/** A span for people: `45 s`, `12 min`, `3 h 5 min`, `2 d 4 h`. */
export function span(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 120) return `${s} s`;
  const min = Math.round(ms / MINUTE);
  if (min < 120) return `${min} min`;
  const h = Math.floor(min / 60);
  return h < 48 ? `${h} h ${min % 60} min` : `${Math.floor(h / 24)} d ${h % 24} h`;
}

/** The step that a search attribute names: that of an incident, or the first that is at work or failed. */
export const currentStep = (s: HandoffState): string | undefined =>
  s.incidents[0]?.step ??
  runningSteps(s)[0] ??
  Object.keys(s.steps).find((id) => s.steps[id]!.status === 'failed') ??
  heldStep(s)?.step;

/**
 * Why a run does not move, as one short keyword phrase; undefined where it does. A state that has begun names every
 * step of its procedure, so it says so by itself too.
 */
export function blockedBecause(s: HandoffState, procedure?: Procedure): string | undefined {
  if (isClosed(s.status)) return undefined;
  const incident = s.incidents[0];
  if (incident?.kind === 'terminated') return `incident ${incident.id}: the run was terminated`;
  if (incident)
    return `incident ${incident.id}: ${incident.kind === 'undo' ? 'undo of ' : ''}${whereOf(incident)} (${incident.error.code})`.slice(
      0,
      200,
    );
  if (isPaused(s) && s.status !== 'compensating') {
    const hold = s.holds.operator ?? s.holds.parent!;
    return `paused by ${hold.by}: ${hold.reason}`.slice(0, 200);
  }
  if (s.status === 'pending' && s.waitsFor) return `waits for ${s.waitsFor}`.slice(0, 200);
  if (s.status === 'awaiting_acceptance') return 'waits for acceptance';
  const held = heldStep(s);
  if (held) return `waits for ${held.on}, ${utc(held.at)}`.slice(0, 200);
  const steps = procedure?.steps.map((p) => p.step_id) ?? Object.keys(s.steps);
  if (s.status !== 'accepted' || !steps.every((id) => stepIsDone(s.steps[id]))) return undefined;
  return blockedByReturns(s) ?? (s.acceptance.auto ? undefined : 'waits for completion');
}

/** Where an incident stands, as one word or a few: its step, or what it is about. */
const whereOf = (i: Incident): string =>
  i.step ?? (i.kind === 'return' ? `return of ${list(i.returns ?? [], 2)}` : 'lease');

/**
 * The run in plain words (Markdown), for the Web UI: what it waits for, for whom, since when, what to press, what comes
 * next. The first line is all that somebody in a hurry reads. Times, not spans: the Web UI shows the text of the last
 * event, and "for 3 min" would stand there for days.
 */
export function words(subject: Subject, procedure: Procedure, s: HandoffState): string {
  const nameOf: NameOf = (id) => procedure.steps.find((p) => p.step_id === id)?.name ?? id ?? '';
  const paragraphs = isClosed(s.status)
    ? [`**${s.status}** at ${utc(s.since)}`, closing(subject, s), ...lateLines(s)]
    : [
        `**${shownStatus(s).replace('_', ' ')}** since ${utc(sinceOf(s))} — ${waits(subject, s, nameOf)}`,
        ...s.incidents.flatMap((i) => incidentLines(i, nameOf)),
        ...takeBackLines(s, nameOf),
        ...pauseLines(s),
        ...returnLines(subject, s),
        ...lateLines(s),
        ...answerLines(subject, s),
        ...clockLines(s),
        ...nextLines(procedure, s),
        ...debtLines(procedure, s, nameOf),
      ];
  return [...paragraphs, stepLines(procedure, s)].join('\n\n').trimEnd();
}

type NameOf = (step: string | undefined) => string;

const sinceOf = (s: HandoffState): number =>
  s.incidents[0]?.at ?? (isPaused(s) && s.status !== 'compensating' ? s.pausedSince : undefined) ?? s.since;

/** For whom or what it waits, in a few words. */
function waits(subject: Subject, s: HandoffState, nameOf: NameOf): string {
  const target = partyText(subject.target);
  if (s.incidents.length > 0) return 'it waits for an operator';
  if (s.status === 'compensating') return 'undoing what was done';
  const running = runningSteps(s).map(nameOf).join(', ');
  if (isPaused(s)) {
    const { by = '', until } = s.holds.operator ?? s.holds.parent ?? {};
    if (shownStatus(s) === 'draining') return `${said(by)} asked for a pause; ${running} still ends`;
    return until ? `it resumes by itself at ${utc(until)}` : 'it waits for somebody to resume it';
  }
  if (s.status === 'pending') return `it waits for ${saidWithin(s.waitsFor ?? 'its first step')}`;
  if (s.status === 'awaiting_acceptance') return `it waits for ${target} to accept`;
  const owed = s.status === 'accepted' ? outstanding(s).length : 0;
  if (owed > 0) return `it waits for ${owed} ${owed === 1 ? 'return' : 'returns'} from ${holder(subject, s)}`;
  const held = heldStep(s);
  if (held) return `${nameOf(held.step)} waits for ${held.on}, at ${utc(held.at)}`;
  if (s.status === 'accepted') return `the work is with ${said(s.acceptance.by ?? target)}`;
  if (s.takingBack) return 'a part is being taken back';
  return running ? `at work: ${running}` : 'between two steps';
}

function closing(subject: Subject, s: HandoffState): string {
  const undone = s.undone.length > 0 ? ` ${counted(s.undone.length)} undone.` : '';
  return s.ending
    ? `${said(s.ending.by)}: ${saidWithin(s.ending.reason)}.${undone}`
    : `${partyText(subject.source)} handed over to ${partyText(subject.target)}.`;
}

const counted = (n: number): string => (n === 1 ? '1 effect was' : `${n} effects were`);

function takeBackLines(s: HandoffState, nameOf: NameOf): string[] {
  return (s.takingBack ?? []).map((t) => {
    const names = t.steps.map(nameOf).join(', ');
    if (t.becomes === 'resolved')
      return `${said(t.by)} has done ${names} by hand; late attempts at it are being shut out.`;
    const next = {
      incident: 'An incident stands there then.',
      skipped: 'It is skipped then.',
      retried: 'It is tried again then.',
    }[t.becomes];
    return `Taking back ${names}, because ${said(t.by)}: ${saidWithin(t.reason)}. ${next}`;
  });
}

function pauseLines(s: HandoffState): string[] {
  if (s.status === 'compensating') return [];
  const told = s.toldToPause ?? [];
  const children = told.length > 0 ? [`Paused with it: ${told.map((id) => `\`${id}\``).join(', ')}.`] : [];
  const holds = Object.entries(s.holds).flatMap(([holder, h]) => [
    `Paused by ${said(h.by)} (${holder}) since ${utc(h.at)}: ${saidWithin(h.reason)}.${h.until ? ` It resumes by itself at ${utc(h.until)}.` : ''}`,
    `${SIGNAL} \`resume\` \`{"by": "you"${holder === 'parent' ? ', "holder": "parent"' : ''}}\`.`,
  ]);
  return [...holds, ...checkpointLines(s), ...children];
}

/** The package that the present pause has written, or why there is none. */
export function checkpointLines({ checkpoint, pauses }: HandoffState): string[] {
  if (!checkpoint || checkpoint.pause !== pauses) return [];
  const { packageId, error } = checkpoint;
  return packageId === undefined
    ? [`No checkpoint package was written: ${error?.code ?? 'ACTION_FAILED'}: ${saidWithin(error?.message ?? '')}.`]
    : [`Checkpoint \`${packageId}\`.`];
}

const lateLines = ({ late }: HandoffState): string[] =>
  late ? [`**Late** since ${utc(late.since)}: ${late.what}.`] : [];

/** What the target has to say, and what it says it with. */
function answerLines(subject: Subject, s: HandoffState): string[] {
  const { acceptance } = s;
  if (s.status === 'awaiting_acceptance') {
    const by = subject.target.agent ?? partyText(subject.target);
    return [
      `Offered to ${partyText(subject.target)} since ${utc(acceptance.offeredAt ?? s.since)} (offer ${acceptance.epoch}).`,
      `${UPDATE} \`accept\` \`{"by": "${by}"}\`, or \`reject\` \`{"by": "${by}", "reason": "why"}\`.`,
    ];
  }
  if (s.status === 'accepted' && !acceptance.auto)
    return [`${UPDATE} \`complete\` \`{"by": "you", "epoch": ${acceptance.epoch}}\` when the work is done.`];
  if (s.status === 'compensating') {
    const { by = 'handoff', reason = '' } = s.ending ?? {};
    return [`It is undone because ${said(by)}: ${saidWithin(reason)}. So far ${counted(s.undone.length)} undone.`];
  }
  return [];
}

function clockLines(s: HandoffState): string[] {
  const expires = dueAt(s.expiry);
  if (expires !== undefined) return [`Expires at ${utc(expires)} unless it is accepted before.`];
  return isPaused(s) && isBeforeAcceptance(s.status)
    ? [`Its clock stands still, with ${span(s.expiry.remainingMs)} left.`]
    : [];
}

const NEXT = 3;

function nextLines(procedure: Procedure, s: HandoffState): string[] {
  if (s.status === 'compensating') return [];
  const waiting = procedure.steps.filter((p) => (s.steps[p.step_id]?.status ?? 'waiting') === 'waiting');
  if (waiting.length === 0) return [];
  const names = waiting.slice(0, NEXT).map((p) => p.name);
  return [`Next: ${names.join(', then ')}${waiting.length > NEXT ? ', …' : ''}.`];
}

/** What a cancellation now would take back; nothing once that is under way. */
function debtLines(procedure: Procedure, s: HandoffState, nameOf: NameOf): string[] {
  if (s.ending) return [];
  const { undo, cannot } = debtOf(procedure, s);
  const names = (ids: string[]): string => ids.map(nameOf).join(', ');
  if (undo.length + cannot.length === 0) return ['A cancel now would have nothing to undo.'];
  const would = undo.length > 0 ? `would undo: ${names(undo)}` : 'would undo nothing';
  return [`A cancel now ${would}.${cannot.length > 0 ? ` It could not undo: ${names(cannot)}.` : ''}`];
}

/** The sign before a step. */
export const STEP_MARKS = {
  waiting: '·',
  running: '▶',
  finished: '✓',
  skipped: '↷',
  failed: '✗',
  stopped: '·',
  not_reached: '·',
} as const satisfies Record<ShownStep, string>;

function stepLines(procedure: Procedure, s: HandoffState): string {
  const undone = new Set(
    s.undone.filter((u) => u.result !== 'irreversible').map((u) => u.key.split('/', 3).slice(1).join('/')),
  );
  return procedure.steps
    .flatMap((step) => {
      const st = s.steps[step.step_id];
      if (!st) return [];
      const isUndone = undone.has(`${step.step_id}/${st.epoch}`);
      const shown = shownStep(s, st);
      const mark = isUndone ? '↶' : STEP_MARKS[shown];
      const over = shown === 'stopped' || shown === 'not_reached' ? shown.replace('_', ' ') : undefined;
      const more = over ?? st.error?.message ?? st.note ?? triggeredText(st.facts);
      const detail = more ? ` — ${said(more)}` : '';
      return [`- ${mark} ${step.name}${isUndone ? ' — undone' : detail}`];
    })
    .join('\n');
}

const UPDATE = 'Press *More Actions → Send an Update* →';
const SIGNAL = 'Press *More Actions → Send a Signal* →';

function incidentLines(i: Incident, nameOf: NameOf): string[] {
  const ids = `"by": "you", "reason": "why", "incidentId": "${i.id}"`;
  if (i.conflict) {
    const { resource, ours, theirs, before } = i.conflict;
    return [
      `Incident **${i.id}** since ${utc(i.at)}: the undo of ${nameOf(i.step)} met somebody else's change of \`${resource}\`. Nothing was touched.`,
      `- ours: ${said(ours)}\n- theirs: ${said(theirs)}\n- before: ${said(before)}`,
      `${UPDATE} \`resolveIncident\` \`{${ids}, "choice": "keep_theirs"}\` (or \`restore_before\`, or \`merge\` with a \`value\`; no choice if you mended it by hand), or \`retryStep\`.`,
    ];
  }
  const what = {
    undo: `the undo of ${nameOf(i.step)}`,
    step: `step ${nameOf(i.step)}`,
    lease: 'the acceptance',
    return: `the return of ${list(i.returns ?? [])}`,
    terminated: 'the run',
  }[i.kind];
  const press = {
    undo: `\`retryStep\` \`{${ids}}\` to try it again, or \`resolveIncident\` if you did it by hand.`,
    step: `\`retryStep\` \`{${ids}}\` to try it again; or with the same: \`skipStep\` to go on without it, \`resolveIncident\` if you did it by hand, \`rollback\` to undo all (or back to a step: \`toStep\`).`,
    lease: `\`retryStep\` \`{${ids}}\` to offer it again, or \`resolveIncident\` to take the work yourself.`,
    return: `\`retryStep\` \`{${ids}}\` to ask for it again, \`resolveIncident\` to take it as done, or \`rollback\` to undo all (or back to a step: \`toStep\`).`,
    terminated: `\`rollback\` \`{${ids}}\` to undo what it left, or \`resolveIncident\` to leave it.`,
  }[i.kind];
  // A validation's message begins with the step's name, which stands there already.
  const why = saidWithin(i.error.message).replace(`${nameOf(i.step)}: `, '');
  return [`Incident **${i.id}** since ${utc(i.at)}: ${what} failed: ${why}.`, `${UPDATE} ${press}`];
}
