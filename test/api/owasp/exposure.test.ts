import { createConnection } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiRig, P } from '../rig.js';

let api: ApiRig;
let admin: string;
let agent: string;

beforeAll(async () => {
  api = await ApiRig.create({ maxReportBytes: 100_000 });
  admin = await api.key('@admin', 'admin');
  agent = await api.key('@agent-1');
});
afterAll(() => api.close());

interface Document {
  paths: Record<string, Record<string, { responses: Record<string, unknown>; security?: unknown[] }>>;
}
const documentOf = async (): Promise<Document> => (await api.ask<Document>('GET', '/openapi.json')).body;
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
const filled = (path: string): string => path.replaceAll(/\{[^}]+\}/g, 'x1');

describe('API2: who asks', () => {
  test('every documented route but the public ones answers 401 without a key, and says nothing more', async () => {
    const { paths } = await documentOf();
    const open = new Set<string>();
    const wrong: string[] = [];
    for (const [path, item] of Object.entries(paths)) {
      for (const method of METHODS) {
        const operation = item[method.toLowerCase()];
        if (!operation) continue;
        const { status, text } = await api.ask(method, filled(path));
        if (operation.security?.length === 0 || !operation.responses['401']) open.add(`${method} ${path}`);
        else if (status !== 401 || !text.includes('UNAUTHENTICATED')) wrong.push(`${method} ${path} ${status}`);
      }
    }
    expect(wrong).toEqual([]);
    expect([...open].toSorted()).toEqual([
      `GET ${P}/health`,
      `GET ${P}/health/live`,
      `GET ${P}/health/ready`,
      `POST ${P}/session`,
    ]);
  });

  test.each([
    ['no key at all', {}],
    ['an empty one', { authorization: 'Bearer ' }],
    ['another scheme', { authorization: `Basic ${Buffer.from('admin:admin').toString('base64')}` }],
    ['one with a word more', { authorization: 'Bearer hk_0000000000000000_x y' }],
    ['a made-up one', { authorization: `Bearer hk_0000000000000000_${'A'.repeat(43)}` }],
    ['SQL', { authorization: "Bearer ' or 1=1 --" }],
    ['a JWT without a signature', { authorization: 'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJAYWRtaW4ifQ.' }],
    ['a cookie that nobody gave', { cookie: 'handoff_session=admin' }],
    ['a very long one', { authorization: `Bearer ${'x'.repeat(8000)}` }],
  ] as [string, Record<string, string>][])('%s is 401', async (_what, headers) => {
    const { status, headers: said } = await api.ask('GET', 'reports', { headers });
    expect(status).toBe(401);
    expect(said.get('www-authenticate')).toContain('Bearer');
  });

  test('a key in the address is none, and is not written down', async () => {
    expect((await api.ask('GET', `reports?api_key=${agent}`)).status).toBe(401);
    expect((await api.ask('GET', `reports?access_token=${agent}`)).status).toBe(401);
    expect(api.logged.join('')).not.toContain(agent);
  });

  test('a bad key hides a good cookie, and an unknown key is told as a wrong one is', async () => {
    const [id] = /[0-9a-f]{16}/.exec(agent)!;
    const wrong = await api.ask('GET', 'reports', { key: `hk_${id}_${'A'.repeat(43)}` });
    const unknown = await api.ask('GET', 'reports', { key: `hk_${'0'.repeat(16)}_${'A'.repeat(43)}` });
    expect(wrong.text).toBe(unknown.text);
  });

  test('a revoked key is none at once', async () => {
    const { secret, key } = await api.rig.storage.keys.create('@agent-1', []);
    expect((await api.ask('GET', 'reports', { key: secret })).status).toBe(200);
    await api.rig.storage.keys.revoke(key.id);
    expect((await api.ask('GET', 'reports', { key: secret })).status).toBe(401);
  });
});

describe('API4: how much', () => {
  test('a body over the limit is 413, whether it says so or not', async () => {
    const body = { work_summary: 'x'.repeat(150_000) };
    expect((await api.ask('POST', 'reports', { key: agent, body })).status).toBe(413);
    const chunked = await new Promise<string>((resolve, reject) => {
      const { port } = new URL(api.url);
      const socket = createConnection({ host: '127.0.0.1', port: Number(port) });
      let text = '';
      socket.on('data', (d: Buffer) => (text += d.toString()));
      socket.on('close', () => resolve(text));
      socket.on('error', (e) => (text ? resolve(text) : reject(e)));
      socket.write(
        `POST ${P}/reports HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${agent}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n`,
      );
      const part = 'y'.repeat(16_000);
      for (let i = 0; i < 12; i++) socket.write(`${part.length.toString(16)}\r\n${part}\r\n`);
      socket.write('0\r\n\r\n');
    });
    expect(chunked).toMatch(/^HTTP\/1\.1 413 /);
  });

  test('what is nested without end is 400, soon', async () => {
    for (const body of ['['.repeat(40_000), `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`]) {
      const began = Date.now();
      expect((await api.ask('POST', 'reports', { key: agent, body })).status).toBe(400);
      expect(Date.now() - began).toBeLessThan(5000);
    }
  });

  test.each(['reports?limit=201', 'reports?limit=1e9', 'reports?limit=-1', 'reports?limit=0', 'audit?limit=100000'])(
    'a page has its limit: %s',
    async (path) => {
      expect((await api.ask('GET', path, { key: admin })).status).toBe(400);
    },
  );

  test('a list of very many, a text that is very long, and a number beyond all are 400', async () => {
    for (const change of [
      { achievements: Array.from({ length: 20_000 }, () => 'a') },
      { achievements: ['x'.repeat(90_000)] },
      { quality_score: 1e308 },
      { test_coverage_percentage: -1 },
    ]) {
      const about = { pipeline_id: 's', task_id: 't', work_summary: 'x'.repeat(60) };
      expect((await api.ask('POST', 'reports', { key: agent, body: { ...about, ...change } })).status).toBe(400);
    }
  });

  test('who asks too often is told when to come again; others are not held up by it', async () => {
    const few = await ApiRig.create({ rateLimitPerMinute: 5 }, { start: false });
    try {
      const [mine, theirs] = [await few.key('@mine'), await few.key('@theirs')];
      const codes: number[] = [];
      for (let i = 0; i < 8; i++) codes.push((await few.ask('GET', 'reports', { key: mine })).status);
      expect(codes).toEqual([200, 200, 200, 200, 200, 429, 429, 429]);
      const { headers } = await few.ask('GET', 'reports', { key: mine });
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
      expect((await few.ask('GET', 'reports', { key: theirs })).status).toBe(200);
      // Guessing is counted by address.
      const guesses: number[] = [];
      for (let i = 0; i < 8; i++) guesses.push((await few.ask('GET', 'reports', { key: `hk_bad${i}` })).status);
      expect(guesses.at(-1)).toBe(429);
    } finally {
      await few.close();
    }
  });
});

describe('API8: how it is set up', () => {
  test.each(['/', `${P}/reports`, `${P}/health`, '/openapi.json', '/docs', '/nowhere'])(
    '%s has the headers that browsers hold against',
    async (path) => {
      const { headers } = await api.ask('GET', path, { key: agent });
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
      expect(headers.get('referrer-policy')).toBeTruthy();
      expect(headers.get('x-powered-by')).toBeNull();
      expect(headers.get('server')).toBeNull();
    },
  );

  test('no other origin is let in unless set', async () => {
    const headers = { origin: 'https://evil.example' };
    const { headers: said } = await api.ask('GET', 'reports', { key: agent, headers });
    expect(said.get('access-control-allow-origin')).toBeNull();
    const preflight = await api.ask('OPTIONS', 'reports', {
      headers: { ...headers, 'access-control-request-method': 'POST' },
    });
    expect(preflight.headers.get('access-control-allow-origin')).toBeNull();
  });

  test('origins that are set are let in, others still not, and none by wildcard', async () => {
    const open = await ApiRig.create({ corsOrigins: ['https://good.example'] }, { start: false });
    try {
      const from = async (origin: string): Promise<string | null> =>
        (await open.ask('GET', 'health/live', { headers: { origin } })).headers.get('access-control-allow-origin');
      expect(await from('https://good.example')).toBe('https://good.example');
      for (const origin of ['https://evil.example', 'null', 'https://good.example.evil.example', 'http://good.example'])
        expect([
          origin,
          [null, 'https://good.example'].includes(await from(origin)) && (await from(origin)) !== origin,
        ]).toEqual([origin, true]);
    } finally {
      await open.close();
    }
  });

  test('errors tell nothing of the inside', async () => {
    for (const [method, path, body] of [
      ['GET', 'reports/%E0%A4%A'],
      ['GET', `reports/${'x'.repeat(3000)}`],
      ['POST', 'reports', '{"a":'],
      ['POST', 'reports', '\u0000'],
      ['GET', 'reports?cursor=AAAA'],
      ['GET', "reports?author='%20or%201=1"],
    ] as [string, string, string?][]) {
      const { status, text } = await api.ask(method, path, { key: agent, ...(body === undefined ? {} : { body }) });
      expect([path, status < 500]).toEqual([path, true]);
      expect(text).not.toMatch(/node_modules|\.ts:|\.js:|at \w+ \(|SQLITE|sqlite|kysely|fastify|\/tmp\/|stack/i);
    }
  });

  test('an answer is kept by no shared cache, and none with a key by any', async () => {
    expect((await api.ask('GET', 'reports', { key: agent })).headers.get('cache-control')).toMatch(/private|no-store/);
    const made = await api.ask('POST', 'agents/%40agent-1/keys', { key: admin, body: {} });
    expect([made.status, made.headers.get('cache-control')]).toEqual([201, 'no-store']);
    expect((await api.ask('GET', 'reports')).headers.get('cache-control')).toBe('no-store');
  });

  test('a media type that nobody asked for is 415, and a form from another site writes nothing', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/xml',
    ])
      expect(
        (await api.ask('POST', 'reports', { key: agent, body: 'a=b', headers: { 'content-type': type } })).status,
      ).toBe(415);
  });
});

describe('API9: what there is', () => {
  test('every path is below one version, or stands in the list of those at the top', async () => {
    const paths = Object.keys((await documentOf()).paths);
    expect(paths.length).toBeGreaterThan(20);
    expect(paths.filter((p) => !p.startsWith(`${P}/`) && p !== '/metrics')).toEqual([]);
  });

  test('a documented path answers every other method with 405 and what it has', async () => {
    for (const [path, item] of Object.entries((await documentOf()).paths)) {
      for (const method of METHODS.filter((m) => !item[m.toLowerCase()])) {
        const { status, headers } = await api.ask(method, filled(path), { key: admin });
        // A path with a name in it may be another one as well.
        if (status !== 405 && /\/x1/.test(filled(path))) continue;
        expect([method, path, status]).toEqual([method, path, 405]);
        expect(headers.get('allow')).toBeTruthy();
      }
    }
  });

  test.each([
    '/api',
    '/api/v1',
    '/api/v2/agent-handoff/reports',
    '/api/v0/agent-handoff/reports',
    '/agent-handoff/reports',
    `${P}/admin`,
    `${P}/debug`,
    `${P}/users`,
    `${P}/internal`,
    `${P}/reports/x/y/z`,
    `${P}/swagger.json`,
    `${P}/openapi.json`,
    '/.env',
    '/.git/config',
    '/package.json',
    '/handoff.db',
    '/audit-key.pem',
    '/../package.json',
    '/docs/../../package.json',
    '/docs/static/..%2f..%2fpackage.json',
    '/%2e%2e/package.json',
    '/server-status',
    '/actuator/env',
    '/graphql',
    '/debug/pprof',
  ])('%s is not there', async (path) => {
    const { status, text } = await api.ask('GET', path, { key: admin });
    expect([400, 404]).toContain(status);
    expect(text).not.toMatch(/PRIVATE KEY|"dependencies"|SQLite format/);
  });

  test('nothing of the documents is needed to be in: none names an agent, a key or a place', async () => {
    const { text } = await api.ask('GET', '/openapi.json');
    expect(text).not.toContain('@agent-1');
    expect(text).not.toMatch(/hk_[0-9a-f]{16}_|\/tmp\/|\/root\//);
    expect(text).not.toContain(api.rig.folder);
  });

  test('health says how it is, and not where', async () => {
    for (const path of ['health', 'health/live', 'health/ready']) {
      const { status, text } = await api.ask('GET', path);
      expect(status).toBe(200);
      expect(text).not.toContain(api.rig.folder);
      expect(text).not.toContain(api.rig.address);
      expect(text).not.toContain(api.rig.taskQueue);
    }
  });
});
