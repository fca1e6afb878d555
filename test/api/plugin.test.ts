import cookie from '@fastify/cookie';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import fastify from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { handoffApi, PREFIX } from '../../src/api/index.js';
import { DEFAULT_SETTINGS } from '../../src/core/service/settings.js';
import { Rig } from '../rig/rig.js';

let rig: Rig;
let key: string;
beforeAll(async () => {
  rig = await Rig.create({ start: false });
  await rig.client.agents.add({ name: '@root' });
  key = (await rig.storage.keys.create('@root', ['admin'])).secret;
});
afterAll(() => rig.close());

const options = (prefix: string) => ({
  prefix,
  client: rig.client,
  storage: rig.storage,
  settings: { ...DEFAULT_SETTINGS, rateLimitPerMinute: 4 },
});

test('an application of a user keeps its own parsers, errors, methods and headers', async () => {
  const app = fastify();
  app.setErrorHandler((error, _request, reply) => reply.code(418).send({ mine: (error as Error).message }));
  app.get('/mine', () => {
    throw new Error('own');
  });
  app.post('/text', (request) => ({ got: request.body }));
  await app.register(handoffApi, options('/tools'));
  await app.register(handoffApi, options('/again'));
  try {
    const ask = (method: 'GET' | 'POST' | 'PUT', url: string, headers = {}) =>
      app.inject({ method, url, headers: { ...headers }, ...(method === 'POST' ? { payload: 'x' } : {}) });
    for (let i = 0; i < 5; i++) expect((await ask('GET', '/mine')).json()).toEqual({ mine: 'own' });
    const text = await ask('POST', '/text', { 'content-type': 'text/plain' });
    expect(text.json()).toEqual({ got: 'x' });
    expect(text.headers).not.toHaveProperty('content-security-policy');
    expect(text.headers).not.toHaveProperty('cache-control');
    expect((await ask('PUT', '/text')).statusCode).toBe(404);
    expect((await ask('GET', '/nope')).json()).toMatchObject({ error: 'Not Found' });
    expect((await ask('GET', `${PREFIX}/session`)).statusCode).toBe(404);

    const session = await ask('GET', `/tools${PREFIX}/session`, { authorization: `Bearer ${key}` });
    expect(session.json()).toMatchObject({ agent: '@root' });
    expect(session.headers).toHaveProperty('content-security-policy');
    const none = await ask('GET', `/tools${PREFIX}/session`);
    expect(none.json()).toMatchObject({ code: 'UNAUTHENTICATED', type: '/tools/docs/errors#unauthenticated' });
    expect((await ask('GET', `/tools${PREFIX}/nope`)).json()).toMatchObject({ code: 'NOT_FOUND' });
    expect((await ask('PUT', `/tools${PREFIX}/session`)).json()).toMatchObject({ code: 'METHOD_NOT_ALLOWED' });
    const document = (await ask('GET', '/again/openapi.json')).json<{ servers: object; paths: object }>();
    expect(document.servers).toEqual([{ url: '/again' }]);
    expect(Object.keys(document.paths)).toContain(`${PREFIX}/session`);
    expect(Object.keys(document.paths).some((p) => p.startsWith('/again') || p.startsWith('/tools'))).toBe(false);
    expect((await ask('GET', '/tools/docs')).statusCode).toBe(200);
  } finally {
    await app.close();
  }
});

test('it is at home where the application has the same plugins already', async () => {
  const app = fastify();
  await app.register(cookie);
  await app.register(helmet);
  await app.register(rateLimit, { global: false });
  await app.register(swagger, { openapi: { info: { title: 'mine', version: '7' } } });
  await app.register(swaggerUi);
  app.get(
    '/mine',
    { schema: { querystring: { type: 'object', properties: { a: { type: 'string' } } } } },
    () => 'mine',
  );
  await app.register(handoffApi, options('/tools'));
  try {
    const session = await app.inject({ url: `/tools${PREFIX}/session`, headers: { authorization: `Bearer ${key}` } });
    expect(session.json()).toMatchObject({ agent: '@root' });
    expect(Object.keys(app.swagger().paths ?? {})).toEqual(['/mine']);
    const ours = await app.inject('/tools/openapi.json');
    expect(ours.json()).toMatchObject({ info: { title: 'handoff' } });
  } finally {
    await app.close();
  }
});
