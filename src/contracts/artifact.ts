import { open } from 'node:fs/promises';
import type { SendSpec } from '../core/contract.js';
import { sha256 } from '../core/digest.js';
import type { ArtifactSpec } from '../core/request.js';
import { READ } from '../storage/transfer/anchor.js';
import { formatOf } from './formats.js';
import { unfit } from './found.js';
import type { Limits } from './limits.js';
import type { Transformers } from './transformers.js';

/** An artifact as it is to arrive, where a transformer makes it. Digests are hex SHA-256. */
export interface Prepared {
  bytes: Buffer;
  from: string;
  to: string;
  /** `<from>_to_<to>` */
  transformer: string;
  originalSha256: string;
  sha256: string;
}

/** What an artifact is written in, and what it is to arrive as. */
export function formatsOf(artifact: ArtifactSpec, send?: SendSpec): { from: string; to: string } {
  const from = formatOf(artifact.path, artifact.format);
  const asked = send?.format ?? artifact.transformTo;
  return { from, to: asked ? formatOf('', asked) : from };
}

/** A whole file in memory. Throws {@link Unfit} with `too_large`. */
export async function readBounded(file: string, limit: number, signal: AbortSignal): Promise<Buffer> {
  const handle = await open(file, READ);
  try {
    const { size } = await handle.stat();
    if (size > limit) throw unfit('too_large', `at most ${limit} bytes, to be looked into`, `${size}`);
    const chunks: Buffer[] = [];
    let read = 0;
    for await (const chunk of handle.createReadStream({ autoClose: false })) {
      signal.throwIfAborted();
      read += (chunk as Buffer).length;
      if (read > limit) throw unfit('too_large', `at most ${limit} bytes, to be looked into`, 'more');
      chunks.push(chunk as Buffer);
    }
    return Buffer.concat(chunks);
  } finally {
    await handle.close();
  }
}

/** Content of one format made another. Throws {@link Unfit}. */
export async function turn(
  artifact: string,
  content: Buffer,
  { from, to }: { from: string; to: string },
  using: { transformers: Transformers; limits: Limits; signal: AbortSignal },
): Promise<Prepared> {
  const about = { artifact, from, to, signal: using.signal };
  // A transformer of a user's own may write into what it is given.
  const originalSha256 = sha256(content);
  const { key, bytes } = await using.transformers.transform(content, about, using.limits);
  return { bytes, from, to, transformer: key, originalSha256, sha256: sha256(bytes) };
}
