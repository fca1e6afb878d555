import type { Command } from 'commander';
import { unreachableBecause, type Agent } from '../../core/agent.js';
import { HandoffError } from '../../core/errors.js';
import { rightsOf } from '../../core/service/policy.js';
import type { Storage } from '../../storage/storage.js';
import { number } from '../number.js';
import { userName, withStorage } from '../place.js';
import { ago, safe, table } from '../text/text.js';
import { many, verb } from '../verb.js';
import { keyVerbs, noRights } from './keys.js';

/** The registry of agents, and their API keys. */
export function agentVerbs(program: Command): void {
  const group = program.command('agents').description('the registry of agents');
  group.addHelpText('after', '\nExample:\n  $ handoff agents add @code-architect');
  interface Spec {
    role?: string[];
    capability?: string[];
    capacity?: number;
    endpoint?: string;
    heartbeatSeconds?: number;
    handsOffTo?: string[];
    acceptsFrom?: string[];
    key: boolean;
  }
  verb<Spec>(
    group,
    'add <names...>',
    {
      summary: 'register agents, or change what is known of them',
      details: `Registers agents, or changes what is known of them. Registration counts as a heartbeat. One that has no API key
gets one, with those of its roles that give rights (docs/api.md); it is shown this once.`,
      examples: [
        'agents add @code-architect @reviewer --heartbeat-seconds 3600',
        'agents add @lead --role reviewer --role tech_lead',
      ],
      options: [
        ['--role <name>', 'a role (repeatable)', many],
        ['--capability <name>', 'what it can do (repeatable)', many],
        ['--capacity <n>', 'open handoffs at a time (default: 10)', number(0, { whole: true })],
        ['--endpoint <url>', 'an address that answers while it is up'],
        ['--heartbeat-seconds <n>', 'how often it sends a heartbeat (default: 60)', number(1, { whole: true })],
        ['--hands-off-to <name>', 'the only agents it may hand over to (repeatable)', many],
        ['--accepts-from <name>', 'the only agents it takes from (repeatable)', many],
        ['--no-key', 'make no API key'],
      ],
      needs: ['folder'],
    },
    ({ args, options }) =>
      withStorage(options, 'write', async (storage) => {
        const { role, capability, capacity, endpoint, heartbeatSeconds, handsOffTo, acceptsFrom } = options;
        const spec = {
          roles: role,
          capabilities: capability,
          capacity,
          endpoint,
          heartbeatSeconds,
          handsOffTo,
          acceptsFrom,
        };
        const added = [];
        for (const name of args) {
          const agent = await storage.agents.add({ name, ...spec });
          added.push({ ...agent, ...(options.key ? await firstKey(storage, agent) : {}) });
        }
        const keys = added.flatMap((a) => (a.apiKey ? [`  ${a.name}  ${a.apiKey}`] : []));
        const said = [
          `Registered ${added.map((a) => a.name).join(', ')}.`,
          ...(keys.length > 0 ? [`API key${keys.length > 1 ? 's' : ''}, shown only now:`, ...keys] : []),
          ...noRights(role ?? []),
        ];
        return { json: added, text: safe(said.join('\n')) };
      }),
  );
  keyVerbs(group);
  verb(
    group,
    'heartbeat <names...>',
    { summary: 'record that agents are up', examples: ['agents heartbeat @nodejs-specialist'], needs: ['folder'] },
    ({ args, options }) =>
      withStorage(options, 'read', async ({ agents: registry }) => {
        const beaten = [];
        for (const name of args) beaten.push(await registry.heartbeat(name));
        return { json: beaten, text: safe(`${beaten.map((a) => a.name).join(', ')}: up.`) };
      }),
  );
  verb(
    group,
    'list',
    { summary: 'all agents, and which of them are up', examples: ['agents list'], needs: ['folder'] },
    ({ options, io }) =>
      withStorage(options, 'read', async ({ agents: registry }) => {
        const now = Date.now();
        const all = (await registry.list()).map((a) => ({ ...a, unreachable: unreachableBecause(a, now) }));
        const rows = all.map((a) => [
          a.name,
          a.unreachable ? 'not reachable' : 'up',
          a.heartbeats[0] ? ago(a.heartbeats[0], now) : 'never',
          a.capacity,
          [...a.roles, ...a.capabilities].join(', '),
        ]);
        const empty = 'No agents. Register one: handoff agents add @code-architect';
        const head = ['AGENT', 'STATE', 'HEARTBEAT', 'CAPACITY', 'ROLES, CAPABILITIES'];
        return { json: all, text: table(io.paint, head, rows, empty) };
      }),
  );
  verb(
    group,
    'remove <name>',
    { summary: 'forget an agent', examples: ['agents remove @nodejs-specialist'], needs: ['folder'] },
    ({ args: [name = ''], options }) =>
      withStorage(options, 'read', async ({ agents: registry }) => {
        const removed = await registry.remove(name);
        if (!removed) throw new HandoffError('AGENT_UNKNOWN', { agent: name, where: 'the registry' });
        return { json: { name, removed }, text: safe(`Forgot ${name}.`) };
      }),
  );
}

/** A key for an agent that has none that is good. */
async function firstKey(storage: Storage, agent: Agent): Promise<{ apiKey?: string; keyId?: string }> {
  const now = Date.now();
  const all = await storage.keys.list(agent.name);
  if (all.some((k) => k.revokedAt === undefined && (k.expiresAt ?? Infinity) > now)) return {};
  const { issueKey } = await import('../../storage/audit/keys.js');
  const grant = { agent: agent.name, roles: rightsOf(agent.roles), by: userName(), from: 'command line' };
  const { key, secret } = await issueKey(storage.db, grant);
  return { apiKey: secret, keyId: key.id };
}
