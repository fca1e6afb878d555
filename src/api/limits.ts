import rateLimit from '@fastify/rate-limit';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { HandoffError, invalid } from '../core/errors.js';
import type { ServiceSettings } from '../core/service/settings.js';
import type { Api } from './deps.js';

/** How deep a body may be nested: what walks it later must not run out of stack. */
const DEPTH = 100;
const MINUTE_MS = 60_000;

/** Counts a request; throws RATE_LIMITED where there were too many in this minute. */
export type Limit = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

/** Counts requests by key, and by address of those without one. */
export async function limits(app: Api, settings: ServiceSettings): Promise<{ perKey: Limit; perAddress: Limit }> {
  const max = settings.rateLimitPerMinute;
  if (!app.hasDecorator('createRateLimit')) await app.register(rateLimit, { global: false });
  const by = (keyGenerator?: (request: FastifyRequest) => string): Limit => {
    if (max === 0) return async () => {};
    const count = app.createRateLimit({ max, timeWindow: MINUTE_MS, ...(keyGenerator ? { keyGenerator } : {}) });
    return async (request, reply) => {
      const found = await count(request);
      if (found.isAllowed) return;
      void reply.headers({
        'ratelimit-limit': found.max,
        'ratelimit-remaining': found.remaining,
        'ratelimit-reset': found.ttlInSeconds,
      });
      if (!found.isExceeded) return;
      throw new HandoffError('RATE_LIMITED', { limit: max, seconds: Math.max(1, found.ttlInSeconds) });
    };
  };
  return { perKey: by((request) => request.actor.keyId), perAddress: by() };
}

/** JSON and nothing else, unless a route adds to it; a field such as `__proto__` is refused, and so is what is nested too deep. */
export function onlyJson(app: Api): void {
  app.removeAllContentTypeParsers();
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    const text = String(body);
    // Some send the header with every request.
    if (text === '') return done(null, undefined);
    if (isDeeper(text, DEPTH)) {
      const message = `is nested deeper than ${DEPTH} levels`;
      return done(invalid('INVALID_INPUT', [{ path: '', message }]), undefined);
    }
    return void parse(request, text, done);
  });
}

const QUOTE = 34;
const BACKSLASH = 92;
const OPENING: ReadonlySet<number> = new Set([91, 123]);
const CLOSING: ReadonlySet<number> = new Set([93, 125]);

/** Before it is parsed, and without recursion. */
function isDeeper(text: string, limit: number): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) i = endOfString(text, i);
    else if (OPENING.has(c)) {
      if (++depth > limit) return true;
    } else if (CLOSING.has(c)) depth--;
  }
  return false;
}

function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return end;
    end = text.indexOf('"', end + 1);
  }
  return text.length;
}
