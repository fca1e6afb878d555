import type { HandoffState, Incident } from '../core/handoff.js';
import { partyText, type Subject } from '../core/request.js';
import { isPaused } from '../core/handoff.js';

/** What can be pressed now to move a handoff on, as command lines; the likeliest first. */
export function nextCommands(id: string, s: HandoffState, subject: Subject | undefined): string[] {
  const target = subject ? (subject.target.agent ?? partyText(subject.target)) : '<name>';
  const commands = s.incidents.flatMap((i) => repairs(id, i, s));
  if (isPaused(s) && s.status !== 'compensating') commands.push(`handoff resume ${id}`);
  if (s.status === 'awaiting_acceptance') {
    commands.push(`handoff accept ${id} --by ${target}`, `handoff reject ${id} --by ${target} --reason "…"`);
  }
  if (s.status === 'accepted' && !s.acceptance.auto && !s.completion) {
    commands.push(`handoff complete ${id} --by ${s.acceptance.by ?? target} --epoch ${s.acceptance.epoch}`);
  }
  return commands;
}

function repairs(id: string, incident: Incident, { incidents }: HandoffState): string[] {
  // The only one need not be named.
  const which = `${incidents.length > 1 ? ` --incident ${incident.id}` : ''} --reason "…"`;
  const resolve = `handoff resolve ${id}${which}`;
  const retry = `handoff retry ${id}${which}`;
  if (incident.conflict) {
    return [`${resolve} --choice keep_theirs`, `${resolve} --choice restore_before`, retry];
  }
  if (incident.kind === 'terminated') return [`handoff rollback ${id}${which}`, resolve];
  return [retry, ...(incident.kind === 'step' ? [`handoff rollback ${id}${which}`] : []), resolve];
}
