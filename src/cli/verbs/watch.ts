import type { Command } from 'commander';
import { number } from '../number.js';
import { verb } from '../verb.js';
import type { WatchOptions } from '../watch/watch.js';

export function watchVerb(program: Command): void {
  verb<WatchOptions>(
    program,
    'watch [id]',
    {
      summary: 'a live view of what is in flight, or of one handoff in depth',
      details: `Shows what is in flight, live: status, step, per cent done, whom it waits for and since when, and what is to be
expected from the last 50 completed handoffs of the same procedure. What needs a person comes first.
LATE: the engine takes longer than 95 in 100 did, or people do, or less than a tenth of expiry or lease is left.
With an id: its steps, attempts, countdowns, incidents, and what to type. Ends with the handoff.
q or Ctrl-C quits. Where stdout is no terminal, it prints one frame.`,
      examples: ['watch --to @nodejs-specialist', 'watch ho_1', 'watch --once --json'],
      options: [
        ['--once', 'print one frame and exit'],
        ['--interval <seconds>', 'how often it looks (default: 1)', number(0.2)],
        ['--session <id>', 'of one session'],
        ['--procedure <id>', 'by one procedure'],
        ['--from <name>', 'from this agent or phase'],
        ['--to <name>', 'to this agent or phase'],
      ],
      needs: ['folder', 'server'],
      exits: true,
    },
    async ({ args: [id], options, io }) => (await import('../watch/watch.js')).watch(options, io, id),
  );
}
