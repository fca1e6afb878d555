import type { ArtifactRecord, TransferRecord } from './manifest.js';

/** A phase as the document has it: whole numbers as numbers. */
export type PhaseValue = string | number;

/** One arrival, as the document has it: the document's own fields, and ours. */
export interface ManifestTransfer {
  phase?: PhaseValue;
  agent?: string;
  transferred_at: string;
  transfer_checksum: string;
  status: 'success' | 'undone';
  handoff: string;
  session: string;
  /** Where it was read, where it was put, and whether it arrived as it was. */
  original_path: string;
  original_checksum: string;
  transferred_path: string;
  checksum_valid: boolean;
  undone_at?: string;
  undo_result?: string;
  /** The artifact that a later transfer has put in its place. */
  taken_over_by?: string;
}

/** One artifact, as the document has it. `path` and `checksum` belong together, and so do those of the original. */
export interface ManifestArtifact {
  id: string;
  name: string;
  kind: 'file' | 'directory';
  source_phase?: PhaseValue;
  source_agent?: string;
  /** Phases and agents that it is with now or was; not those from which it was taken back. */
  destination_phases: PhaseValue[];
  destination_agents?: string[];
  created_by: string;
  created_at: string;
  session: string;
  handoff: string;
  path: string;
  checksum: string;
  size_bytes: number | null;
  files?: number;
  format?: string;
  schema: string | null;
  schema_valid: boolean | null;
  original_path: string;
  original_checksum: string;
  checksum_valid: boolean;
  /** The artifact that a transformer made it from, the format of that, and the transformer. */
  derived_from?: string;
  transformed_from?: string;
  transformer?: string;
  transferred_to: ManifestTransfer[];
}

export interface ManifestDocument {
  artifacts: ManifestArtifact[];
}

/** A phase that is a whole number, as a number. */
const phaseValue = (phase: string): PhaseValue => (/^(0|[1-9]\d{0,14})$/.test(phase) ? Number(phase) : phase);

const iso = (ms: number): string => new Date(ms).toISOString();

/** An artifact as the document has it; `originalSha256`: of what a transformer made it from. */
export function manifestArtifact(a: ArtifactRecord, originalSha256 = a.sha256): ManifestArtifact {
  const arrived = a.transfers.filter((t) => t.status === 'success');
  const agents = [...new Set(arrived.flatMap((t) => t.target.agent ?? []))];
  // What a transformer made is first seen where it arrived.
  const made = a.derivedFrom === undefined ? undefined : a.transfers[0]?.path;
  return {
    id: a.id,
    name: a.name,
    kind: a.kind,
    ...(a.source.phase === undefined ? {} : { source_phase: phaseValue(a.source.phase) }),
    ...(a.source.agent === undefined ? {} : { source_agent: a.source.agent }),
    destination_phases: [...new Set(arrived.flatMap((t) => t.target.phase ?? []))].map(phaseValue),
    ...(agents.length > 0 ? { destination_agents: agents } : {}),
    created_by: a.createdBy,
    created_at: iso(a.createdAt),
    session: a.session,
    handoff: a.handoff,
    path: made ?? a.originalPath,
    checksum: a.sha256,
    size_bytes: a.size ?? null,
    ...(a.kind === 'directory' ? { files: a.files } : {}),
    ...(a.format === undefined ? {} : { format: a.format }),
    schema: a.schema ?? null,
    schema_valid: a.schemaValid ?? null,
    original_path: a.originalPath,
    original_checksum: originalSha256,
    checksum_valid: a.transfers.every((t) => t.valid),
    ...(a.derivedFrom === undefined ? {} : { derived_from: a.derivedFrom }),
    ...(a.transformer === undefined
      ? {}
      : { transformed_from: a.transformer.split('_to_')[0]!, transformer: a.transformer }),
    transferred_to: a.transfers.map(manifestTransfer),
  };
}

const manifestTransfer = (t: TransferRecord): ManifestTransfer => ({
  ...(t.target.phase === undefined ? {} : { phase: phaseValue(t.target.phase) }),
  ...(t.target.agent === undefined ? {} : { agent: t.target.agent }),
  transferred_at: iso(t.at),
  transfer_checksum: t.sha256,
  status: t.status,
  handoff: t.handoff,
  session: t.session,
  original_path: t.originalPath,
  original_checksum: t.originalSha256,
  transferred_path: t.path,
  checksum_valid: t.valid,
  ...(t.undoneAt === undefined ? {} : { undone_at: iso(t.undoneAt) }),
  ...(t.undoResult === undefined ? {} : { undo_result: t.undoResult }),
  ...(t.takenOverBy === undefined || t.status === 'undone' ? {} : { taken_over_by: t.takenOverBy }),
});
