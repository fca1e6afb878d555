import { unsteadyBecause } from '../core/agent.js';
import { partyText } from '../core/request.js';
import { BUILTIN_RULES, type BuiltinRuleId } from '../core/rule.js';
import { agentComplaints, nextAgentCanStart, transferSuccessful } from './readiness.js';
import { byContract } from './contract.js';
import { contextTransfer, dataIntegrity, phaseCompletion, resourceAvailability, stateConsistency } from './state.js';
import { fail, pass, verdictOf, type Rule, type RuleContext, type RuleFinding } from './rule.js';

const builtin = (id: BuiltinRuleId, check: Rule['check']): Rule => ({ id, ...BUILTIN_RULES[id], check });

const strings = (value: unknown): string[] => (Array.isArray(value) ? value.filter((v) => typeof v === 'string') : []);

/** VR004: the target is registered, alive, has room, and can do what is asked (`with.capabilities`, `metadata.required_capabilities`). */
async function agentReadiness({ subject, storage, content, ...context }: RuleContext): Promise<RuleFinding> {
  const name = subject.target.agent;
  if (!name) return pass('no target agent is named');
  const agent = await storage.agents.find(name);
  if (!agent) return fail(`agent ${name} is not registered`);
  const { complaints, load } = await agentComplaints(storage, agent, subject.handoffId);
  const wanted = [...strings(context.with['capabilities']), ...strings(content.metadata['required_capabilities'])];
  const lacking = wanted.filter((c) => !agent.capabilities.includes(c));
  return verdictOf(
    [...complaints, lacking.length > 0 ? `${name} lacks the capabilities ${lacking.join(', ')}` : undefined],
    `${name} is alive, with ${load} of ${agent.capacity} open handoffs`,
  );
}

/** VR006: the target's last three heartbeats were on time, and its endpoint, if it has one, answers three probes. */
async function connectionStability({ subject, storage, signal }: RuleContext): Promise<RuleFinding> {
  const name = subject.target.agent;
  if (!name) return pass('no target agent is named');
  const agent = await storage.agents.find(name);
  if (!agent) return fail(`agent ${name} is not registered`);
  const unsteady = unsteadyBecause(agent, Date.now());
  if (unsteady) return fail(unsteady);
  if (!agent.endpoint) return pass('the last three heartbeats were on time');
  for (let probe = 1; probe <= 3; probe++) {
    const fault = await probeOnce(agent.endpoint, signal);
    if (fault) return fail(`probe ${probe} of ${agent.endpoint}: ${fault}`);
  }
  return pass('three heartbeats on time, three probes answered');
}

async function probeOnce(endpoint: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    const answer = await fetch(endpoint, {
      method: 'HEAD',
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(2000)]),
    });
    return answer.status >= 500 ? `status ${answer.status}` : undefined;
  } catch (error) {
    const { message, cause } = error as Error;
    return cause instanceof Error && cause.message ? cause.message : message;
  }
}

/** VR007: the source may hand over to this target, and the target takes it from this source. */
async function permissions({ subject, storage }: RuleContext): Promise<RuleFinding> {
  const { source, target } = subject;
  const from = source.agent ? await storage.agents.find(source.agent) : undefined;
  const to = target.agent ? await storage.agents.find(target.agent) : undefined;
  const denied = (list: string[] | undefined, other: string | undefined): boolean =>
    list !== undefined && !list.includes('*') && !(other !== undefined && list.includes(other));
  return verdictOf(
    [
      source.agent && !from ? `agent ${source.agent} is not registered` : undefined,
      target.agent && !to ? `agent ${target.agent} is not registered` : undefined,
      denied(from?.handsOffTo, target.agent)
        ? `${partyText(source)} may not hand over to ${target.agent ?? 'a phase without an agent'}`
        : undefined,
      denied(to?.acceptsFrom, source.agent)
        ? `${partyText(target)} takes nothing from ${source.agent ?? 'a phase without an agent'}`
        : undefined,
    ],
    'the source may hand over to the target',
  );
}

export const builtinRules: readonly Rule[] = [
  builtin('VR001', phaseCompletion),
  builtin('VR002', resourceAvailability),
  builtin('VR003', stateConsistency),
  builtin('VR004', agentReadiness),
  builtin('VR005', contextTransfer),
  builtin('VR006', connectionStability),
  builtin('VR007', permissions),
  builtin('VR008', dataIntegrity),
  builtin('DC007', transferSuccessful),
  builtin('DC008', nextAgentCanStart),
  ...(['DC001', 'DC002', 'DC003', 'DC004', 'DC005', 'DC006'] as const).map((id) => builtin(id, byContract(id))),
];
