import { open } from 'node:fs/promises';
import path from 'node:path';
import { HandoffError } from '../core/errors.js';
import { parseText } from '../core/json/parse-text.js';
import { REQUEST_LIMIT } from '../core/request.js';
import { UsageError } from './failure.js';

/** The text of a file, `-` for stdin. Nothing larger than a request may be is read into memory. Throws INPUT_TOO_LARGE. */
async function readText(file: string): Promise<string> {
  const name = file === '-' ? 'stdin' : file;
  const chunks: Buffer[] = [];
  let size = 0;
  const stream = file === '-' ? process.stdin : (await opened(file)).createReadStream();
  for await (const chunk of stream) {
    chunks.push(chunk as Buffer);
    size += (chunk as Buffer).length;
    if (size > REQUEST_LIMIT) {
      const more = file === '-' ? `more than ${REQUEST_LIMIT}` : (await sizeOf(file)) || size;
      throw new HandoffError('INPUT_TOO_LARGE', { what: name, size: more, limit: REQUEST_LIMIT });
    }
  }
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/^\uFEFF/, '');
}

async function opened(file: string): ReturnType<typeof open> {
  try {
    const handle = await open(file, 'r');
    if (!(await handle.stat()).isDirectory()) return handle;
    await handle.close();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why =
      code === 'ENOENT' ? 'There is no file' : code === 'EACCES' ? 'You may not read' : `${code ?? 'Error'} at`;
    throw new UsageError(`${why} ${path.resolve(file)}.`);
  }
  throw new UsageError(`${path.resolve(file)} is a folder; a file is expected.`);
}

async function sizeOf(file: string): Promise<number> {
  const handle = await open(file, 'r');
  try {
    return (await handle.stat()).size;
  } finally {
    await handle.close();
  }
}

/** A JSON or YAML document from a file or `-`. Throws INPUT_TOO_LARGE, and INVALID_JSON with line and column. */
export async function readDocument(file: string): Promise<unknown> {
  return parseText(await readText(file), file === '-' ? 'stdin' : file);
}
