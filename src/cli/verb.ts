import { Option, type Argument, type Command } from 'commander';
import { answer, complain, openIo, type Answer, type Io } from './io.js';
import type { PlaceOptions } from './place.js';

type OptionSpec = [flags: string, description: string, more?: (option: Option) => Option];

export interface VerbSpec {
  summary: string;
  /** More than the summary, for its help. */
  details?: string;
  /** Command lines without `handoff`. */
  examples: string[];
  options?: OptionSpec[];
  /** Arguments that have more to them than a name in the usage. */
  arguments?: Argument[];
  /** What 0 and 1 mean, where it is not that the verb did what it says, or failed. */
  exitCodes?: { ok?: string; failed?: string };
  /** What it needs of the surroundings, and so which common options it has. */
  needs: ('folder' | 'files' | 'schemas' | 'server')[];
  /**
   * It ends the process itself, because of parts that would keep it alive (Temporal's native runtime, a server that is
   * still being built) or that break it once their connection is closed (a long poll that is sent again).
   */
  exits?: boolean;
  /** Of a group: what it does where none of its verbs is named. */
  isDefault?: boolean;
}

export interface Call<O> {
  /** The positional arguments as they were given. */
  args: string[];
  options: O & PlaceOptions;
  io: Io;
}

const collect = (value: string, all: string[] | undefined): string[] => [...(all ?? []), value];

/** For an option that may be given more than once. */
export const many = (option: Option): Option => option.argParser(collect);
export const isRepeatable = (option: Option): boolean => option.parseArg === collect;
export const must = (option: Option): Option => option.makeOptionMandatory();

const COMMON: Record<VerbSpec['needs'][number], OptionSpec[]> = {
  folder: [['--folder <dir>', 'the data folder', (o) => o.default('.handoff')]],
  files: [
    ['--source <dir>', 'artifacts come from this folder (repeatable; default: here)', many],
    ['--root <dir>', 'artifacts arrive below <dir>/artifacts (default: the data folder)'],
  ],
  schemas: [
    [
      '--schemas <dir>',
      "contracts' schema files are here (repeatable; default: schemas in the first source folder)",
      many,
    ],
  ],
  server: [
    ['--address <host:port>', "Temporal's address (default: TEMPORAL_ADDRESS, profile, `handoff dev`)"],
    ['--namespace <name>', "Temporal's namespace"],
    ['--profile <name>', 'profile of the Temporal configuration file'],
    ['--task-queue <name>', 'task queue of the workers (default: handoff)'],
  ],
};

/** A text that is broken where the terminal ends: only blank lines, and lines that are set in, stay on their own. */
const flowing = (text: string): string => text.replaceAll(/(\S)\n(?=\S)/g, '$1 ');

function exitCodesText({ exitCodes = {}, needs }: VerbSpec): string {
  const { ok = 'ok', failed = 'it failed' } = exitCodes;
  const away = needs.includes('server') ? '; 3 nobody answers' : '';
  return `Exit codes: 0 ${ok}; 1 ${failed}; 2 wrong usage or input${away}.`;
}

/** Adds a verb: its help with an example, the common options that it needs, `--json`, errors and exit code. */
export function verb<O = object>(
  parent: Command,
  usage: string,
  spec: VerbSpec,
  run: (call: Call<O>) => Promise<Answer>,
): void {
  const command = parent
    .command(usage, { isDefault: spec.isDefault ?? false })
    .summary(spec.summary)
    .description(flowing(spec.details ?? spec.summary));
  for (const argument of spec.arguments ?? []) command.addArgument(argument);
  const add = (heading: string, options: OptionSpec[]): void => {
    for (const [flags, description, more] of options) {
      const option = new Option(flags, description).helpGroup(heading);
      command.addOption(more ? more(option) : option);
    }
  };
  add('Options:', [...(spec.options ?? []), ['--json', 'print one JSON value']]);
  add(
    'Where:',
    spec.needs.flatMap((need) => COMMON[need]),
  );
  command.helpOption('-h, --help', 'show this help');
  command.addHelpText('after', `\nExample:\n${spec.examples.map((e) => `  $ handoff ${e}`).join('\n')}`);
  command.addHelpText('after', `\n${exitCodesText(spec)}`);
  command.action(async () => {
    const options = command.opts<O & PlaceOptions & { json?: boolean }>();
    const io = openIo(Boolean(options.json));
    try {
      const result = await run({ args: command.args, options, io });
      answer(io, result);
      process.exitCode = result.exitCode ?? 0;
    } catch (error) {
      process.exitCode = complain(io.json, error);
    }
    // What was said is out: writes to files, terminals and pipes are synchronous here.
    if (spec.exits) process.exit();
  });
}
