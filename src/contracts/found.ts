import type { ContractFault, FaultCode } from '../core/contract.js';

/** A fault before it is known of which artifact. */
export interface Found {
  code: FaultCode;
  pointer: string;
  expected: string;
  found: string;
  /** In place of expected and found. */
  message?: string;
}

/** Thrown where parsing, printing or a schema ends at once. */
export class Unfit extends Error {
  constructor(readonly fault: Found) {
    super(`expected ${fault.expected}, found ${fault.found}`);
  }
}

export const unfit = (code: FaultCode, expected: string, found: string, pointer = ''): Unfit =>
  new Unfit({ code, pointer, expected, found });

const TEXT_LIMIT = 240;

/** Text of others on one line, and not too much of it. */
export function oneLine(text: string, limit = TEXT_LIMIT): string {
  const line = text.replace(/[\p{Cc}\p{Cs}\u2028\u2029]+/gu, ' ').trim();
  if (line.length <= limit) return line;
  return `${line.slice(0, limit).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/** A value in a few words: `"abc"`, `an array of 3`, `an object with a, b`. */
export function inWords(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null) {
    const keys = Object.keys(value);
    if (keys.length === 0) return 'an empty object';
    return `an object with ${keys.slice(0, 5).join(', ')}${keys.length > 5 ? `, and ${keys.length - 5} more` : ''}`;
  }
  const text = typeof value === 'bigint' ? String(value) : (JSON.stringify(value) ?? typeof value);
  return text.length > 80 ? `${text.slice(0, 80)}… (${text.length} characters)` : text;
}

export function faultOf(artifact: string, { code, pointer, expected, found, message }: Found): ContractFault {
  const said = { expected: oneLine(expected), found: oneLine(found) };
  const where = pointer ? `${artifact} at ${oneLine(pointer)}` : artifact;
  return {
    code,
    artifact,
    pointer,
    ...said,
    message: `${where}: ${message ? oneLine(message, 1000) : `expected ${said.expected}, found ${said.found}`}`,
  };
}

const partsOf = (pointer: string): string[] => pointer.split('/').slice(1);

/** `/2` before `/10`, and what is above before what is below. */
export function byPointer(a: Found, b: Found): number {
  const [left, right] = [partsOf(a.pointer), partsOf(b.pointer)];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const [l, r] = [left[i]!, right[i]!];
    if (l === r) continue;
    if (/^\d+$/.test(l) && /^\d+$/.test(r)) return Number(l) - Number(r);
    return l < r ? -1 : 1;
  }
  return left.length - right.length;
}
