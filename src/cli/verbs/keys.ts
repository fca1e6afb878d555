import type { Command } from 'commander';
import { ROLES, rightsOf } from '../../core/service/policy.js';
import type { ApiKey } from '../../storage/keys.js';
import { UsageError } from '../failure.js';
import { number } from '../number.js';
import { userName, withStorage } from '../place.js';
import { ago, safe, table } from '../text/text.js';
import { many, verb } from '../verb.js';

const DAY_MS = 86_400_000;

/** What is said of roles that give no rights. */
export const noRights = (roles: readonly string[]): string[] => {
  const none = roles.filter((role) => !(ROLES as readonly string[]).includes(role));
  return none.length === 0 ? [] : [`No rights come from ${none.join(', ')}; they do from ${ROLES.join(', ')}.`];
};

/** `agents keys …`. */
export function keyVerbs(agents: Command): void {
  const group = agents.command('keys').description('API keys of agents');
  group.addHelpText('after', '\nExample:\n  $ handoff agents keys list');
  verb(
    group,
    'list [agent]',
    { summary: 'the API keys, without their secrets', examples: ['agents keys list'], needs: ['folder'] },
    ({ args: [agent], options, io }) =>
      withStorage(options, 'read', async ({ keys }) => {
        const now = Date.now();
        const all = (await keys.list(agent)).map((key) => ({ ...key, state: stateOf(key, now) }));
        const rows = all.map((k) => [
          k.id,
          k.agent,
          k.state,
          k.lastUsedAt === undefined ? 'never' : ago(k.lastUsedAt, now),
          k.roles.join(', '),
        ]);
        const head = ['KEY', 'AGENT', 'STATE', 'LAST USED', 'ROLES'];
        return {
          json: all,
          text: table(io.paint, head, rows, 'No API keys. Make one: handoff agents keys add @agent'),
        };
      }),
  );
  verb<{ role?: string[]; expiresDays?: number }>(
    group,
    'add <agent>',
    {
      summary: 'make a new API key; its secret is shown this once',
      details: 'Makes a new API key; its secret is shown this once. Without --role it has the rights of its agent.',
      examples: ['agents keys add @reviewer --role reviewer --expires-days 90'],
      options: [
        ['--role <name>', 'a role that it has (repeatable; default: those of the agent)', many],
        ['--expires-days <n>', 'it ends after so many days (default: never)', number(0.001)],
      ],
      needs: ['folder'],
    },
    ({ args: [agent = ''], options, io }) =>
      withStorage(options, 'read', async (storage) => {
        const unknown = noRights(options.role ?? []);
        if (unknown.length > 0) throw new UsageError(unknown.join(' '));
        const { issueKey } = await import('../../storage/audit/keys.js');
        const roles = options.role ?? rightsOf((await storage.agents.find(agent))?.roles ?? []);
        const days = options.expiresDays;
        const expires = days === undefined ? {} : { expiresAt: Date.now() + days * DAY_MS };
        const grant = { agent, roles, ...expires, by: userName(), from: 'command line' };
        const { key, secret } = await issueKey(storage.db, grant);
        if (!io.json) io.note('Shown only now:');
        return { json: { ...key, apiKey: secret }, text: secret };
      }),
  );
  verb(
    group,
    'revoke <key>',
    { summary: 'end an API key at once', examples: ['agents keys revoke 0011223344556677'], needs: ['folder'] },
    ({ args: [id = ''], options }) =>
      withStorage(options, 'read', async ({ db }) => {
        const { revokeKey } = await import('../../storage/audit/keys.js');
        await revokeKey(db, { id, by: userName(), from: 'command line' });
        return { json: { id, revoked: true }, text: safe(`Revoked ${id}.`) };
      }),
  );
}

function stateOf({ revokedAt, expiresAt }: ApiKey, now: number): string {
  if (revokedAt !== undefined) return 'revoked';
  if (expiresAt === undefined) return 'good';
  return expiresAt <= now ? 'expired' : `good until ${new Date(expiresAt).toISOString().slice(0, 16)}Z`;
}
