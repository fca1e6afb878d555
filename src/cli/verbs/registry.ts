import type { Command } from 'commander';
import { unreachableBecause } from '../../core/agent.js';
import { HandoffError } from '../../core/errors.js';
import { PHASE_STATUSES, type PhaseStatus } from '../../core/phase.js';
import { number } from '../number.js';
import { userName, withStorage } from '../place.js';
import { ago, safe, table } from '../text/text.js';
import { many, verb } from '../verb.js';
import { contextVerbs } from './context.js';

export function registryVerbs(program: Command): void {
  agents(program);
  phases(program);
  contextVerbs(program);
}

function agents(program: Command): void {
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
  }
  verb<Spec>(
    group,
    'add <names...>',
    {
      summary: 'register agents, or change what is known of them',
      details: 'Registers agents, or changes what is known of them. Registration counts as a heartbeat.',
      examples: ['agents add @code-architect @nodejs-specialist --heartbeat-seconds 3600'],
      options: [
        ['--role <name>', 'a role (repeatable)', many],
        ['--capability <name>', 'what it can do (repeatable)', many],
        ['--capacity <n>', 'open handoffs at a time (default: 10)', number(0, { whole: true })],
        ['--endpoint <url>', 'an address that answers while it is up'],
        ['--heartbeat-seconds <n>', 'how often it sends a heartbeat (default: 60)', number(1, { whole: true })],
        ['--hands-off-to <name>', 'the only agents it may hand over to (repeatable)', many],
        ['--accepts-from <name>', 'the only agents it takes from (repeatable)', many],
      ],
      needs: ['folder'],
    },
    ({ args, options }) =>
      withStorage(options, 'write', async ({ agents: registry }) => {
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
        for (const name of args) added.push(await registry.add({ name, ...spec }));
        return { json: added, text: safe(`Registered ${added.map((a) => a.name).join(', ')}.`) };
      }),
  );
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
