import { dueAt } from './clock.js';
import {
  isClosed,
  isPaused,
  runningSteps,
  shownStatus,
  stepIsDone,
  type HandoffState,
  type Incident,
} from './handoff.js';
import { debtOf } from './debt.js';
import type { Procedure } from './procedure.js';
import { partyText, type Subject } from './request.js';

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

const at = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');

/** The step that a search attribute names: the first that is at work or failed. */
export const currentStep = (s: HandoffState): string | undefined =>
  runningSteps(s)[0] ?? Object.keys(s.steps).find((id) => s.steps[id]!.status === 'failed');

/** Why a run does not move, as one short keyword phrase; undefined where it does. */
export function blockedBecause(s: HandoffState, procedure: Procedure): string | undefined {
  if (isClosed(s.status)) return undefined;
  const incident = s.incidents[0];
  if (incident)
    return `incident ${incident.id}: ${incident.kind === 'undo' ? 'undo of ' : ''}${incident.step ?? 'lease'} (${incident.error.code})`.slice(
      0,
      200,
    );
  if (isPaused(s) && s.status !== 'compensating') {
    const hold = s.holds.operator ?? s.holds.parent!;
    return `paused by ${hold.by}: ${hold.reason}`.slice(0, 200);
  }
  if (s.status === 'pending' && s.waitsFor) return `waits for ${s.waitsFor}`.slice(0, 200);
  if (s.status === 'awaiting_acceptance') return 'waits for acceptance';
  if (s.status === 'accepted' && !s.acceptance.auto && procedure.steps.every((p) => stepIsDone(s.steps[p.step_id])))
    return 'waits for completion';
  return undefined;
}

/**
 * The run in plain words (Markdown), for the Web UI and the command line: what it waits for, for whom, since when, what
 * comes next, what to press.
 */
export function words(subject: Subject, procedure: Procedure, s: HandoffState): string {
  const paragraphs = [
    `**${shownStatus(s)}** since ${at(isPaused(s) ? (s.pausedSince ?? s.since) : s.since)}`,
    ...situation(subject, procedure, s),
    ...debtLines(procedure, s),
  ];
  const steps = procedure.steps.flatMap((step) => {
    const st = s.steps[step.step_id];
    if (!st) return [];
    const mark = { waiting: '·', running: '▶', finished: '✓', skipped: '↷', failed: '✗' }[st.status];
    const detail = st.error ? ` — ${st.error.message}` : st.note ? ` — ${st.note}` : '';
    return [`- ${mark} ${step.name}${detail}`];
  });
  return [...paragraphs, steps.join('\n')].join('\n\n').trimEnd();
}

/** Texts without their last full stop, so that they can stand in a sentence. */
const trimmed = (text: string): string => text.replace(/[.\s]+$/, '');

const UPDATE = 'Press *More Actions → Send an Update* →';
const SIGNAL = 'Press *More Actions → Send a Signal* →';

// Times, not spans: the Web UI shows the text of the last event, and "for 3 min" would stand there for days.
function situation(subject: Subject, procedure: Procedure, s: HandoffState): string[] {
  const target = partyText(subject.target);
  const nameOf = (id: string | undefined): string => procedure.steps.find((p) => p.step_id === id)?.name ?? id ?? '';
  if (isClosed(s.status)) {
    const undone = s.undone.length > 0 ? ` ${s.undone.length} effects were undone.` : '';
    return s.ending
      ? [`${s.ending.by}: ${trimmed(s.ending.reason)}.${undone}`]
      : [`${partyText(subject.source)} handed over to ${target}.`];
  }
  const lines = s.incidents.flatMap((i) => incidentLines(i, nameOf));
  for (const t of s.takingBack ?? []) {
    const then = t.skips
      ? 'It is skipped then.'
      : t.retries
        ? 'It is tried again then.'
        : 'An incident stands there then.';
    lines.push(`Taking back ${t.steps.map(nameOf).join(', ')}, because ${t.by}: ${trimmed(t.reason)}. ${then}`);
  }
  if (isPaused(s) && s.status !== 'compensating') {
    for (const [holder, h] of Object.entries(s.holds)) {
      const until = h.until ? ` It resumes by itself at ${at(h.until)}.` : '';
      lines.push(`Paused by ${h.by} (${holder}) since ${at(h.at)}: ${trimmed(h.reason)}.${until}`);
      lines.push(`${SIGNAL} \`resume\` \`{"by": "you"${holder === 'parent' ? ', "holder": "parent"' : ''}}\`.`);
    }
  }
  if (s.status === 'pending') lines.push(`Waits for ${trimmed(s.waitsFor ?? 'its first step')}.`);
  if (s.status === 'running') lines.push(`At work: ${runningSteps(s).map(nameOf).join(', ') || 'nothing'}.`);
  if (s.status === 'awaiting_acceptance') {
    lines.push(
      `Waits for ${target} to accept since ${at(s.acceptance.offeredAt ?? s.since)} (offer ${s.acceptance.epoch}).`,
    );
    lines.push(`${UPDATE} \`accept\` \`{"by": "${target}"}\`, or \`reject\` with a reason.`);
  }
  if (s.status === 'accepted') {
    lines.push(`With ${s.acceptance.by ?? target} since ${at(s.acceptance.at ?? s.since)}.`);
    if (!s.acceptance.auto)
      lines.push(`${UPDATE} \`complete\` \`{"by": "you", "epoch": ${s.acceptance.epoch}}\` when the work is done.`);
  }
  if (s.status === 'compensating') {
    const { by = 'handoff', reason = '' } = s.ending ?? {};
    lines.push(`Undoing what was done, because ${by}: ${trimmed(reason)}. ${s.undone.length} effects undone so far.`);
  }
  const expires = dueAt(s.expiry);
  const waits = ['pending', 'running', 'awaiting_acceptance'].includes(s.status);
  if (expires !== undefined) lines.push(`Expires at ${at(expires)} unless it is accepted before.`);
  else if (isPaused(s) && waits) lines.push(`Its clock stands still, with ${span(s.expiry.remainingMs)} left.`);
  return lines;
}

/** What a cancellation now would take back; nothing once that is under way, or over. */
function debtLines(procedure: Procedure, s: HandoffState): string[] {
  if (isClosed(s.status) || s.ending) return [];
  const { undo, cannot } = debtOf(procedure, s);
  const names = (ids: string[]): string =>
    ids.map((id) => procedure.steps.find((p) => p.step_id === id)?.name ?? id).join(', ');
  const first = undo.length > 0 ? `would undo: ${names(undo)}` : cannot.length > 0 ? 'would undo nothing' : '';
  if (!first) return ['A cancel now would have nothing to undo.'];
  return [`A cancel now ${first}.${cannot.length > 0 ? ` It could not undo: ${names(cannot)}.` : ''}`];
}

function incidentLines(i: Incident, nameOf: (step: string | undefined) => string): string[] {
  const what = {
    undo: `the undo of ${nameOf(i.step)}`,
    step: `step ${nameOf(i.step)}`,
    lease: 'the acceptance',
    terminated: 'the run',
  }[i.kind];
  const ids = `"by": "you", "reason": "why", "incidentId": "${i.id}"`;
  const press = i.conflict
    ? `\`resolveIncident\` \`{${ids}, "choice": "keep_theirs"}\` (or \`restore_before\`, or \`merge\` with a \`value\`), or \`retryStep\`.`
    : i.kind === 'terminated'
      ? `\`rollback\` \`{${ids}}\` to undo what it left, or \`resolveIncident\` to leave it.`
      : i.kind === 'step'
        ? `\`retryStep\` \`{${ids}}\` to try it again; or with the same: \`skipStep\` to go on without it, \`resolveIncident\` if you did it by hand, \`rollback\` to undo the whole handoff.`
        : `\`retryStep\` \`{${ids}}\` or \`resolveIncident\`.`;
  return [`Incident **${i.id}** since ${at(i.at)}: ${what} failed. ${trimmed(i.error.message)}.`, `${UPDATE} ${press}`];
}
