import type { SendSpec } from '../core/contract.js';
import type { ArtifactSpec } from '../core/request.js';
import { formatsOf, type Prepared } from '../contracts/artifact.js';
import { validateHandoff } from '../contracts/handoff.js';
import { prepareArtifact } from '../contracts/prepare.js';
import { keyOf } from '../contracts/transformers.js';
import { assertValid } from '../contracts/validation-error.js';
import { arrivalsOf, type Arrived } from '../storage/arrivals.js';
import { changed } from '../storage/transfer/faults.js';
import type { ActionContext, Deps } from './action.js';
import type { Move } from './transfer-artifacts.js';

/** What the ledger and the manifest know of an artifact beyond where it came from and went. */
export interface About extends Record<string, unknown> {
  /** What it arrives as, where somebody said so. */
  format?: string;
  /** `<from>_to_<to>`, where a transformer makes it. */
  transformer?: string;
  /** The schema's file, or `inline`. */
  schema?: string;
  schemaValid?: boolean;
}

/** Artifacts that may move: they keep their contract. */
export interface Ready {
  about(spec: ArtifactSpec): About;
  /** What is to arrive in the place of the source, where a transformer makes it. Throws NO_TRANSFORMER, TRANSFORM_FAILED. */
  make(spec: ArtifactSpec): Promise<Prepared | undefined>;
  /** Hex SHA-256 that the source must have. */
  sha256Of(spec: ArtifactSpec): string | undefined;
  /** Throws ARTIFACT_CHANGED where the source is not what was looked at. Digests are hex SHA-256. */
  check(spec: ArtifactSpec, originalSha256: string): void;
}

/**
 * Looks at all that is to move by its contract, before anything is staged. What an earlier attempt has put in place is
 * looked at there. Throws CONTRACT_BROKEN with every fault.
 */
export async function readyToMove(
  { content, task, storage, signal }: ActionContext,
  { transformers }: Deps,
  { specs = {}, artifacts, target, present }: Pick<Move, 'specs' | 'artifacts' | 'target' | 'present'>,
): Promise<Ready> {
  const { handoffId } = task.subject;
  const specOf = ({ name }: ArtifactSpec): SendSpec | undefined =>
    Object.hasOwn(specs, name) ? specs[name] : undefined;
  const sight = { subject: { handoffId, target }, content, storage, signal, transformers };
  const turns = (spec: ArtifactSpec): boolean => {
    const { from, to } = formatsOf(spec, specOf(spec));
    return from !== to;
  };
  const hasContract = Object.keys(specs).length > 0;
  // Of this step alone: what another one has put in the same place is what ours replaces.
  const there =
    hasContract || artifacts.some(turns)
      ? await arrivalsOf(storage, handoffId, target, task)
      : new Map<string, Arrived>();
  // The copy itself tells the digest of what nobody has to look into: one that is too large for an attempt would never move.
  const made = new Map<string, string>();
  const keep = (artifact: string, { sha256 }: Prepared): Promise<void> =>
    Promise.resolve(void made.set(artifact, sha256));
  const validated = hasContract
    ? await validateHandoff(sight, {
        specs,
        artifacts,
        keep,
        hashes: 'what is read',
        arrived: there,
        ...(present ? { present } : {}),
      })
    : undefined;
  if (validated) assertValid(validated);
  return {
    about: (spec) => {
      const send = specOf(spec);
      const { from, to } = formatsOf(spec, send);
      const format = send?.format ?? spec.transformTo ?? spec.format;
      return {
        ...(format === undefined ? {} : { format: to }),
        ...(from === to ? {} : { transformer: keyOf(from, to) }),
        ...(send?.schema === undefined
          ? {}
          : { schema: typeof send.schema === 'string' ? send.schema : 'inline', schemaValid: true }),
      };
    },
    make: async (spec) => {
      if (there.has(spec.name) || !turns(spec)) return undefined;
      const prepared = await prepareArtifact(spec, specOf(spec), { sources: storage.sources, transformers, signal });
      const looked = made.get(spec.name);
      if (prepared && looked !== undefined && looked !== prepared.sha256)
        throw changed(spec.name, 'its transformer does not make the same of it twice');
      return prepared;
    },
    sha256Of: (spec) => spec.sha256 ?? (turns(spec) ? undefined : specOf(spec)?.checksum),
    check: (spec, originalSha256) => {
      const looked = validated?.digests.get(spec.name);
      if (looked !== undefined && looked !== originalSha256)
        throw changed(spec.name, 'it is not what was looked at by the contract');
    },
  };
}
