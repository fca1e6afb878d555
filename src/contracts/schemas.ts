import { open, realpath } from 'node:fs/promises';
import path from 'node:path';
import { READ } from '../storage/transfer/anchor.js';
import { isDeeper, parseAs } from './formats.js';
import { Unfit, unfit } from './found.js';
import type { Limits } from './limits.js';

/** Where schemas are looked for: those that the contract has with it first, then files. */
export interface SchemaPlaces {
  pinned?: Readonly<Record<string, unknown>>;
  folders: readonly string[];
}

/** A schema and all that it refers to, as JSON by name. */
export interface SchemaSet {
  root: string;
  texts: Record<string, string>;
}

const INLINE = 'the inline schema';
/** As many as a contract can have with it. */
const MOST_SCHEMAS = 2000;

/** Gathers what a check by a schema needs. Throws {@link Unfit}: schema_missing, schema_invalid, too_large. */
export async function gatherSchemas(
  schema: string | boolean | Record<string, unknown>,
  places: SchemaPlaces,
  limits: Limits,
): Promise<SchemaSet> {
  const root = typeof schema === 'string' ? schema : INLINE;
  const given = typeof schema === 'string' ? await find(schema, places, limits) : schema;
  if (given === undefined) throw unfit('schema_missing', `the schema ${root}`, 'none of that name');
  const texts = new Map<string, string>();
  const todo: [string, unknown][] = [[root, given]];
  let hasAll = false;
  // What refers to files alone needs those alone; by its `$id` any of them can be meant.
  const all = (): void => {
    if (hasAll) return;
    hasAll = true;
    for (const [name, value] of Object.entries(places.pinned ?? {})) if (!texts.has(name)) todo.push([name, value]);
  };
  for (let at = 0; at < todo.length; at++) {
    const [name, value] = todo[at]!;
    if (texts.has(name)) continue;
    if (texts.size >= MOST_SCHEMAS) throw unfit('too_large', `at most ${MOST_SCHEMAS} schemas together`, 'more');
    texts.set(name, textOf(name, value, limits));
    const { files, byId } = referredBy(value, name === INLINE ? '' : name);
    if (byId) all();
    for (const other of files) {
      if (texts.has(other)) continue;
      const found = await find(other, places, limits);
      if (found === undefined) all();
      else todo.push([other, found]);
    }
  }
  return { root, texts: Object.fromEntries(texts) };
}

function textOf(name: string, value: unknown, limits: Limits): string {
  if (isDeeper(value, limits.schemaDepth))
    throw unfit('schema_invalid', `${name} of at most ${limits.schemaDepth} levels`, 'more');
  const text = JSON.stringify(value) ?? 'null';
  if (Buffer.byteLength(text) > limits.schemaBytes) throw tooLarge(name, Buffer.byteLength(text), limits);
  return text;
}

const tooLarge = (name: string, size: number, { schemaBytes }: Limits): Unfit =>
  unfit('too_large', `${name} of at most ${schemaBytes} bytes`, `${size}`);

/** Names of the files beside it that a schema refers to; `byId`: names in it may be those of ids, not of files. */
function referredBy(schema: unknown, name: string): { files: Set<string>; byId: boolean } {
  const files = new Set<string>();
  let byId = false;
  const todo: unknown[] = [schema];
  while (todo.length > 0) {
    const node = todo.pop();
    if (typeof node !== 'object' || node === null) continue;
    for (const [key, value] of Object.entries(node)) {
      if ((key === '$ref' || key === '$dynamicRef') && typeof value === 'string') {
        const file = decoded(value.split('#')[0]!);
        if (/^[a-z][a-z0-9+.-]*:|^\//i.test(file)) byId = true;
        else if (file) files.add(path.posix.join(path.posix.dirname(name), file));
      } else if (key === '$id') byId = true;
      else todo.push(value);
    }
  }
  return { files, byId };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

async function find(name: string, { pinned = {}, folders }: SchemaPlaces, limits: Limits): Promise<unknown> {
  if (Object.hasOwn(pinned, name)) return pinned[name];
  for (const folder of folders) {
    const found = await read(folder, name, limits);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A schema file of a folder; a name that leads out of it, by `..` or a link, names none. */
async function read(folder: string, name: string, limits: Limits): Promise<unknown> {
  const wanted = path.resolve(folder, name);
  if (name.includes('\0') || path.isAbsolute(name) || !wanted.startsWith(folder + path.sep)) return undefined;
  const [real, home] = await Promise.all([realpath(wanted), realpath(folder)]).catch(() => [] as string[]);
  if (!real || !home || !real.startsWith(home + path.sep)) return undefined;
  const handle = await open(real, READ).catch((error: NodeJS.ErrnoException) => {
    throw unfit('schema_missing', `the schema ${name}`, `${error.code ?? error.message} at it`);
  });
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) return undefined;
    if (stat.size > limits.schemaBytes) throw tooLarge(name, stat.size, limits);
    return parseAs(/\.ya?ml$/i.test(name) ? 'yaml' : 'json', await handle.readFile(), {
      depth: limits.artifactDepth,
      values: limits.artifactValues,
    });
  } catch (error) {
    if (!(error instanceof Unfit) || error.fault.code !== 'not_parseable') throw error;
    throw unfit('schema_invalid', `the schema ${name} as ${error.fault.expected}`, error.fault.found);
  } finally {
    await handle.close();
  }
}
