import type { Command } from 'commander';
import { number } from '../number.js';
import type { FilterOptions, ReplayOptions } from '../replay.js';
import { verb, type VerbSpec } from '../verb.js';

const FILTERS: NonNullable<VerbSpec['options']> = [
  ['--session <id>', 'only of one session'],
  ['--procedure <id>', 'only by one procedure'],
  ['--limit <n>', 'at most so many, the newest first (default: 1,000)', number(1, { whole: true })],
];

export function replayVerbs(program: Command): void {
  verb<ReplayOptions>(
    program,
    'replay [dir]',
    {
      summary: 'whether this build would take recorded, or running, handoffs over',
      details: [
        "Replays histories with this build's workflow code: a folder (or a file) of JSON as `handoff histories`,",
        '`temporal workflow show --output json` or the Web UI export it, or all that are open on the server.',
        'Nothing is changed. Exit code 1 if one differs or cannot be replayed.',
      ].join(' '),
      examples: ['replay histories/', 'replay --from-server', 'replay --from-server --procedure DESIGN_REVIEW'],
      options: [['--from-server', 'what is open on the server instead of a folder'], ...FILTERS],
      needs: ['folder', 'server'],
      exits: true,
    },
    async ({ args: [dir], options, io }) => (await import('../replay.js')).replay(dir, options, io),
  );
  verb<FilterOptions>(
    program,
    'histories <dir>',
    {
      summary: 'fetch the histories of handoffs into a folder, for `replay`',
      details:
        "Fetches histories into a folder, a file a run: <handoff>.<run>.json, in Temporal's own export format.\nA history holds what its handoff's request, messages and results say: keep it as you keep them.",
      examples: ['histories histories/ --open', 'histories histories/ --session blog --limit 20'],
      options: [['--open', 'only of runs that are open'], ...FILTERS],
      needs: ['folder', 'server'],
      exits: true,
    },
    async ({ args: [dir = ''], options }) => (await import('../replay.js')).histories(dir, options),
  );
}
