import path from 'node:path';
import type { HandoffRequest } from '../core/request.js';
import type { PlaceOptions } from './place.js';
import type { VerbSpec } from './verb.js';

/** What the command line says of a request besides its file. */
export interface RequestOptions {
  id?: string;
  session?: string;
  contract?: string;
}

export const REQUEST_OPTIONS: NonNullable<VerbSpec['options']> = [
  ['--id <id>', 'the handoff id, in place of the one in the file'],
  ['--session <id>', 'the session, in place of the one in the file'],
  ['--contract <file>', 'the contract, from a JSON or YAML file'],
];

/**
 * The file's request with what the options say; its shape is checked by the client. `where` also has the folders beside
 * the contract's file in which `contract check` looks for its schemas.
 */
export async function readRequest<O extends RequestOptions & PlaceOptions>(
  file: string,
  options: O,
): Promise<{ request: HandoffRequest; where: O }> {
  const { readDocument } = await import('./input.js');
  const { asRequest } = await import('../coordination/request-from.js');
  const request: unknown = asRequest((await readDocument(file)) as HandoffRequest);
  // Anything but an object is refused by the client, with a message that names the place.
  if (typeof request !== 'object' || request === null || Array.isArray(request))
    return { request: request as HandoffRequest, where: options };
  const { id, session } = options;
  const contract = options.contract ?? contractFileIn(request, file);
  return {
    request: {
      ...(request as HandoffRequest),
      ...(id === undefined ? {} : { handoffId: id }),
      ...(session === undefined ? {} : { session }),
      ...(contract === undefined ? {} : { contract: (await readDocument(contract)) as HandoffRequest['contract'] }),
    },
    where: contract === undefined ? options : { ...options, schemas: schemaFolders(options, contract) },
  };
}

/** `contract: { file: contract.json }`, which starts from the folder of the request's file. */
function contractFileIn(request: object, file: string): string | undefined {
  const { contract } = request as { contract?: { file?: unknown } | null };
  if (typeof contract !== 'object' || contract === null || Object.keys(contract).join() !== 'file') return undefined;
  if (typeof contract.file !== 'string') return undefined;
  return path.resolve(file === '-' ? '.' : path.dirname(file), contract.file);
}

/** Where the schema files of a contract's file may be: where the options say, beside it, and in `schemas` beside it. */
function schemaFolders({ schemas, source }: PlaceOptions, contract: string): string[] {
  const beside = contract === '-' ? '.' : path.dirname(contract);
  return [...(schemas ?? [path.join(source?.[0] ?? '.', 'schemas')]), beside, path.join(beside, 'schemas')];
}
