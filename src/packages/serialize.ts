import { DEPTH_LIMIT, checkEntry } from '../core/context/entry.js';
import { isCanonicalJson } from '../core/json/canonical-scan.js';
import { canonicalText } from '../core/json/canonical.js';
import { sha256 } from '../core/digest.js';
import { HandoffError, invalid, type Issue } from '../core/errors.js';
import type { ContextEntrySerialized, SerializedContext } from '../core/package/package.js';
import { pointerOf } from '../core/json/pointer.js';
import type { ContextEntry } from '../storage/context.js';
import { checkSize, type ContextWrite } from '../storage/sessions.js';
import { metadataOf } from './shared-context.js';

/** How many of the largest entries an error names. */
const LARGEST = 5;

/** An entry as a package holds it. */
export const serializedEntry = (row: ContextEntry): ContextEntrySerialized => ({
  key: row.key,
  value: row.value,
  metadata: metadataOf(row),
});

/** Throws CONTEXT_TOO_LARGE, naming the largest entries. `size`: in all, where it is known better than by the values. */
export function checkBudget(rows: readonly ContextEntry[], session: string, maxBytes: number, size?: number): void {
  const bytes = size ?? rows.reduce((sum, row) => sum + Buffer.byteLength(row.value), 0);
  if (bytes > maxBytes) throw tooLarge(rows, session, bytes, maxBytes);
}

function tooLarge(rows: readonly ContextEntry[], session: string, size: number, limit: number): HandoffError {
  const largest = rows
    .map(({ key, value }) => ({ key, bytes: Buffer.byteLength(value) }))
    .toSorted((a, b) => b.bytes - a.bytes)
    .slice(0, LARGEST);
  const known = largest.map(({ key, bytes }) => `${key} (${bytes})`).join(', ');
  return new HandoffError('CONTEXT_TOO_LARGE', { session, size, limit, known, largest });
}

/**
 * The entries of a package as they are to be written, every one looked at. Throws INVALID_PACKAGE of what is no JSON or
 * is there twice, INVALID_CONTEXT and INPUT_TOO_LARGE of what no context can hold.
 */
export function parseContext({ entries }: SerializedContext): ContextWrite[] {
  const issues: Issue[] = [];
  const writes = new Map<string, ContextWrite>();
  entries.forEach((entry, i) => {
    const at = (...path: string[]): string => pointerOf('context', 'entries', i, ...path);
    if (writes.has(entry.key)) issues.push({ path: at('key'), message: `the key ${entry.key} is there twice` });
    const write = parseEntry(entry, at, issues);
    if (write) writes.set(entry.key, write);
  });
  if (issues.length > 0) throw invalid('INVALID_PACKAGE', issues);
  return [...writes.values()];
}

function parseEntry(
  { key, value: text, metadata }: ContextEntrySerialized,
  at: (...path: string[]) => string,
  issues: Issue[],
): ContextWrite | undefined {
  const bytes = Buffer.from(text);
  checkSize(key, bytes.length);
  const { source, tags } = metadata;
  // A value is canonical where our own createHandoff made the package: then it is kept as it is.
  const proven = isCanonicalJson(bytes, { maxDepth: DEPTH_LIMIT, maxValues: Infinity });
  const parsed = proven ? undefined : parsedValue(text);
  if (!proven && parsed === undefined) {
    issues.push({ path: at('value'), message: 'is not JSON' });
    return undefined;
  }
  checkEntry(key, null, { source, tags });
  const value = proven ? text : canonicalValue(key, parsed);
  const times: { createdAt?: number; updatedAt?: number } = {};
  for (const field of ['createdAt', 'updatedAt'] as const) {
    const time = metadata[field];
    if (time === undefined) continue;
    times[field] = Date.parse(time);
    if (!isWritable(times[field])) issues.push({ path: at('metadata', field), message: 'is not a date' });
  }
  return { key, value, digest: sha256(proven ? bytes : value), source, tags, ...times };
}

/** Undefined where it is no JSON. */
function parsedValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether a time has four digits of a year, also in UTC: no package could say any other. */
const isWritable = (time: number): boolean =>
  !Number.isNaN(time) && new Date(time).toISOString().length === '2026-01-01T00:00:00.000Z'.length;

/** Looks at a parsed value and writes it in one go; only what is refused is looked at again, for the error. */
function canonicalValue(key: string, value: unknown): string {
  try {
    return canonicalText(value, { strict: true, maxDepth: DEPTH_LIMIT + 1, at: [key] });
  } catch (error) {
    checkEntry(key, value);
    throw error;
  }
}
