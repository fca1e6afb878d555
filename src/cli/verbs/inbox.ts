import type { Command } from 'commander';
import type { InboxItem } from '../../client/inbox.js';
import { partyText } from '../../core/request.js';
import { span } from '../../core/words.js';
import { number } from '../number.js';
import { withStorage } from '../place.js';
import { commandLines } from '../text/next.js';
import { ago, safe, table, type Paint } from '../text/text.js';
import { verb } from '../verb.js';

export function inboxVerb(program: Command): void {
  verb<{ limit?: number }>(
    program,
    'inbox <agent>',
    {
      summary: 'what waits for an agent to accept, the most urgent first',
      details:
        'What waits for an agent to accept: by priority, then the oldest handoff first. @name and name are two agents.\nIt needs no server. What is paused can be accepted; its clock stands still.',
      examples: ['inbox @nodejs-specialist', 'inbox @nodejs-specialist --json'],
      options: [['--limit <n>', 'at most so many (default: 100)', number(1, { whole: true })]],
      needs: ['folder'],
    },
    async ({ args: [agent = ''], options, io }) => {
      const { inboxOf } = await import('../../client/inbox.js');
      const { limit } = options;
      const items = await withStorage(options, 'read', (storage) =>
        inboxOf(storage, agent, limit === undefined ? {} : { limit }),
      );
      const json = items.map((i) => ({
        ...i,
        commands: [acceptText(i, agent), `handoff reject ${i.handoffId} --by ${agent} --reason "…"`],
      }));
      return { json, text: inboxText(io.paint, agent, items) };
    },
  );
}

const acceptText = ({ handoffId }: InboxItem, agent: string): string => `handoff accept ${handoffId} --by ${agent}`;

function inboxText(paint: Paint, agent: string, items: InboxItem[]): string {
  const [first] = items;
  if (!first) {
    const next = [
      { command: `handoff list --open --to ${agent}`, means: 'what is on its way to it, or with it' },
      { command: `handoff list --status expired --to ${agent}`, means: 'what it did not accept in time' },
    ];
    return `Nothing waits for ${safe(agent)} to accept.\n\n${commandLines(paint, next)}`;
  }
  const rows = items.map((i) => [
    i.handoffId,
    i.priority,
    partyText(i.source),
    i.type,
    i.task,
    ago(i.offeredAt),
    expiryText(i),
    noteText(i),
  ]);
  const head = ['ID', 'PRIORITY', 'FROM', 'TYPE', 'TASK', 'OFFERED', 'EXPIRES', 'NOTE'];
  const next = [
    { command: acceptText(first, agent), means: 'take the first' },
    { command: `handoff show ${first.handoffId}`, means: 'look at it in full' },
  ];
  return `${table(paint, head, rows, '')}\n\n${commandLines(paint, next)}`;
}

const expiryText = ({ expiresAt, remainingMs }: InboxItem): string =>
  expiresAt === undefined ? `stopped, ${span(remainingMs)} left` : `in ${span(remainingMs)}`;

/** What is unusual about it. */
const noteText = ({ paused, incident, epoch }: InboxItem): string =>
  [
    ...(incident ? [`incident ${incident}`] : []),
    ...(paused ? [`paused by ${paused.by}`] : []),
    ...(epoch > 1 ? [`offer ${epoch}`] : []),
  ].join(', ');
