import { Argument, type Command } from 'commander';
import { SCRIPTS, SHELLS, type Shell } from '../completion/scripts.js';
import { safe } from '../text/text.js';
import { verb } from '../verb.js';

export function completionVerb(program: Command): void {
  verb(
    program,
    'completion',
    {
      summary: 'a script that completes verbs, options, ids and names in your shell',
      details: `Prints a script for your shell: Tab then completes verbs, options and their values,
files, and the ids and names in the data folder. It asks the installed version,
so that it need not be made again after an upgrade.

  bash   echo 'source <(handoff completion bash)' >> ~/.bashrc
  zsh    echo 'source <(handoff completion zsh)' >> ~/.zshrc    (after compinit)
  fish   handoff completion fish > ~/.config/fish/completions/handoff.fish`,
      arguments: [new Argument('<shell>', 'your shell').choices(SHELLS)],
      examples: ['completion bash', 'completion zsh'],
      needs: [],
    },
    ({ args: [shell] }) => {
      const script = SCRIPTS[shell as Shell];
      return Promise.resolve({ json: { shell, script }, text: script.trimEnd() });
    },
  );
  program
    .command('__complete [words...]', { hidden: true })
    .allowUnknownOption()
    .helpOption(false)
    .action(async (words: string[]) => {
      // Whatever goes wrong, a shell wants no word of it while somebody types.
      try {
        process.stdout.write(await answer(program, words));
      } catch {
        process.exitCode = 1;
      }
    });
}

async function answer(program: Command, words: string[]): Promise<string> {
  const { candidates } = await import('../completion/candidates.js');
  const { values, shell } = await candidates(program, words, async (folder, kind, handoff, prefix) => {
    const { namesIn } = await import('../../storage/names.js');
    const { STANDARD_PROCEDURES } = await import('../../core/standard-procedures.js');
    const standard =
      kind === 'procedure' ? STANDARD_PROCEDURES.map((p) => ({ name: p.procedure_id, note: 'standard' })) : [];
    const found = namesIn(folder, kind, { prefix, ...(handoff === undefined ? {} : { handoff }) });
    return [...standard, ...found].map(({ name, note }) => ({ value: name, about: note }));
  });
  const lines = values.map(({ value, about }) => `${value}\t${about.replaceAll(/\s+/g, ' ')}`);
  return [...lines, ...(shell ? [`:${shell}\t`] : [])]
    .map((line) => `${safe(line).replaceAll('\\x09', '\t')}\n`)
    .join('');
}
