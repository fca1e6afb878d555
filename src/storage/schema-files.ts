import { constants } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import path from 'node:path';
import { HandoffError } from '../core/errors.js';
import { schemaName } from '../core/fields-schema.js';
import { parseText } from '../core/json/parse-text.js';
import { checkBounds } from '../core/request-schema.js';

/** Bytes of one schema file, and of all that one contract needs. */
const FILE_LIMIT = 1024 * 1024;
const TOTAL_LIMIT = 16 * FILE_LIMIT;
const MOST_FILES = 2000;

/** A schema file that could not be read. `root`: the one that the contract names, and that leads to it. */
export interface SchemaFault {
  root: string;
  name: string;
  /** In place of `why`: it is in none of the folders. */
  missing?: true;
  why: string;
}

export interface SchemaFiles {
  /** By the name that the contract, or the schema that refers to it, has for it. */
  schemas: Record<string, unknown>;
  faults: SchemaFault[];
}

/**
 * The schema files of these names, from the first folder that has each, and the files beside them that they refer to.
 * Nothing outside of the folders is read, and no more than 16 MB.
 *
 * @param inline Schemas that are there already, by what to call them in a fault; what they refer to is read.
 */
export async function readSchemaFiles(
  names: Iterable<string>,
  folders: readonly string[],
  inline: ReadonlyMap<string, unknown> = new Map(),
): Promise<SchemaFiles> {
  const schemas: Record<string, unknown> = {};
  const faults: SchemaFault[] = [];
  const seen = new Set<string>();
  let total = 0;
  const wanted: { name: string; root: string; beside?: string }[] = [];
  const refer = (schema: unknown, root: string, beside?: string): void =>
    void wanted.push(...refsIn(schema).map((name) => ({ name, root, ...(beside ? { beside } : {}) })));
  for (const name of names) wanted.push({ name, root: name });
  for (const [root, schema] of inline) refer(schema, root);
  for (let next = wanted.shift(); next; next = wanted.shift()) {
    const { name, root, beside } = next;
    if (seen.has(name)) continue;
    seen.add(name);
    const fault = (why: string): void => void faults.push({ root, name, why });
    const places = [...new Set([...(beside ? [beside] : []), ...folders])];
    try {
      if (seen.size > MOST_FILES) throw refusal(`a contract may need ${MOST_FILES} schema files at most`);
      const found = await firstOf(places, name);
      if (!found) {
        faults.push({ root, name, missing: true, why: `is not in ${places.map(shown).join(', ') || 'any folder'}` });
        continue;
      }
      total += found.bytes.length;
      if (total > TOTAL_LIMIT) throw refusal(`the schema files together are more than ${TOTAL_LIMIT} bytes`);
      const schema = parseText(found.bytes.toString('utf8').replace(/^\uFEFF/, ''), name);
      if (typeof schema !== 'boolean' && (typeof schema !== 'object' || schema === null || Array.isArray(schema)))
        throw refusal('it is no JSON Schema: an object, true or false');
      checkBounds(schema, 'The schema');
      schemas[name] = schema;
      refer(schema, root, found.folder);
    } catch (error) {
      if (!(error instanceof HandoffError)) throw error;
      fault(error.code === 'INVALID_REQUEST' ? issueOf(error) : error.message);
    }
  }
  return { schemas, faults };
}

const refusal = (why: string): HandoffError => new HandoffError('INVALID_REQUEST', { issues: why });
const issueOf = ({ params }: HandoffError): string => {
  const list = params['list'] as { message: string }[] | undefined;
  return list?.[0]?.message ?? String(params['issues']);
};

/** Folders as they are seen from where one stands, where that is shorter. */
const shown = (folder: string): string => {
  const relative = path.relative('.', folder) || '.';
  return relative.length < folder.length ? relative : folder;
};

/** Throws INVALID_REQUEST for what is there and may not be read. */
async function firstOf(
  folders: readonly string[],
  name: string,
): Promise<{ bytes: Buffer; folder: string } | undefined> {
  for (const folder of folders) {
    const bytes = await readIn(folder, name);
    if (bytes) return { bytes, folder };
  }
  return undefined;
}

async function readIn(folder: string, name: string): Promise<Buffer | undefined> {
  const there = await Promise.all([realpath(folder), realpath(path.join(folder, name))]).catch(() => undefined);
  if (!there) return undefined;
  const [root, file] = there;
  if (!file.startsWith(root.endsWith(path.sep) ? root : `${root}${path.sep}`))
    throw refusal(`${name} is a symbolic link that leads out of ${shown(folder)}`);
  // Without NONBLOCK the opening of a pipe waits for whoever writes into it.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await open(file, flags).catch((error: NodeJS.ErrnoException) => {
    throw refusal(`${name} cannot be read (${error.code ?? error.message})`);
  });
  try {
    const { size, ...stat } = await handle.stat();
    if ((stat.mode & constants.S_IFMT) !== constants.S_IFREG) throw refusal(`${name} is not a file`);
    if (size > FILE_LIMIT) throw refusal(`${name} is ${size} bytes; at most ${FILE_LIMIT} are allowed`);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(FILE_LIMIT), 0, FILE_LIMIT, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** Files that a schema refers to, by names without folders. What has a scheme, such as `https:`, is never fetched. */
function refsIn(schema: unknown): string[] {
  const found = new Set<string>();
  const look = (v: unknown): void => {
    if (typeof v !== 'object' || v === null) return;
    for (const [key, child] of Object.entries(v)) {
      if ((key === '$ref' || key === '$dynamicRef') && typeof child === 'string') {
        const name = child.split('#')[0]!.replace(/^\.\//, '');
        if (schemaName.safeParse(name).success) found.add(name);
      } else look(child);
    }
  };
  look(schema);
  return [...found];
}
