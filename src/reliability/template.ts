import { HandoffError } from '../core/errors.js';
import type { Procedure } from '../core/procedure.js';
import type { ReliabilitySettings } from '../core/reliability/settings.js';
import type { HandoffRequest } from '../core/request.js';
import type { HandoffClient } from '../client.js';
import { SOURCE, TARGET } from './people.js';

/** A user's own request, and the folder from which its relative paths start. */
export interface Template {
  request: HandoffRequest;
  sources: string;
  /** Whether its procedure moves artifacts, so that they can be looked for. */
  movesArtifacts: boolean;
}

/**
 * What each iteration copies, where the test is of a user's own procedure: their request, or the least that a handoff
 * needs. Its agents become known on the test's storage. Throws PROCEDURE_UNKNOWN.
 */
export async function templateOf(settings: ReliabilitySettings, client: HandoffClient): Promise<Template | undefined> {
  const { request: given, source = '.' } = settings;
  const procedure = settings.procedure ?? (given as HandoffRequest | undefined)?.procedure;
  if (procedure === undefined) return undefined;
  const request = { ...((given as HandoffRequest | undefined) ?? plainRequest(procedure)), procedure };
  const known = await client.procedures();
  const found = known.find((p) => p.procedure_id === procedure);
  if (!found) {
    throw new HandoffError('PROCEDURE_UNKNOWN', { procedure, known: known.map((p) => p.procedure_id).join(', ') });
  }
  const agents = [request.source?.agent, request.target?.agent, ...(found.required_agents ?? [])];
  for (const name of new Set(agents)) if (name !== undefined) await addAgent(client, name);
  return { request, sources: source, movesArtifacts: movesArtifacts(found) };
}

/** An agent that is always up, and never has too much to do. */
export const addAgent = async (client: HandoffClient, name: string): Promise<void> => {
  await client.agents.add({ name, heartbeatSeconds: 86_400, capacity: 1_000_000 });
};

const plainRequest = (procedure: string): HandoffRequest => ({
  procedure,
  source: { agent: SOURCE, phase: 8 },
  target: { agent: TARGET, phase: 13 },
  context: { iteration: '{n}' },
});

const movesArtifacts = ({ steps }: Procedure): boolean =>
  steps.some((step) => {
    const what: unknown = step.with?.['what'];
    return step.action === 'transfer' && (!Array.isArray(what) || what.includes('artifacts'));
  });
