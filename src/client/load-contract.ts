import { readFile, stat } from 'node:fs/promises';
import type { ContractDocument } from '../core/contract.js';
import { invalidContract, parseContract } from '../core/contract-schema.js';
import { HandoffError } from '../core/errors.js';
import { parseText } from '../core/json/parse-text.js';
import { REQUEST_LIMIT } from '../core/request.js';

/** A contract document from a JSON or YAML file. Throws INVALID_CONTRACT, INVALID_JSON, INPUT_TOO_LARGE. */
export async function loadContract(file: string): Promise<ContractDocument> {
  const unreadable = ({ code, message }: NodeJS.ErrnoException): never => {
    const why = code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code ?? message})`;
    throw invalidContract(file, [{ path: '', message: why }]);
  };
  const found = await stat(file).catch(unreadable);
  if (!found.isFile()) throw invalidContract(file, [{ path: '', message: 'it is not a file' }]);
  const { size } = found;
  if (size > REQUEST_LIMIT) throw new HandoffError('INPUT_TOO_LARGE', { what: file, size, limit: REQUEST_LIMIT });
  const text = await readFile(file, 'utf8').catch(unreadable);
  return parseContract(parseText(text.replace(/^\uFEFF/, ''), file));
}
