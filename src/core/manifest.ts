import { invalid, type Issue } from './errors.js';
import { printable } from './ids.js';
import type { ContentRef, Party } from './request.js';

/** Which artifacts are meant: those for which all of it holds. An empty filter means all. */
export interface ManifestFilter {
  /** Its id, or a name that it has or had somewhere. */
  artifact?: string;
  /** It came from there, or was sent there. */
  phase?: string | number;
  /** A transfer of this handoff moved it, or its transformer read it. */
  handoff?: string;
  session?: string;
  /** How a digest of it begins, hex. */
  digest?: string;
}

const text = (v: unknown): string | undefined =>
  typeof v === 'string' && v !== '' ? undefined : 'must be a text that is not empty';

const FIELDS: Record<keyof ManifestFilter, (value: unknown) => string | undefined> = {
  artifact: text,
  phase: (v) => (Number.isSafeInteger(v) ? undefined : text(v)),
  handoff: text,
  session: text,
  digest: (v) =>
    typeof v === 'string' && /^[0-9a-f]{1,64}$/i.test(v) ? undefined : 'must be the beginning of a hex SHA-256',
};

/** A filter whose every field is known and can match. Throws INVALID_REQUEST, which names the field. */
export function checkedManifestFilter(filter: ManifestFilter): ManifestFilter {
  const given = Object.entries(filter).filter(([, value]) => value !== undefined);
  const issues = given.flatMap(([field, value]): Issue[] => {
    const message = Object.hasOwn(FIELDS, field)
      ? FIELDS[field as keyof ManifestFilter](value)
      : `unknown; possible: ${Object.keys(FIELDS).join(', ')}`;
    return message ? [{ path: `/filter/${printable(field)}`, message }] : [];
  });
  if (issues.length > 0) throw invalid('INVALID_REQUEST', issues);
  return Object.fromEntries(given);
}

/** One arrival of an artifact. Paths are absolute, digests hex SHA-256, times milliseconds. */
export interface TransferRecord {
  /** The effect that put it there. */
  key: string;
  /** The artifact's id. */
  artifact: string;
  handoff: string;
  session: string;
  name: string;
  source: Party;
  target: Party;
  originalPath: string;
  originalSha256: string;
  path: string;
  sha256: string;
  /** Whether it arrived as it was (of one that a transformer made: as that made it). */
  valid: boolean;
  /** Permission bits of a file. */
  mode?: number;
  /** Of a directory: its tree lines. */
  listing?: ContentRef;
  at: number;
  status: 'success' | 'undone';
  undoneAt?: number;
  undoResult?: string;
  /** Where a later transfer has put something else since: the artifact's id of that. */
  takenOverBy?: string;
}

/** One artifact of the manifest, with all its arrivals, oldest first. */
export interface ArtifactRecord {
  /** `artifact_001` */
  id: string;
  name: string;
  kind: 'file' | 'directory';
  session: string;
  /** The handoff that registered it. */
  handoff: string;
  source: Party;
  createdBy: string;
  createdAt: number;
  originalPath: string;
  sha256: string;
  /** Bytes; absent where only a transformer has read it. */
  size?: number;
  files: number;
  format?: string;
  schema?: string;
  schemaValid?: boolean;
  /** What a transformer made it from. */
  derivedFrom?: string;
  transformer?: string;
  transfers: TransferRecord[];
}

/** Where it lies by what the manifest knows: the latest success at each place, unless a later one took the place over. */
export const standing = (a: ArtifactRecord): TransferRecord[] =>
  a.transfers.filter((t) => t.status === 'success' && t.takenOverBy === undefined);

/** `artifact_001` of 1. */
export const artifactId = (seq: number): string => `artifact_${String(seq).padStart(3, '0')}`;

/** 1 of `artifact_001`; undefined of any other text. */
export function artifactSeq(id: string): number | undefined {
  const digits = /^artifact_(\d{3,15})$/.exec(id)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
