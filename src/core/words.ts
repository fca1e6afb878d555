import { dueAt, remaining } from './clock.js';
import { isClosed, isPaused, runningSteps, shownStatus, stepIsDone, type HandoffState } from './handoff.js';
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
export function words(subject: Subject, procedure: Procedure, s: HandoffState, now: number): string {
  const lines = [
    `**${shownStatus(s)}** since ${at(isPaused(s) ? (s.pausedSince ?? s.since) : s.since)}`,
    ...situation(subject, procedure, s, now),
    '',
  ];
  for (const step of procedure.steps) {
    const st = s.steps[step.step_id];
    if (!st) continue;
    const mark = { waiting: '·', running: '▶', finished: '✓', skipped: '↷', failed: '✗' }[st.status];
    const detail = st.error ? ` — ${st.error.message}` : st.note ? ` — ${st.note}` : '';
    lines.push(`- ${mark} ${step.name}${detail}`);
  }
  return lines.join('\n');
}

function situation(subject: Subject, procedure: Procedure, s: HandoffState, now: number): string[] {
  const target = partyText(subject.target);
  const nameOf = (id: string | undefined): string => procedure.steps.find((p) => p.step_id === id)?.name ?? id ?? '';
  if (isClosed(s.status)) {
    const undone = s.undone.length > 0 ? ` ${s.undone.length} effects were undone.` : '';
    return [
      s.ending
        ? `${s.ending.by}: ${s.ending.reason}.${undone}`
        : `${partyText(subject.source)} handed over to ${target}.`,
    ];
  }
  const lines = s.incidents.map((i) => {
    const what =
      i.kind === 'undo'
        ? `The undo of ${nameOf(i.step)} (${i.effect ?? ''})`
        : i.kind === 'step'
          ? `Step ${nameOf(i.step)}`
          : i.kind === 'lease'
            ? 'The acceptance'
            : 'The run';
    const choice = i.conflict
      ? `; choices: keep_theirs, restore_before, merge (ours ${i.conflict.ours}, theirs ${i.conflict.theirs}, before ${i.conflict.before})`
      : '';
    return `Incident **${i.id}**, open for ${span(now - i.at)}: ${what} failed: ${i.error.message}. Press *Send an Update* → \`retryStep\` or \`resolveIncident\` with this incidentId${choice}.`;
  });
  if (isPaused(s) && s.status !== 'compensating') {
    for (const [holder, h] of Object.entries(s.holds)) {
      const until = h.until ? `; resumes by itself at ${at(h.until)}` : '';
      lines.push(
        `Paused by ${h.by} (${holder}) for ${span(now - h.at)}: ${h.reason}${until}. Press *Send a Signal* → \`resume\`.`,
      );
    }
  }
  if (s.status === 'pending') lines.push(`Waits for ${s.waitsFor ?? 'its first step'}.`);
  if (s.status === 'running') lines.push(`At work: ${runningSteps(s).map(nameOf).join(', ') || 'nothing'}.`);
  if (s.status === 'awaiting_acceptance') {
    lines.push(
      `Waits for ${target} to accept (offer ${s.acceptance.epoch}). Press *Send an Update* → \`accept\` or \`reject\`.`,
    );
  }
  if (s.status === 'accepted') {
    const press = s.acceptance.auto ? '' : ` Press *Send an Update* → \`complete\` with epoch ${s.acceptance.epoch}.`;
    lines.push(`With ${s.acceptance.by ?? target} since ${at(s.acceptance.at ?? s.since)}.${press}`);
  }
  if (s.status === 'compensating')
    lines.push(
      `Undoing, because ${s.ending?.by ?? 'handoff'}: ${s.ending?.reason ?? ''}. ${s.undone.length} effects undone so far.`,
    );
  const expires = dueAt(s.expiry);
  if (expires !== undefined) lines.push(`Expires at ${at(expires)}, in ${span(expires - now)}.`);
  else if (isPaused(s) && ['pending', 'running', 'awaiting_acceptance'].includes(s.status))
    lines.push(`Its clock stands still with ${span(remaining(s.expiry, now))} left.`);
  return lines;
}
