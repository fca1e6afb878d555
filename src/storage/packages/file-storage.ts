import { readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { HandoffError } from '../../core/errors.js';
import { PACKAGE_ID, printable } from '../../core/ids.js';
import type { HandoffStorage, PackageFilter, PipelineHandoffPackage } from '../../core/package.js';
import { decodePackage, encodePackage } from './format.js';
import { writeWhole } from './write-whole.js';
import type { PackageKey } from './seal.js';

export interface FileHandoffStorageOptions extends Partial<PackageKey> {
  /** Packages over so many bytes are compressed. Default: none is. */
  compressOver?: number;
  /** The largest package that is saved or loaded, in bytes before compression. Default 256 MiB. */
  maxBytes?: number;
  /** Told of each file that `list` leaves out, and why. Default: a warning of the process. */
  onDamaged?: (error: HandoffError) => void;
}

/** A file of the folder: its package, or why there is none. */
export type InspectedPackage = { id: string; file: string } & (
  | { handoff: PipelineHandoffPackage; error?: undefined }
  | { error: HandoffError; handoff?: undefined }
);

const MAX_BYTES = 256 << 20;
const [zip, unzip] = [promisify(gzip), promisify(gunzip)];
const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

/** Packages in the files of one folder, `<id>.json` or `<id>.json.gz`. Any number of processes may share it. */
export class FileHandoffStorage implements HandoffStorage {
  private readonly key: PackageKey | undefined;
  private readonly maxBytes: number;

  constructor(
    private readonly basePath = '.handoffs',
    private readonly options: FileHandoffStorageOptions = {},
  ) {
    const { key, keyId, maxBytes = MAX_BYTES } = options;
    this.key = key === undefined ? undefined : { key, keyId };
    this.maxBytes = maxBytes;
  }

  async save(handoff: PipelineHandoffPackage): Promise<void> {
    const parts = encodePackage(handoff, this.key);
    const size = parts.reduce((sum, part) => sum + part.byteLength, 0);
    if (size > this.maxBytes) throw this.tooLarge(handoff.id, size);
    const [plain, compressed] = this.filesOf(handoff.id);
    const packed = size > (this.options.compressOver ?? Infinity);
    await writeWhole(packed ? compressed : plain, packed ? [await zip(Buffer.concat(parts))] : parts);
    await rm(packed ? plain : compressed, { force: true });
  }

  async load(id: string): Promise<PipelineHandoffPackage | null> {
    for (const file of this.filesOf(id)) {
      const found = await this.read(file, id);
      if (found) return found;
    }
    return null;
  }

  async list(filter: PackageFilter = {}): Promise<PipelineHandoffPackage[]> {
    const found: PipelineHandoffPackage[] = [];
    for await (const { handoff, error } of this.inspect()) {
      if (handoff && fits(handoff, filter)) found.push(handoff);
      if (error) this.damaged(error);
    }
    return found.toSorted((a, b) => a.createdAt.getTime() - b.createdAt.getTime() || (a.id < b.id ? -1 : 1));
  }

  /** All files of the folder, one at a time, damaged ones too. */
  async *inspect(): AsyncGenerator<InspectedPackage> {
    const names = await readdir(this.basePath).catch((error: unknown) => {
      if (isMissing(error)) return [];
      throw error;
    });
    for (const name of names.toSorted()) {
      const id = /^(.*)\.json(\.gz)?$/.exec(name)?.[1];
      if (id === undefined || !PACKAGE_ID.test(id)) continue;
      const file = path.join(this.basePath, name);
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
    const removed = await Promise.all(
      this.filesOf(id).map((file) =>
        rm(file).then(
          () => true,
          (error: unknown) => {
            if (isMissing(error)) return false;
            throw error;
          },
        ),
      ),
    );
    return removed.includes(true);
  }

  private filesOf(id: string): [plain: string, compressed: string] {
    if (typeof id !== 'string' || !PACKAGE_ID.test(id)) {
      const why = '"hof-" and then letters, digits, ".", "_" or "-", at most 128 in all';
      throw new HandoffError('INVALID_ID', { what: 'Package', id: printable(String(id)), why });
    }
    const file = path.join(this.basePath, `${id}.json`);
    return [file, `${file}.gz`];
  }

  /** The package of a file, or undefined where there is no file. */
  private async read(file: string, id: string): Promise<PipelineHandoffPackage | undefined> {
    const raw = await readFile(file).catch((error: unknown) => {
      if (isMissing(error)) return undefined;
      throw error;
    });
    if (!raw) return undefined;
    const damaged = (why: string): HandoffError =>
      new HandoffError('PACKAGE_DAMAGED', { package: id, where: file, why });
    if (raw.length > this.maxBytes) throw this.tooLarge(id, raw.length);
    const bytes = !file.endsWith('.gz')
      ? raw
      : await unzip(raw, { maxOutputLength: this.maxBytes }).catch((error: NodeJS.ErrnoException) => {
          throw error.code === 'ERR_BUFFER_TOO_LARGE'
            ? damaged(`it unpacks to more than ${this.maxBytes} bytes`)
            : damaged(`it cannot be unpacked: ${error.message}`);
        });
    try {
      const handoff = decodePackage(bytes, this.key);
      if (handoff.id !== id) throw damaged(`it is the file of ${printable(handoff.id)}`);
      return handoff;
    } catch (error) {
      if (error instanceof HandoffError && error.code === 'INVALID_PACKAGE')
        throw damaged(String(error.params['issues']));
      throw error;
    }
  }

  private tooLarge(id: string, size: number): HandoffError {
    return new HandoffError('INPUT_TOO_LARGE', { what: `Package ${id}`, size, limit: this.maxBytes });
  }

  private damaged(error: HandoffError): void {
    if (this.options.onDamaged) this.options.onDamaged(error);
    else process.emitWarning(error.message, { code: error.code });
  }
}

function fits(handoff: PipelineHandoffPackage, { sessionId, cloneId, status, createdAfter }: PackageFilter): boolean {
  const { expiresAt } = handoff.metadata;
  const expired = expiresAt !== undefined && expiresAt.getTime() < Date.now();
  return (
    (sessionId === undefined || handoff.sessionId === sessionId) &&
    (cloneId === undefined || handoff.cloneId === cloneId) &&
    (createdAfter === undefined || handoff.createdAt >= createdAfter) &&
    (status === undefined || (status === 'expired') === expired)
  );
}
