import { readFile, realpath, stat } from 'node:fs/promises';
import type { Contract, ContractFault, ContractValidation, FaultCode, ReturnSpec } from '../core/contract.js';
import { HandoffError } from '../core/errors.js';
import type { ArtifactSpec } from '../core/request.js';
import { fingerprint, locateSource } from '../storage/files.js';
import type { Storage } from '../storage/storage.js';

// FOR THE MERGE: `validateReturn` stands in for `validateArtifacts` of src/contracts, which also evaluates schemas. Once
// that is there, receive-return.ts calls it in this one's place, and of this file only `placeOf` stays.

/** A JSON file larger than this is not read. */
const JSON_LIMIT = 16 * 1024 * 1024;

export interface Place {
  path: string;
  kind: 'file' | 'directory' | 'other';
}

/** Where an artifact lies; undefined where there is nothing. Throws PATH_NOT_ALLOWED. */
export async function placeOf(spec: ArtifactSpec, { sources }: Pick<Storage, 'sources'>): Promise<Place | undefined> {
  try {
    const found = await locateSource(spec, sources);
    return { path: found, kind: (await stat(found)).isDirectory() ? 'directory' : 'file' };
  } catch (error) {
    if (!(error instanceof HandoffError)) throw error;
    if (error.code === 'ARTIFACT_MISSING') return undefined;
    if (error.code !== 'ARTIFACT_NOT_A_FILE') throw error;
    // It lies under an allowed folder: only its kind is another.
    const found = await realpath(String(error.params['path']));
    return { path: found, kind: (await stat(found)).isDirectory() ? 'directory' : 'other' };
  }
}

/** What is wrong with returned artifacts by what the contract says of each: all of it at once. */
export async function validateReturn(
  contract: Contract,
  artifacts: readonly ArtifactSpec[],
  storage: Pick<Storage, 'sources'>,
): Promise<ContractValidation> {
  const found = await Promise.all(artifacts.map((a) => faultsOf(a, contract.returns[a.name] ?? {}, storage)));
  const errors = found.flat();
  const bad = new Set(errors.map((f) => f.artifact));
  const artifacts_available = artifacts.map((a) => a.name).filter((name) => !bad.has(name));
  return { valid: errors.length === 0, errors, warnings: [], artifacts_available };
}

async function faultsOf(
  artifact: ArtifactSpec,
  spec: ReturnSpec,
  storage: Pick<Storage, 'sources'>,
): Promise<ContractFault[]> {
  const fault = (code: FaultCode, expected: string, text: string, pointer = ''): ContractFault => ({
    code,
    artifact: artifact.name,
    pointer,
    expected,
    found: text,
    message: `${artifact.name}${pointer}: expected ${expected}, found ${text}`,
  });
  const place = await placeOf(artifact, storage);
  const kind = spec.type ?? 'file';
  if (!place) return [fault('missing_artifact', `a ${kind} at ${artifact.path}`, 'nothing')];
  if (place.kind !== kind) return [fault('wrong_kind', `a ${kind}`, `a ${place.kind}`)];
  if (kind === 'directory') return [];
  const { sha256, size } = (await fingerprint(place.path))!;
  for (const wanted of [spec.checksum, artifact.sha256])
    if (wanted !== undefined && wanted !== sha256)
      return [fault('checksum_mismatch', `sha256 ${wanted}`, `sha256 ${sha256}`)];
  if (!(spec.format ?? artifact.format ?? artifact.name).endsWith('json')) return [];
  if (size > JSON_LIMIT) return [fault('too_large', `at most ${JSON_LIMIT} bytes`, `${size} bytes`)];
  let value: unknown;
  try {
    value = JSON.parse(await readFile(place.path, 'utf8'));
  } catch (error) {
    return [fault('unreadable_artifact', 'JSON', (error as Error).message)];
  }
  const fields = spec.required_fields ?? [];
  if (fields.length === 0) return [];
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return [fault('wrong_type', 'an object', Array.isArray(value) ? 'a list' : typeof value)];
  return fields
    .filter((field) => !Object.hasOwn(value, field))
    .map((field) =>
      fault('missing_field', 'a value', 'nothing', `/${field.replaceAll('~', '~0').replaceAll('/', '~1')}`),
    );
}
