import type { Command } from 'commander';
import type { ChaosCommandOptions } from '../chaos.js';
import { number } from '../number.js';
import { PARTS_OPTIONS } from '../parts-options.js';
import { verb } from '../verb.js';

export function chaosVerb(program: Command): void {
  verb<ChaosCommandOptions>(
    program,
    'chaos <procedure>',
    {
      summary: 'kill worker and server at each boundary of a procedure',
      details:
        'Starts servers, workers and data of its own, and kills them with -9 at every boundary of the procedure: before a\nstep or an undo, between the deed and its record, after the record, and while a handoff waits. Each kill has a handoff\nof its own; a process that knows nothing of the engine says whether each effect was made once, or undone. Prints what\ncame of each, and how long it took until the handoff went on.\nThe actions of your modules are really run, as often as there are cells: point them at a test system.',
      examples: [
        'chaos PHASE_TRANSITION_STANDARD',
        'chaos TICKET_HANDOFF --module examples/05-own-action.mjs --times 1',
      ],
      exitCodes: { ok: 'every cell is ok', failed: 'one is not' },
      options: [
        ...PARTS_OPTIONS,
        ['--request <file>', 'what each handoff hands over, JSON or YAML (default: two small files and an entry)'],
        ['--from <dir>', 'the artifacts of --request come from this folder (default: here)'],
        ['--victims <list>', 'worker, server, both (default: all of them)'],
        ['--only <text>', 'only cells whose name has this text, such as a step or "while paused"'],
        ['--times <n>', 'how often each cell is struck', (o) => number(1, { whole: true })(o).default(3)],
        [
          '--parallel <n>',
          'how many stacks of server and worker at once',
          (o) => number(1, { whole: true })(o).default(2),
        ],
      ],
      needs: ['folder'],
      exits: true,
    },
    async ({ args: [procedure = ''], options, io }) => (await import('../chaos.js')).chaos(procedure, options, io),
  );
}
