import type { CookieSerializeOptions } from '@fastify/cookie';
import { z } from 'zod';
import { HandoffError } from '../../core/errors.js';
import { COOKIE, isSameOrigin } from '../auth.js';
import type { Routes } from '../deps.js';
import { route } from '../route.js';

const SESSION = z.object({
  agent: z.string(),
  roles: z.array(z.string()),
  key_id: z.string(),
  expires_at: z.iso.datetime().optional().describe('Where you are logged in by cookie: when that ends.'),
});

/** The page's session: an API key is sent once, and a cookie that no script can read stands for it. */
export const sessionRoutes: Routes = (app, { storage }) => {
  const cookieFor = (secure: boolean): CookieSerializeOptions => ({
    path: '/',
    httpOnly: true,
    sameSite: 'strict',
    secure,
  });
  app.post(
    '/session',
    route({
      summary: 'Log in: an API key for a cookie',
      details: 'For pages of this service. The cookie is HttpOnly and SameSite=Strict, and ends with its key.',
      tag: 'security',
      public: true,
      body: z.strictObject({ api_key: z.string().min(1).max(200) }),
      success: { 201: SESSION },
      problems: ['UNAUTHENTICATED', 'FORBIDDEN'],
    }),
    async (request, reply) => {
      // Another site could log somebody in as somebody else.
      if (request.headers.origin !== undefined && !isSameOrigin(request)) {
        const why = 'only the page of this service may';
        throw new HandoffError('FORBIDDEN', { actor: 'Another site', act: 'log in here', why });
      }
      const key = await storage.keys.verify(request.body.api_key);
      if (!key) throw new HandoffError('UNAUTHENTICATED', { why: 'The one that was sent is not good (any more).' });
      const { secret, expiresAt } = await storage.logins.begin(key);
      const secure = request.protocol === 'https';
      void reply.setCookie(COOKIE, secret, { ...cookieFor(secure), expires: new Date(expiresAt) });
      const session = { agent: key.agent, roles: rolesOf(key.roles), key_id: key.id };
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send({ ...session, expires_at: new Date(expiresAt).toISOString() });
    },
  );
  app.get(
    '/session',
    route({ summary: 'Who you are', tag: 'security', success: { 200: SESSION } }),
    async ({ actor, cookies, headers }) => {
      const cookie = headers.authorization === undefined ? cookies[COOKIE] : undefined;
      const login = cookie === undefined ? undefined : await storage.logins.find(cookie);
      const expires = login ? { expires_at: new Date(login.loginEnds).toISOString() } : {};
      return { agent: actor.by, roles: [...actor.roles], key_id: actor.keyId, ...expires };
    },
  );
  app.delete(
    '/session',
    route({ summary: 'Log out', tag: 'security', notIdempotent: true, success: { 204: z.undefined() } }),
    async (request, reply) => {
      const cookie = request.cookies[COOKIE];
      if (cookie !== undefined) await storage.logins.end(cookie);
      return reply
        .clearCookie(COOKIE, cookieFor(request.protocol === 'https'))
        .code(204)
        .send();
    },
  );
};

const rolesOf = (roles: string[]): string[] => [...new Set([...roles, 'agent'])];
