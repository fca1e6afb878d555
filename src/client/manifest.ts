import path from 'node:path';
import { HandoffError } from '../core/errors.js';
import { manifestArtifact, type ManifestDocument } from '../core/manifest-document.js';
import { standing, type ArtifactRecord, type ManifestFilter } from '../core/manifest.js';
import { partyText } from '../core/request.js';
import type { Verification } from '../core/verification.js';
import { digestAt } from '../storage/manifest/digest-at.js';
import type { Storage } from '../storage/storage.js';
import { verifyTransfers, type VerifyOptions } from '../storage/manifest/verify.js';
import { realPlace } from '../storage/manifest/reader.js';
import { placeState, type PlaceState } from '../storage/manifest/place-state.js';

/** Where an artifact lies by what the manifest knows, and what is really there. */
export interface TracedPlace {
  path: string;
  /** The handoff that put it there; absent of where it came from. */
  handoff?: string;
  state: PlaceState;
}

/** Where an artifact came from and went. */
export interface Trace {
  artifact: ArtifactRecord;
  /** What transformers made it from: the nearest first. */
  madeFrom: ArtifactRecord[];
  /** What transformers made from it, and from that: each after what it was made from. */
  madeInto: ArtifactRecord[];
  /** What had been put where it was handed over from, and had other content when it was: it was worked on there. */
  changedFrom: ArtifactRecord[];
  changedInto: ArtifactRecord[];
  /** Where it came from. */
  origin: TracedPlace;
  /** Where it is. */
  now: TracedPlace[];
}

/** More are no help in one line. */
const CANDIDATES = 10;

/** The manifest as the document. Throws INVALID_REQUEST. */
export async function manifestOf(storage: Storage, filter: ManifestFilter = {}): Promise<ManifestDocument> {
  const found = await storage.manifest.list(filter);
  return {
    artifacts: await Promise.all(found.map(async (a) => manifestArtifact(a, await originalSha256(storage, a)))),
  };
}

async function originalSha256({ manifest }: Storage, a: ArtifactRecord): Promise<string> {
  if (a.derivedFrom === undefined) return a.sha256;
  return (await parentOf(manifest, a))?.sha256 ?? a.sha256;
}

const parentOf = async (
  manifest: Storage['manifest'],
  { derivedFrom }: ArtifactRecord,
): Promise<ArtifactRecord | undefined> =>
  // Another artifact may be called like its id.
  derivedFrom === undefined
    ? undefined
    : (await manifest.list({ artifact: derivedFrom })).find((a) => a.id === derivedFrom);

/**
 * The one artifact that is meant by an id, a path, a name or the beginning of a digest. Throws ARTIFACT_UNKNOWN, and
 * ARTIFACT_AMBIGUOUS with the candidates.
 */
async function theArtifact(storage: Storage, what: string): Promise<ArtifactRecord> {
  const found = await storage.manifest.resolve(what);
  if (found.length === 0) throw new HandoffError('ARTIFACT_UNKNOWN', { artifact: what });
  if (found.length === 1) return found[0]!;
  // A place where several have been means the one that is there now.
  const place = realPlace(path.resolve(what));
  const isPlace = found.every((a) => a.originalPath === place || a.transfers.some((t) => t.path === place));
  const there = isPlace ? await digestAt(place).catch(() => 'missing' as const) : 'missing';
  const here = typeof there === 'string' ? [] : found.filter((a) => a.sha256 === there.sha256);
  if (here.length === 1) return here[0]!;
  const candidates = found.map((a) => ({
    id: a.id,
    name: a.name,
    sha256: a.sha256,
    from: a.originalPath,
    by: a.createdBy,
    createdAt: a.createdAt,
  }));
  const names = found.map(
    (a) => `${a.id} (${a.name}, ${partyText(a.source)}, session ${a.session}, ${a.sha256.slice(0, 8)})`,
  );
  const more = names.length > CANDIDATES ? [`and ${names.length - CANDIDATES} more`] : [];
  const known = [...names.slice(0, CANDIDATES), ...more].join('; ');
  throw new HandoffError('ARTIFACT_AMBIGUOUS', { artifact: what, known, candidates });
}

/** Where an artifact came from and went; `verify`: its places are hashed anew. Throws as {@link theArtifact}. */
export async function traceOf(storage: Storage, what: string, { verify = false } = {}): Promise<Trace> {
  const { manifest } = storage;
  const artifact = await theArtifact(storage, what);
  const madeFrom: ArtifactRecord[] = [];
  for (let up = await parentOf(manifest, artifact); up; up = await parentOf(manifest, up)) madeFrom.push(up);
  const madeInto: ArtifactRecord[] = [];
  const below = async (id: string): Promise<void> => {
    for (const made of await manifest.madeFrom(id)) {
      madeInto.push(made);
      await below(made.id);
    }
  };
  await below(artifact.id);
  const first = madeFrom.at(-1) ?? artifact;
  const now: TracedPlace[] = [];
  for (const t of standing(artifact)) {
    const state = await placeState({ path: t.path, sha256: t.sha256, size: artifact.size, mode: t.mode }, verify);
    now.push({ path: t.path, handoff: t.handoff, state });
  }
  const originState = await placeState({ path: first.originalPath, sha256: first.sha256, size: first.size }, verify);
  return {
    artifact,
    madeFrom,
    madeInto,
    ...(await manifest.neighbours(artifact)),
    origin: { path: first.originalPath, state: originState },
    now,
  };
}

/**
 * Hashes anew what handoffs and artifacts have put on disk; without names all of it. Throws ARTIFACT_UNKNOWN and
 * ARTIFACT_AMBIGUOUS.
 */
export async function verifyArtifacts(
  storage: Storage,
  names?: readonly string[],
  options?: VerifyOptions,
): Promise<Verification> {
  if (!names) return verifyTransfers(storage, undefined, options);
  const scope = { handoffs: [] as string[], artifacts: [] as string[] };
  for (const name of names) {
    if (await storage.handoffs.find(name)) scope.handoffs.push(name);
    else scope.artifacts.push((await theArtifact(storage, name)).id);
  }
  return verifyTransfers(storage, scope, options);
}
