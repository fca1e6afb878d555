import type { FastifyContextConfig } from 'fastify';
import { z } from 'zod';
import { ERRORS, type ErrorCode } from '../core/errors.js';
import type { Act } from '../core/service/policy.js';

/** What a document says of a whole group of routes. */
export const TAGS = {
  reports: 'Reports, their review and their sign-off',
  dashboard: 'Numbers about reports',
  handoffs: 'Handoffs: start, look, steer, repair',
  pipelines: 'Pipelines of phases',
  registry: 'Agents, contracts, procedures',
  artifacts: 'What was handed over, and where it is',
  events: 'Events, webhooks, and what waits for you',
  security: 'Sessions, API keys, the audit log',
  health: 'Whether the service is up',
} as const;

/** An answer that is not JSON, by its media types. */
export interface MediaAnswer {
  description?: string;
  content: Record<string, { schema: z.ZodType }>;
}

/** All that is to be known of a route. What is not declared here, it may not do: see {@link route}. */
export interface RouteSpec {
  /** A few words, for the list of routes. */
  summary: string;
  details?: string;
  tag: keyof typeof TAGS;
  /** What it does, as the policy table names it: keys without a fitting role are refused before the body is read. */
  act?: Act;
  /** Needs no key. */
  public?: true;
  params?: z.ZodType;
  querystring?: z.ZodType;
  headers?: z.ZodType;
  body?: z.ZodType;
  /** Of a body that is bytes: the media types that it may have. */
  bodyMedia?: readonly string[];
  /** The good answers, by status. */
  success: Record<number, z.ZodType | MediaAnswer>;
  /** The errors that it can answer beside those that follow from the rest (400, 401, 403, 413, 415, 429, 5xx). */
  problems?: readonly ErrorCode[];
  /** Of a public route: is not counted, for probes, which must not be told to come later. */
  unlimited?: true;
  /** Does nothing, though it is a POST: not for the audit log. */
  looks?: true;
  /** A write that takes no `Idempotency-Key`. */
  notIdempotent?: true;
  /** Writes by cookie from anywhere: only for what makes the cookie. */
  anyOrigin?: true;
}

export const isPublic = ({ public: open, spec }: FastifyContextConfig): boolean => Boolean(open ?? spec?.public);

type Inputs<S> = Pick<S, Extract<keyof S, 'params' | 'querystring' | 'headers' | 'body'>>;

/**
 * The options of a route, for `app.get(path, route({…}), handler)`. Every route has one: from it follow who may call it,
 * what it takes, what it answers, and its place in the OpenAPI document. A handler answers what `success` has, and throws
 * a HandoffError for everything else.
 */
export function route<const S extends RouteSpec>(
  spec: S,
): { config: { spec: S }; schema: Inputs<S> & { response: S['success'] } } {
  const { params, querystring, headers, body, success } = spec;
  const inputs = Object.entries({ params, querystring, headers, body }).filter(([, schema]) => schema !== undefined);
  // One that takes no parameters refuses those that are sent.
  const strict = querystring ? {} : { querystring: z.strictObject({}) };
  const schema = { ...strict, ...Object.fromEntries(inputs), response: success };
  return { config: { spec }, schema: schema as unknown as Inputs<S> & { response: S['success'] } };
}

/** What one route can answer that is no success: statuses, with the codes that are known for each. */
export function problemsOf(spec: RouteSpec, method: string): Map<number, ErrorCode[]> {
  const found = new Map<number, ErrorCode[]>();
  const codes: ErrorCode[] = [...(spec.problems ?? [])];
  const takesBody = spec.body !== undefined || spec.bodyMedia !== undefined;
  const writes = !['GET', 'HEAD'].includes(method);
  codes.push('INVALID_INPUT', 'INTERNAL', 'TEMPORAL_UNREACHABLE');
  if (!spec.unlimited) codes.push('RATE_LIMITED');
  if (!spec.public) codes.push('UNAUTHENTICATED');
  if (spec.act || (writes && !spec.public)) codes.push('FORBIDDEN');
  // A body that nobody asked for is looked at all the same.
  if (takesBody || writes) codes.push('INPUT_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE', 'INVALID_JSON');
  if (writes && !spec.public && !spec.notIdempotent) codes.push('IDEMPOTENCY_KEY_USED', 'IDEMPOTENCY_IN_FLIGHT');
  if (spec.act && /^(handoff|report)\./.test(spec.act)) codes.push('DEADLINE_EXCEEDED');
  for (const code of new Set(codes)) {
    const status = ERRORS[code].http;
    found.set(status, [...(found.get(status) ?? []), code]);
  }
  return found;
}
