import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { HandoffError } from '../core/errors.js';
import type { ContentRef } from '../core/request.js';
import { failpoint } from '../faults/failpoint.js';

const URI = /^blob:sha256\/([0-9a-f]{64})$/;

const refTo = (data: Buffer, digest: string, mediaType: string): ContentRef => ({
  uri: `blob:sha256/${digest}`,
  sha256: digest,
  size: data.length,
  mediaType,
});

/** Bytes by their digest, in files: `<folder>/<first two digits>/<digest>`. */
export class Blobs {
  constructor(private readonly folder: string) {}

  /** Stores bytes; the same bytes twice are one file. It is whole or not there. */
  async put(bytes: Uint8Array | string, mediaType: string): Promise<ContentRef> {
    const data = Buffer.from(bytes as Uint8Array);
    const digest = createHash('sha256').update(data).digest('hex');
    const file = this.fileOf(digest);
    const ref = refTo(data, digest, mediaType);
    const known = await stat(file).catch(() => undefined);
    if (known?.size === data.length) return ref;
    await mkdir(path.dirname(file), { recursive: true });
    const part = `${file}.${randomUUID()}.part`;
    try {
      await failpoint('blob.write');
      const handle = await open(part, 'wx');
      try {
        await handle.writeFile(data);
      } finally {
        await handle.close();
      }
      await rename(part, file);
    } catch (cause) {
      await rm(part, { force: true });
      if ((cause as NodeJS.ErrnoException).code === 'ENOSPC')
        throw new HandoffError('DISK_FULL', { path: file }, { cause });
      throw cause;
    }
    return ref;
  }

  /** The bytes of a reference. Throws CONTENT_MISSING, or CONTENT_DAMAGED where they no longer have their digest. */
  async get(ref: ContentRef): Promise<Buffer> {
    const digest = URI.exec(ref.uri)?.[1];
    if (!digest) throw new HandoffError('CONTENT_MISSING', { uri: ref.uri });
    const data = await readFile(this.fileOf(digest)).catch(() => undefined);
    if (!data) throw new HandoffError('CONTENT_MISSING', { uri: ref.uri });
    const found = createHash('sha256').update(data).digest('hex');
    if (found !== ref.sha256) throw new HandoffError('CONTENT_DAMAGED', { uri: ref.uri, expected: ref.sha256, found });
    return data;
  }

  async getJson<T>(ref: ContentRef): Promise<T> {
    return JSON.parse((await this.get(ref)).toString('utf8')) as T;
  }

  private fileOf(digest: string): string {
    return path.join(this.folder, digest.slice(0, 2), digest);
  }
}

/** The same for who may only look: what is put stays in memory, and is gone with it. */
export class MemoryBlobs extends Blobs {
  private readonly kept = new Map<string, Buffer>();

  override put(bytes: Uint8Array | string, mediaType: string): Promise<ContentRef> {
    const data = Buffer.from(bytes as Uint8Array);
    const digest = createHash('sha256').update(data).digest('hex');
    const ref = refTo(data, digest, mediaType);
    this.kept.set(ref.uri, data);
    return Promise.resolve(ref);
  }

  override async get(ref: ContentRef): Promise<Buffer> {
    return this.kept.get(ref.uri) ?? super.get(ref);
  }
}
