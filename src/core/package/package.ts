/**
 * What travels from one phase of a pipeline to the next: S1's package. Exported as `PipelineHandoffPackage`, because
 * `HandoffPackage` is the document that agents pass to each other (see agent-document.ts). One JSON Schema holds both.
 */

/** The version of the package format. The major decides compatibility. */
export const PACKAGE_VERSION = '1.0.0';

export const STANDARD_PHASES = [
  'extraction',
  'analysis',
  'synthesis',
  'validation',
  'checkpoint',
  'generation',
  'finalization',
] as const;

/** One of the seven, or any name or number of a pipeline of a user's own. */
export type PipelinePhase = (typeof STANDARD_PHASES)[number] | (string & {});

/** What is known of a context entry besides its value. */
export interface ContextMetadata {
  /** Who wrote it: an agent, a phase, a handoff. */
  source: string;
  tags: string[];
  /** ISO 8601. */
  createdAt?: string;
  updatedAt?: string;
  /** Raised by every write. */
  version?: number;
  [other: string]: unknown;
}

export interface ContextEntrySerialized {
  key: string;
  /** The value as JSON text. */
  value: string;
  metadata: ContextMetadata;
}

export interface SerializedContext {
  entries: ContextEntrySerialized[];
  /** Bytes of the entries' canonical JSON in UTF-8. */
  size: number;
  /** Hex SHA-256 of the entries' canonical JSON (RFC 8785). */
  checksum: string;
}

export type CheckpointStatus = 'paused' | 'completed' | 'error';

/** How far a pipeline, or a handoff that is paused, had come. */
export interface PhaseCheckpoint {
  phase: PipelinePhase;
  /** Steps of the phase that are done, and how many it has. */
  step: number;
  totalSteps: number;
  status: CheckpointStatus;
  /** Where it goes on. */
  resumePoint: string;
  [other: string]: unknown;
}

export interface PackageMetadata {
  /** Of the package format. */
  version: string;
  pipelineVersion: string;
  /** Default `system`. */
  createdBy: string;
  /** Default `manual`. */
  reason: string;
  /** Absent: it never expires. */
  expiresAt?: Date;
  [other: string]: unknown;
}

export interface IntegrityCheck {
  algorithm: 'sha256';
  /** Hex SHA-256 over the canonical JSON (RFC 8785) of the whole package less this block. */
  checksum: string;
  /** HMAC of the same text, where the store is given a key. */
  signature?: { algorithm: 'hmac-sha256'; keyId?: string; value: string };
  /** Set on receipt, never stored. */
  verifiedAt?: Date;
  valid?: boolean;
}

export interface PipelineHandoffPackage {
  /** `hof-…` */
  id: string;
  sessionId: string;
  cloneId: string;
  createdAt: Date;
  sourcePhase: PipelinePhase;
  targetPhase: PipelinePhase;
  context: SerializedContext;
  checkpoint: PhaseCheckpoint;
  metadata: PackageMetadata;
  integrity: IntegrityCheck;
}

export const PACKAGE_STATUSES = ['active', 'expired'] as const;
export type PackageStatus = (typeof PACKAGE_STATUSES)[number];

/** What a package is at `now` (milliseconds): at its expiry it is still active, and without one always. */
export const packageStatus = ({ metadata: { expiresAt } }: PipelineHandoffPackage, now: number): PackageStatus =>
  expiresAt !== undefined && now > expiresAt.getTime() ? 'expired' : 'active';

/** Which packages to list. */
export interface PackageFilter {
  sessionId?: string;
  cloneId?: string;
  status?: PackageStatus;
  createdAfter?: Date;
}

/** Where packages are kept. Adapters of your own must pass the conformance suite. */
export interface HandoffStorage {
  /** Whole or not at all. */
  save(handoff: PipelineHandoffPackage): Promise<void>;
  /** Null: there is none. Throws PACKAGE_DAMAGED. */
  load(id: string): Promise<PipelineHandoffPackage | null>;
  /** Oldest first; one that is damaged is left out and reported. */
  list(filter?: PackageFilter): Promise<PipelineHandoffPackage[]>;
  /** Whether there was one. */
  delete(id: string): Promise<boolean>;
}

/**
 * What happens to entries that are there already when a package is restored: the package's wins, the present one wins,
 * the one that was written last wins, or nothing is restored at all.
 */
export const MERGE_STRATEGIES = ['overwrite', 'keep-existing', 'newest-wins', 'fail'] as const;
export type MergeStrategy = (typeof MERGE_STRATEGIES)[number];

/** An entry that was there with another value when a package was restored, and what was decided. */
export interface RestoreConflict {
  key: string;
  decision: 'package' | 'existing';
  /** Hex SHA-256 of the two values, and when each was written (ISO 8601), where known. */
  package: { digest: string; updatedAt?: string };
  existing: { digest: string; updatedAt?: string; version: number };
}
