import { createHash } from 'node:crypto';
import { canonicalText } from './json/canonical.js';

/** Hex SHA-256 of bytes or UTF-8 text. */
export const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');

/** RFC 8785 text of a JSON value. Throws INVALID_JSON, naming the place of what is none. */
export const canonicalJson = (value: unknown): string => (value === undefined ? 'null' : canonicalText(value));

/** Hex SHA-256 over the canonical JSON of a value: the same whatever the order of its keys. */
export const digestOf = (value: unknown): string => sha256(canonicalJson(value));
