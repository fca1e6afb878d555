import type { Argument, Command, Option } from 'commander';
import { STATUSES } from '../../core/handoff.js';
import { PHASE_STATUSES } from '../../core/phase.js';
import type { NameKind } from '../../storage/names.js';
import { isRepeatable } from '../verb.js';

export interface Candidate {
  value: string;
  about: string;
}

/** What can stand at the cursor: values, or files and folders, which the shell knows itself. */
export interface Candidates {
  values: Candidate[];
  shell?: 'files' | 'dirs';
}

/** Looks names up in the data folder. */
export type Names = (
  folder: string,
  kind: NameKind,
  handoff: string | undefined,
  prefix: string,
) => Promise<Candidate[]>;

/** What is meant by the name of an argument or an option. Where the tree has choices, those count. */
const ARGUMENTS: Record<string, Meaning> = {
  file: { shell: 'files' },
  files: { shell: 'files' },
  dir: { shell: 'dirs' },
  artifact: { names: 'artifact' },
  what: { names: 'handoff or artifact' },
  id: { names: 'handoff' },
  ids: { names: 'handoff' },
  name: { names: 'agent' },
  names: { names: 'agent' },
  agent: { names: 'agent' },
  procedure: { names: 'procedure' },
  contract: { names: 'contract' },
  session: { names: 'session' },
  status: { choices: PHASE_STATUSES },
};
const OPTIONS: Record<string, Meaning> = {
  session: { names: 'session' },
  procedure: { names: 'procedure' },
  incident: { names: 'incident' },
  artifact: { names: 'artifact' },
  handoff: { names: 'handoff' },
  status: { choices: STATUSES },
  ...Object.fromEntries(['by', 'from', 'to', 'handsOffTo', 'acceptsFrom'].map((name) => [name, { names: 'agent' }])),
};
const PLACES: Record<string, Meaning> = { file: { shell: 'files' }, dir: { shell: 'dirs' } };

interface Meaning {
  choices?: readonly string[];
  names?: NameKind;
  shell?: 'files' | 'dirs';
}

/** What was typed before the cursor, as the tree of commands understands it. */
interface Typed {
  command: Command;
  /** The words that are no options. */
  words: string[];
  seen: Set<Option>;
  /** An option whose value comes next. */
  open?: Option;
  folder: string;
  /** After `help`, or after `--`. */
  help: boolean;
  raw: boolean;
}

/** The candidates for the last of `words`, which follow `handoff`. Generated from the tree of commands alone. */
export async function candidates(program: Command, words: readonly string[], names: Names): Promise<Candidates> {
  const typed = understood(program, words.slice(0, -1));
  const last = words.at(-1) ?? '';
  const find = (meaning: Meaning, prefix: string): Promise<Candidates> => found(meaning, prefix, typed, names);
  if (typed.open) return find(meaningOfOption(typed.open), last);
  const { command } = typed;
  const [, flag = '', value] = /^(--[^=]+)=(.*)$/.exec(last) ?? [];
  if (value !== undefined && !typed.raw) {
    const option = optionOf(command, flag);
    const { values, ...rest } = option ? await find(meaningOfOption(option), value) : { values: [] };
    return { values: values.map((v) => ({ ...v, value: `${flag}=${v.value}` })), ...rest };
  }
  if (last.startsWith('-') && !typed.raw) return { values: starting(optionsOf(typed), last) };
  if (typed.help || command.commands.length > 0) {
    return { values: typed.words.length > 0 ? [] : starting(commandsOf(command), last) };
  }
  const all = command.registeredArguments;
  const argument = all[typed.words.length] ?? (all.at(-1)?.variadic ? all.at(-1) : undefined);
  if (argument) return find(meaningOfArgument(argument, command), last);
  return { values: last === '' && !typed.raw ? optionsOf(typed) : [] };
}

function understood(program: Command, words: readonly string[]): Typed {
  const typed: Typed = { command: program, words: [], seen: new Set(), folder: '.handoff', help: false, raw: false };
  for (const word of words) {
    const { command, open } = typed;
    if (open) {
      if (open.long === '--folder') typed.folder = word;
      delete typed.open;
    } else if (word === '--' && !typed.raw) {
      typed.raw = true;
    } else if (word.startsWith('-') && !typed.raw) {
      const [flag = '', value] = word.split(/=(.*)/s);
      const option = optionOf(command, flag);
      if (!option) continue;
      typed.seen.add(option);
      if (value !== undefined && option.long === '--folder') typed.folder = value;
      if (value === undefined && option.required) typed.open = option;
    } else if (word === 'help' && command === program) {
      typed.help = true;
    } else {
      const next = command.commands.find((c) => c.name() === word || c.aliases().includes(word));
      if (next) typed.command = next;
      else typed.words.push(word);
    }
  }
  return typed;
}

const optionOf = (command: Command, flag: string): Option | undefined =>
  command.options.find((o) => o.long === flag || o.short === flag);

const commandsOf = (command: Command): Candidate[] =>
  command
    .createHelp()
    .visibleCommands(command)
    .map((c) => ({ value: c.name(), about: c.summary() || c.description() }));

/** Those that may still be given. */
const optionsOf = ({ command, seen }: Typed): Candidate[] =>
  command
    .createHelp()
    .visibleOptions(command)
    .filter((o) => !seen.has(o) || isRepeatable(o))
    .map((o) => ({ value: o.long ?? o.short ?? '', about: o.description }));

const starting = (all: Candidate[], prefix: string): Candidate[] => all.filter((c) => c.value.startsWith(prefix));

/** `<dir>` in `--root <dir>`. */
const placeOf = (option: Option): string => /<([^>]+)>/.exec(option.flags)?.[1] ?? '';

function meaningOfOption(option: Option): Meaning {
  if (option.argChoices) return { choices: option.argChoices };
  return PLACES[placeOf(option)] ?? OPTIONS[option.attributeName()] ?? {};
}

/** Who can be steered is open. */
function meaningOfArgument(argument: Argument, command: Command): Meaning {
  if (argument.argChoices) return { choices: argument.argChoices };
  const meaning = ARGUMENTS[argument.name()] ?? {};
  return meaning.names === 'handoff' && command.helpGroup() === STEER ? { names: 'open handoff' } : meaning;
}

/** The heading under which the verbs stand that only open handoffs take. */
export const STEER = 'Steer:';

async function found(
  { choices, names: kind, shell }: Meaning,
  prefix: string,
  typed: Typed,
  names: Names,
): Promise<Candidates> {
  if (shell) return { values: [], shell };
  const values = kind
    ? await names(typed.folder, kind, typed.words[0], prefix)
    : (choices ?? []).map((value) => ({ value, about: '' }));
  return { values: starting(values, prefix) };
}
