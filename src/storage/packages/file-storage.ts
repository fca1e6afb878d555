import { constants } from 'node:buffer';
import path from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { HandoffError } from '../../core/errors.js';
import { PACKAGE_ID, printable } from '../../core/ids.js';
import type { HandoffStorage, PackageFilter, PipelineHandoffPackage } from '../../core/package/package.js';
import { checkPackageFilter, fitsPackageFilter } from './filter.js';
import { decodePackage, packageBytes } from './format.js';
import { namesIn, present, readBounded, removeFile, removeLeftParts, writeWhole } from './package-files.js';
import { checkedPackageId, type PackageKey } from './seal.js';

export interface FileHandoffStorageOptions {
  /** Packages over so many bytes are compressed. Default: none is. */
  compressOver?: number;
  /** The largest package that is saved or loaded, in bytes before compression. Default 128 MiB. */
  maxBytes?: number;
  /** What is saved is signed with it, and nothing else is loaded. */
  key?: PackageKey['key'];
  /** The key's name, kept with each signature. */
  keyId?: string;
  /** Told of each file that `list` leaves out, and why. Default: a warning of the process. */
  onDamaged?: (error: HandoffError) => void;
}

/** A package of a folder, or why its file holds none. */
export type InspectedPackage = { id: string; file: string } & (
  | { handoff: PipelineHandoffPackage; error?: undefined }
  | { error: HandoffError; handoff?: undefined }
);

const MAX_BYTES = 128 << 20;
const SWEEP_MS = 10 * 60_000;
const NAME = /^(.*)\.json(?:\.gz)?$/;
const [zip, unzip] = [promisify(gzip), promisify(gunzip)];

/** Packages in the files of one folder, `<id>.json` or `<id>.json.gz`. Any number of processes may share it. */
export class FileHandoffStorage implements HandoffStorage {
  private readonly key: PackageKey | undefined;
  private readonly maxBytes: number;
  private sweptAt = 0;

  constructor(
    private readonly basePath = '.handoffs',
    private readonly options: FileHandoffStorageOptions = {},
  ) {
    const { key, keyId, maxBytes = MAX_BYTES } = options;
    this.key = key === undefined ? undefined : { key, keyId };
    this.maxBytes = Math.min(maxBytes, constants.MAX_STRING_LENGTH);
  }

  /** Whole or not at all. Throws INVALID_PACKAGE, PACKAGE_VERSION, INVALID_ID, INPUT_TOO_LARGE before a byte is written. */
  async save(handoff: PipelineHandoffPackage): Promise<void> {
    const bytes = packageBytes(handoff, this.key);
    if (bytes.length > this.maxBytes) throw this.tooLarge(handoff.id, bytes.length);
    const [plain, packed] = this.filesOf(handoff.id);
    await this.sweep();
    // A package that is saved again keeps its form: so no save ever removes what another one has just written.
    const [there] = await present([plain, packed]);
    const file = there ?? (bytes.length > (this.options.compressOver ?? Infinity) ? packed : plain);
    await writeWhole(file, file === packed ? await zip(bytes) : bytes);
  }

  /** Null: there is none. Throws PACKAGE_DAMAGED, PACKAGE_VERSION, INVALID_ID, INPUT_TOO_LARGE. */
  async load(id: string): Promise<PipelineHandoffPackage | null> {
    for (const file of await present(this.filesOf(id))) {
      const found = await this.read(file, id);
      if (found) return found;
    }
    return null;
  }

  /** Oldest first. What is damaged is left out and reported. */
  async list(filter: PackageFilter = {}): Promise<PipelineHandoffPackage[]> {
    checkPackageFilter(filter);
    const found: PipelineHandoffPackage[] = [];
    for await (const { handoff, error } of this.inspect()) {
      if (error) this.report(error);
      else if (fitsPackageFilter(handoff, filter)) found.push(handoff);
    }
    return found.toSorted((a, b) => a.createdAt.getTime() - b.createdAt.getTime() || (a.id < b.id ? -1 : 1));
  }

  /** All packages of the folder by id, one at a time, damaged ones too. */
  async *inspect(): AsyncGenerator<InspectedPackage> {
    const ids = (await namesIn(this.basePath)).map((name) => NAME.exec(name)?.[1] ?? '');
    for (const id of new Set(ids.filter((id) => PACKAGE_ID.test(id)).toSorted((a, b) => (a < b ? -1 : 1)))) {
      const [file] = await present(this.filesOf(id));
      if (file === undefined) continue;
      try {
        const handoff = await this.read(file, id);
        if (handoff) yield { id, file, handoff };
      } catch (error) {
        if (!(error instanceof HandoffError)) throw error;
        yield { id, file, error };
      }
    }
  }

  async delete(id: string): Promise<boolean> {
    let removed = false;
    // The older form first: after a crash in between, it must not come back as the package.
    for (const file of (await present(this.filesOf(id))).toReversed()) removed = (await removeFile(file)) || removed;
    return removed;
  }

  private filesOf(id: string): [plain: string, packed: string] {
    const file = path.join(this.basePath, `${checkedPackageId(id)}.json`);
    return [file, `${file}.gz`];
  }

  /** The package of a file, or undefined where there is no file. */
  private async read(file: string, id: string): Promise<PipelineHandoffPackage | undefined> {
    const damaged = (why: string): HandoffError =>
      new HandoffError('PACKAGE_DAMAGED', { package: id, where: file, why });
    const raw = await readBounded(file, this.maxBytes, damaged, (size) => this.tooLarge(id, size));
    if (!raw) return undefined;
    const bytes = file.endsWith('.gz') ? await this.unpacked(raw, damaged) : raw;
    try {
      const handoff = decodePackage(bytes, this.key);
      if (handoff.id === id) return handoff;
      throw damaged(`it is the package ${printable(handoff.id)}`);
    } catch (error) {
      if (error instanceof HandoffError && error.code === 'INVALID_PACKAGE')
        throw damaged(String(error.params['issues']));
      throw error;
    }
  }

  private unpacked(raw: Buffer, damaged: (why: string) => HandoffError): Promise<Buffer> {
    return unzip(raw, { maxOutputLength: this.maxBytes }).catch((error: NodeJS.ErrnoException) => {
      throw damaged(
        error.code === 'ERR_BUFFER_TOO_LARGE'
          ? `it unpacks to more than ${this.maxBytes} bytes`
          : `it cannot be unpacked: ${error.message}`,
      );
    });
  }

  private tooLarge(id: string, size: number): HandoffError {
    return new HandoffError('INPUT_TOO_LARGE', { what: `Package ${id}`, size, limit: this.maxBytes });
  }

  private async sweep(): Promise<void> {
    if (Date.now() - this.sweptAt < SWEEP_MS) return;
    this.sweptAt = Date.now();
    await removeLeftParts(this.basePath);
  }

  private report(error: HandoffError): void {
    if (this.options.onDamaged) this.options.onDamaged(error);
    else process.emitWarning(error.message, { code: error.code });
  }
}
