import path from 'node:path';
import type { Contract, ContractDocument, ContractValidation, SendSpec } from '../core/contract.js';
import type { ArtifactSpec, PackageContent, Subject } from '../core/request.js';
import { arrivalsOf, type Arrived } from '../storage/arrivals.js';
import type { Storage } from '../storage/storage.js';
import type { Limits } from './limits.js';
import { Transformers, type Transformer } from './transformers.js';
import { validateArtifacts, type ValidateInput, type Validated } from './validate.js';

export interface HandoffSight {
  subject: Pick<Subject, 'handoffId' | 'target'>;
  content: Pick<PackageContent, 'artifacts' | 'contract'>;
  storage: Storage;
  signal: AbortSignal;
  transformers?: Transformers;
}

/** Looks at what a handoff sends by its contract: at what has arrived where it is, at the rest in its source. */
export async function validateHandoff(
  { subject, content, storage, signal, transformers }: HandoffSight,
  more: Pick<ValidateInput, 'keep' | 'hashes' | 'present'> & {
    arrived?: ReadonlyMap<string, Arrived>;
    specs?: Record<string, SendSpec>;
    artifacts?: readonly ArtifactSpec[];
  } = {},
): Promise<Validated> {
  return validateArtifacts({
    specs: content.contract?.sends ?? {},
    artifacts: content.artifacts,
    sources: storage.sources,
    schemas: { pinned: content.contract?.schemas, folders: storage.schemas },
    arrived: more.arrived ?? (await arrivalsOf(storage, subject.handoffId, subject.target)),
    transformers,
    signal,
    ...more,
  });
}

export interface DataContractOptions {
  /** Folders that artifacts may come from; relative paths start from the first. Default: the working directory. */
  sources?: readonly string[];
  /** Folders with schema files. Default: `schemas` in the first source folder. */
  schemas?: readonly string[];
  /** Your own, beside the built-in ones. */
  transformers?: readonly Transformer[];
  limits?: Partial<Limits>;
  signal?: AbortSignal;
}

/**
 * Looks at artifacts by a contract, a document or one that a handoff carries, and finds everything at once. It needs
 * neither server nor storage. `assertValid` throws where there are errors.
 */
export async function validateDataContract(
  contract: ContractDocument | Contract,
  artifacts: readonly ArtifactSpec[],
  options: DataContractOptions = {},
): Promise<ContractValidation> {
  const sources = (options.sources ?? ['.']).map((s) => path.resolve(s));
  const { sends = {}, schemas: pinned } =
    'contract' in contract ? { ...contract.contract, schemas: undefined } : contract;
  const { digests: _, ...validation } = await validateArtifacts({
    specs: sends,
    artifacts,
    sources,
    schemas: {
      pinned,
      folders: options.schemas?.map((s) => path.resolve(s)) ?? [path.join(sources[0] ?? '.', 'schemas')],
    },
    transformers: new Transformers(options.transformers),
    limits: options.limits,
    signal: options.signal,
  });
  return validation;
}
