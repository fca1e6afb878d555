import { isPaused, type HandoffState, type Incident } from '../../core/handoff.js';
import { repairsOf, type Repair } from '../../core/repairs.js';
import { outstanding } from '../../core/returns.js';
import { partyText, type Subject } from '../../core/request.js';
import { safe, type Paint } from './text.js';

/** Something to type, and what comes of it. */
export interface Command {
  command: string;
  means: string;
}

/** What can be typed now to move a handoff on; the likeliest first. */
export function nextCommands(id: string, s: HandoffState, subject: Subject | undefined): Command[] {
  const target = subject ? (subject.target.agent ?? partyText(subject.target)) : '<name>';
  // The only incident need not be named.
  const commands = s.incidents.flatMap((i) =>
    repairsOf(i).map((repair) => ({
      command: repairCommand(id, i, repair, s.incidents.length > 1),
      means: repair.means,
    })),
  );
  if (isPaused(s) && s.status !== 'compensating')
    commands.push({ command: `handoff resume ${id}`, means: 'let it go on' });
  if (s.status === 'awaiting_acceptance') {
    commands.push(
      { command: `handoff accept ${id} --by ${target}`, means: 'take the work' },
      { command: `handoff reject ${id} --by ${target} --reason "…"`, means: 'refuse it; all is undone' },
    );
  }
  if (s.status === 'accepted' && !s.completion) commands.push(...submitCommands(id, s, target));
  const owes = outstanding(s).some(([, r]) => r.critical || r.checking);
  if (s.status === 'accepted' && !s.acceptance.auto && !s.completion && !owes) {
    const { by = target, epoch } = s.acceptance;
    commands.push({ command: `handoff complete ${id} --by ${by} --epoch ${epoch}`, means: 'the work is done' });
  }
  return commands;
}

/** Returns that one command names; more go by a file. */
const NAMED = 4;

function submitCommands(id: string, s: HandoffState, target: string): Command[] {
  const asked = new Set(s.incidents.flatMap((i) => i.returns ?? []));
  const names = outstanding(s).flatMap(([name, r]) => (r.checking || asked.has(name) ? [] : [name]));
  if (names.length === 0 || isPaused(s)) return [];
  const { by = target, auto, epoch } = s.acceptance;
  const what =
    names.length > NAMED ? '--file returns.json' : names.map((n) => `--artifact ${quoted(`${n}=PATH`)}`).join(' ');
  const command = `handoff submit-return ${id} --by ${quoted(auto ? target : by)} --epoch ${epoch} ${what}`;
  return [{ command, means: 'hand in what is awaited' }];
}

/** A word of a command line: names of artifacts and files may have blanks. */
export const quoted = (text: string): string =>
  /^[\w@.=+/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

/** What an incident is about; of somebody else's change, the three that there are to choose from. */
export function causeLines({ error, conflict }: Incident): string[] {
  if (!conflict) return [`${error.code}: ${error.message}`];
  return [
    `${error.code}: somebody else changed ${conflict.resource}; nothing was touched`,
    ...(['ours', 'theirs', 'before'] as const).map((whose) => `  ${whose.padEnd(6)} ${conflict[whose]}`),
  ];
}

/** The whole command line of one repair, to be copied. */
export function repairCommand(id: string, incident: Incident, { verb, choice }: Repair, named = true): string {
  return [
    `handoff ${verb} ${id}`,
    ...(named ? [`--incident ${incident.id}`] : []),
    ...(choice ? [`--choice ${choice}`] : []),
    ...(choice === 'merge' ? [`--value '…'`] : []),
    '--reason "…"',
  ].join(' ');
}

/** One command a line, what comes of it beside it. */
export function commandLines(paint: Paint, commands: readonly Command[]): string {
  const wide = Math.max(...commands.map((c) => c.command.length));
  return commands.map((c) => safe(`${c.command.padEnd(wide)}  `) + paint.dim(c.means)).join('\n');
}

/** What a run says of itself, without its steps and without what only the Web UI can press. */
export const withoutButtons = (words: string): string =>
  words
    .split('\n\n')
    .filter((part) => !part.startsWith('Press *More Actions') && !/^- [·▶✓↷✗↶] /u.test(part))
    .join('\n\n');
