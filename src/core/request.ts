import type { ExecutionTraceSnapshot, HandoffContext, TraceLike } from './document/document.js';
import type { Contract, ContractDocument } from './contract.js';
import type { Procedure, FrozenProcedure } from './procedure.js';
import type { ReturnTerms } from './return-state.js';
import type { LateEnd } from './timing.js';
import type { TriggerSpec } from './trigger.js';

/** A reference to bytes in storage: what history carries instead of content. */
export interface ContentRef {
  uri: string;
  sha256: string;
  /** Bytes. */
  size: number;
  mediaType: string;
}

export interface Party {
  agent?: string;
  phase?: string;
}

/** One file or directory to hand over. */
export interface ArtifactSpec {
  name: string;
  /** Where the file is: relative to the first source folder, or absolute below one of them. */
  path: string;
  /** Hex SHA-256 that it must have (of a directory its tree digest). Absent: whatever it has when it is transferred. */
  sha256?: string;
  /** What it is written in: `json`, `yaml`, `csv`, `markdown`, … Default: by the extension of `path`. */
  format?: string;
  /** What it is to arrive as, where that is another format. Default: what the contract says, else as it is. */
  transformTo?: string;
}

export type Priority = 'immediate' | 'normal' | 'background';
/** Temporal's priority keys. */
export const PRIORITY_KEYS: Record<Priority, number> = { immediate: 1, normal: 3, background: 5 };

/** A request as a caller writes it; dates are ISO strings or Dates. */
export interface HandoffRequest {
  /** Default: `ho_` and a UUIDv7. */
  handoffId?: string;
  procedure: string;
  /** May be left out where the contract names it; so may `target`. */
  source?: { agent?: string; phase?: string | number };
  target?: { agent?: string; phase?: string | number };
  session?: string;
  /** Default: AGENT_HANDOFF where both agents are named and the phases are not, else PHASE_TRANSITION. */
  type?: string;
  /** S3's high and critical mean immediate, medium normal, low background. Default normal. */
  priority?: Priority | 'critical' | 'high' | 'medium' | 'low';
  /** Default 60. Not together with `expiresAt`. */
  expiresInMinutes?: number;
  expiresAt?: string | Date;
  startAfter?: string | Date;
  /** `explicit` (default): the target accepts; `auto`: accepted as soon as it is offered. */
  acceptance?: 'explicit' | 'auto';
  /** `stop` (default): a paused handoff does not age. */
  clockWhilePaused?: 'stop' | 'run';
  /** The document, or its `contract` part alone, or `id` or `id@version` of one in the registry. */
  contract?: ContractDocument | ContractDocument['contract'] | string;
  /** What the procedure's `trigger` step starts, where the step itself does not say so. */
  trigger?: TriggerSpec;
  artifacts?: ArtifactSpec[];
  /** Entries for the session's context: key → any JSON value. */
  context?: Record<string, unknown>;
  /** Context keys that must still be at these versions (0: absent) when the state is synchronised. */
  contextVersions?: Record<string, number>;
  /** A text is the task of {@link HandoffInstructions}; any other JSON value is handed over as it is. */
  instructions?: unknown;
  /** What the source decided, measured and met. Complete it first: until then its duration, and so the request, changes. */
  trace?: TraceLike;
  /** What an agent document says besides: see {@link DocumentFields}. */
  document?: DocumentFields;
  metadata?: Record<string, unknown>;
}

/** The part of an agent document that a request has no field of its own for. Unknown fields are kept. */
export interface DocumentFields {
  /** Of the document's format. */
  version?: string;
  /** ISO 8601: when it was prepared. Default: when the handoff began. */
  createdAt?: string;
  context?: Omit<HandoffContext, 'sessionId' | 'custom'>;
  [other: string]: unknown;
}

/**
 * A request after validation, as it was written: defaults filled, phases are strings, dates are ISO strings. Its digest is
 * over this, so that it stays the same whatever becomes of a contract that it only names.
 */
export interface WrittenRequest extends Omit<NormalRequest, 'type'> {
  /** Absent where it depends on a contract. */
  type?: string;
}

/** A request with what its contract says: nothing is open any more. */
export interface NormalRequest {
  handoffId: string;
  procedure: string;
  source: Party;
  target: Party;
  session: string;
  type: string;
  priority: Priority;
  expiresInMinutes?: number;
  expiresAt?: string;
  startAfter?: string;
  acceptance: 'explicit' | 'auto';
  clockWhilePaused: 'stop' | 'run';
  contract?: Record<string, unknown> | string;
  trigger?: TriggerSpec;
  artifacts: ArtifactSpec[];
  context: Record<string, unknown>;
  contextVersions?: Record<string, number>;
  instructions?: unknown;
  trace?: ExecutionTraceSnapshot;
  document?: DocumentFields;
  metadata: Record<string, unknown>;
}

/** What a package in storage holds: the content of a request. */
export interface PackageContent {
  artifacts: ArtifactSpec[];
  context: Record<string, unknown>;
  contextVersions?: Record<string, number>;
  contract?: Contract;
  trigger?: TriggerSpec;
  instructions?: unknown;
  trace?: ExecutionTraceSnapshot;
  document?: DocumentFields;
  metadata: Record<string, unknown>;
}

/** Whether a contract says of an artifact that it may be missing. */
export const isOptional = (sends: Contract['sends'] | undefined, name: string): boolean =>
  sends !== undefined && Object.hasOwn(sends, name) && sends[name]!.required === false;

/** The names of all that must arrive: what is handed over, and what the contract says is sent, less what may be missing. */
export const expectedArtifacts = ({ artifacts, contract }: PackageContent): string[] => {
  const names = new Set([...artifacts.map((a) => a.name), ...Object.keys(contract?.sends ?? {})]);
  return [...names].filter((name) => !isOptional(contract?.sends, name));
};

/** The facts of a handoff that never change: what the workflow gets as its input, and every activity as its subject. */
export interface Subject {
  handoffId: string;
  session: string;
  type: string;
  priority: Priority;
  source: Party;
  target: Party;
  procedure: FrozenProcedure;
  requestDigest: string;
  /** The contract that it was started with, where there is one; the whole stands in the package. */
  contract?: { id?: string; version?: string; digest: string };
  /** The content, where the request has any. */
  package?: ContentRef;
}

/** What a run's memo has for lists, beyond its search attributes. */
export interface ListMemo {
  procedure: string;
  source: Party;
  target: Party;
  /** Milliseconds. */
  createdAt: number;
}

/** The workflow's input. Times in milliseconds. */
export interface HandoffInput {
  subject: Subject;
  /** The frozen definition: inline up to 16 KB, else in storage. */
  definition: { inline: Procedure } | { ref: ContentRef };
  expiresInMs: number;
  expiresAt?: number;
  startAfter?: number;
  /** Until then its trigger, or without one its offer, is held. */
  triggerAfter?: number;
  /** When the phases are expected to end: what is later is late. */
  expectedEnds?: Partial<Record<LateEnd, number>>;
  acceptance: 'explicit' | 'auto';
  clockWhilePaused: 'stop' | 'run';
  /** Whether the contract expects anything back, so that the run stays `accepted` until somebody completes it. */
  expectsReturn: boolean;
  /** What it expects, by name; the whole contract stands in the package. */
  returns?: Record<string, ReturnTerms>;
  maxReturnRounds?: number;
  /** State of an earlier run of the same handoff that continued as new. */
  carried?: unknown;
}

export const DEFAULT_TASK_QUEUE = 'handoff';
/** Bytes of one request as JSON. */
export const REQUEST_LIMIT = 1024 * 1024;
export const INLINE_DEFINITION_LIMIT = 16 * 1024;
export const DEFAULT_EXPIRY_MINUTES = 60;

/** `@code-architect (phase 8)`, for people. */
export const partyText = (p: Party): string =>
  p.agent && p.phase ? `${p.agent} (phase ${p.phase})` : (p.agent ?? (p.phase ? `phase ${p.phase}` : 'anyone'));

/** The folder below `artifacts/` in which a target's artifacts arrive. */
export const arrivalFolder = (target: Party): string =>
  target.phase ? `phase_${target.phase}` : `agent_${(target.agent ?? 'anyone').replace(/^@/, '')}`;
