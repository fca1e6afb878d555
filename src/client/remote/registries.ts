import type { Agents, Contracts } from '../../client.js';
import type { Agent } from '../../core/agent.js';
import { parseAgent } from '../../core/agent-schema.js';
import { parseContract } from '../../core/contract-schema.js';
import { HandoffError, invalid } from '../../core/errors.js';
import { AGENT_NAME, HANDOFF_ID } from '../../core/ids.js';
import type { StoredContract } from '../../storage/contracts.js';
import { pathTo, type Http } from './http.js';

/** The registry of agents over HTTP. */
export const remoteAgents = (http: Http): Agents => ({
  add: async (spec) => http.send('POST', '/agents', parseAgent(spec)),
  heartbeat: async (name, at) => {
    if (at !== undefined)
      throw invalid('INVALID_REQUEST', [{ path: '/at', message: 'over HTTP a heartbeat is of the moment it arrives' }]);
    if (!AGENT_NAME.test(name)) throw new HandoffError('AGENT_UNKNOWN', { agent: name, where: 'the registry' });
    return http.send('POST', pathTo('agents', name, 'heartbeat'));
  },
  find: async (name) => {
    const all = await http.get<{ agents: Agent[] }>('/agents');
    return all.agents.find((a) => a.name === name);
  },
  list: async () => (await http.get<{ agents: Agent[] }>('/agents')).agents,
  remove: async (name) => {
    if (!AGENT_NAME.test(name)) return false;
    return (await http.send<{ removed: boolean }>('DELETE', pathTo('agents', name))).removed;
  },
});

/** The registry of contracts over HTTP. */
export const remoteContracts = (http: Http): Contracts => ({
  add: async (input) => {
    parseContract(input);
    return http.send('POST', '/contracts', input);
  },
  find: async (id, version) => {
    if (!HANDOFF_ID.test(id)) return undefined;
    return http.get<StoredContract>(pathTo('contracts', id), { version }).catch((error: unknown) => {
      if (error instanceof HandoffError && error.code === 'CONTRACT_UNKNOWN') return undefined;
      throw error;
    });
  },
  list: async () => (await http.get<{ contracts: StoredContract[] }>('/contracts')).contracts,
  names: async () => (await http.get<{ names: string[] }>('/contracts')).names,
});
