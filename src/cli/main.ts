import { CommanderError, type Command } from 'commander';
import { complain, endWithReader } from './io.js';
import { program } from './program.js';

async function main(argv: string[]): Promise<void> {
  endWithReader();
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error) => process.exit(complain(argv.includes('--json'), error)));
  }
  const tree = program();
  try {
    await tree.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && isHelp(error)) {
      // Without a verb the help is the answer too.
      process.exitCode = 0;
    } else {
      process.exitCode = complain(argv.includes('--json'), error);
      if (process.exitCode === 2 && !argv.includes('--json'))
        process.stderr.write(`See: ${verbIn(tree, argv)} --help\n`);
    }
  }
}

/** `handoff agents add`, as far as the words name a verb. */
function verbIn(command: Command, argv: readonly string[]): string {
  const words = argv.filter((word) => !word.startsWith('-'));
  const next = command.commands.find((c) => c.name() === words[0]);
  return next ? `${command.name()} ${verbIn(next, words.slice(1))}` : command.name();
}

const isHelp = ({ code }: CommanderError): boolean =>
  ['commander.help', 'commander.helpDisplayed', 'commander.version'].includes(code);

await main(process.argv.slice(2));
