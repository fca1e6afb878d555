import { z } from 'zod';
import { documentFields, traceSchema } from './document/document-schema.js';
import { HandoffError, invalid, type Issue } from './errors.js';
import { TEN_YEARS_MIN, artifactName, date, id, issuesOf, phase } from './fields-schema.js';
import { AGENT_NAME, CONTRACT_REF, FORMAT_NAME, HANDOFF_ID, PROCEDURE_ID, SESSION_ID, fileKey } from './ids.js';
import { REQUEST_LIMIT, type NormalRequest, type Party, type Priority, type WrittenRequest } from './request.js';
import { triggerSchema } from './trigger-schema.js';
import { NOT_UNICODE, isUnicode } from './json/unicode.js';

/** Levels of nesting of one request. */
export const DEPTH_LIMIT = 64;

const party = z
  .strictObject({ agent: id(AGENT_NAME, 'an agent name').optional(), phase: phase.optional() })
  .refine((p) => p.agent !== undefined || p.phase !== undefined, 'name an agent, a phase, or both')
  .meta({ anyOf: [{ required: ['agent'] }, { required: ['phase'] }] });

const format = id(FORMAT_NAME, 'a format, such as json');
const artifact = z.strictObject({
  name: artifactName,
  path: z
    .string()
    .min(1)
    .max(4096)
    .refine((p) => !p.includes('\0'), 'must not contain NUL')
    .meta({ pattern: String.raw`^[^\x00]+$` }),
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
  .refine((k) => !/[\u0000-\u001f]/.test(k), 'must not contain control characters')
  .meta({ pattern: String.raw`^[^\x00-\x1f]+$` });

/** What it says is looked at once the request has been found to be new. */
const contract = z.union([id(CONTRACT_REF, 'a contract id, or id@version'), z.record(z.string(), z.json())], {
  error: 'must be a contract document, or the id of one in the registry',
});

const shape = z.strictObject({
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
  contract: contract.optional(),
  trigger: triggerSchema.optional(),
  artifacts: z.array(artifact).max(10_000).optional(),
  context: z.record(contextKey, z.json()).optional(),
  contextVersions: z.record(contextKey, z.int().min(0)).optional(),
  instructions: z.json().optional(),
  trace: traceSchema.optional(),
  document: documentFields.optional(),
  metadata: z.record(z.string().max(256), z.json()).optional(),
});

type Shape = z.infer<typeof shape>;
function checkTogether(r: Omit<Shape, 'source' | 'target'>, ctx: z.RefinementCtx): void {
  if (r.expiresInMinutes !== undefined && r.expiresAt !== undefined) {
    ctx.addIssue({ code: 'custom', path: ['expiresAt'], message: 'give expiresAt or expiresInMinutes, not both' });
  }
  if (r.expiresAt && r.startAfter && r.expiresAt <= r.startAfter) {
    ctx.addIssue({ code: 'custom', path: ['expiresAt'], message: `must be after startAfter (${r.startAfter})` });
  }
  const names = new Map<string, number>();
  r.artifacts?.forEach((a, i) => {
    // File systems that ignore case would put both in one place.
    const key = fileKey(a.name);
    const first = names.get(key);
    if (first !== undefined)
      ctx.addIssue({ code: 'custom', path: ['artifacts', i, 'name'], message: `is the same as artifact ${first}` });
    names.set(key, i);
  });
}

/** A request's fields, as documentation shows them; a contract may name the parties. */
export const requestFields = shape.partial({ source: true, target: true });

const requestSchema = shape.superRefine(checkTogether);
/** Where there is a contract, it may name both parties. */
const contractedSchema = requestFields.superRefine(checkTogether);

/** Throws INPUT_TOO_LARGE or INVALID_REQUEST where a value is no JSON of a bounded size and depth. */
export function checkBounds(value: unknown, what: string): void {
  let nodes = 0;
  const look = (v: unknown, at: string, level: number): void => {
    if (typeof v === 'bigint') throw notJson(at, 'a BigInt is not JSON');
    if (typeof v === 'string' && !isUnicode(v)) throw notJson(at, NOT_UNICODE);
    if (v === null || typeof v !== 'object') return;
    if (level >= DEPTH_LIMIT)
      throw notJson('', `${what} is nested more than ${DEPTH_LIMIT} levels deep (or refers to itself)`);
    // Each takes two bytes at least. An object that is referred to twice is written twice, so this also bounds the time.
    if (++nodes > REQUEST_LIMIT / 2) throw tooLarge(what, `more than ${REQUEST_LIMIT}`);
    for (const [key, child] of Object.entries(v)) {
      const place = `${at}/${key.slice(0, 60)}`;
      if (!isUnicode(key)) throw notJson(at, NOT_UNICODE);
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
export function parseRequest(input: unknown, now: number, newId: () => string): WrittenRequest {
  const given = asJson(input);
  checkBounds(given, 'The request');
  const contracted = (input as { contract?: unknown } | null | undefined)?.contract !== undefined;
  const parsed = (contracted ? contractedSchema : requestSchema).safeParse(given);
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
  const { source = {}, target = {} } = r;
  return JSON.parse(
    JSON.stringify({
      ...rest,
      source,
      target,
      handoffId,
      session: session ?? handoffId,
      type: type ?? (contracted ? undefined : defaultType(source, target)),
      priority: PRIORITIES[priority ?? 'normal'],
      acceptance: acceptance ?? 'explicit',
      clockWhilePaused: clockWhilePaused ?? 'stop',
      artifacts: artifacts ?? [],
      context: context ?? {},
      metadata: metadata ?? {},
    }),
  ) as WrittenRequest;
}

/** A request with its trace, and the deadline of its instructions, as JSON has them: a caller may have the objects. */
function asJson(input: unknown): unknown {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return input;
  const { trace, instructions } = input as { trace?: unknown; instructions?: { deadline?: unknown } | null };
  const { toJSON } = (trace ?? {}) as { toJSON?: unknown };
  const { deadline } = instructions ?? {};
  const isDate = deadline instanceof Date && !Number.isNaN(deadline.getTime());
  return {
    ...input,
    ...(typeof toJSON === 'function' ? { trace: toJSON.call(trace) as unknown } : {}),
    ...(isDate ? { instructions: { ...instructions, deadline: deadline.toISOString() } } : {}),
  };
}

const defaultType = (source: Party, target: Party): string =>
  source.agent && target.agent && !source.phase && !target.phase ? 'AGENT_HANDOFF' : 'PHASE_TRANSITION';

/**
 * A request with the parties that its contract names. Throws INVALID_REQUEST where both name one and they differ, and
 * where nobody names any.
 */
export function completeRequest(written: WrittenRequest, named: { source: Party; target: Party }): NormalRequest {
  const issues: Issue[] = [];
  const both = (where: 'source' | 'target', prefix: 'from' | 'to'): Party => {
    for (const field of ['agent', 'phase'] as const) {
      const [ours, theirs] = [written[where][field], named[where][field]];
      if (ours === undefined || theirs === undefined || ours === theirs) continue;
      const message = `the contract says ${theirs}, but /${where}/${field} of the request is ${ours}`;
      issues.push({ path: `/contract/${prefix}_${field}`, message });
    }
    const party = { ...named[where], ...written[where] };
    if (!party.agent && !party.phase)
      issues.push({ path: `/${where}`, message: 'name an agent, a phase, or both, here or in the contract' });
    return party;
  };
  const source = both('source', 'from');
  const target = both('target', 'to');
  if (issues.length > 0) throw invalidRequest(issues);
  return { ...written, source, target, type: written.type ?? defaultType(source, target) };
}

/** Throws INVALID_REQUEST for a request that came too late to be started; it may still name a handoff that is there. */
export function checkNotExpired({ expiresAt }: WrittenRequest, now: number): void {
  if (expiresAt && Date.parse(expiresAt) <= now)
    throw invalidRequest([{ path: '/expiresAt', message: `${expiresAt} is already over` }]);
}

const invalidRequest = (issues: Issue[]): HandoffError => invalid('INVALID_REQUEST', issues);
