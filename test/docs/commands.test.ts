import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { program } from '../../src/cli/program.js';
import { leavesOf } from '../cli/tree.js';
import { PAGES, ROOT, blocksOf, proseOf, words } from './pages.js';

/** The command lines in the blocks of a page, without `handoff`; what a shell does with them is its own. */
const typed = (page: string): string[] =>
  blocksOf(page)
    .filter(({ language }) => ['sh', 'console', 'ini', ''].includes(language))
    .flatMap(({ body }) => body.replaceAll(/\\\n\s*/g, ' ').split('\n'))
    .flatMap((line) => /(?:^|&& |=\S*\/|\* handoff )(?:npx )?handoff ([a-z].*)$/.exec(line)?.[1] ?? [])
    .map((line) => line.split(/ (?:\||\|\||&&|>) /)[0]!);

/** What is named in a sentence, such as `handoff result --timeout`. */
const mentioned = (page: string): string[] =>
  [...proseOf(page).matchAll(/`(?:npx )?handoff ([a-z][^`]*)`/g)].map((m) => m[1]!.replaceAll(/\s+/g, ' '));

/** Why a command line would be refused, by the real tree, whose verbs do nothing here. */
async function refusalOf(args: string[]): Promise<string | undefined> {
  const tree = program();
  for (const leaf of leavesOf(tree)) leaf.action(() => {});
  return tree.parseAsync(args, { from: 'user' }).then(
    () => undefined,
    (error: unknown) => (error as Error).message,
  );
}

/** The verb that words begin with, and the options among them that it does not have. */
function unknownIn(args: string[]): string | undefined {
  let command: Command = program();
  for (const word of args) {
    const next = command.commands.find((c) => c.name() === word);
    if (!next) break;
    command = next;
  }
  if (!command.parent) return `no verb ${args[0] ?? ''}`;
  const options = args.filter((a) => a.startsWith('--')).map((a) => a.split('=')[0]!);
  const strange = options.filter((o) => o !== '--help' && command.options.every((known) => known.long !== o));
  return strange.length > 0 ? `no option ${strange.join(', ')}` : undefined;
}

const absent = (args: string[]): string[] =>
  args.filter((word) => word.startsWith('examples/') && !existsSync(path.join(ROOT, word)));

describe('commands', () => {
  test.each(PAGES)('in the blocks of %s are right', async (page) => {
    for (const line of typed(page)) {
      const args = words(line);
      expect([line, await refusalOf(args), absent(args)]).toEqual([line, undefined, []]);
    }
  });

  test.each(PAGES)('that %s mentions are there', (page) => {
    for (const line of mentioned(page)) {
      const args = words(line);
      expect([line, unknownIn(args), absent(args)]).toEqual([line, undefined, []]);
    }
  });

  test('are found at all', () => {
    expect(typed('README.md').length).toBeGreaterThan(8);
    expect(typed('docs/production.md')).toContainEqual(expect.stringMatching(/^worker --folder .* --module /));
    expect(typed('docs/production.md')).toContainEqual(expect.stringMatching(/^doctor --folder .* --json$/));
    expect(mentioned('docs/errors.md').length).toBeGreaterThan(40);
  });
});
