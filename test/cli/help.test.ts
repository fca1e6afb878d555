import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { program } from '../../src/cli/program.js';

const VERBS =
  'demo dev worker run start status result list show effects plan validate validations pause resume cancel accept reject complete extend retry resolve incidents doctor setup';
const GROUPS = {
  agents: 'add heartbeat list remove',
  phases: 'list set',
  context: 'list set',
  procedures: 'list show check add',
};

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (t) => void (text += t), getOutHelpWidth: () => 80 });
  command.outputHelp();
  return text;
}

const verbsIn = (command: Command): string[] => command.commands.map((c) => c.name());
const whole = program();
const all = whole.commands.flatMap((c) => (c.commands.length > 0 ? [c, ...c.commands] : [c]));

describe('help', () => {
  it('lists every verb that the engine has', () => {
    expect(verbsIn(whole)).toEqual(expect.arrayContaining([...VERBS.split(' '), ...Object.keys(GROUPS)]));
    for (const [group, verbs] of Object.entries(GROUPS)) {
      expect(verbsIn(whole.commands.find((c) => c.name() === group)!)).toEqual(verbs.split(' '));
    }
  });

  it.each(all.map((c) => [`${c.parent?.name() ?? ''} ${c.name()}`, c] as const))(
    '%s has an example that parses',
    (_, c) => {
      const lines = helpOf(c).split('\n');
      const examples = lines.filter((line) => line.startsWith('  $ handoff '));
      expect(examples).not.toEqual([]);
      for (const example of examples) expect(example.split(' ')).toContain(c.name());
      const wide = lines.filter((line) => !examples.includes(line) && line.length > 130);
      expect(wide).toEqual([]);
    },
  );

  it('gives every verb --json, and where it works a folder', () => {
    const verbs = all.filter((c) => c.commands.length === 0);
    const without = (flag: string): string[] =>
      verbs.filter((c) => c.options.every((o) => o.long !== flag)).map((c) => c.name());
    expect(without('--json')).toEqual([]);
    expect(without('--folder')).toEqual(['demo']);
  });
});
