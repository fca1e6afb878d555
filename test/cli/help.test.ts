import { existsSync, statSync } from 'node:fs';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { program } from '../../src/cli/program.js';
import { helpOf, leavesOf, nameOf } from './tree.js';

const VERBS =
  'demo dev worker serve config run start status result list show effects plan validate validations incidents doctor watch metrics events pause resume cancel accept reject complete extend retry skip rollback resolve setup completion chaos';
const GROUPS = {
  agents: 'add keys heartbeat list remove',
  phases: 'list set',
  context: 'list get set delete',
  procedures: 'list show check add',
  reliability: 'run list show compare stop',
  audit: 'verify list export',
  webhooks: 'list add remove enable disable dead replay',
  report: 'list show history create submit review sign-off rebuild',
};

const verbsIn = (command: Command): string[] => command.commands.map((c) => c.name());
const whole = program();
const leaves = leavesOf(whole);
const groups = whole.commands.filter((c) => c.commands.length > 0);

/** The words of a command line, as a shell takes them; what it redirects is its own. */
const wordsOf = (line: string): string[] =>
  [...line.replace(/ < (\S+)$/, '').matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map((m) => m[1] ?? m[2] ?? m[3]!);

/** The examples in a help text, without `$ handoff`. */
const examplesIn = (help: string): string[] =>
  help.split('\n').flatMap((line) => /^ {2}\$ handoff (.*)$/.exec(line)?.[1] ?? []);

/** Parses a command line with the real tree, whose verbs do nothing; returns the verb that would have run. */
async function parsed(line: string): Promise<string> {
  const tree = program();
  let ran = '';
  for (const leaf of leavesOf(tree)) leaf.action(() => void (ran = nameOf(leaf)));
  await tree.parseAsync(wordsOf(line), { from: 'user' });
  return ran;
}

describe('help', () => {
  it('lists every verb that the engine has', () => {
    expect(verbsIn(whole)).toEqual(expect.arrayContaining([...VERBS.split(' '), ...Object.keys(GROUPS)]));
    for (const [group, verbs] of Object.entries(GROUPS)) {
      expect(verbsIn(whole.commands.find((c) => c.name() === group)!)).toEqual(verbs.split(' '));
    }
  });

  it.each(leaves.map((c) => [nameOf(c), c] as const))(
    '%s has a summary, examples that parse and name what is there, and its exit codes',
    async (name, c) => {
      const help = helpOf(c);
      expect(c.summary()).toMatch(/^\S.{9,}[^.]$/);
      const examples = examplesIn(help);
      expect(examples).not.toEqual([]);
      for (const example of examples) {
        expect([example, await parsed(example)]).toEqual([example, name]);
        const files = example.split(' ').filter((word) => /\.(json|ya?ml|mjs)$/.test(word));
        expect(files.filter((file) => !existsSync(file) || !statSync(file).isFile())).toEqual([]);
      }
      expect(help).toMatch(/\nExit codes: 0 [^;]+; 1 [^;]+; 2 wrong usage or input(; 3 nobody answers)?\.\n/);
      expect(help.includes('3 nobody answers')).toBe(c.options.some((o) => o.long === '--address'));
    },
  );

  it.each([...groups, whole].map((c) => [c.name(), c] as const))('%s has examples too', async (name, c) => {
    const examples = examplesIn(helpOf(c));
    expect(examples).not.toEqual([]);
    for (const example of examples) expect(await parsed(example)).toMatch(c === whole ? /./ : new RegExp(`^${name} `));
  });

  it.each([whole, ...groups, ...leaves].map((c) => [nameOf(c), c] as const))('%s fits 80 columns', (_, c) => {
    // What is one word to a shell is one to whoever copies it: those lines are made for each shell.
    const lines = helpOf(c)
      .split('\n')
      .filter((line) => !/^ {2}(zsh|bash|fish) /.test(line));
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
  });

  it('gives every verb --json, and where it works a folder', () => {
    const without = (flag: string): string[] =>
      leaves.filter((c) => c.options.every((o) => o.long !== flag)).map(nameOf);
    expect(without('--json')).toEqual([]);
    expect(without('--folder')).toEqual(['demo', 'config', 'digest', 'contract check', 'completion']);
  });
});
