import { z } from 'zod';
import { parseDate } from './date.js';
import { HandoffError, type Issue } from './errors.js';
import {
  AGENT_NAME,
  ARTIFACT_NAME,
  FORMAT_NAME,
  HANDOFF_ID,
  PHASE_NAME,
  PROCEDURE_ID,
  SESSION_ID,
  printable,
} from './ids.js';
import type { NormalRequest, Priority } from './request.js';

/** Bytes of one request as JSON, and levels of nesting. */
export const REQUEST_LIMIT = 1024 * 1024;
export const DEPTH_LIMIT = 64;

/** What file systems allow for one name. */
const NAME_BYTES = 255;
const TEN_YEARS_MIN = 10 * 365 * 24 * 60;
const id = (pattern: RegExp, what: string) =>
  z.string().refine((v) => pattern.test(v), { error: (i) => `${printable(String(i.input))} is not ${what}` });

const NO_DATE = 'is not a date (ISO 8601, such as 2026-01-13T11:30:00Z)';
const date = z
  .union([z.string(), z.date()], { error: (i) => `${printable(String(i.input))} ${NO_DATE}` })
  .transform((v, ctx) => {
    const time = typeof v === 'string' ? parseDate(v) : v.getTime();
    if (time === undefined) {
      ctx.addIssue({ code: 'custom', message: `${printable(String(v))} ${NO_DATE}` });
      return z.NEVER;
    }
    return new Date(time).toISOString();
  });

const phase = z
  .union([z.string(), z.int().min(0)], { error: 'must be a name or a whole number from 0' })
  .transform(String)
  .pipe(id(PHASE_NAME, 'a phase: letters, digits, ".", "_" or "-", at most 64'));
const party = z
  .strictObject({ agent: id(AGENT_NAME, 'an agent name').optional(), phase: phase.optional() })
  .refine((p) => p.agent !== undefined || p.phase !== undefined, 'name an agent, a phase, or both');

const format = id(FORMAT_NAME, 'a format, such as json');
const artifact = z.strictObject({
  name: id(ARTIFACT_NAME, 'an artifact name: one file name without "/"')
    .refine((n) => !n.includes('..'), 'must not contain ".."')
    .refine((n) => Buffer.byteLength(n) <= NAME_BYTES, `must not be longer than ${NAME_BYTES} bytes in UTF-8`),
  path: z
    .string()
    .min(1)
    .max(4096)
    .refine((p) => !p.includes('\0'), 'must not contain NUL'),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits in lower case')
    .optional(),
  format: format.optional(),
  transformTo: format.optional(),
});

const PRIORITIES: Record<string, Priority> = {
  immediate: 'immediate',
  critical: 'immediate',
  high: 'immediate',
  normal: 'normal',
  medium: 'normal',
  background: 'background',
  low: 'background',
};

const contextKey = z
  .string()
  .min(1)
  .max(256)
  .refine((k) => !/[\u0000-\u001f]/.test(k), 'must not contain control characters');

const requestSchema = z
  .strictObject({
    handoffId: id(
      HANDOFF_ID,
      'a handoff id: letters, digits, ".", "_" or "-", at most 128, first a letter or digit',
    ).optional(),
    procedure: id(PROCEDURE_ID, 'a procedure id in upper snake case'),
    source: party,
    target: party,
    session: id(SESSION_ID, 'a session id').optional(),
    type: id(/^[A-Z][A-Z0-9_]{1,63}$/, 'a handoff type in upper snake case').optional(),
    priority: z.enum(['immediate', 'normal', 'background', 'critical', 'high', 'medium', 'low']).optional(),
    expiresInMinutes: z.number().positive().max(TEN_YEARS_MIN).optional(),
    expiresAt: date.optional(),
    startAfter: date.optional(),
    acceptance: z.enum(['explicit', 'auto']).optional(),
    clockWhilePaused: z.enum(['stop', 'run']).optional(),
    contract: z.record(z.string(), z.json()).optional(),
    artifacts: z.array(artifact).max(10_000).optional(),
    context: z.record(contextKey, z.json()).optional(),
    contextVersions: z.record(contextKey, z.int().min(0)).optional(),
    instructions: z.json().optional(),
    metadata: z.record(z.string().max(256), z.json()).optional(),
  })
  .superRefine((r, ctx) => {
    if (r.expiresInMinutes !== undefined && r.expiresAt !== undefined) {
      ctx.addIssue({ code: 'custom', path: ['expiresAt'], message: 'give expiresAt or expiresInMinutes, not both' });
    }
    if (r.expiresAt && r.startAfter && r.expiresAt <= r.startAfter) {
      ctx.addIssue({ code: 'custom', path: ['expiresAt'], message: `must be after startAfter (${r.startAfter})` });
    }
    const names = new Map<string, number>();
    r.artifacts?.forEach((a, i) => {
      // File systems that ignore case would put both in one place.
      const key = a.name.normalize('NFC').toLowerCase();
      const first = names.get(key);
      if (first !== undefined)
        ctx.addIssue({ code: 'custom', path: ['artifacts', i, 'name'], message: `is the same as artifact ${first}` });
      names.set(key, i);
    });
  });

/** zod's issues as JSON pointers with messages. */
export const issuesOf = (error: z.ZodError): Issue[] =>
  error.issues.map((i) => ({
    path: i.path.map((p) => `/${String(p).replaceAll('~', '~0').replaceAll('/', '~1')}`).join(''),
    message: i.message,
  }));

/** Throws INPUT_TOO_LARGE or INVALID_REQUEST where a value is no JSON of a bounded size and depth. */
export function checkBounds(value: unknown, what: string): void {
  let nodes = 0;
  const look = (v: unknown, at: string, level: number): void => {
    if (typeof v === 'bigint') throw notJson(at, 'a BigInt is not JSON');
    if (v === null || typeof v !== 'object') return;
    if (level >= DEPTH_LIMIT)
      throw notJson('', `${what} is nested more than ${DEPTH_LIMIT} levels deep (or refers to itself)`);
    // Each takes two bytes at least. An object that is referred to twice is written twice, so this also bounds the time.
    if (++nodes > REQUEST_LIMIT / 2) throw tooLarge(what, `more than ${REQUEST_LIMIT}`);
    for (const [key, child] of Object.entries(v)) {
      const place = `${at}/${key.slice(0, 60)}`;
      // Schemas pass over it without a word, and what it held would be lost.
      if (key === '__proto__') throw notJson(place, 'the name __proto__ is not allowed');
      if (key === 'toJSON' && typeof child === 'function') throw notJson(place, 'a function is not JSON');
      look(child, place, level + 1);
    }
  };
  look(value, '', 0);
  const size = Buffer.byteLength(JSON.stringify(value) ?? '');
  if (size > REQUEST_LIMIT) throw tooLarge(what, size);
}

const notJson = (at: string, why: string): HandoffError => invalidRequest([{ path: at, message: why }]);
const tooLarge = (what: string, size: number | string): HandoffError =>
  new HandoffError('INPUT_TOO_LARGE', { what, size, limit: REQUEST_LIMIT });

/**
 * A request, checked and with its defaults filled. `now` is in milliseconds, `newId` makes an id where none is given.
 * Throws INVALID_REQUEST with every issue and its JSON pointer, or INPUT_TOO_LARGE.
 */
export function parseRequest(input: unknown, now: number, newId: () => string): NormalRequest {
  checkBounds(input, 'The request');
  const parsed = requestSchema.safeParse(input);
  if (!parsed.success) throw invalidRequest(issuesOf(parsed.error));
  const r = parsed.data;
  for (const field of ['expiresAt', 'startAfter'] as const) {
    const time = r[field];
    if (time && Date.parse(time) > now + TEN_YEARS_MIN * 60_000)
      throw invalidRequest([{ path: `/${field}`, message: `${time} is more than ten years ahead` }]);
  }
  const handoffId = r.handoffId ?? newId();
  const {
    handoffId: _,
    priority,
    type,
    session,
    acceptance,
    clockWhilePaused,
    artifacts,
    context,
    metadata,
    ...rest
  } = r;
  const agentsOnly = r.source.agent && r.target.agent && !r.source.phase && !r.target.phase;
  return JSON.parse(
    JSON.stringify({
      ...rest,
      handoffId,
      session: session ?? handoffId,
      type: type ?? (agentsOnly ? 'AGENT_HANDOFF' : 'PHASE_TRANSITION'),
      priority: PRIORITIES[priority ?? 'normal'],
      acceptance: acceptance ?? 'explicit',
      clockWhilePaused: clockWhilePaused ?? 'stop',
      artifacts: artifacts ?? [],
      context: context ?? {},
      metadata: metadata ?? {},
    }),
  ) as NormalRequest;
}

/** Throws INVALID_REQUEST for a request that came too late to be started; it may still name a handoff that is there. */
export function checkNotExpired({ expiresAt }: NormalRequest, now: number): void {
  if (expiresAt && Date.parse(expiresAt) <= now)
    throw invalidRequest([{ path: '/expiresAt', message: `${expiresAt} is already over` }]);
}

const invalidRequest = (issues: Issue[]): HandoffError =>
  new HandoffError('INVALID_REQUEST', {
    issues: issues
      .map((i) => `${i.path || '/'}: ${i.message}`)
      .slice(0, 12)
      .join('; '),
    list: issues,
  });
