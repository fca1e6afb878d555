import { parseDate } from './date.js';
import type { MessageName } from './handoff.js';
import { fileKey, fileNameFault, printable } from './ids.js';

/**
 * Hand-written guards for messages: they run in the workflow, where a schema library would cost a quarter of the
 * throughput. Each says in words what is wrong, or returns undefined.
 */
export type Check = (value: unknown) => string | undefined;

export const text =
  (max: number): Check =>
  (v) =>
    typeof v !== 'string' || v.trim() === ''
      ? 'must be a text that is not empty'
      : v.length > max
        ? `is longer than ${max} characters`
        : undefined;
export const optional =
  (check: Check): Check =>
  (v) =>
    v === undefined || v === null ? undefined : check(v);
const positive: Check = (v) =>
  typeof v === 'number' && Number.isFinite(v) && v > 0 && v <= 5_256_000
    ? undefined
    : 'must be a number of minutes over 0 and at most ten years';
const epoch: Check = (v) =>
  typeof v === 'number' && Number.isInteger(v) && v >= 1 ? undefined : 'must be a whole number from 1';
export const date: Check = (v) =>
  typeof v === 'string' && parseDate(v) !== undefined
    ? undefined
    : 'must be a date (ISO 8601, such as 2026-01-13T11:30:00Z)';
export const oneOf =
  (...allowed: string[]): Check =>
  (v) =>
    typeof v === 'string' && allowed.includes(v) ? undefined : `must be one of ${allowed.join(', ')}`;
const object: Check = (v) =>
  typeof v === 'object' && v !== null && !Array.isArray(v) ? undefined : 'must be an object';
/** Characters of JSON that an operator may send along: it stands in the history. */
const JSON_LIMIT = 64 * 1024;
const bounded: Check = (v) =>
  (JSON.stringify(v) ?? '').length > JSON_LIMIT ? `is longer than ${JSON_LIMIT} characters as JSON` : undefined;

/** Returns that one message may bring. */
const MOST_ARTIFACTS = 200;
const artifactName: Check = (v) =>
  typeof v === 'string' && fileNameFault(v, 'an artifact name') === undefined
    ? undefined
    : 'must be an artifact name: one file name without "/" and ".."';
const ARTIFACT: Record<string, Check> = {
  name: artifactName,
  path: (v) => text(4096)(v) ?? ((v as string).includes('\0') ? 'must not contain NUL' : undefined),
  sha256: optional((v) =>
    typeof v === 'string' && /^[0-9a-f]{64}$/.test(v) ? undefined : 'must be 64 hex digits in lower case',
  ),
  format: optional(text(64)),
  transformTo: optional(text(64)),
};

function artifacts(v: unknown): string | undefined {
  if (!Array.isArray(v) || v.length === 0 || v.length > MOST_ARTIFACTS)
    return `must be a list of 1 to ${MOST_ARTIFACTS} artifacts, each {"name", "path"}`;
  const seen = new Set<string>();
  for (const [i, a] of v.entries()) {
    const fault = object(a) ?? faultsIn(a as Record<string, unknown>, ARTIFACT)[0];
    if (fault) return `${i}: ${fault}`;
    const { name } = a as { name: string };
    const key = fileKey(name);
    if (seen.has(key)) return `${i}: ${printable(name)} stands there twice`;
    seen.add(key);
  }
  return bounded(v);
}

export const by = text(256);
export const reason = text(4000);
const repair = { by, reason, incidentId: text(64) };

const FIELDS: Record<MessageName, Record<string, Check>> = {
  pause: { by, reason, until: optional(date), at: optional(date), holder: optional(oneOf('operator', 'parent')) },
  resume: { by, note: optional(text(4000)), at: optional(date), holder: optional(oneOf('operator', 'parent')) },
  cancel: { by, reason },
  accept: { by, leaseMinutes: optional(positive) },
  reject: { by, reason },
  complete: { by, epoch, note: optional(text(4000)) },
  submitReturn: { by, epoch, artifacts },
  extendExpiry: { by, minutes: positive },
  retryStep: { ...repair, input: optional((v) => object(v) ?? bounded(v)) },
  skipStep: repair,
  rollback: { ...repair, toStep: optional(text(64)) },
  resolveIncident: { ...repair, choice: optional(oneOf('keep_theirs', 'restore_before', 'merge')), value: bounded },
};

/** What is wrong with a message, `field: why` for each fault; undefined where it is whole. */
export function faultOf(name: MessageName, message: unknown): string | undefined {
  const merges = (given: Record<string, unknown>): string[] =>
    given['choice'] === 'merge' && given['value'] === undefined ? ['value: merge needs one'] : [];
  return faultsOf(FIELDS[name], message, merges);
}

/** The same for any fields; `more`: faults between several of them. */
export function faultsOf(
  fields: Record<string, Check>,
  message: unknown,
  more: (given: Record<string, unknown>) => string[] = () => [],
): string | undefined {
  const wanted = Object.keys(fields).join(', ');
  if (object(message)) return `one object is expected, with ${wanted}`;
  const given = message as Record<string, unknown>;
  const faults = [...faultsIn(given, fields), ...more(given)];
  return faults.length > 0 ? faults.slice(0, 8).join('; ') : undefined;
}

function faultsIn(given: Record<string, unknown>, fields: Record<string, Check>): string[] {
  const faults = Object.entries(fields).flatMap(([field, check]) => {
    const fault = check(given[field]);
    return fault ? [`${field}: ${fault}`] : [];
  });
  const wanted = Object.keys(fields).join(', ');
  const strange = Object.keys(given).filter((field) => !Object.hasOwn(fields, field));
  return [...faults, ...strange.map((field) => `${field.slice(0, 60)}: unknown; possible: ${wanted}`)];
}
