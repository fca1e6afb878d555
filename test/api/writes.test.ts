import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Routes } from '../../src/api/deps.js';
import { etagOf, ifMatchOf, isUnchanged } from '../../src/api/etag.js';
import { route } from '../../src/api/route.js';
import { HandoffError } from '../../src/core/errors.js';
import { ApiRig } from './rig.js';

/** How often it was written, and what the next write does meanwhile. */
let done = 0;
let gate: Promise<void> | undefined;

const counting: Routes = (app) => {
  const body = z.strictObject({ text: z.string(), fail: z.enum(['mine', 'yours']).optional() });
  const common = { summary: 'For this test', tag: 'health' } as const;
  app.post(
    '/count',
    route({ ...common, body, success: { 201: z.object({ done: z.number() }) } }),
    async (request, reply) => {
      await gate;
      done++;
      if (request.body.fail === 'mine') throw new Error('a fault of ours');
      if (request.body.fail === 'yours') throw new HandoffError('REPORT_EXISTS', { report: 'r' });
      return reply.code(201).header('etag', etagOf(done)).header('location', `/count/${done}`).send({ done });
    },
  );
  app.get(
    '/tagged',
    route({ ...common, success: { 200: z.object({ done: z.number() }), 304: z.undefined() } }),
    async (request, reply) => (isUnchanged(request, reply, etagOf(7)) ? reply.code(304).send(undefined) : { done: 7 }),
  );
  app.put('/tagged', route({ ...common, success: { 200: z.object({ seq: z.number().optional() }) } }), (request) =>
    ifMatchOf(request, () => Promise.resolve(7)).then((seq) => ({ seq })),
  );
};

let api: ApiRig;
let a: string;
let b: string;
beforeAll(async () => {
  api = await ApiRig.create({}, { start: false }, { more: [counting] });
  [a, b] = [await api.key('@a'), await api.key('@b')];
});
afterAll(() => api.close());

const count = (name: string, body: object = { text: 'x' }, key = a) =>
  api.ask('POST', 'count', { key, body, headers: { 'idempotency-key': name } });

describe('a write that names itself', () => {
  test('is done once, and answered the same, with its headers', async () => {
    const name = randomUUID();
    const first = await count(name);
    const again = await count(name);
    expect(first.status).toBe(201);
    expect(first.headers.get('idempotency-replayed')).toBeNull();
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    const told = ({ status, text, headers }: typeof first) => [
      status,
      text,
      ...['etag', 'location', 'content-type'].map((h) => headers.get(h)),
    ];
    expect(told(again)).toEqual(told(first));
    expect(first.body).toEqual({ done });
  });

  test('belongs to its agent, and to its request', async () => {
    const name = randomUUID();
    await count(name);
    const before = done;
    expect((await count(name, { text: 'x' }, b)).body).toEqual({ done: before + 1 });
    expect(await count(name, { text: 'y' })).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_KEY_USED' } });
    expect(done).toBe(before + 1);
  });

  test('is refused while the first one is at work', async () => {
    const name = randomUUID();
    const before = done;
    let open = (): void => {};
    gate = new Promise((resolve) => (open = resolve));
    const first = count(name);
    const { db } = api.rig.storage;
    const taken = () => db.selectFrom('idempotency').select('status').where('key', '=', name).execute();
    await expect.poll(taken).toEqual([{ status: null }]);
    expect(await count(name)).toMatchObject({ status: 409, body: { code: 'IDEMPOTENCY_IN_FLIGHT', retryable: true } });
    open();
    gate = undefined;
    expect((await first).status).toBe(201);
    expect((await count(name)).body).toEqual({ done: before + 1 });
  });

  test('sent twenty times at once, is done once', async () => {
    const name = randomUUID();
    const before = done;
    const all = await Promise.all(Array.from({ length: 20 }, () => count(name)));
    expect(done).toBe(before + 1);
    expect(new Set(all.map((one) => one.status))).toEqual(
      new Set([201, 409].filter((s) => all.some((o) => o.status === s))),
    );
    expect(all.filter((one) => one.status === 201).every((one) => one.text === `{"done":${done}}`)).toBe(true);
  });

  test('keeps a refusal, but no fault of ours', async () => {
    const [mine, yours] = [randomUUID(), randomUUID()];
    const before = done;
    for (const _ of [1, 2]) {
      expect(await count(yours, { text: 'x', fail: 'yours' })).toMatchObject({
        status: 409,
        body: { code: 'REPORT_EXISTS' },
      });
    }
    expect(done).toBe(before + 1);
    for (const _ of [1, 2]) expect((await count(mine, { text: 'x', fail: 'mine' })).status).toBe(500);
    expect(done).toBe(before + 3);
  });

  test('is forgotten after a day, and after a minute where nobody ever answered', async () => {
    const { idempotency } = api.rig.storage;
    const name = randomUUID();
    const begin = (after: number) => idempotency.begin('@a', name, 'f', 1_000_000 + after);
    expect(await begin(0)).toEqual({ is: 'new' });
    expect(await begin(59_999)).toEqual({ is: 'in_flight' });
    expect(await begin(60_000)).toEqual({ is: 'new' });
    await idempotency.answered('@a', name, { status: 200, headers: {}, body: 'x' });
    expect(await begin(60_000 + 86_399_999)).toMatchObject({ is: 'answered' });
    expect(await begin(60_000 + 86_400_000)).toEqual({ is: 'new' });
  });

  test.each(['', 'two words', 'é'.repeat(3), 'x'.repeat(201)])('is refused as %j', async (name) => {
    const answer = await api
      .ask('POST', 'count', { key: a, body: { text: 'x' }, headers: { 'idempotency-key': name } })
      .catch((error: unknown) => error);
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ path: 'idempotency-key' }] } });
  });
});

describe('entity tags', () => {
  test.each([
    ['"7"', 304],
    ['W/"7"', 304],
    ['"1", "7"', 304],
    ['*', 304],
    ['"8"', 200],
    ['seven', 400],
  ])('If-None-Match: %s', async (tag, status) => {
    const answer = await api.ask('GET', 'tagged', { key: a, headers: { 'if-none-match': tag } });
    expect(answer.status).toBe(status);
    expect(answer.headers.get('etag')).toBe('"7"');
  });

  test.each([
    ['"7"', 200, { seq: 7 }],
    ['"3"', 200, { seq: 3 }],
    ['"3", "7"', 200, { seq: 7 }],
    ['*', 200, {}],
    ['W/"7"', 412, { code: 'PRECONDITION_FAILED' }],
    ['"abc"', 412, { code: 'PRECONDITION_FAILED' }],
    ['7', 400, { code: 'INVALID_INPUT', errors: [{ path: 'if-match' }] }],
    ['"7', 400, { code: 'INVALID_INPUT' }],
  ])('If-Match: %s', async (tag, status, body) => {
    const answer = await api.ask('PUT', 'tagged', { key: a, headers: { 'if-match': tag } });
    expect(answer).toMatchObject({ status, body });
  });
});
