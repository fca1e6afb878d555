import { invalid, type HandoffError, type Issue } from '../errors.js';
import { printable } from '../ids.js';
import { pointerOf } from '../json/pointer.js';
import { NOT_UNICODE, isUnicode } from '../json/unicode.js';

/** Bytes of one value as canonical JSON. What is larger is an artifact. */
export const ENTRY_LIMIT = 16 * 1024 * 1024;
/** Levels of nesting of one value. */
export const DEPTH_LIMIT = 64;
const KEY_LENGTH = 256;
const TAG_LENGTH = 128;
const TAGS = 64;

const CONTROL = /[\u0000-\u001f]/;

/** What is known of an entry besides its value, as callers give it. */
export interface EntryFacts {
  /** Who writes it. */
  source?: string;
  /** Absent: those that it has. */
  tags?: readonly string[];
}

/** Throws INVALID_CONTEXT where a key, value, source or tag cannot be kept, and names the place. */
export function checkEntry(key: string, value: unknown, facts: EntryFacts = {}): void {
  const issue = keyIssue(key) ?? factsIssue(facts, key) ?? valueIssue(value, [key]);
  if (issue) throw invalidContext([issue]);
}

/** Throws INVALID_CONTEXT where a key cannot be one. */
export function checkKey(key: string): void {
  const issue = keyIssue(key);
  if (issue) throw invalidContext([issue]);
}

export const invalidContext = (issues: readonly Issue[]): HandoffError => invalid('INVALID_CONTEXT', issues);

function keyIssue(key: unknown): Issue | undefined {
  const why = textFault(key, KEY_LENGTH) ?? (key === '__proto__' ? 'must not be __proto__' : undefined);
  return why === undefined ? undefined : issueAt([String(key)], `the key ${why}`);
}

function factsIssue({ source, tags = [] }: EntryFacts, key: string): Issue | undefined {
  const why = source === undefined ? undefined : textFault(source, KEY_LENGTH);
  if (why) return issueAt([key], `the source ${why}`);
  if (!Array.isArray(tags)) return issueAt([key], 'the tags must be a list of texts');
  if (tags.length > TAGS) return issueAt([key], `has ${tags.length} tags; at most ${TAGS} are allowed`);
  const bad = tags.map((tag: unknown) => textFault(tag, TAG_LENGTH)).find(Boolean);
  return bad === undefined ? undefined : issueAt([key], `a tag ${bad}`);
}

function textFault(text: unknown, length: number): string | undefined {
  if (typeof text !== 'string') return 'must be a text';
  if (text === '') return 'must not be empty';
  if (text.length > length) return `must not be longer than ${length} characters`;
  if (CONTROL.test(text)) return 'must not contain control characters';
  return isUnicode(text) ? undefined : NOT_UNICODE;
}

/**
 * What JSON cannot hold, would lose without a word, or turn into something else. `trail` is where the value lies; it is
 * shared, because a path of its own for each of a million values would take longer than all the rest.
 */
function valueIssue(value: unknown, trail: string[]): Issue | undefined {
  if (value === null || typeof value === 'boolean') return undefined;
  if (typeof value === 'string') return isUnicode(value) ? undefined : issueAt(trail, NOT_UNICODE);
  if (typeof value === 'number')
    return Number.isFinite(value) ? undefined : issueAt(trail, `${value} is no JSON value`);
  if (typeof value !== 'object') return issueAt(trail, `${kindOf(value)} is no JSON value`);
  if (trail.length > DEPTH_LIMIT)
    return issueAt(trail.slice(0, 1), `is nested more than ${DEPTH_LIMIT} levels deep (or refers to itself)`);
  return Array.isArray(value) ? listIssue(value, trail) : objectIssue(value, trail);
}

function listIssue(list: readonly unknown[], trail: string[]): Issue | undefined {
  // By index, because an iteration by entries passes over holes.
  for (let i = 0; i < list.length; i++) {
    trail.push(String(i));
    const issue = valueIssue(list[i], trail);
    if (issue) return issue;
    trail.pop();
  }
  return undefined;
}

function objectIssue(value: object, trail: string[]): Issue | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null)
    return issueAt(trail, `${kindOf(value)} is no JSON value`);
  for (const key of Object.keys(value)) {
    if (!isUnicode(key)) return issueAt(trail, `has a name that ${NOT_UNICODE}`);
    trail.push(key);
    if (key === '__proto__') return issueAt(trail, 'the name __proto__ is not allowed');
    const issue = valueIssue((value as Record<string, unknown>)[key], trail);
    if (issue) return issue;
    trail.pop();
  }
  return undefined;
}

/** `undefined`, `a function`, `a Date`. */
function kindOf(value: unknown): string {
  if (value === undefined) return 'undefined';
  const name = typeof value === 'object' ? (value as object).constructor?.name : typeof value;
  return `${/^[aeiou]/i.test(name ?? '') ? 'an' : 'a'} ${name || 'object'}`;
}

/** A name for a place in a message: without the quotes that `printable` puts around it. */
const shown = (name: string): string => printable(name).replace(/^"(.*)"[^"]*$/s, '$1');

const issueAt = (at: readonly string[], message: string): Issue => ({
  path: pointerOf(...at.map(shown)),
  message,
});
