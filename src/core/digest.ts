import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';

/** Hex SHA-256 of bytes or UTF-8 text. */
export const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');

/** RFC 8785 text of a JSON value. */
export const canonicalJson = (value: unknown): string => canonicalize(value) ?? 'null';

/** Hex SHA-256 over the canonical JSON of a value: the same whatever the order of its keys. */
export const digestOf = (value: unknown): string => sha256(canonicalJson(value));
