import type { ErrorCode } from '../core/errors.js';
import type { FrozenProcedure, RetryPolicy, Severity } from '../core/procedure.js';
import type { Party, Priority, Subject } from '../core/request.js';
import type { TriggerKind } from '../core/trigger.js';

/** What a handoff would do, as far as it can be told without doing any of it. */
export interface HandoffPlan {
  /** Whether it would start now, and nothing that can be seen now would stop it: there are no `issues`. */
  ready: boolean;
  /** Everything that stands against it, not only the first. */
  issues: PlanIssue[];
  /** What stops nothing, and what cannot be told here. */
  warnings: PlanIssue[];
  request: PlannedRequest;
  procedure: FrozenProcedure & { name: string };
  /** What it would be held to. */
  contract?: Subject['contract'];
  /** The handoff that has the id already. `same`: by the same request, so that a start returns it. */
  existing?: { handoffId: string; status: string; same: boolean };
  steps: PlannedStep[];
  /** What would undo the steps with an effect, in the order in which they would be undone if all had acted. */
  rollback: PlannedUndo[];
  irreversible: { step: string; name: string; action: string }[];
  /** Procedures that must complete in the session first. */
  waitsFor: string[];
  unreachable: UnreachableAgent[];
  /** As the procedure says. */
  estimatedMinutes?: number;
}

export interface PlanIssue {
  /** The error that would come; ALREADY_STARTED, WOULD_WAIT and INCOMPLETE are none. */
  code: ErrorCode | 'ALREADY_STARTED' | 'WOULD_WAIT' | 'INCOMPLETE';
  message: string;
  /** The step where it would come. */
  step?: string;
  /** What to do about it. */
  next?: string;
}

/** The request with its defaults. Ids that a start would make are absent. Dates are ISO strings. */
export interface PlannedRequest {
  handoffId?: string;
  session?: string;
  type: string;
  priority: Priority;
  source: Party;
  target: Party;
  acceptance: 'explicit' | 'auto';
  startAfter?: string;
  /** Its trigger, or without one its offer, is held until then. */
  triggerAfter?: string;
  /** Where it would be started now. */
  expiresAt: string;
}

export interface PlannedStep {
  step: string;
  name: string;
  action: string;
  /** Steps that must be finished first. */
  after: string[];
  /** Seconds for one attempt. */
  timeout: number;
  retry: RetryPolicy;
  onFailure: 'rollback' | 'hold';
  rules: PlannedRule[];
  deed: PlannedDeed;
}

export interface PlannedRule {
  rule: string;
  name: string;
  /** Absent where only a worker knows. */
  severity?: Severity;
  /** As of now. `open`: it can be told only once earlier steps have acted. `not_run`: this process does not have the rule. */
  result: 'passed' | 'failed' | 'open' | 'not_run';
  /** Whether its failure would stop the handoff. */
  stops: boolean;
  message: string;
}

/** What a step would do. */
export type PlannedDeed =
  | { kind: 'validate' }
  | { kind: 'confirm'; by: string; acceptance: 'explicit' | 'auto' }
  | { kind: 'transfer'; artifacts?: PlannedArtifact[]; context?: { keys: string[]; bytes: number } }
  | { kind: 'sync_state'; context: PlannedEntry[]; phases: PlannedPhase[] }
  | PlannedTrigger
  | { kind: 'own'; with: Record<string, unknown> };

/** What a trigger step would start. Nobody is asked whether it is there. */
export interface PlannedTrigger {
  kind: 'trigger';
  /** Absent: there is nothing to trigger. */
  starts?: TriggerKind;
  /** The workflow, or the address without its query. Absent: a child by the default, `handoff/<id>/next/1`. */
  to?: string;
  /** The signal, or the type of the child workflow. */
  name?: string;
  taskQueue?: string;
  /** What it gets: arguments of the request's own, or what has arrived. */
  sends?: 'own' | 'arrivals';
}

/** One file. Sizes in bytes. */
export interface PlannedArtifact {
  name: string;
  /** Absent where there is none that may be sent. */
  source?: string;
  /** Bytes; of a folder the sum of its files. */
  size?: number;
  /** Where it is a folder: how many files are in it. */
  files?: number;
  destination: string;
  /** The file or folder that is there now. */
  replaces?: { size: number };
  /** The open handoff that holds the destination. */
  reservedBy?: string;
}

/** One context entry that would be set. Version 0: absent. */
export interface PlannedEntry {
  key: string;
  version: number;
  expectedVersion?: number;
  reservedBy?: string;
}

/** One phase record that would be written. */
export interface PlannedPhase {
  phase: string;
  /** Its present status; absent where it has no record. */
  from?: string;
  to: string;
  reservedBy?: string;
}

export interface PlannedUndo {
  step: string;
  name: string;
  rollback: { id: string; name: string };
}

export interface UnreachableAgent {
  agent: string;
  as: ('source' | 'target' | 'required')[];
  why: string;
}
