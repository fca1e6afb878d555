import { readSync, writeSync } from 'node:fs';

/** More at a time is slower: the processor's cache no longer holds it. */
export const CHUNK = 1 << 20;

/** One for all transfers of this process: it is used within one turn of the event loop only. */
const buffer = Buffer.allocUnsafe(CHUNK);

/** Up to a chunk of a file, valid until the event loop turns; empty at its end. */
export function readChunk(fd: number, at: number, length = CHUNK): Buffer {
  let have = 0;
  const wanted = Math.min(length, CHUNK);
  while (have < wanted) {
    const n = readSync(fd, buffer, have, wanted - have, at + have);
    if (n === 0) break;
    have += n;
  }
  return buffer.subarray(0, have);
}

export function writeChunk(fd: number, chunk: Buffer, at: number): void {
  for (let done = 0; done < chunk.length;) done += writeSync(fd, chunk, done, chunk.length - done, at + done);
}
