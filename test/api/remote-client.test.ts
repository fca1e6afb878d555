import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { HandoffClient } from '../../src/client.js';
import type { Actor } from '../../src/core/report/report.js';

const apiKey = `hk_${'0'.repeat(16)}_${'x'.repeat(43)}`;
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** What answers in place of a service. */
async function serving(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
const clientOf = async (listener: RequestListener, more: { deadlineMs?: number } = {}): Promise<HandoffClient> =>
  new HandoffClient({ url: await serving(listener), apiKey, ...more });
const answering =
  (status: number, body: unknown, type = 'application/json'): RequestListener =>
  (_, response) =>
    void response
      .writeHead(status, { 'content-type': type })
      .end(typeof body === 'string' ? body : JSON.stringify(body));

const message = { by: 'op', reason: 'why' };

describe('what it is made with', () => {
  test.each([
    ['no address', { url: 'nonsense' }, '/url'],
    ['another protocol', { url: 'ftp://127.0.0.1' }, '/url'],
    ['a name and a password', { url: 'http://me:secret@127.0.0.1' }, '/url'],
    ['a query', { url: 'http://127.0.0.1/?x=1' }, '/url'],
    ['no key', { apiKey: undefined }, '/apiKey'],
    ['a key with a line break', { apiKey: 'hk_1\r\nx: y' }, '/apiKey'],
    ['no time', { deadlineMs: 0 }, '/deadlineMs'],
  ])('%s is refused', (_, over, path) => {
    const make = (): unknown => new HandoffClient({ url: 'http://127.0.0.1:1', apiKey, ...over } as never);
    expect(make).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }) as Error);
    expect(make).toThrow(path);
  });

  test('is not shown', () => {
    const client = new HandoffClient({ url: 'http://127.0.0.1:1', apiKey });
    expect(inspect(client, { depth: 9, showHidden: true }) + JSON.stringify(client)).not.toContain('xxx');
  });
});

test('an address may have a path, and a slash at its end', async () => {
  const seen: string[] = [];
  const url = await serving((request, response) => {
    seen.push([request.method, request.url, request.headers.authorization].join(' '));
    response.setHeader('content-type', 'application/json');
    response.end('{"procedures":[]}');
  });
  for (const at of [url, `${url}/`, `${url}/base/`]) await new HandoffClient({ url: at, apiKey }).procedures();
  const path = 'GET /api/v1/agent-handoff/procedures';
  expect(seen).toEqual([path, path, path.replace('/', '/base/')].map((p) => `${p} Bearer ${apiKey}`));
});

describe('what goes wrong on the way', () => {
  test('nobody there', async () => {
    const url = await serving(() => {});
    servers.pop()!.close();
    const call = new HandoffClient({ url, apiKey }).status('h-1');
    await expect(call).rejects.toMatchObject({ code: 'API_UNREACHABLE', retryable: true });
    await expect(call).rejects.toThrow('ECONNREFUSED');
  });

  test('nobody answers in time', async () => {
    const client = await clientOf(() => {}, { deadlineMs: 200 });
    await expect(client.status('h-1')).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED', params: { seconds: 0.2 } });
    await expect(client.cancel('h-1', message)).rejects.toThrow('It may still take effect.');
    const waiting = client.result('h-1', { signal: AbortSignal.timeout(100) });
    await expect(waiting).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  test.each([
    ['a page of a proxy', 502, '<html>', 'text/html'],
    ['JSON of somebody else', 404, { error: 'nothing' }, 'application/json'],
    ['a page that is fine', 200, '<html>', 'text/html'],
  ])('%s answers', async (_, status, body, type) => {
    const client = await clientOf(answering(status, body, type));
    await expect(client.status('h-1')).rejects.toMatchObject({ code: 'API_UNREACHABLE' });
  });

  test('a redirect is not followed: the key would go with it', async () => {
    let asked = 0;
    const elsewhere = await serving(() => void asked++);
    const client = await clientOf((_, response) => void response.writeHead(307, { location: elsewhere }).end());
    await expect(client.status('h-1')).rejects.toMatchObject({ code: 'API_UNREACHABLE' });
    expect(asked).toBe(0);
  });

  test('a code of a newer service keeps its text', async () => {
    const problem = { code: 'FROM_THE_FUTURE', detail: 'Come back in a year.', status: 418 };
    const client = await clientOf(answering(418, problem, 'application/problem+json'));
    await expect(client.status('h-1')).rejects.toMatchObject({
      code: 'INTERNAL',
      message: 'Something that should not happen did: FROM_THE_FUTURE: Come back in a year.',
    });
  });

  test('a problem is the error that it was, with its facts', async () => {
    const errors = [{ path: '/a', message: 'is bad' }];
    const problem = { code: 'INVALID_REQUEST', detail: 'In its own words.', params: { issues: '/a: is bad' }, errors };
    const client = await clientOf(answering(400, problem, 'application/problem+json'));
    await expect(client.procedures()).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      message: 'In its own words.',
      params: { issues: '/a: is bad', list: errors },
    });
  });

  test('a connection that broke: reads are tried three times, writes twice, under one key', async () => {
    const seen: string[] = [];
    const note = (request: IncomingMessage): void =>
      void seen.push([request.method, request.headers['idempotency-key'] ?? '-'].join(' '));
    const client = await clientOf((request) => {
      note(request);
      request.socket.destroy();
    });
    await expect(client.status('h-1')).rejects.toMatchObject({ code: 'API_UNREACHABLE' });
    expect(seen.splice(0)).toEqual(['GET -', 'GET -', 'GET -']);
    await expect(client.cancel('h-1', message)).rejects.toMatchObject({ code: 'API_UNREACHABLE' });
    expect(seen).toHaveLength(2);
    expect(new Set(seen)).toHaveLength(1);
    expect(seen.splice(0)[0]).toMatch(/^POST [0-9a-f-]{36}$/);
    const accepting = client.accept('h-1', { by: 'op' }, { updateId: 'one two ü' });
    await expect(accepting).rejects.toMatchObject({ code: 'API_UNREACHABLE' });
    expect(seen[0]).toMatch(/^POST [0-9a-f]{64}$/);
  });

  test('the answer of a try that is still at work is waited for', async () => {
    let asked = 0;
    const client = await clientOf((request, response) => {
      asked++;
      if (asked === 1) return void request.socket.destroy();
      if (asked === 4) return answering(200, { epoch: 3 })(request, response);
      const detail = 'The request with the idempotency key x is still at work. Ask again.';
      return answering(409, { code: 'IDEMPOTENCY_IN_FLIGHT', detail }, 'application/problem+json')(request, response);
    });
    expect(await client.accept('h-1', { by: 'op' })).toEqual({ epoch: 3 });
    expect(asked).toBe(4);
  });
});

test('what has no form over HTTP says so', async () => {
  let asked = 0;
  const client = await clientOf(() => void asked++);
  const none: (() => unknown)[] = [
    () => client.sessions,
    () => client.contexts,
    () => client.reliability,
    () => client.rebuildReports(),
    () => client.validate({} as never, { transformers: {} as never }),
  ];
  for (const get of none) {
    const call = Promise.resolve().then(get);
    await expect(call).rejects.toMatchObject({ code: 'STORAGE_REQUIRED' });
    await expect(call).rejects.toThrow('There is none over HTTP');
  }
  expect([asked, client.storage]).toEqual([0, undefined]);
});

test('a report that cannot be one is not asked for', async () => {
  let asked = 0;
  const client = await clientOf(() => void asked++);
  const reports = client.reports({ by: 'somebody else', roles: [] } satisfies Actor);
  for (const id of ['..', 'a/b', '', '.'])
    await expect(reports.get(id)).rejects.toMatchObject({ code: 'REPORT_NOT_FOUND' });
  expect(asked).toBe(0);
});
