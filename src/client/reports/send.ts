import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { UpdateDefinition } from '@temporalio/common';
import { HandoffError } from '../../core/errors.js';
import { reportWorkflowIdOf } from '../../core/report/ids.js';
import { REPORT_ACTS, type ReportMessageName } from '../../core/report/message.js';
import { refuseActor, refuseReport } from '../../core/report/refusal.js';
import type { Actor, ReportState } from '../../core/report/report.js';
import type { ReportView } from '../../core/report/view.js';
import type { ReportAnswer } from '../../messages/report.js';
import { hasWorker, isDeadline, isNotFound, withDeadline, type Caller } from '../calls.js';
import { readable, viewOf, type ReportDeps } from './deps.js';
import type { WriteOptions } from './port.js';

/** What the server's clock may be behind ours. */
const CLOCK_SKEW_MS = 1000;
/** How often an act is sent again that met a run which was just being continued by another. */
const SENT = 5;
const SEND_AGAIN_MS = 50;

/**
 * Throws what the run would say to an actor who may not do this at all, before anything is written. Where a key says
 * that it may have been done before, the run has the last word.
 */
export function checkActor(state: ReportState, name: ReportMessageName, actor: Actor, key?: string): void {
  const refusal = key === undefined ? refuseActor(state, name, actor) : undefined;
  if (refusal) throw new HandoffError(refusal.code, refusal.params);
}

type Acting = { actor: Actor; seq?: number; key?: string };

/**
 * Sends an act to a report's run, and returns the report once it is on record. Throws what {@link refuseReport} says,
 * NO_WORKER, DEADLINE_EXCEEDED.
 */
export async function act<M extends Acting>(
  deps: ReportDeps,
  id: string,
  name: ReportMessageName,
  definition: UpdateDefinition<ReportAnswer, [M]>,
  message: (state: ReportState) => Omit<M, keyof Acting>,
  { ifMatch: seq, idempotencyKey: key }: WriteOptions = {},
): Promise<ReportView> {
  const { state } = await readable(deps, id);
  const { actor } = deps;
  const more = { ...(seq === undefined ? {} : { seq }), ...(key === undefined ? {} : { key }) };
  const whole = { actor, ...message(state), ...more } as M;
  const refusal = key === undefined ? refuseReport(state, name, whole, Date.now()) : undefined;
  if (refusal) throw new HandoffError(refusal.code, refusal.params);
  return viewOf(deps, await send(deps.caller, id, name, definition, whole));
}

/** The update itself. A closed run is one of a report that was rejected. */
export async function send<M>(
  caller: Caller,
  id: string,
  name: ReportMessageName,
  definition: UpdateDefinition<ReportAnswer, [M]>,
  message: M,
): Promise<ReportState> {
  const began = Date.now();
  const handle = caller.temporal.workflow.getHandle(reportWorkflowIdOf(id));
  const options: { args: [M]; updateId: string } = { args: [message], updateId: randomUUID() };
  for (let sent = 1; ; sent++) {
    try {
      const answer = await withDeadline(caller, `The update ${name}`, () => handle.executeUpdate(definition, options));
      return answer.state;
    } catch (error) {
      if (isDeadline(error)) throw await late(caller, error, id, began);
      if (!isNotFound(error)) throw error;
      if (sent < SENT && (await isOpen(caller, id))) await sleep(SEND_AGAIN_MS * sent);
      else {
        const params = { report: id, status: 'closed', act: REPORT_ACTS[name], allowed: 'open' };
        throw new HandoffError('REPORT_STATE', params, { cause: error });
      }
    }
  }
}

async function isOpen(caller: Caller, id: string): Promise<boolean> {
  const handle = caller.temporal.workflow.getHandle(reportWorkflowIdOf(id));
  const described = await withDeadline(caller, 'The look', () => handle.describe()).catch(() => undefined);
  return described?.status.name === 'RUNNING';
}

export async function late(caller: Caller, error: unknown, id: string, began: number): Promise<unknown> {
  const next = `It may still take effect: read report ${id} before you try again.`;
  if (!(await hasWorker(caller, began - CLOCK_SKEW_MS).catch(() => true))) {
    const params = { queue: caller.taskQueue, namespace: caller.temporal.options.namespace, next };
    return new HandoffError('NO_WORKER', params, { cause: error });
  }
  if (!(error instanceof HandoffError)) return error;
  return new HandoffError('DEADLINE_EXCEEDED', { ...error.params, next }, { cause: error });
}
