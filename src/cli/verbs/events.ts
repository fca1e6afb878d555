import type { Command } from 'commander';
import type { EventMessage } from '../../core/events/event.js';
import { UsageError } from '../failure.js';
import { existingStorage, userName, withStorage } from '../place.js';
import { number } from '../number.js';
import { ago, clock, safe, table } from '../text/text.js';
import { many, must, verb } from '../verb.js';

const line = (event: EventMessage): string => {
  const { incident, by, words, whom } = event.data as {
    incident?: { id: string };
    by?: string;
    words?: string;
    whom?: string;
  };
  const more = [incident?.id, by && `by ${by}`, whom && `for ${whom}`, words].filter(Boolean).join(', ');
  return `${clock(Date.parse(event.time))}  ${event.type.replace('handoff:', '').padEnd(20)} ${event.subject}${more ? `  ${more}` : ''}`;
};

/** `events`, and who is told of them by HTTP. */
export function eventVerbs(program: Command): void {
  verb<{ type?: string[]; cursor?: number; follow?: boolean }>(
    program,
    'events',
    {
      summary: 'what happened to handoffs and reports, oldest first',
      details:
        'Events of the last 30 days, oldest first. With --follow it goes on with what comes, until Ctrl-C; with --json each is one line then.',
      examples: ['events', 'events --follow --type handoff:incident_opened', 'events --cursor 120 --json'],
      options: [
        ['--follow', 'go on with what comes'],
        [
          '--cursor <n>',
          'only what came after this event (default: all; with --follow: from now on)',
          number(0, { whole: true }),
        ],
        ['--type <type>', 'only this type (repeatable)', many],
      ],
      needs: ['folder'],
      exits: true,
    },
    async ({ options, io }) => {
      const { follow = false, type, cursor } = options;
      const { eventTypes, listenLocally } = await import('../../client/events/listen.js');
      const wanted = eventTypes(type);
      const isWanted = (event: EventMessage): boolean => wanted?.includes(event.type) ?? true;
      const storage = await existingStorage(options);
      if (follow) {
        const show = (event: EventMessage): void => {
          if (isWanted(event)) process.stdout.write(`${io.json ? JSON.stringify(event) : safe(line(event))}\n`);
        };
        const from = cursor === undefined ? {} : { cursor };
        // Until Ctrl-C, or until it cannot go on.
        await new Promise((_, reject) => listenLocally(storage, '*', show, { ...from, onError: reject }));
      }
      const { messageOf } = await import('../../core/events/event.js');
      await storage.outbox.checkCursor(cursor ?? 0);
      const found: EventMessage[] = [];
      for (let at = cursor ?? 0; ;) {
        const page = await storage.outbox.after(at);
        const last = page.at(-1);
        if (!last) break;
        at = last.seq;
        found.push(...page.map(messageOf).filter(isWanted));
      }
      await storage.close();
      return { json: found, text: found.length > 0 ? found.map((e) => safe(line(e))).join('\n') : 'No events.' };
    },
  );
  const group = program.command('webhooks').description('who is told of events by HTTP');
  group.addHelpText('after', '\nExample:\n  $ handoff webhooks list');
  webhookVerbs(group);
}

/** Who changes something here, for the audit log. */
const who = (): { by: string; from: string } => ({ by: userName(), from: 'command line' });

/** Whether a webhook may go to an address of this machine or its networks, by the settings. */
async function allowsPrivate(): Promise<boolean> {
  const { readSettings } = await import('../../core/service/settings-schema.js');
  return readSettings(process.env).webhookAllowPrivate;
}

function letterId(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new UsageError(
    `--letter takes the id of a dead letter, got ${JSON.stringify(text)}. See handoff webhooks dead.`,
  );
}

function webhookVerbs(webhooks: Command): void {
  verb(
    webhooks,
    'list',
    { summary: 'all webhooks, and how far each has come', examples: ['webhooks list'], needs: ['folder'] },
    ({ options, io }) =>
      withStorage(options, 'read', async (storage) => {
        const all = await storage.webhooks.list();
        const last = await storage.outbox.last();
        const rows = all.map((w) => [
          w.id,
          w.active ? (w.attempts > 0 ? `failing (${w.attempts})` : 'active') : 'off',
          String(last - w.cursor),
          w.url,
          w.disabledBecause ?? w.lastError,
        ]);
        return { json: all, text: table(io.paint, ['ID', 'STATUS', 'BEHIND', 'URL', 'WHY'], rows, 'No webhooks.') };
      }),
  );
  verb<{ type?: string[]; cursor?: number; owner: string }>(
    webhooks,
    'add <url>',
    {
      summary: 'tell an address of events; its secret is shown once',
      details:
        'Events are posted as CloudEvents 1.0, signed as Standard Webhooks has it (docs/events.md), by `handoff serve` or `handoff dev`.',
      examples: ['webhooks add https://a.example/in --owner @ops --type handoff:failed'],
      options: [
        ['--owner <agent>', 'who answers for it', must],
        ['--type <type>', 'only this type (repeatable; default: all)', many],
        ['--cursor <n>', 'begin after this event (default: with what comes from now on)', number(0, { whole: true })],
      ],
      needs: ['folder'],
    },
    ({ args: [url = ''], options: { type, cursor, owner, ...place } }) =>
      withStorage(place, 'read', async (storage) => {
        const given = { url, ...(type ? { types: type } : {}), ...(cursor === undefined ? {} : { cursor }) };
        const { createWebhook } = await import('../../storage/audit/webhooks.js');
        const { webhook, secret } = await createWebhook(storage.db, given, owner, await allowsPrivate(), who());
        const text = `${webhook.id}\n${secret}\n\nThe secret is shown this once; the receiver verifies with it.`;
        return { json: { ...webhook, secret }, text };
      }),
  );
  verb(
    webhooks,
    'remove <id>',
    { summary: 'remove a webhook and its dead letters', examples: ['webhooks remove wh_1'], needs: ['folder'] },
    ({ args: [id = ''], options }) =>
      withStorage(options, 'read', async (storage) => {
        const { removeWebhook } = await import('../../storage/audit/webhooks.js');
        await removeWebhook(storage.db, id, who());
        return { json: { removed: id }, text: `Removed ${safe(id)}.` };
      }),
  );
  for (const [name, active, summary] of [
    ['enable', true, 'go on delivering to a webhook that was switched off, from where it stopped'],
    ['disable', false, 'deliver nothing to a webhook until it is enabled; its events wait'],
  ] as const)
    verb(
      webhooks,
      `${name} <id>`,
      { summary, examples: [`webhooks ${name} wh_1`], needs: ['folder'] },
      ({ args: [id = ''], options }) =>
        withStorage(options, 'read', async (storage) => {
          const { changeWebhook } = await import('../../storage/audit/webhooks.js');
          const webhook = await changeWebhook(storage.db, id, { active }, await allowsPrivate(), who());
          return { json: webhook, text: `${safe(id)} is ${active ? 'on' : 'off'}.` };
        }),
    );
  verb(
    webhooks,
    'dead <id>',
    { summary: 'what could not be delivered, oldest first', examples: ['webhooks dead wh_1'], needs: ['folder'] },
    ({ args: [id = ''], options, io }) =>
      withStorage(options, 'read', async (storage) => {
        const letters = await storage.webhooks.deadLetters(id);
        const rows = letters.map((l) => [String(l.id), l.event.type, l.event.subject, ago(l.diedAt), l.error]);
        return {
          json: letters,
          text: table(io.paint, ['ID', 'TYPE', 'SUBJECT', 'GIVEN UP', 'WHY'], rows, 'No dead letters.'),
        };
      }),
  );
  verb<{ cursor?: number; letter?: string[] }>(
    webhooks,
    'replay <id>',
    {
      summary: 'send again: each dead letter once, or all after a cursor',
      examples: ['webhooks replay wh_1', 'webhooks replay wh_1 --letter 3', 'webhooks replay wh_1 --cursor 120'],
      options: [
        ['--cursor <n>', 'all events after this one, in their order', number(0, { whole: true })],
        ['--letter <id>', 'only this dead letter (repeatable)', many],
      ],
      needs: ['folder'],
    },
    ({ args: [id = ''], options: { cursor, letter, ...place } }) =>
      withStorage(place, 'read', async (storage) => {
        const letters = letter?.map(letterId);
        if (letters && cursor !== undefined) throw new UsageError('Give --cursor or --letter, one of the two.');
        const { replayWebhook } = await import('../../storage/audit/webhooks.js');
        const again = await replayWebhook(storage.db, id, { cursor, letters }, who());
        const what = cursor === undefined ? `${again} dead letters are` : `Everything after ${cursor} is`;
        return {
          json: { webhook: id, letters: again },
          text: `${what} sent again by \`handoff serve\` or \`handoff dev\`.`,
        };
      }),
  );
}
