import {
  DEFAULT_CONTRACT_VERSION,
  DEFAULT_RETURN_ROUNDS,
  contractIdOf,
  contractParties,
  type Contract,
  type ContractDocument,
} from '../core/contract.js';
import { invalidContract, isPartAlone, parseContract } from '../core/contract-schema.js';
import { parseDate } from '../core/date.js';
import { digestOf } from '../core/digest.js';
import { HandoffError } from '../core/errors.js';
import { CONTRACT_REF } from '../core/ids.js';
import { completeRequest } from '../core/request-schema.js';
import type { NormalRequest, PackageContent, Party, Subject, WrittenRequest } from '../core/request.js';
import type { Storage } from '../storage/storage.js';
import { schemaFilesOf } from './contract-schemas.js';

/** A request, and the contract that it follows from now on, whatever becomes of registry and files. */
export interface Pinned {
  request: NormalRequest;
  contract?: Contract;
}

/**
 * Finds the contract of a request, checks it, reads its schema files, and fills in the parties that it names. Reads only.
 * Throws CONTRACT_UNKNOWN, INVALID_CONTRACT, INVALID_REQUEST, STORAGE_REQUIRED.
 */
export async function pinContract(written: WrittenRequest, storage: Storage | undefined): Promise<Pinned> {
  if (written.contract === undefined) return { request: completeRequest(written, { source: {}, target: {} }) };
  if (!storage) throw new HandoffError('STORAGE_REQUIRED', { what: 'A handoff with a contract' });
  const document = await documentOf(written.contract, storage);
  const parties = contractParties(document);
  const request = completeRequest(written, parties);
  const { schemas, notes } = await schemaFilesOf(document, storage.schemas, isPartAlone(written.contract));
  const faults = notes.filter((n) => n.code === 'schema_invalid');
  if (faults.length > 0)
    throw invalidContract(
      contractIdOf(document) ?? 'document',
      faults.map(({ path, message }) => ({ path, message })),
    );
  return { request, contract: contractOf(document, parties, schemas) };
}

/** What a handoff that was started has pinned. */
export async function pinnedBy(subject: Subject, written: WrittenRequest, storage: Storage): Promise<Pinned> {
  const { source, target, type } = subject;
  const content = subject.package && (await storage.blobs.getJson<PackageContent>(subject.package));
  return {
    request: { ...written, source, target, type },
    ...(content?.contract ? { contract: content.contract } : {}),
  };
}

async function documentOf(
  contract: NonNullable<WrittenRequest['contract']>,
  storage: Storage,
): Promise<ContractDocument> {
  if (typeof contract !== 'string') return parseContract(contract);
  return (await registeredContract(contract, storage, '/contract')).document;
}

/** A contract of the registry by `id` or `id@version`. Throws CONTRACT_UNKNOWN. */
export async function registeredContract(
  reference: string,
  { contracts }: Pick<Storage, 'contracts'>,
  where: string,
): ReturnType<typeof contracts.add> {
  const [, id = '', version] = CONTRACT_REF.exec(reference) ?? [];
  const found = await contracts.find(id, version);
  if (found) return found;
  const known = (await contracts.names()).join(', ') || 'none';
  throw new HandoffError('CONTRACT_UNKNOWN', { contract: reference, where, known });
}

function contractOf(
  document: ContractDocument,
  parties: { source: Party; target: Party },
  schemas: Record<string, unknown>,
): Contract {
  const { sends = {}, expects_in_return: returns = {}, max_return_rounds: rounds } = document.contract;
  const id = contractIdOf(document);
  const dates = Object.entries(document.timing ?? {}).filter(([key]) => !key.startsWith('x-'));
  return {
    ...(id === undefined ? {} : { id, version: document.version ?? DEFAULT_CONTRACT_VERSION }),
    digest: digestOf(document),
    ...parties,
    sends,
    returns,
    maxReturnRounds: rounds ?? DEFAULT_RETURN_ROUNDS,
    timing: Object.fromEntries(dates.map(([key, date]) => [key, new Date(parseDate(date)!).toISOString()])),
    schemas,
  };
}
