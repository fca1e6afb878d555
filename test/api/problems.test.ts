import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Routes } from '../../src/api/deps.js';
import { route } from '../../src/api/route.js';
import { HandoffError } from '../../src/core/errors.js';
import { ApiRig, P } from './rig.js';

const SECRET = '/home/operator/secret.pem';

/** Routes that fail in ways that ours should not. */
const failing: Routes = (app) => {
  const success = { 200: z.strictObject({ ok: z.boolean() }) };
  const common = { summary: 'For this test', tag: 'health', success } as const;
  app.get('/breaks', route(common), () => {
    throw new Error(`cannot open ${SECRET}`);
  });
  app.get('/damaged', route(common), () => {
    throw new HandoffError('STORAGE_DAMAGED', { where: SECRET, why: 'it is torn' });
  });
  app.get('/no-worker', route(common), () => {
    throw new HandoffError('NO_WORKER', { queue: 'handoff', namespace: 'default' });
  });
  app.get('/another-form', route(common), () => ({ ok: SECRET }) as never);
  app.post(
    '/echo/:name',
    route({
      ...common,
      params: z.object({ name: z.string().max(5) }),
      querystring: z.strictObject({ limit: z.coerce.number().int().min(1).default(10) }),
      body: z.strictObject({ a: z.strictObject({ b: z.array(z.number()) }) }),
    }),
    () => ({ ok: true }),
  );
};

let api: ApiRig;
let key: string;
beforeAll(async () => {
  api = await ApiRig.create({ maxReportBytes: 10_000 }, { start: false }, { more: [failing] });
  key = await api.key('@root', 'admin');
});
afterAll(() => api.close());

const good = { a: { b: [1] } };

describe('bad input is told with its place', () => {
  test.each([
    ['a field of another type', 'echo/x', { a: { b: [1, 'two'] } }, '/a/b/1', 'expected number'],
    ['a field that is missing', 'echo/x', {}, '/a', 'expected object'],
    ['a field that is unknown', 'echo/x', { a: { b: [], c: 1 } }, '/a', 'Unrecognized key: "c"'],
    ['a body that is a list', 'echo/x', [], '', 'expected object'],
    ['no body', 'echo/x', '', '', 'expected object'],
    ['a parameter of another type', 'echo/x?limit=many', good, 'limit', 'expected number'],
    ['a parameter that is given twice', 'echo/x?limit=1&limit=2', good, 'limit', 'expected number'],
    ['a parameter that is unknown', 'echo/x?lim=1', good, 'querystring', 'Unrecognized key: "lim"'],
    ['a name that is too long', 'echo/abcdef', good, 'name', 'Too big'],
  ])('%s', async (_, path, body, where, message) => {
    const answer = await api.ask('POST', path, { key, body });
    const errors = [{ path: where, message: expect.stringContaining(message) as unknown }];
    expect(answer).toMatchObject({ status: 400, body: { status: 400, code: 'INVALID_INPUT', errors } });
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  });

  test.each([
    ['no JSON', '{"a":', 400, 'INVALID_JSON'],
    ['a prototype', '{"__proto__": {"admin": true}}', 400, 'INVALID_INPUT'],
    ['a constructor', '{"constructor": {"prototype": {"admin": true}}}', 400, 'INVALID_INPUT'],
    ['a hundred levels', `${'['.repeat(101)}${']'.repeat(101)}`, 400, 'INVALID_INPUT'],
    ['levels that never end', '['.repeat(9_000), 400, 'INVALID_INPUT'],
    ['too much', `"${'x'.repeat(10_001)}"`, 413, 'INPUT_TOO_LARGE'],
  ])('%s', async (_, body, status, code) => {
    const answer = await api.ask('POST', 'echo/x', { key, body });
    expect(answer).toMatchObject({ status, body: { status, code } });
  });

  test('too much that does not say how much it is', async () => {
    async function* parts() {
      for (let i = 0; i < 20; i++) yield new TextEncoder().encode('x'.repeat(1000));
    }
    const response = await fetch(`${api.url}${P}/echo/x`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: parts() as never,
      duplex: 'half',
    } as never);
    expect({ status: response.status, body: await response.json() }).toMatchObject({
      status: 413,
      body: { detail: expect.stringContaining('The body is more than 10000 bytes') as unknown },
    });
  });

  test('brackets within texts are no levels', async () => {
    const body = `{"a":{"b":[1]},"c":"${'\\"[{\\\\'.repeat(200)}"}`;
    expect(await api.ask('POST', 'echo/x', { key, body })).toMatchObject({
      status: 400,
      body: { errors: [{ message: 'Unrecognized key: "c"' }] },
    });
  });

  test.each(['text/plain', 'application/xml', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])(
    'a body of the type %s',
    async (type) => {
      const answer = await api.ask('POST', 'echo/x', { key, body: 'a=1', headers: { 'content-type': type } });
      expect(answer).toMatchObject({ status: 415, body: { code: 'UNSUPPORTED_MEDIA_TYPE' } });
      expect(answer.body.detail).toContain('send application/json');
    },
  );

  test('what is no HTTP, and a head that is too long', async () => {
    const raw = (text: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connect(Number(new URL(api.url).port), '127.0.0.1');
        let got = '';
        socket.on('data', (chunk: Buffer) => void (got += chunk.toString()));
        socket.once('close', () => resolve(got)).once('error', reject);
        socket.write(text);
      });
    expect(await raw('HELLO\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 [^]*"code":"INVALID_INPUT"/);
    expect(await raw(`GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 431 [^]*"code":"INPUT_TOO_LARGE"/,
    );
  });
});

describe('paths and methods', () => {
  test.each(['/nope', '/api/v1/agent-handoff', `${P}/nope`, `${P}/echo`, `${P}/echo/${'x'.repeat(600)}`, '/%zz'])(
    'nothing is at %s',
    async (path) => {
      const answer = await api.ask('GET', path);
      expect(answer).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    },
  );

  test.each(['GET', 'PUT', 'PATCH', 'DELETE'])('%s is refused where only POST is', async (method) => {
    const body = method === 'GET' ? {} : { body: '{' };
    const answer = await api.ask(method, 'echo/x', { key, ...body });
    expect(answer).toMatchObject({ status: 405, body: { code: 'METHOD_NOT_ALLOWED' } });
    expect(answer.headers.get('allow')).toBe('POST, OPTIONS');
  });

  test('OPTIONS says what there is, HEAD what GET would', async () => {
    const options = await api.ask('OPTIONS', 'health/live');
    expect([options.status, options.headers.get('allow')]).toEqual([204, 'GET, HEAD, OPTIONS']);
    const head = await api.ask('HEAD', 'health/live');
    expect([head.status, head.headers.get('content-length'), head.text]).toEqual([200, '15', '']);
  });
});

describe('what fails inside', () => {
  test.each([
    ['breaks', 500, 'INTERNAL'],
    ['damaged', 500, 'STORAGE_DAMAGED'],
    ['another-form', 500, 'INTERNAL'],
  ])('%s: is told without a word of the inside, which is in the log', async (path, status, code) => {
    api.logged.length = 0;
    const answer = await api.ask('GET', path, { key });
    expect(answer).toMatchObject({
      status,
      body: { code, detail: expect.stringContaining('its log says why') as unknown },
    });
    expect(answer.text).not.toContain('secret');
    expect(answer.text).not.toContain('.ts');
    const [line = '', ...more] = api.logged;
    expect(more).toEqual([]);
    expect(JSON.parse(line)).toMatchObject({ req: { method: 'GET', route: `${P}/${path}` } });
    expect(line).not.toContain(key.slice(-43));
  });

  test('that no worker answers is told, with what to do', async () => {
    const answer = await api.ask('GET', 'no-worker', { key });
    expect(answer).toMatchObject({ status: 503, body: { code: 'NO_WORKER', retryable: true } });
    expect(answer.body.detail).toContain('Start one');
  });
});

test('every answer says how a browser is to hold it; nothing is open to other origins', async () => {
  const { headers } = await api.ask('GET', 'session', { key, headers: { origin: 'https://other.example' } });
  const policy = headers.get('content-security-policy');
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src 'self';");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(headers.get('access-control-allow-origin')).toBeNull();
  expect(headers.get('cache-control')).toBe('private, no-cache');
});

test('each type of problem leads to what is said of it', async () => {
  const { body } = await api.ask('GET', 'nope');
  const [path = '', anchor = ''] = body.type.split('#');
  const { status, text } = await api.ask('GET', path);
  expect(status).toBe(200);
  expect(text).toContain(`<h3 id="${anchor}">NOT_FOUND</h3>`);
  expect(text).not.toMatch(/<script|\]\(/);
});
