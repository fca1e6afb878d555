import path from 'node:path';
import type { Contract, ContractDocument, ContractValidation, SendSpec } from '../core/contract.js';
import type { Effect } from '../core/effect.js';
import { arrivalFolder, type ArtifactSpec, type PackageContent, type Party, type Subject } from '../core/request.js';
import { RETURN_STEP } from '../core/returns.js';
import type { Storage } from '../storage/storage.js';
import { treeDigest } from '../storage/transfer/print.js';
import type { Limits } from './limits.js';
import { Transformers, type Transformer } from './transformers.js';
import { validateArtifacts, type Arrived, type ValidateInput, type Validated } from './validate.js';

/**
 * What a handoff has put in a party's folder so far, by artifact: by `by` alone, else by all of its steps. What came back
 * is no step's.
 */
export async function arrivalsOf(
  storage: Storage,
  handoff: string,
  target: Party,
  by?: Pick<Effect, 'step' | 'epoch'>,
): Promise<Map<string, Arrived>> {
  const folder = path.join(storage.root, 'artifacts', arrivalFolder(target));
  const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
  const arrived = new Map<string, Arrived>();
  for (const { step, epoch, status, data, result } of await storage.ledger.list(handoff)) {
    if (by ? step !== by.step || epoch !== by.epoch : step === RETURN_STEP) continue;
    const [artifact, destination] = [text(data['artifact']), text(data['destination'])];
    if (status !== 'applied' || !artifact || destination !== path.join(folder, artifact)) continue;
    arrived.set(artifact, {
      path: destination,
      sha256: text(result?.['sha256']),
      originalSha256: text(data['originalSha256']),
      format: text(data['format']),
    });
  }
  return arrived;
}

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
    treeDigest: async (folder) => (await treeDigest(folder)).sha256,
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
    treeDigest: async (folder) => (await treeDigest(folder)).sha256,
  });
  return validation;
}
