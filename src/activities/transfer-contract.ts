import { randomUUID } from 'node:crypto';
import { chmod, mkdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { SendSpec } from '../core/contract.js';
import { HandoffError } from '../core/errors.js';
import type { ArtifactSpec, Party } from '../core/request.js';
import type { Prepared } from '../contracts/artifact.js';
import { arrivalsOf, validateHandoff } from '../contracts/handoff.js';
import { prepareArtifact } from '../contracts/prepare.js';
import { assertValid } from '../contracts/validation-error.js';
import { locateSource } from '../storage/files.js';
import type { ActionContext, Deps } from './action.js';

/** What the ledger's row says of an artifact that a transformer made, and of the schema that it keeps. */
export interface MadeFacts extends Record<string, unknown> {
  format?: string;
  /** `<from>_to_<to>` */
  transformer?: string;
  originalSha256?: string;
  /** The schema's file, or `inline`. */
  schema?: string;
  schemaValid?: boolean;
}

/** Artifacts that may move: they keep their contract, and what a transformer made of them waits beside the staging. */
export interface Ready {
  facts(artifact: string): MadeFacts;
  /** What is to be copied into place: what a transformer made, or the source. */
  fileOf(artifact: string, source: string): string;
  /** Throws CHECKSUM_MISMATCH and ARTIFACT_CHANGED by the digest of what was copied. */
  check(spec: ArtifactSpec, copied: string): void;
}

/**
 * Looks at all that is to move by its contract, before anything is staged, and lets transformers work. What an earlier
 * attempt has put in place is looked at there. Throws CONTRACT_BROKEN with every fault, NO_TRANSFORMER, TRANSFORM_FAILED.
 */
export async function readyToMove(
  { content, task, storage, signal }: ActionContext,
  deps: Deps,
  move: { artifacts: readonly ArtifactSpec[]; target: Party; specs?: Record<string, SendSpec> },
  staging: string,
): Promise<Ready> {
  const { specs = {}, artifacts, target } = move;
  const { transformers } = deps;
  const made = new Map<string, { file: string; facts: MadeFacts; sha256: string; originalSha256: string }>();
  const keep = async (
    artifact: string,
    { bytes, to, transformer, sha256, originalSha256 }: Prepared,
  ): Promise<void> => {
    await mkdir(staging, { recursive: true });
    const file = path.join(staging, randomUUID());
    const spec = artifacts.find((a) => a.name === artifact)!;
    const { mode } = await stat(await locateSource(spec, storage.sources));
    await writeFile(file, bytes, { flag: 'wx', mode: 0o600 });
    await chmod(file, mode & 0o777);
    made.set(artifact, { file, facts: { format: to, transformer, originalSha256 }, sha256, originalSha256 });
  };
  const handoff = task.subject.handoffId;
  const hasContract = Object.keys(specs).length > 0;
  const sight = { subject: { handoffId: handoff, target }, content, storage, signal, transformers };
  const validated = hasContract ? await validateHandoff(sight, { specs, artifacts, keep }) : undefined;
  if (validated) assertValid(validated);
  const there = await arrivalsOf(storage, handoff, target);
  for (const spec of artifacts) {
    if (Object.hasOwn(specs, spec.name) || there.has(spec.name)) continue;
    const prepared = await prepareArtifact(spec, undefined, { sources: storage.sources, transformers, signal });
    if (prepared) await keep(spec.name, prepared);
  }
  return {
    facts: (artifact) => {
      const schema = Object.hasOwn(specs, artifact) ? specs[artifact]!.schema : undefined;
      const by =
        schema === undefined ? {} : { schema: typeof schema === 'string' ? schema : 'inline', schemaValid: true };
      return { ...made.get(artifact)?.facts, ...by };
    },
    fileOf: (artifact, source) => made.get(artifact)?.file ?? source,
    check: (spec, copied) => {
      const { name: artifact, sha256: expected } = spec;
      const mine = made.get(artifact);
      const found = mine?.originalSha256 ?? copied;
      if (expected && expected !== found) throw new HandoffError('CHECKSUM_MISMATCH', { artifact, expected, found });
      const looked = mine ? mine.sha256 : validated?.digests.get(artifact);
      if (looked && looked !== copied)
        throw new HandoffError('ARTIFACT_CHANGED', { artifact, why: 'it is not what was looked at by the contract' });
    },
  };
}
