import type { Command } from 'commander';

/** The help of a command as it is on a terminal of 80 columns. */
export function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (t) => void (text += t), getOutHelpWidth: () => 80 });
  command.outputHelp();
  return text;
}

/** `agents add`, `agents keys list`. */
export const nameOf = (c: Command): string => (c.parent?.parent ? `${nameOf(c.parent)} ${c.name()}` : c.name());

/** The commands of a tree that do something, without hidden ones and `help`. */
export function leavesOf(command: Command): Command[] {
  const shown = command.createHelp().visibleCommands(command);
  return command.commands.filter((c) => shown.includes(c)).flatMap((c) => (c.commands.length > 0 ? leavesOf(c) : [c]));
}
