import { unreachableBecause } from '../core/agent.js';
import type { EffectFact } from '../core/effect.js';
import { HandoffError } from '../core/errors.js';
import { isUsers, outlineOf, reversibleActions, type Procedure } from '../core/procedure.js';
import type { Subject } from '../core/request.js';
import { factOf, type BeginUndoTask, type Opened, type OpenTask } from '../core/task.js';
import type { Deps } from './action.js';
import { runQuickSteps } from './quick.js';
import { completedBy } from '../storage/handoffs.js';
import { failpoint } from '../faults/failpoint.js';
import { execution, tookLong } from './wrapper.js';

/**
 * Registers a handoff before it does anything. The database refuses an id that an earlier run had, even after Temporal
 * has forgotten that run. Throws HANDOFF_ID_CONFLICT, ACTION_UNKNOWN, ACTION_WITHOUT_UNDO, RULE_UNKNOWN, AGENT_UNKNOWN.
 */
export async function openHandoff(deps: Deps, task: OpenTask): Promise<Opened> {
  const { storage } = deps;
  const { subject } = task;
  const definition = task.definition ? await storage.blobs.getJson<Procedure>(task.definition) : undefined;
  // A run that continues or was reset may have effects already: whatever is missing now, it must get to its undo.
  if (!(await storage.handoffs.find(subject.handoffId))) await checkParts(deps, task, definition);
  await failpoint('open.before');
  const known = await storage.handoffs.register(subject, task.run, task.status);
  await failpoint('open.after');
  if (known && known.run !== task.run) {
    const { requestDigest } = known.subject;
    throw new HandoffError('HANDOFF_ID_CONFLICT', {
      handoff: subject.handoffId,
      existing: requestDigest,
      digest: subject.requestDigest,
    });
  }
  const completed = completedBy(execution(), known);
  if (completed) return { epochs: {}, attempts: {}, ran: [], completed };
  // Once: what an attempt before this one began goes on as regular activities, whose attempts are counted.
  const early = known ? { ran: [] } : await runQuickSteps(deps, task);
  const isOver = (step: string): boolean => early.ran.some((r) => r.step === step && r.facts);
  const isAll = !known && (task.quick ?? []).every((q) => q.action === 'confirm' || isOver(q.step));
  const begun = isAll ? [] : Object.entries(await storage.steps.list(subject.handoffId));
  return {
    ...early,
    epochs: Object.fromEntries(begun.map(([id, { epoch }]) => [id, epoch])),
    // The one that ran with the registration; a run that was reset has all of its own before it.
    attempts: Object.fromEntries(begun.flatMap(([id, s]) => (isOver(id) ? [] : [[id, Math.min(1, s.attempts)]]))),
    ...(definition ? { definition: outlineOf(definition) } : {}),
    ...(early.closedAt === undefined && tookLong() ? { late: true } : {}),
  };
}

async function checkParts(
  { storage, actions, rules }: Deps,
  task: OpenTask,
  definition: Procedure | undefined,
): Promise<void> {
  const named = definition?.steps.map((s) => s.action) ?? task.actions ?? [];
  const action = named.find((a) => a !== 'validate' && a !== 'confirm' && !actions.has(a));
  if (action) throw new HandoffError('ACTION_UNKNOWN', { action, known: [...actions.keys()].toSorted().join(', ') });
  const reversible = definition ? reversibleActions(definition) : (task.reversible ?? []);
  const oneWay = reversible.find((a) => isUsers(a) && !actions.get(a)?.undo);
  if (oneWay) throw new HandoffError('ACTION_WITHOUT_UNDO', { action: oneWay });
  const rule = (definition?.steps.flatMap((s) => s.rules ?? []) ?? task.rules ?? []).find((r) => !rules.has(r));
  if (rule) throw new HandoffError('RULE_UNKNOWN', { rule, known: [...rules.keys()].toSorted().join(', ') });
  for (const [where, agent] of [
    ['/source/agent', task.subject.source.agent],
    ['/target/agent', task.subject.target.agent],
  ] as const) {
    if (agent && !(await storage.agents.find(agent))) throw new HandoffError('AGENT_UNKNOWN', { agent, where });
  }
}

/** What a pending handoff waits for: procedures that must have completed in its session, agents that must be reachable. */
export async function checkPending(
  { storage }: Deps,
  task: { subject: Subject; dependencies: string[]; agents: string[] },
): Promise<{ waitsFor?: string }> {
  const { session } = task.subject;
  const done = await storage.handoffs.completedIn(session, task.dependencies);
  const unmet = task.dependencies.filter((d) => !done.includes(d));
  if (unmet.length > 0) return { waitsFor: `${unmet.join(', ')} to complete in session ${session}` };
  for (const name of task.agents) {
    const agent = await storage.agents.find(name);
    const why = agent ? unreachableBecause(agent, Date.now()) : 'it is not registered';
    if (why) return { waitsFor: `agent ${name}: ${why}` };
  }
  return {};
}

/** Effects that a run hears of at a time: a payload stays small whatever the handoff did. */
const UNDO_PAGE = 500;

/** Shuts a handoff's steps against late attempts; what is to be undone, newest first. */
export async function beginUndo({ storage }: Deps, task: BeginUndoTask): Promise<EffectFact[]> {
  await failpoint('begin_undo.before');
  const { handoff, steps, before, epochs } = task;
  if (before === undefined) {
    if (epochs) await storage.steps.raise(handoff, epochs);
    // It was recorded as completed in a task that was thrown away since; the run hears of it with its next record.
    else if (!(await storage.steps.shut(handoff, steps, execution()))) return [];
  }
  await failpoint('begin_undo.after');
  return (await storage.ledger.toUndo(handoff, UNDO_PAGE, before, epochs && steps)).map(factOf);
}
