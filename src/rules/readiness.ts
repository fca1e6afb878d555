import { stat } from 'node:fs/promises';
import path from 'node:path';
import { unreachableBecause, type Agent } from '../core/agent.js';
import { expectedArtifacts } from '../core/request.js';
import { arrivalsFolder, arrivalsOf, type Arrived } from '../storage/arrivals.js';
import { paceFor } from '../storage/transfer/pace.js';
import { printOf } from '../storage/transfer/print.js';
import type { Storage } from '../storage/storage.js';
import { verdictOf, type RuleContext, type RuleFinding } from './rule.js';

/** What keeps an agent from taking one handoff more, besides those that came before `handoff`. */
export async function agentComplaints(
  storage: Storage,
  agent: Agent,
  handoff: string,
): Promise<{ complaints: (string | undefined)[]; load: number }> {
  const load = await storage.handoffs.loadOf(agent.name, handoff);
  const full = load >= agent.capacity;
  return {
    complaints: [
      unreachableBecause(agent, Date.now()),
      full ? `${agent.name} is full: ${load} open handoffs, capacity ${agent.capacity}` : undefined,
    ],
    load,
  };
}

/** DC007: the ledger says of each artifact that it has arrived, and it is there with the digest that was recorded. */
export async function transferSuccessful(context: RuleContext): Promise<RuleFinding> {
  const { subject, storage, content, signal } = context;
  const arrived = await arrivalsOf(storage, subject.handoffId, subject.target);
  // What may be missing is looked at where it came.
  const names = [...new Set([...expectedArtifacts(content), ...arrived.keys()])];
  const complaints = [];
  for (const name of names) {
    const row = arrived.get(name);
    complaints.push(row ? await differs(row, signal) : `${name} has not arrived`);
  }
  return verdictOf(complaints, `${names.length} artifacts have arrived whole`);
}

async function differs(
  { name, path: place, sha256: expected }: Arrived,
  signal: AbortSignal,
): Promise<string | undefined> {
  const found = (await printOf(place, { artifact: name, pace: paceFor(signal) }))?.sha256;
  if (found === undefined) return `${name}: there is nothing at ${place}`;
  return found === expected
    ? undefined
    : `${name}: expected sha256 ${expected.slice(0, 12)}…, found ${found.slice(0, 12)}…`;
}

const names = (value: unknown): string[] => (Array.isArray(value) ? value.filter((v) => typeof v === 'string') : []);

/**
 * DC008: what the next phase needs is there: its inputs, its agent with room for one more, and the agents and procedures
 * that `with.agents` and `with.procedures` name.
 */
export async function nextAgentCanStart(context: RuleContext): Promise<RuleFinding> {
  const { subject, storage, content, with: asked } = context;
  const inputs = expectedArtifacts(content);
  const missing = await Promise.all(
    inputs.map(async (name) => {
      const there = await stat(path.join(arrivalsFolder(storage, subject.target), name)).catch(() => undefined);
      return there ? undefined : `its input ${name} is not there`;
    }),
  );
  const { agent: name } = subject.target;
  const agents = [...new Set([...(name ? [name] : []), ...names(asked['agents'])])];
  const unready = await Promise.all(agents.map((agent) => unreadyBecause(agent, context)));
  const procedures = names(asked['procedures']);
  const done = await storage.handoffs.completedIn(subject.session, procedures);
  const open = procedures.filter((p) => !done.includes(p));
  const waits = open.length > 0 ? [`${open.join(', ')} has not completed in session ${subject.session}`] : [];
  const who = name ? `, ${name} is reachable and has room` : '';
  return verdictOf([...missing, ...unready.flat(), ...waits], `${inputs.length} inputs are there${who}`);
}

async function unreadyBecause(name: string, { storage, subject }: RuleContext): Promise<(string | undefined)[]> {
  const agent = await storage.agents.find(name);
  if (!agent) return [`agent ${name} is not registered`];
  const { complaints } = await agentComplaints(storage, agent, subject.handoffId);
  // Only the target gets the work; of the others it is enough that they are there.
  const asked = name === subject.target.agent ? complaints : complaints.slice(0, 1);
  return asked.map((c) => (c === undefined || c.startsWith(name) ? c : `${name}: ${c}`));
}
