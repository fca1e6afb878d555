import { HandoffError, invalid, type ErrorCode } from '../errors.js';
import { NOT_UNICODE, isUnicode } from './unicode.js';

/** Levels of nesting that are read. */
const DEPTH = 64;

export interface CopyLimits {
  /** What is copied, for the error. */
  what: string;
  /** Of text, in UTF-16 units; each value counts some besides. */
  size: number;
  /** What is thrown, besides INPUT_TOO_LARGE. */
  code: ErrorCode;
}

/**
 * A value as JSON would bring it to the other side, sharing nothing with the original. What JSON would lose without a word
 * (a Map, a function, NaN), what it cannot write, and what would not be safe to read is refused, with its place.
 */
export function jsonCopy(value: object, limits: CopyLimits): Record<string, unknown>;
export function jsonCopy(value: unknown, limits: CopyLimits): unknown;
export function jsonCopy(value: unknown, { what, size, code }: CopyLimits): unknown {
  let seen = 0;
  const fail = (path: string, message: string): HandoffError => invalid(code, [{ path, message }]);
  const count = (units: number): void => {
    seen += units;
    if (seen > size) throw new HandoffError('INPUT_TOO_LARGE', { what, size: `more than ${size}`, limit: size });
  };
  const checked = (text: string, at: string): string => {
    count(text.length);
    if (!isUnicode(text)) throw fail(at, NOT_UNICODE);
    return text;
  };
  const copy = (v: unknown, at: string, level: number): unknown => {
    count(2);
    if (v === null || typeof v === 'boolean') return v;
    if (typeof v === 'string') return checked(v, at);
    if (typeof v === 'number' && Number.isFinite(v)) return v;
    if (typeof v !== 'object') throw fail(at, `${typeof v === 'number' ? String(v) : typeof v} is not JSON`);
    if (level > DEPTH) throw fail('', `is nested more than ${DEPTH} levels deep (or refers to itself)`);
    if (Array.isArray(v)) return v.map((item, i) => copy(item, `${at}/${i}`, level + 1));
    if (v instanceof Date && Number.isNaN(v.getTime())) throw fail(at, 'is not a date');
    const { toJSON } = v as { toJSON?: unknown };
    if (typeof toJSON === 'function') return copy(toJSON.call(v), at, level + 1);
    const kind = Object.prototype.toString.call(v).slice('[object '.length, -1);
    if (kind !== 'Object') throw fail(at, `a ${kind} is not JSON`);
    const fields: Record<string, unknown> = {};
    for (const [key, child] of Object.entries(v)) {
      const place = `${at}/${checked(key, at).slice(0, 60).replaceAll('~', '~0').replaceAll('/', '~1')}`;
      // A plain assignment of it would change what the copy inherits.
      if (key === '__proto__') throw fail(place, 'the name __proto__ is not allowed');
      if (child !== undefined) fields[key] = copy(child, place, level + 1);
    }
    return fields;
  };
  return copy(value, '', 0);
}
