import type { Command } from 'commander';
import { METRICS_OPTIONS } from '../metrics/options.js';
import { PARTS_OPTIONS } from '../parts-options.js';
import { verb } from '../verb.js';
import type { WorkerOptions } from '../worker.js';

export function workerVerb(program: Command): void {
  verb<WorkerOptions>(
    program,
    'worker',
    {
      summary: 'run a worker against any Temporal cluster',
      details:
        'Runs a worker against the Temporal cluster that --address, TEMPORAL_* variables or a profile name.\nCtrl-C or SIGTERM lets work in flight end first.',
      examples: [
        'worker --profile staging --source /data/build',
        'worker --module examples/05-own-action.mjs',
        'worker --deployment handoff --build-id 2026-12-01',
      ],
      options: [
        ...PARTS_OPTIONS,
        ...METRICS_OPTIONS,
        ['--deployment <name>', 'its Temporal Worker Deployment (see docs/upgrade.md)'],
        ['--build-id <id>', 'names this build of the deployment'],
        ['--pinned', 'an open handoff stays on the build that it began with (default: goes on with the current one)'],
        ['--log <file>', 'where its log goes (default: stderr)'],
      ],
      needs: ['folder', 'files', 'schemas', 'server'],
      exits: true,
    },
    async ({ options, io }) => (await import('../worker.js')).worker(options, io),
  );
}
