import type { Command } from 'commander';
import { PHASE_STATUSES, type PhaseStatus } from '../../core/phase.js';
import { userName, withStorage } from '../place.js';
import { ago, safe, table } from '../text/text.js';
import { verb } from '../verb.js';
import { agentVerbs } from './agents.js';
import { contextVerbs } from './context.js';

export function registryVerbs(program: Command): void {
  agentVerbs(program);
  phases(program);
  contextVerbs(program);
}

function phases(program: Command): void {
  const group = program.command('phases').description('the phase records of sessions');
  group.addHelpText('after', '\nExample:\n  $ handoff phases set blog 8 completed');
  verb(
    group,
    'list <session>',
    { summary: 'the phases of a session', examples: ['phases list blog'], needs: ['folder'] },
    ({ args: [session = ''], options, io }) =>
      withStorage(options, 'read', async ({ sessions }) => {
        const all = await sessions.phases(session);
        const rows = all.map((p) => [p.phase, p.status, p.version, p.updatedBy, ago(p.updatedAt)]);
        const head = ['PHASE', 'STATUS', 'VERSION', 'BY', 'CHANGED'];
        return { json: all, text: table(io.paint, head, rows, safe(`Session ${session} has no phases.`)) };
      }),
  );
  verb<{ by?: string }>(
    group,
    'set <session> <phase> <status>',
    {
      summary: 'record the status of a phase',
      details: `Records the status of a phase: ${PHASE_STATUSES.join(', ')}.`,
      examples: ['phases set blog 8 completed --by @code-architect'],
      options: [['--by <name>', 'who says so (default: your user name)']],
      needs: ['folder'],
    },
    ({ args: [session = '', phase = '', status = ''], options }) =>
      withStorage(options, 'write', async ({ sessions }) => {
        const by = options.by ?? userName();
        const record = await sessions.setPhase(session, phase, status as PhaseStatus, by);
        return { json: record, text: safe(`Phase ${record.phase} of ${session} is ${record.status}.`) };
      }),
  );
}
