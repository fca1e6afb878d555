import type { Command } from 'commander';
import type { DevOptions } from '../dev.js';
import { port } from '../number.js';
import { METRICS_OPTIONS } from '../metrics/options.js';
import { PARTS_OPTIONS } from '../parts-options.js';
import { API_PORT, PORT, UI_PORT } from '../ports.js';
import { verb } from '../verb.js';

export function devVerb(program: Command): void {
  verb<DevOptions>(
    program,
    'dev',
    {
      summary: 'Temporal server, worker and data in one folder, for daily use',
      details:
        'Runs a Temporal server, a worker, the HTTP API with its page, and the data of all in one folder. Killed and started again it goes on where it was.\nCtrl-C lets work in flight end first; the second one leaves at once.',
      examples: ['dev', 'dev --folder /data/handoff --port 7300 --ui-port 8300'],
      options: [
        ['--port <n>', `Temporal's port (default: ${PORT}, or the next free one)`, port],
        ['--ui-port <n>', `the Web UI's port (default: ${UI_PORT}, or the next free one)`, port],
        ['--api-port <n>', `the port of the HTTP API and its page (default: ${API_PORT}, or the next free one)`, port],
        ['--no-api', 'without the HTTP API and its page'],
        ['--task-queue <name>', 'task queue of the worker (default: handoff)'],
        ...PARTS_OPTIONS,
        ...METRICS_OPTIONS,
      ],
      needs: ['folder', 'files', 'schemas'],
      exits: true,
    },
    async ({ options, io }) => (await import('../dev.js')).dev(options, io),
  );
}
