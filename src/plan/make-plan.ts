import { meantAgent } from '../core/near.js';
import { unreachableBecause } from '../core/agent.js';
import { missingOf } from '../core/document/completeness.js';
import type { Issue } from '../core/errors.js';
import {
  DEFAULT_RETRY,
  DEFAULT_STEP_TIMEOUT_S,
  dependenciesOf,
  hasEffect,
  isUsers,
  reversibleActions,
  type Procedure,
  type Step,
} from '../core/procedure.js';
import { DEFAULT_EXPIRY_MINUTES, type NormalRequest } from '../core/request.js';
import { isTrigger, startsChild, triggerKindOf, type TriggerSpec } from '../core/trigger.js';
import { foresee } from './deeds.js';
import { adviceFor, issue, withoutRepeats } from './issues.js';
import { inOrder, named, ownSteps, stepsBefore } from './order.js';
import type { HandoffPlan, PlanIssue, PlannedRequest, PlannedStep, PlannedUndo, UnreachableAgent } from './plan.js';
import { planRules, type Sight } from './rules.js';

/** Everything that a plan is made of. It is all there before: making a plan asks nobody but the storage and the rules. */
export interface PlanInput extends Sight {
  request: NormalRequest;
  procedure: Procedure;
  /** What is wrong with the procedure. */
  lint: readonly Issue[];
  /** Which of the request's ids its caller gave. */
  given: { handoffId: boolean; session: boolean };
  existing?: HandoffPlan['existing'];
  /** What else stands against it. */
  issues: readonly PlanIssue[];
  /** Actions that are known to have no undo. */
  oneWay: ReadonlySet<string>;
  now: number;
  /** Milliseconds. */
  triggerAfter?: number;
}

/** `complaints`: of a failed rule. */
interface Found extends PlanIssue {
  complaints?: string[];
}

/** What a handoff would do. It runs the rules that can be run now, and reads what its actions would read. */
export async function makePlan(input: PlanInput): Promise<HandoffPlan> {
  const { procedure, subject, request, existing } = input;
  const before = stepsBefore(procedure);
  const [agents, waitsFor, steps] = await Promise.all([
    planAgents(input),
    unmet(input),
    Promise.all(procedure.steps.map((step, i) => planStep(step, i, before.get(step.step_id) ?? [], input))),
  ]);
  const plan = { steps: steps.map((s) => s.step), unreachable: agents.unreachable };
  const found: Found[] = [
    ...input.issues,
    ...lintIssues(input),
    ...agents.issues,
    ...waitsFor.map((id): PlanIssue => ({
      code: 'WOULD_WAIT',
      message: `It would wait for ${id} to complete in ${input.given.session ? `session ${subject.session}` : 'its own new session'}.`,
      next: `complete a handoff by ${id} in that session first`,
    })),
    ...steps.flatMap((s) => s.issues),
  ];
  // One that was started already has changed what the rest is about.
  const issues: PlanIssue[] = existing?.same
    ? [started(existing)]
    : withoutRepeats(found.filter((f) => !isSaid(f, found, plan))).map(({ complaints: _, ...i }) => i);
  return {
    ready: issues.length === 0,
    issues,
    warnings: withoutRepeats([...incomplete(input), ...steps.flatMap((s) => s.warnings)]),
    request: requestOf(input),
    procedure: { ...subject.procedure, name: procedure.name },
    ...(subject.contract ? { contract: subject.contract } : {}),
    ...(existing ? { existing } : {}),
    ...plan,
    rollback: rollbackOf(procedure, request.trigger),
    irreversible: procedure.steps
      .filter((s) => s.compensation === 'irreversible' && !startsChild(s, request.trigger) && !isIdle(s, request))
      .map((s) => ({ step: s.step_id, name: s.name, action: s.action })),
    waitsFor,
    ...(procedure.estimated_duration === undefined ? {} : { estimatedMinutes: procedure.estimated_duration }),
  };
}

/** Whether all that a failed rule complains of is named by other issues, which say more. */
function isSaid(
  { code, complaints }: Found,
  found: readonly Found[],
  { steps, unreachable }: Pick<HandoffPlan, 'steps' | 'unreachable'>,
): boolean {
  if (code !== 'VALIDATION_FAILED') return false;
  const files = steps.flatMap(({ deed }) => (deed.kind === 'transfer' ? (deed.artifacts ?? []) : []));
  const said = new Set([
    ...found.map((f) => f.message),
    ...unreachable.map((u) => `agent ${u.agent} is not registered`),
    ...files.map((f) => `the place of ${f.name} is reserved by handoff ${f.reservedBy ?? ''}`),
  ]);
  return complaints?.every((c) => said.has(c)) ?? false;
}

const started = ({ handoffId, status }: NonNullable<HandoffPlan['existing']>): PlanIssue => ({
  code: 'ALREADY_STARTED',
  message: `The same request was started before as ${handoffId}, which is ${status}; a start only returns it.`,
  next: `handoff show ${handoffId}`,
});

const incomplete = ({ request, content }: PlanInput): PlanIssue[] =>
  missingOf(request, content.contract).map(({ path, message }) => ({
    code: 'INCOMPLETE',
    message: `${path}: ${message}.`,
  }));

/** Whether a step has nothing to trigger. */
const isIdle = (s: Step, { trigger }: NormalRequest): boolean =>
  isTrigger(s) && !triggerKindOf(s.with) && !triggerKindOf(trigger);

function requestOf({ request: r, given, now, triggerAfter = 0 }: PlanInput): PlannedRequest {
  const start = Math.max(now, r.startAfter ? Date.parse(r.startAfter) : 0, triggerAfter);
  const expiresAt =
    r.expiresAt ?? new Date(start + (r.expiresInMinutes ?? DEFAULT_EXPIRY_MINUTES) * 60_000).toISOString();
  return {
    ...(given.handoffId ? { handoffId: r.handoffId } : {}),
    ...(given.session ? { session: r.session } : {}),
    type: r.type,
    priority: r.priority,
    source: r.source,
    target: r.target,
    acceptance: r.acceptance,
    ...(r.startAfter ? { startAfter: r.startAfter } : {}),
    ...(triggerAfter > now ? { triggerAfter: new Date(triggerAfter).toISOString() } : {}),
    expiresAt,
  };
}

function lintIssues({ procedure, lint, oneWay }: PlanInput): PlanIssue[] {
  const next = 'correct it, raise its version, and add it again: handoff procedures add FILE';
  return [
    ...lint.map((l) =>
      issue(
        'INVALID_PROCEDURE',
        { procedure: procedure.procedure_id, issues: `${l.path}: ${l.message}` },
        undefined,
        next,
      ),
    ),
    ...reversibleActions(procedure)
      .filter((action) => isUsers(action) && oneWay.has(action))
      .map((action) => issue('ACTION_WITHOUT_UNDO', { action })),
  ];
}

async function unmet({ procedure, subject, storage }: PlanInput): Promise<string[]> {
  const { dependencies = [] } = procedure;
  const done = await storage.handoffs.completedIn(subject.session, dependencies);
  return dependencies.filter((d) => !done.includes(d));
}

async function planAgents({
  procedure,
  subject,
  storage,
  now,
}: PlanInput): Promise<{ issues: PlanIssue[]; unreachable: UnreachableAgent[] }> {
  const wanted = new Map<string, UnreachableAgent['as']>();
  const want = (agent: string | undefined, as: UnreachableAgent['as'][number]): void => {
    if (agent) wanted.set(agent, [...(wanted.get(agent) ?? []), as]);
  };
  want(subject.source.agent, 'source');
  want(subject.target.agent, 'target');
  for (const agent of procedure.required_agents ?? []) want(agent, 'required');
  const issues: PlanIssue[] = [];
  const unreachable: UnreachableAgent[] = [];
  for (const [name, as] of wanted) {
    const agent = await storage.agents.find(name);
    const why = agent ? unreachableBecause(agent, now) : 'it is not registered';
    if (!why) continue;
    unreachable.push({ agent: name, as, why });
    const where = as.find((a) => a !== 'required');
    // A required agent that nobody knows is the procedure's fault, and named by its lint.
    if (!agent && where) {
      const meant = meantAgent(name, await storage.agents.list());
      issues.push(issue('AGENT_UNKNOWN', { agent: name, where: `/${where}/agent`, ...meant }));
    }
    if (agent && as.includes('required'))
      issues.push({
        code: 'WOULD_WAIT',
        message: `It would wait for agent ${name}, which is required: ${why}.`,
        next: `where it is up: handoff agents heartbeat ${name}`,
      });
  }
  return { issues, unreachable };
}

async function planStep(
  step: Step,
  index: number,
  earlier: readonly Step[],
  input: PlanInput,
): Promise<{ step: PlannedStep; issues: Found[]; warnings: PlanIssue[] }> {
  const { procedure, subject } = input;
  const [rules, { deed, issues: met, warnings: lacking = [] }] = await Promise.all([
    planRules(step, earlier, procedure, input),
    foresee(step, input, input.request.acceptance),
  ]);
  const failed = rules
    .filter((r) => r.result === 'failed')
    .map((r) => ({
      stops: r.stops,
      issue: issue(
        'VALIDATION_FAILED',
        { step: step.name, failures: `${r.rule} ${r.name}: ${r.message}` },
        step.step_id,
        adviceFor(r.rule, subject),
      ),
      complaints: r.message.split('; '),
    }));
  // What a user's own action does before cannot be foretell; what it may change is no fault of the plan.
  const open = met.filter((m) => m.code === 'STATE_CONFLICT' && ownSteps(earlier).length > 0);
  const untold = rules.filter((r) => r.result === 'not_run');
  return {
    step: {
      step: step.step_id,
      name: step.name,
      action: step.action,
      after: dependenciesOf(procedure.steps, index),
      timeout: step.timeout ?? DEFAULT_STEP_TIMEOUT_S,
      retry: { ...DEFAULT_RETRY, ...step.retry },
      onFailure: step.on_failure ?? procedure.on_failure ?? 'rollback',
      rules,
      deed,
    },
    issues: [
      ...failed.filter((f) => f.stops).map((f) => ({ ...f.issue, complaints: f.complaints })),
      ...met.filter((m) => !open.includes(m)),
    ],
    warnings: [
      ...lacking,
      ...failed.filter((f) => !f.stops).map((f) => f.issue),
      ...open.map((m) => ({ ...m, message: `${m.message} ${named(ownSteps(earlier))} may change that.` })),
      ...untold.map((r): PlanIssue => ({
        code: 'RULE_UNKNOWN',
        message: `${step.name}: ${r.rule} was not run, because only the workers have it.`,
        step: step.step_id,
        next: 'give the module that has it: --module FILE',
      })),
    ],
  };
}

/** What undoes a child that a request asks for; no procedure names it. */
const CANCEL_CHILD = { id: 'cancel_child', name: 'Cancel the Child' };

function rollbackOf(procedure: Procedure, trigger: TriggerSpec | undefined): PlannedUndo[] {
  const { rollback_procedures: rollbacks = [] } = procedure;
  return inOrder(procedure)
    .toReversed()
    .filter((s) => hasEffect(s) && (s.compensation !== 'irreversible' || startsChild(s, trigger)))
    .flatMap((s) => {
      if (s.compensation === 'irreversible') return [{ step: s.step_id, name: s.name, rollback: CANCEL_CHILD }];
      const by = s.compensation
        ? rollbacks.find((r) => r.rollback_id === s.compensation)
        : rollbacks.find((r) => r.steps.includes(s.step_id));
      return by ? [{ step: s.step_id, name: s.name, rollback: { id: by.rollback_id, name: by.name } }] : [];
    });
}
