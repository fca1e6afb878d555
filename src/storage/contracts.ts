import { DEFAULT_CONTRACT_VERSION, contractIdOf, type ContractDocument } from '../core/contract.js';
import { invalidContract, parseContract } from '../core/contract-schema.js';
import { digestOf } from '../core/digest.js';
import { newestFirst } from '../core/version.js';
import type { Db } from './database.js';

export interface StoredContract {
  id: string;
  version: string;
  /** Hex SHA-256 of the document as canonical JSON. */
  digest: string;
  document: ContractDocument;
  /** Milliseconds. */
  addedAt: number;
}

/** The registry of contracts, every version that was ever added. */
export class Contracts {
  constructor(private readonly db: Db) {}

  /**
   * Adds a version of a document under its `contract_id`, else its `handoff_id`. The same version with another content is
   * refused: a version means one contract. Throws INVALID_CONTRACT with every issue.
   */
  async add(input: unknown): Promise<StoredContract> {
    const document = parseContract(input);
    const id = contractIdOf(document);
    if (id === undefined) {
      const message = 'a contract in the registry needs an id: give contract_id or handoff_id';
      throw invalidContract('document', [{ path: '/contract_id', message }]);
    }
    const version = document.version ?? DEFAULT_CONTRACT_VERSION;
    const digest = digestOf(document);
    return this.db.transaction().execute(async (trx) => {
      const known = await trx
        .selectFrom('contracts')
        .selectAll()
        .where('id', '=', id)
        .where('version', '=', version)
        .executeTakeFirst();
      if (known && known.digest !== digest) {
        const message = `${version} is already there with a different content; raise the version`;
        throw invalidContract(id, [{ path: '/version', message }]);
      }
      const addedAt = known?.added_at ?? Date.now();
      if (!known) {
        const row = { id, version, digest, document: JSON.stringify(document), added_at: addedAt };
        await trx.insertInto('contracts').values(row).execute();
      }
      return { id, version, digest, document, addedAt };
    });
  }

  /** One version of a contract; without `version` the newest. */
  async find(id: string, version?: string): Promise<StoredContract | undefined> {
    const all = (await this.versions(id)).toSorted(newestFirst);
    return version === undefined ? all[0] : all.find((c) => c.version === version);
  }

  /** The newest version of each. */
  async list(): Promise<StoredContract[]> {
    const seen = new Set<string>();
    return (await this.versions())
      .toSorted(newestFirst)
      .filter((c) => !seen.has(c.id) && seen.add(c.id))
      .toSorted((a, b) => a.id.localeCompare(b.id));
  }

  /** `id@version` of all, or of one id, for who asked for another. */
  async names(): Promise<string[]> {
    const rows = await this.db.selectFrom('contracts').select(['id', 'version']).orderBy('id').execute();
    return rows.map((r) => `${r.id}@${r.version}`);
  }

  private async versions(id?: string): Promise<StoredContract[]> {
    const all = this.db.selectFrom('contracts').selectAll();
    const rows = await (id === undefined ? all : all.where('id', '=', id)).execute();
    return rows.map(({ added_at, document, ...r }) => ({
      ...r,
      document: JSON.parse(document) as ContractDocument,
      addedAt: added_at,
    }));
  }
}
