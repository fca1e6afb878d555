import type { Command } from 'commander';
import { port } from '../number.js';
import type { ServeOptions } from '../serve.js';
import { pageWidth, wrapped } from '../text/layout.js';
import { safe } from '../text/text.js';
import { verb } from '../verb.js';

export function serveVerbs(program: Command): void {
  verb<ServeOptions>(
    program,
    'serve',
    {
      summary: 'the HTTP API and its page, against any Temporal cluster',
      details: `Serves the HTTP API and its page, against the Temporal cluster that --address, TEMPORAL_* variables or a profile
name; workers run elsewhere. It listens on loopback unless a host is set (docs/api.md). Ctrl-C or SIGTERM lets requests that
are being answered end first.`,
      examples: ['serve --profile staging', 'serve --host 0.0.0.0 --port 8080'],
      options: [
        ['--port <n>', 'where it listens (default: AGENT_HANDOFF_PORT, 7480)', port],
        ['--host <host>', 'the address that it listens on (default: AGENT_HANDOFF_HOST, 127.0.0.1)'],
        ['--log <file>', 'where its log goes (default: stderr)'],
      ],
      needs: ['folder', 'files', 'schemas', 'server'],
      exits: true,
    },
    async ({ options, io }) => (await import('../serve.js')).serve(options, io),
  );
  verb(
    program,
    'config',
    {
      summary: 'the settings of the service, and where each comes from',
      details:
        'The settings of the service: each with its value, where that comes from, and with --json what it means. They are read from the environment (docs/configuration.md).',
      examples: ['config', 'config --json'],
      exitCodes: { failed: 'a setting is not valid' },
      needs: [],
    },
    async ({ io }) => {
      const { showSettings } = await import('../../core/service/settings-schema.js');
      const all = showSettings(process.env);
      const text = all.map(({ name, value, source, means }) =>
        [
          `${io.paint.bold(name)}=${safe(value) || '(none)'}  ${io.paint.dim(source)}`,
          wrapped(`  ${means}`, pageWidth(), 0),
        ].join('\n'),
      );
      return { json: all, text: text.join('\n') };
    },
  );
}
