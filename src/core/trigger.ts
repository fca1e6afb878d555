import type { Procedure, Step } from './procedure.js';
import type { HandoffInput, Subject } from './request.js';

/** What starts the next phase; exactly one of the three. Data that users write, in a request or in a step's `with`. */
export interface TriggerSpec {
  /** A signal to a workflow that runs. Without `args` it takes one argument, a {@link TriggerPayload}. */
  signal?: { workflowId: string; signalName: string; runId?: string; args?: unknown[] };
  /** A child workflow. Default: our own task queue, the id `handoff/<id>/next/<epoch>`, and as signal's arguments. */
  workflow?: { type: string; taskQueue?: string; workflowId?: string; args?: unknown[] };
  /** A POST with a CloudEvent, whose `data` is a {@link TriggerPayload}. */
  webhook?: { url: string; headers?: Record<string, string> };
}

export const TRIGGER_KINDS = ['signal', 'workflow', 'webhook'] as const;
export type TriggerKind = (typeof TRIGGER_KINDS)[number];

/** The name of the one effect of a trigger step. */
export const TRIGGER_EFFECT = 'trigger';

/** What the next phase gets to know. */
export interface TriggerPayload {
  /** The effect's key: a repetition has the same. */
  key: string;
  handoffId: string;
  session: string;
  source: Subject['source'];
  target: Subject['target'];
  procedure: { id: string; version: string };
  /** What has arrived. Sizes in bytes, paths absolute. */
  artifacts: { name: string; path: string; sha256: string; size: number }[];
  /** How many have arrived: of very many, `artifacts` names the first. */
  artifactCount: number;
  contextKeys: string[];
}

/** What a trigger step's activity has prepared for the run, which alone can start a child. */
export interface ChildStart {
  type: string;
  workflowId: string;
  taskQueue?: string;
  args: unknown[];
  /** Where an earlier attempt, or the run before a reset, has started it. */
  startedRunId?: string;
}

/** What stands in a trigger step's facts once its child runs. */
export interface ChildFacts {
  triggered: 'workflow';
  child: string;
  childRun: string;
}

export const isTrigger = (step: Pick<Step, 'action'>): boolean => step.action === 'trigger';

/** Which of the three a step or a request names; a field that is null counts as absent, so that an operator can amend it away. */
export const triggerKindOf = (spec: object | undefined): TriggerKind | undefined =>
  TRIGGER_KINDS.find((kind) => (spec as Record<string, unknown> | undefined)?.[kind] != null);

/** The workflow id of a child: as it was asked for, or one that no handoff can have; another for each epoch. */
export function childIdOf(handoff: string, epoch: number, asked: string | undefined): string {
  if (asked === undefined) return `handoff/${handoff}/next/${epoch}`;
  return epoch === 1 ? asked : `${asked}/${epoch}`;
}

/** The children that a run has started and that may still run. */
export const childrenOf = (steps: Record<string, { facts?: Record<string, unknown> }>): string[] =>
  Object.values(steps).flatMap(({ facts }) => (typeof facts?.['child'] === 'string' ? [facts['child']] : []));

/** What was triggered, for people: from a step's facts. */
export function triggeredText(facts: Record<string, unknown> | undefined): string | undefined {
  const to = (name: string): string => String(facts?.[name]);
  switch (facts?.['triggered']) {
    case 'workflow':
      return `started ${to('child')}`;
    case 'signal':
      return `signalled ${to('to')}`;
    case 'webhook':
      return `called ${to('to')}`;
    case 'nothing':
      return 'nothing to trigger';
    default:
      return undefined;
  }
}

/** The steps that may not start before the run's `triggerAfter`: its trigger, or without one its offer. */
export function heldSteps({ steps }: Procedure): string[] {
  const triggers = steps.filter(isTrigger);
  return (triggers.length > 0 ? triggers : steps.filter((s) => s.action === 'confirm')).map((s) => s.step_id);
}

/** Whether what a step has done can be taken back by cancelling its child, whatever the step itself declares. */
export const startsChild = (step: Step, asked: TriggerSpec | undefined): boolean =>
  isTrigger(step) && (triggerKindOf(step.with) ?? triggerKindOf(asked)) === 'workflow';

/** When a run's trigger may be started, and what it waits for until then. */
export const holdOf = ({
  triggerAfter,
  subject,
}: Pick<HandoffInput, 'triggerAfter' | 'subject'>): { at: number; on: string } | undefined =>
  triggerAfter === undefined
    ? undefined
    : { at: triggerAfter, on: `phase ${subject.target.phase ?? '?'} to be allowed to start` };
