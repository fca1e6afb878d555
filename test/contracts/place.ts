import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { validateDataContract, type DataContractOptions } from '../../src/contracts/handoff.js';
import type { ContractValidation, SendSpec } from '../../src/core/contract.js';
import type { ArtifactSpec } from '../../src/core/request.js';

/** A source folder with schemas in it, for contracts that need no server. */
export class Place {
  private constructor(readonly root: string) {}

  static async make(): Promise<Place> {
    const root = await mkdtemp(path.join(tmpdir(), 'handoff-contracts-'));
    await mkdir(path.join(root, 'in', 'schemas'), { recursive: true });
    return new Place(root);
  }

  get sources(): string[] {
    return [path.join(this.root, 'in')];
  }

  async file(name: string, content: string | Uint8Array): Promise<string> {
    const file = path.join(this.root, 'in', name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, content);
    return file;
  }

  /** Looks at files by their own names. */
  validate(
    sends: Record<string, SendSpec>,
    artifacts: ArtifactSpec[] = Object.keys(sends).map((name) => ({ name, path: name })),
    options: DataContractOptions = {},
  ): Promise<ContractValidation> {
    return validateDataContract({ contract: { sends } }, artifacts, { sources: this.sources, ...options });
  }

  remove(): Promise<void> {
    return rm(this.root, { recursive: true, force: true });
  }
}

/** `code message` of each. */
export const lines = (faults: ContractValidation['errors']): string[] => faults.map((f) => `${f.code} ${f.message}`);
