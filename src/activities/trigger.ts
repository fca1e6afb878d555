import { Context } from '@temporalio/activity';
import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import type { Effect } from '../core/effect.js';
import { HandoffError, formatIssues } from '../core/errors.js';
import type { UndoResult } from '../core/handoff.js';
import { effectKey, workflowIdOf } from '../core/ids.js';
import { issuesOf } from '../core/fields-schema.js';
import type { ChildTask } from '../core/task.js';
import { triggerSchema } from '../core/trigger-schema.js';
import {
  TRIGGER_EFFECT,
  TRIGGER_KINDS,
  childIdOf,
  triggerKindOf,
  type ChildStart,
  type TriggerPayload,
  type TriggerSpec,
} from '../core/trigger.js';
import { arrivalsOf } from '../storage/arrivals.js';
import { actionKind, refOf, stillOpen, type Action, type ActionContext, type Deps } from './action.js';
import { boundary, failpoint } from '../faults/failpoint.js';
import { callWebhook } from './webhook.js';
import { sendSignal } from './send-signal.js';

/** Characters of JSON of a payload: a child's stands in two histories, a signal's in one. */
const MOST = { workflow: 10_000, signal: 200_000, webhook: 1_000_000 } as const;

/**
 * Starts the next phase, once: a signal to a workflow, a child workflow, or a call of a webhook; `with` of the step says
 * which, else the request. A child is only prepared here: the run starts it, and {@link childStarted} records it.
 */
export const triggerAction = (deps: Deps): Action => ({
  name: 'trigger',
  async run(context) {
    const spec = specOf(context);
    const kind = triggerKindOf(spec);
    if (!kind) return { triggered: 'nothing' };
    const payload = await payloadOf(context, MOST[kind]);
    if (spec.workflow) return { start: await prepareChild(context, deps, spec.workflow, payload) };
    const to = spec.signal ? `workflow ${spec.signal.workflowId}` : publicUrl(spec.webhook!.url);
    await context.effect(TRIGGER_EFFECT, { kind, to }, async (key) => {
      if (spec.signal) return sendSignal(clientOf(deps), spec.signal, payload, key);
      const { intendedAt } = (await context.storage.ledger.find(key))!;
      return callWebhook(spec.webhook!, payload, { key, at: intendedAt, signal: context.signal });
    });
    return { triggered: kind, to };
  },
  undo: (effect) => undoTrigger(effect, deps),
});

/** Outside a worker there is none, and nothing can be triggered. */
const clientOf = (deps: Deps): Client => deps.client ?? Context.current().client;

/** A query may hold a secret, and what is shown of an effect stands in lists. */
function publicUrl(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}

/** What the step says, an operator's amendments laid over it; else what the request says. Throws TRIGGER_REFUSED. */
function specOf({ task, content }: ActionContext): TriggerSpec {
  const said = Object.fromEntries(TRIGGER_KINDS.flatMap((k) => (task.with[k] == null ? [] : [[k, task.with[k]]])));
  const parsed = triggerSchema.safeParse(Object.keys(said).length > 0 ? said : (content.trigger ?? {}));
  if (parsed.success) return parsed.data;
  throw new HandoffError('TRIGGER_REFUSED', { what: `step ${task.step}`, why: formatIssues(issuesOf(parsed.error)) });
}

async function payloadOf({ task, content, storage }: ActionContext, most: number): Promise<TriggerPayload> {
  const { subject, step, epoch } = task;
  const { handoffId, session, source, target, procedure } = subject;
  const arrived = [...(await arrivalsOf(storage, handoffId, target)).values()];
  const payload: TriggerPayload = {
    key: effectKey(handoffId, step, epoch, TRIGGER_EFFECT),
    handoffId,
    session,
    source,
    target,
    procedure: { id: procedure.id, version: procedure.version },
    artifacts: [],
    artifactCount: arrived.length,
    contextKeys: fitting(Object.keys(content.context), most / 2),
  };
  const room = most - JSON.stringify(payload).length;
  payload.artifacts = fitting(
    arrived.map(({ name, path, sha256, size }) => ({ name, path, sha256, size })),
    room,
  );
  return payload;
}

/** As many from the beginning as have room, in characters of JSON. */
function fitting<T>(all: readonly T[], room: number): T[] {
  let left = room;
  const end = all.findIndex((one) => (left -= JSON.stringify(one).length + 1) < 0);
  return end < 0 ? [...all] : all.slice(0, end);
}

async function prepareChild(
  { task, storage }: ActionContext,
  deps: Deps,
  { type, taskQueue, workflowId: asked, args }: NonNullable<TriggerSpec['workflow']>,
  payload: TriggerPayload,
): Promise<ChildStart> {
  const workflowId = childIdOf(task.subject.handoffId, task.epoch, asked);
  const [effect] = await storage.ledger.intend(
    refOf(task),
    [
      {
        effect: TRIGGER_EFFECT,
        kind: actionKind('trigger'),
        resource: `workflow:${workflowId}`,
        data: { kind: 'workflow', workflowId, type },
        // It can be cancelled, whatever the step says of what others trigger.
        irreversible: false,
      },
    ],
    stillOpen(deps),
  );
  await failpoint('trigger.after_intent');
  const { status, result } = effect!;
  if (status === 'undone')
    throw new HandoffError('STALE_EPOCH', { step: task.step, epoch: task.epoch, current: task.epoch + 1 });
  return {
    type,
    workflowId,
    args: args ?? [payload],
    ...(taskQueue === undefined ? {} : { taskQueue }),
    ...(status === 'applied' ? { startedRunId: String(result?.['runId']) } : {}),
  };
}

/** Records that a child runs. One that was there already counts if this handoff's run has started it. */
export async function childStarted(deps: Deps, task: ChildTask): Promise<{ runId: string }> {
  const { workflowId, runId } = task;
  const { handoffId } = task.subject;
  const started = runId ?? (await ownChild(deps, handoffId, workflowId))?.runId;
  if (started === undefined) {
    const why = `workflow ${workflowId} was there already, and is not of this handoff`;
    throw new HandoffError('TRIGGER_REFUSED', { what: `step ${task.step}`, why });
  }
  await failpoint('trigger.before_record');
  await boundary('step.acted', task.step);
  const key = effectKey(handoffId, task.step, task.epoch, TRIGGER_EFFECT);
  await deps.storage.ledger.apply(refOf(task), key, () => ({ workflowId, runId: started }));
  await failpoint('trigger.after_record');
  await boundary('step.recorded', task.step);
  return { runId: started };
}

/** The child of that id, if a run of this handoff has started it. */
async function ownChild(
  deps: Deps,
  handoff: string,
  workflowId: string,
): Promise<WorkflowExecutionDescription | undefined> {
  try {
    const found = await clientOf(deps).workflow.getHandle(workflowId).describe();
    return found.parentExecution?.workflowId === workflowIdOf(handoff) ? found : undefined;
  } catch (error) {
    if ((error as Error).name === 'WorkflowNotFoundError') return undefined;
    throw error;
  }
}

/**
 * Cancels a child that runs. One that never began, or ended by itself without completing, leaves nothing to undo; what
 * one has completed, as what a signal or a call has set going, is named as irreversible.
 */
async function undoTrigger({ data, handoff }: Effect, deps: Deps): Promise<UndoResult> {
  if (data['kind'] !== 'workflow') return 'irreversible';
  const workflowId = String(data['workflowId']);
  const child = await ownChild(deps, handoff, workflowId);
  if (child?.status.name === 'COMPLETED') return 'irreversible';
  if (child?.status.name !== 'RUNNING') return 'nothing_to_undo';
  await failpoint('trigger.before_cancel');
  await clientOf(deps).workflow.getHandle(workflowId).cancel();
  return 'undone';
}
