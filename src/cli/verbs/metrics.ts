import type { Command } from 'commander';
import type { MetricsVerbOptions } from '../metrics/metrics.js';
import { port } from '../number.js';
import { verb } from '../verb.js';

export function metricsVerb(program: Command): void {
  verb<MetricsVerbOptions>(
    program,
    'metrics',
    {
      summary: 'how many, how well and how long; for people, programs and Prometheus',
      details: `How many handoffs, validation sessions, pipelines and reliability tests there were, what became of them and how
long they took, from the database, which outlives Temporal's retention; and how things stand now. What Temporal
says of the task queues is added where it answers. --since and --until mean when they were started.
With --serve it is an endpoint: /metrics for Prometheus, /api/v1/agent-handoff/metrics as JSON.`,
      examples: [
        'metrics --since 7d',
        'metrics --session blog --json',
        'metrics --prometheus',
        'metrics --serve --port 9464',
      ],
      options: [
        ['--since <when>', 'started since then: a date, or a span such as 7d'],
        ['--until <when>', 'started before then'],
        ['--session <id>', 'of one session'],
        ['--procedure <id>', 'by one procedure'],
        ['--type <type>', 'handoffs of one type'],
        ['--prometheus', 'print what Prometheus would get'],
        ['--serve', 'serve them over HTTP until Ctrl-C'],
        ['--port <n>', 'where it listens with --serve (default: 9464)', port],
        ['--host <host>', 'the address that it listens on with --serve (default: 127.0.0.1)'],
      ],
      needs: ['folder', 'server'],
      exits: true,
    },
    async ({ options, io }) => (await import('../metrics/metrics.js')).metrics(options, io),
  );
}
