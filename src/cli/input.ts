import { open } from 'node:fs/promises';
import path from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { HandoffError } from '../core/errors.js';
import { REQUEST_LIMIT } from '../core/request-schema.js';
import { UsageError } from './failure.js';
import { faultAt } from './json-fault.js';

/** Aliases may multiply a small document to gigabytes; ours need a handful. */
const MAX_ALIASES = 100;

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

/** Whether a text can only be JSON: what begins like an object and is no JSON deserves JSON's message. */
const looksLikeJson = (file: string, text: string): boolean =>
  /\.json$/i.test(file) || (!/\.ya?ml$/i.test(file) && /^\s*[[{]/.test(text));

/** A JSON or YAML document from a file or `-`. Throws INPUT_TOO_LARGE, and INVALID_JSON with line and column. */
export async function readDocument(file: string): Promise<unknown> {
  const text = await readText(file);
  const source = file === '-' ? 'stdin' : file;
  return parseText(text, source, looksLikeJson(file, text) ? 'JSON' : 'YAML');
}

export function parseText(text: string, source: string, format: 'JSON' | 'YAML'): unknown {
  const invalid = (why: string): HandoffError => new HandoffError('INVALID_JSON', { source, format, why });
  if (text.trim() === '') throw invalid('it is empty');
  if (format === 'JSON') {
    try {
      return JSON.parse(text);
    } catch (error) {
      throw invalid(jsonFault(text, error as Error));
    }
  }
  try {
    const lineCounter = new LineCounter();
    const document = parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys: true });
    const [fault] = document.errors;
    if (!fault) return document.toJS({ maxAliasCount: MAX_ALIASES });
    const { line, col } = lineCounter.linePos(fault.pos[0]);
    throw invalid(`line ${line}, column ${col}: ${fault.message}`);
  } catch (error) {
    // Too many aliases, or nested so deeply that the parser gives up.
    throw error instanceof HandoffError ? error : invalid((error as Error).message);
  }
}

/** JSON.parse's message, with line and column. */
function jsonFault(text: string, { message }: Error): string {
  const before = text.slice(0, faultAt(text)).split('\n');
  const why = message
    .replace(/ in JSON at position \d+.*$/s, '')
    .replace(/, .*is not valid JSON$/s, '')
    .replace(/\s+/g, ' ');
  return `line ${before.length}, column ${before.at(-1)!.length + 1}: ${why}`;
}
