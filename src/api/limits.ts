import rateLimit from '@fastify/rate-limit';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { HandoffError } from '../core/errors.js';
import type { ServiceSettings } from '../core/service/settings.js';
import type { Api } from './deps.js';
import { parseBody } from './json.js';

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

/** JSON and nothing else, unless a route adds to it. */
export function onlyJson(app: Api): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) =>
    parseBody(body),
  );
}
