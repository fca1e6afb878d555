import { invalid, type Issue } from './errors.js';
import { STATUSES, type ShownStatus } from './handoff.js';
import { printable } from './ids.js';
import { PRIORITY_KEYS, type Party, type Priority } from './request.js';

/** Which handoffs are meant: those for which all of it holds. An empty filter means all. Times in milliseconds. */
export interface HandoffFilter {
  /** As it is shown: a paused one is `paused`, whatever it was doing before. */
  status?: ShownStatus;
  session?: string;
  procedure?: string;
  /** The source's agent or phase. */
  source?: string;
  /** The target's agent or phase. */
  target?: string;
  priority?: Priority;
  /** How the reason begins for which it does not move, such as `paused by`, `waits for acceptance`, `incident`. */
  blocked?: string;
  /** Started at or after this time. */
  startedAfter?: number;
  /** Started before this time. */
  startedBefore?: number;
  /** Only those that are not closed. */
  open?: boolean;
  /** At most so many. A list has 100 without it. */
  limit?: number;
}

/** Every status that can be shown. */
const SHOWN_STATUSES: readonly ShownStatus[] = [...STATUSES, 'incident', 'paused', 'draining'];

type Check = (value: unknown) => string | undefined;

const text: Check = (v) => (typeof v === 'string' && v !== '' ? undefined : 'must be a text that is not empty');
const oneOf =
  (known: readonly string[]): Check =>
  (v) =>
    typeof v === 'string' && known.includes(v)
      ? undefined
      : `${printable(String(v))} is unknown; possible: ${known.join(', ')}`;
const time: Check = (v) =>
  typeof v === 'number' && Number.isFinite(v) && v >= 0 && v <= 8.64e15 ? undefined : 'must be a time in milliseconds';

const FIELDS: Record<keyof HandoffFilter, Check> = {
  status: oneOf(SHOWN_STATUSES),
  session: text,
  procedure: text,
  source: text,
  target: text,
  priority: oneOf(Object.keys(PRIORITY_KEYS)),
  blocked: text,
  startedAfter: time,
  startedBefore: time,
  open: (v) => (typeof v === 'boolean' ? undefined : 'must be true or false'),
  limit: (v) => (Number.isInteger(v) && Number(v) >= 1 ? undefined : 'must be a whole number from 1'),
};

/** What only says how many, or holds for all that a bulk verb can reach. */
const WIDE: ReadonlySet<string> = new Set(['open', 'limit']);

/** A filter whose every field is known and has a value that can match. Throws INVALID_REQUEST, which names the field. */
export function checkedFilter(filter: HandoffFilter): HandoffFilter {
  const given = Object.entries(filter).filter(([, value]) => value !== undefined);
  const issues = given.flatMap(([field, value]): Issue[] => {
    const known = Object.hasOwn(FIELDS, field);
    const message = known
      ? FIELDS[field as keyof HandoffFilter](value)
      : `unknown; possible: ${Object.keys(FIELDS).join(', ')}`;
    return message ? [{ path: `/filter/${field.slice(0, 60)}`, message }] : [];
  });
  if (issues.length > 0) throw invalid('INVALID_REQUEST', issues);
  return Object.fromEntries(given);
}

/** Whether a filter leaves anything out but by number. */
export const isNarrow = (filter: HandoffFilter): boolean =>
  Object.entries(filter).some(([field, value]) => value !== undefined && !WIDE.has(field));

/** Whether somebody who says `name` means this source or target. */
export const isParty = (party: Party, name: string): boolean => party.agent === name || party.phase === name;
