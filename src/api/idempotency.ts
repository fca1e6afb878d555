import type { FastifyReply, FastifyRequest } from 'fastify';
import { sha256 } from '../core/digest.js';
import { HandoffError, invalid } from '../core/errors.js';
import type { IdempotencyKeys } from '../storage/idempotency.js';
import type { Api } from './deps.js';
import { isPublic } from './route.js';

/** Printable ASCII. */
const KEY = /^[\x21-\x7e]{1,200}$/;
/** Headers that belong to an answer, and are given again with it. */
const KEPT = ['content-type', 'etag', 'location', 'cache-control'] as const;
/** The largest answer that is kept, characters. */
const KEPT_MAX = 16 * 1024 * 1024;

const taken = new WeakMap<FastifyRequest, string>();

/** The key that a write names, for what it calls; undefined where it names none. Throws INVALID_INPUT. */
export function idempotencyKeyOf(request: FastifyRequest): string | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key !== 'string' || !KEY.test(key)) {
    throw invalid('INVALID_INPUT', [{ path: 'idempotency-key', message: 'is not 1 to 200 printable characters' }]);
  }
  return key;
}

/** Writes that name themselves are answered once: hooks of every route but those that opt out. */
export function answerOnce(app: Api, keys: IdempotencyKeys): void {
  app.addHook('preHandler', async (request, reply) => {
    const { config } = request.routeOptions;
    if (['GET', 'HEAD', 'OPTIONS'].includes(request.method) || isPublic(config)) return;
    const key = idempotencyKeyOf(request);
    if (key === undefined || config.spec?.notIdempotent) return;
    const begun = await keys.begin(request.actor.by, key, fingerprintOf(request));
    if (begun.is === 'other') throw new HandoffError('IDEMPOTENCY_KEY_USED', { key });
    if (begun.is === 'in_flight') throw new HandoffError('IDEMPOTENCY_IN_FLIGHT', { key });
    if (begun.is === 'answered') {
      const { status, headers, body } = begun.answer;
      return reply.code(status).headers(headers).header('idempotency-replayed', 'true').send(body);
    }
    taken.set(request, key);
    return undefined;
  });
  app.addHook('onSend', async (request, reply, payload) => {
    const key = taken.get(request);
    if (key === undefined) return;
    taken.delete(request);
    const body = payload === undefined || payload === null ? '' : payload;
    // What failed here can go well the next time; what is no text, or refused only for now, is made again.
    const again = reply.statusCode >= 500 || typeof body !== 'string' || body.length > KEPT_MAX;
    const { by } = request.actor;
    if (again) await keys.forget(by, key);
    else await keys.answered(by, key, { status: reply.statusCode, headers: headersOf(reply), body });
  });
}

const headersOf = (reply: FastifyReply): Record<string, string> =>
  Object.fromEntries(
    KEPT.flatMap((name) => {
      const value = reply.getHeader(name);
      return value === undefined ? [] : [[name, String(value)]];
    }),
  );

/**
 * What tells a request from another: its method, path, precondition, media type and body; and the rights that it was answered to, for an
 * agent may have keys with more and with fewer.
 */
function fingerprintOf(request: FastifyRequest): string {
  const { body, actor } = request;
  const content = Buffer.isBuffer(body) ? sha256(body) : (JSON.stringify(body) ?? '');
  const rights = actor.roles.toSorted().join(' ');
  const { 'if-match': precondition = '', 'content-type': media = '' } = request.headers;
  return sha256([rights, request.method, request.url, precondition, media, content].join('\n'));
}
