import type { Command } from 'commander';
import { verb } from '../verb.js';

export function demoVerb(program: Command): void {
  verb<{ keep?: boolean }>(
    program,
    'demo',
    {
      summary: 'four real handoffs on a real Temporal server, in a few seconds',
      details:
        'Plays four handoffs with real files on a real Temporal server: one by phases, one between agents, one that is paused,\none that fails and is undone; a pipeline; and a report that is reviewed, amended, approved\nand signed off over HTTP. Checks each, and leaves nothing behind.',
      examples: ['demo', 'demo --keep'],
      exitCodes: { ok: 'all went as told', failed: 'it did not' },
      options: [['--keep', 'leave server and worker up until Ctrl-C, to look around']],
      needs: [],
      exits: true,
    },
    async ({ options: { keep = false }, io }) => (await import('../demo/demo.js')).demo(keep, io),
  );
}
