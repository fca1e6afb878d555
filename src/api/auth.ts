import type { FastifyRequest } from 'fastify';
import { HandoffError } from '../core/errors.js';
import {
  ACT_WORDS,
  POLICY,
  refuseAct,
  type About,
  type Act,
  type Permission,
  type Relation,
} from '../core/service/policy.js';
import type { ApiKey } from '../storage/keys.js';
import type { Storage } from '../storage/storage.js';
import type { Caller } from './deps.js';

/** The page's session. */
export const COOKIE = 'handoff_session';

/** The secret that a request carries in its `Authorization` header; undefined where it has none. */
function bearerOf(request: FastifyRequest): string | undefined {
  const [scheme, secret = '', more] = (request.headers.authorization ?? '').trim().split(/ +/);
  return scheme?.toLowerCase() === 'bearer' && more === undefined ? secret : undefined;
}

/** Who asks, by key or else by cookie. Throws UNAUTHENTICATED; FORBIDDEN for a write by cookie from another site. */
export async function authenticate(request: FastifyRequest, storage: Storage, anyOrigin = false): Promise<Caller> {
  const header = request.headers.authorization;
  if (header !== undefined) {
    const key = await storage.keys.verify(bearerOf(request) ?? '');
    if (!key) throw new HandoffError('UNAUTHENTICATED', { why: 'The one that was sent is not good (any more).' });
    return callerOf(key, request, storage);
  }
  const cookie = request.cookies[COOKIE];
  if (!cookie) throw new HandoffError('UNAUTHENTICATED');
  const key = await storage.logins.find(cookie);
  if (!key) throw new HandoffError('UNAUTHENTICATED', { why: 'You are not logged in any more.' });
  const caller = callerOf(key, request, storage);
  if (!anyOrigin && !['GET', 'HEAD'].includes(request.method) && !isSameOrigin(request)) {
    // So that the log says who.
    request.actor = caller;
    throw new HandoffError('FORBIDDEN', {
      actor: caller.by,
      act: 'write by cookie from another site',
      why: 'the page of this service may, others send an API key',
    });
  }
  return caller;
}

function callerOf(key: ApiKey, request: FastifyRequest, storage: Storage): Caller {
  // Nobody waits for it, and nobody fails with it.
  storage.keys.used(key).catch(() => {});
  const roles = [...new Set([...key.roles, 'agent'])];
  return { by: key.agent, roles, from: request.ip, keyId: key.id };
}

/** Whether a request comes from this service's own pages, as the browser says it. Without a word of it: no. */
export function isSameOrigin(request: FastifyRequest): boolean {
  const site = request.headers['sec-fetch-site'];
  const { origin } = request.headers;
  if (site !== undefined && site !== 'same-origin') return false;
  if (origin === undefined) return site === 'same-origin';
  try {
    return new URL(origin).host === request.host;
  } catch {
    return false;
  }
}

const RELATIONS: readonly Relation[] = ['owner', 'not_owner', 'source', 'target', 'party', 'self'];

/** Refuses those whose roles would not do, whatever they are to the thing: before its body is read. Throws FORBIDDEN. */
export function requireRole(request: FastifyRequest, act: Act): void {
  if (refuseAct(act, request.actor.roles, { relations: RELATIONS }) === 'role') throw forbidden(request, act, 'role');
}

/**
 * Asks the policy table whether who asks may do this. What they may not even know of, a route answers as not found
 * instead: it asks {@link may}. Throws FORBIDDEN, with the reason in words.
 */
export function allow(request: FastifyRequest, act: Act, about: About = {}): void {
  const refusal = refuseAct(act, request.actor.roles, about);
  if (refusal) throw forbidden(request, act, refusal);
}

export const may = (request: FastifyRequest, act: Act, about: About = {}): boolean =>
  refuseAct(act, request.actor.roles, about) === undefined;

const NEEDED: Record<Relation, string> = {
  owner: 'only who wrote it may',
  not_owner: 'who wrote it may not',
  source: 'only the agent that hands it over may',
  target: 'only the agent that it is handed to may',
  party: 'only its source and its target may',
  self: 'only that agent itself may',
};

function forbidden(request: FastifyRequest, act: Act, refusal: 'role' | 'relation' | 'state'): HandoffError {
  const permissions: readonly Permission[] = POLICY[act];
  const roles = [...new Set(permissions.flatMap((p) => p.roles))];
  const relations = [...new Set(permissions.flatMap((p) => p.relation ?? []))];
  const states = [...new Set(permissions.flatMap((p) => p.states ?? []))];
  const why = {
    role: `one of these roles is needed: ${roles.join(', ')}`,
    relation: relations.map((r) => NEEDED[r]).join('; ') || 'it is not theirs',
    state: `it is possible only while it is ${states.join(', ')}`,
  }[refusal];
  return new HandoffError('FORBIDDEN', { actor: request.actor.by, act: ACT_WORDS[act], why });
}
