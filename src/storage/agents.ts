import type { Selectable } from 'kysely';
import { HEARTBEATS_KEPT, type Agent } from '../core/agent.js';
import { parseAgent, type AgentSpec } from '../core/agent-schema.js';
import { HandoffError } from '../core/errors.js';
import type { Db } from './database.js';
import type { AgentTable } from './tables/registry.js';

const list = (json: string | null): string[] | undefined =>
  json === null ? undefined : (JSON.parse(json) as string[]);

const agentOf = (r: Selectable<AgentTable>): Agent => ({
  name: r.name,
  roles: list(r.roles) ?? [],
  capabilities: list(r.capabilities) ?? [],
  capacity: r.capacity,
  heartbeatSeconds: r.heartbeat_seconds,
  heartbeats: JSON.parse(r.heartbeats) as number[],
  ...(r.endpoint === null ? {} : { endpoint: r.endpoint }),
  ...(r.hands_off_to === null ? {} : { handsOffTo: list(r.hands_off_to)! }),
  ...(r.accepts_from === null ? {} : { acceptsFrom: list(r.accepts_from)! }),
});

/** The registry of agents. */
export class Agents {
  constructor(private readonly db: Db) {}

  /** Registers an agent, or changes what is known of it; its heartbeats stay. Registration counts as a heartbeat. */
  async add(spec: AgentSpec): Promise<Agent> {
    const a = parseAgent(spec);
    const now = Date.now();
    const row = {
      roles: JSON.stringify(a.roles ?? []),
      capabilities: JSON.stringify(a.capabilities ?? []),
      capacity: a.capacity ?? 10,
      endpoint: a.endpoint ?? null,
      heartbeat_seconds: a.heartbeatSeconds ?? 60,
      hands_off_to: a.handsOffTo ? JSON.stringify(a.handsOffTo) : null,
      accepts_from: a.acceptsFrom ? JSON.stringify(a.acceptsFrom) : null,
    };
    await this.db
      .insertInto('agents')
      .values({ name: a.name, ...row, heartbeats: '[]', created_at: now })
      .onConflict((c) => c.column('name').doUpdateSet(row))
      .execute();
    return this.heartbeat(a.name, now);
  }

  /** Records that an agent is up. Throws AGENT_UNKNOWN. */
  async heartbeat(name: string, at = Date.now()): Promise<Agent> {
    return this.db.transaction().execute(async (trx) => {
      const row = await trx.selectFrom('agents').selectAll().where('name', '=', name).executeTakeFirst();
      if (!row) throw new HandoffError('AGENT_UNKNOWN', { agent: name, where: 'the registry' });
      const heartbeats = [at, ...agentOf(row).heartbeats].slice(0, HEARTBEATS_KEPT);
      await trx
        .updateTable('agents')
        .set({ heartbeats: JSON.stringify(heartbeats) })
        .where('name', '=', name)
        .execute();
      return { ...agentOf(row), heartbeats };
    });
  }

  async find(name: string): Promise<Agent | undefined> {
    const row = await this.db.selectFrom('agents').selectAll().where('name', '=', name).executeTakeFirst();
    return row && agentOf(row);
  }

  async list(): Promise<Agent[]> {
    return (await this.db.selectFrom('agents').selectAll().orderBy('name').execute()).map(agentOf);
  }

  /** Forgets an agent, whose API keys end with it. Whether there was one. */
  async remove(name: string, now = Date.now()): Promise<boolean> {
    return this.db.transaction().execute(async (trx) => {
      const keys = trx.updateTable('api_keys').set({ revoked_at: now }).where('agent', '=', name);
      await keys.where('revoked_at', 'is', null).execute();
      return (await trx.deleteFrom('agents').where('name', '=', name).executeTakeFirst()).numDeletedRows > 0n;
    });
  }
}
