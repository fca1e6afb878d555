import type { HandoffRequest } from '../core/request.js';
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

/** The file's request with what the options say; its shape is checked by the client. */
export async function readRequest(file: string, { id, session, contract }: RequestOptions): Promise<HandoffRequest> {
  const { readDocument } = await import('./input.js');
  const request = await readDocument(file);
  // Anything but an object is refused by the client, with a message that names the place.
  if (typeof request !== 'object' || request === null || Array.isArray(request)) return request as HandoffRequest;
  return {
    ...(request as HandoffRequest),
    ...(id === undefined ? {} : { handoffId: id }),
    ...(session === undefined ? {} : { session }),
    ...(contract === undefined ? {} : { contract: (await readDocument(contract)) as Record<string, unknown> }),
  };
}
