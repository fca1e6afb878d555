import { afterAll, beforeAll, expect, test } from 'vitest';
import type { WebSocket } from 'ws';
import { HandoffClient } from '../../src/client.js';
import type { EventMessage } from '../../src/core/events/event.js';
import { ApiRig } from '../api/rig.js';
import { Ear, ear, told, until } from './hearing.js';

let api: ApiRig;
let a: string;
let b: string;
let admin: string;
const timing = { pingMs: 2000, bufferBytes: 64 * 1024, patienceMs: 500, keyMs: 200 };
beforeAll(async () => {
  api = await ApiRig.create({}, { start: false }, { socketTiming: timing });
  [a, b, admin] = [await api.key('@a'), await api.key('@b', 'reviewer'), await api.key('@root', 'admin')];
});
afterAll(() => api.close());
let next = 1;
const tell = async (audience: string[], count = 1): Promise<number> => {
  const from = next;
  next += count;
  await told(api.rig.storage, audience, from, count);
  return from;
};
const numbers = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);

test('each hears what names it or a role of its, in order, and nothing of another; admins hear everything', async () => {
  const [onA, onB, onAll] = [
    await ear(api.url, '', { key: a }),
    await ear(api.url, '', { key: b }),
    await ear(api.url, '', { key: admin }),
  ];
  const forA = await tell(['agent:@a'], 300);
  const forB = await tell(['agent:@c', 'role:reviewer'], 2);
  await until(() => onAll.events.length === 302, 'all are heard');
  await until(() => onA.events.length === 300 && onB.events.length === 2, 'each has its own');
  expect(onA.numbers).toEqual(numbers(forA, 300));
  expect(onB.numbers).toEqual(numbers(forB, 2));
  expect(onAll.numbers).toEqual(numbers(forA, 302));
  expect(onA.events[0]).toEqual({
    cursor: expect.any(Number) as number,
    type: 'handoff:paused',
    subject: `handoff/h-${forA}`,
    time: expect.stringMatching(/^1970-01-01T00:00:00\.\d{3}Z$/) as string,
    data: { n: forA },
  });
  for (const one of [onA, onB, onAll]) one.socket.close();
});

test('it goes on from a cursor: nothing is lost, nothing comes twice; types are a filter', async () => {
  const first = await ear(api.url, '?cursor=latest', { key: a });
  const from = await tell(['agent:@a'], 5);
  await until(() => first.events.length === 5, 'five are heard');
  first.socket.terminate();
  const cursor = first.events[2]!.cursor;
  await tell(['agent:@a'], 5);
  const again = await ear(api.url, `?cursor=${cursor}`, { key: a });
  await until(() => again.events.length === 7, 'the rest is heard');
  expect(again.numbers).toEqual(numbers(from + 3, 7));
  const none = await ear(api.url, `?cursor=${cursor}&types=handoff:resumed,handoff:failed`, { key: a });
  await until(() => none.heard.some((h) => h.cursor > cursor), 'it hears how far it has come');
  expect(none.events).toEqual([]);
  for (const one of [again, none]) one.socket.close();
});

test('the same as pages: with a cursor, a limit and types', async () => {
  const from = await tell(['agent:@a'], 7);
  await tell(['agent:@c'], 3);
  const page = await api.ask<{ events: EventMessage[]; next_cursor: number; more: boolean }>(
    'GET',
    `events?cursor=latest`,
    { key: a },
  );
  expect(page.body).toEqual({ events: [], next_cursor: expect.any(Number) as number, more: false });
  let cursor = page.body.next_cursor - 10;
  const seen: unknown[] = [];
  for (let more = true; more;) {
    const { body } = await api.ask<typeof page.body>('GET', `events?cursor=${cursor}&limit=3`, { key: a });
    seen.push(...body.events.map((e) => e.data['n']));
    ({ next_cursor: cursor, more } = body);
  }
  expect(seen).toEqual(numbers(from, 7));
  expect(cursor).toBe(page.body.next_cursor);
  for (const query of ['cursor=x', 'cursor=999999', 'types=nothing', 'limit=0', 'other=1']) {
    const { status, body } = await api.ask('GET', `events?${query}`, { key: a });
    expect({ query, status, code: body.code }).toEqual({ query, status: 400, code: 'INVALID_INPUT' });
  }
});

test('without a good key no WebSocket opens; a browser says its key as a subprotocol, which is not said back', async () => {
  expect(await Ear.open(api.url, '')).toBe(401);
  expect(await Ear.open(api.url, '', { key: `${a}x` })).toBe(401);
  expect(await Ear.open(api.url, '?cursor=nine', { key: a })).toBe(400);
  expect(await Ear.open(api.url, '?types=nothing', { key: a })).toBe(400);
  expect(await Ear.open(api.url, '', { protocols: ['handoff.v1', 'bearer.hk_no'] })).toBe(401);
  const one = await ear(api.url, '', { protocols: ['handoff.v1', `bearer.${a}`] });
  expect(one.socket.protocol).toBe('handoff.v1');
  one.socket.close();
  expect(await api.ask('GET', 'events/ws', { key: a })).toMatchObject({ status: 400, body: { code: 'INVALID_INPUT' } });
});

test('the cookie is good from the page of the service only', async () => {
  const login = await api.ask('POST', 'session', { body: { api_key: a }, headers: { origin: api.url } });
  const cookie = login.headers.get('set-cookie')!.split(';', 1)[0]!;
  expect(await Ear.open(api.url, '', { headers: { cookie, origin: 'https://evil.example' } })).toBe(403);
  expect(await Ear.open(api.url, '', { headers: { cookie } })).toBe(403);
  const page = await ear(api.url, '', { headers: { cookie, origin: api.url } });
  page.socket.close();
});

test('a key that is revoked or expires is cut off', async () => {
  const { storage } = api.rig;
  const revoked = await api.key('@b');
  const { secret } = await storage.keys.create('@b', [], Date.now() + 700);
  const ears = [await ear(api.url, '', { key: revoked }), await ear(api.url, '', { key: secret })];
  expect(await storage.keys.revoke(/^hk_([0-9a-f]+)_/.exec(revoked)![1]!)).toBe(true);
  await until(() => ears.every((one) => one.closed !== undefined), 'both are cut off');
  expect(ears.map((one) => one.closed!.code)).toEqual([4401, 4401]);
});

test('a key listens so often and no oftener', async () => {
  const key = await api.key('@many');
  const ears = await Promise.all(Array.from({ length: 10 }, () => ear(api.url, '', { key })));
  expect(await Ear.open(api.url, '', { key })).toBe(429);
  ears[0]!.socket.close();
  await until(async () => {
    const one = await Ear.open(api.url, '', { key });
    if (typeof one === 'number') return false;
    ears.push(one);
    return true;
  }, 'there is room again');
  for (const one of ears) one.socket.close();
});

test('who does not read is cut off, and has lost nothing', async () => {
  timing.pingMs = 60_000;
  const { storage } = api.rig;
  const at = await storage.outbox.last();
  const clients = (): WebSocket[] => [...api.app.websocketServer.clients];
  await until(() => clients().length === 0, 'nobody else is there');
  const slow = await ear(api.url, `?cursor=${at}`, { key: a });
  slow.socket.pause();
  timing.pingMs = 2000;
  const from = next;
  // More than the buffers of two sockets take.
  await told(storage, ['agent:@a'], from, 1000, { big: 'x'.repeat(20_000) });
  next += 1000;
  await until(() => clients().some((c) => c.readyState === c.CLOSING), 'it is told to go');
  slow.socket.resume();
  await until(() => slow.closed !== undefined, 'it hears of it');
  expect(slow.closed!.code).toBe(4408);
  expect(slow.events.length).toBeLessThan(1000);
  const rest = await ear(api.url, `?cursor=${slow.heard.at(-1)!.cursor}`, { key: a });
  await until(() => slow.events.length + rest.events.length === 1000, 'the rest is heard');
  expect([...slow.numbers, ...rest.numbers]).toEqual(numbers(from, 1000));
  rest.socket.close();
});

test('a peer that is dead is noticed: it answers no ping', async () => {
  timing.pingMs = 200;
  const dead = await ear(api.url, '', { key: a, autoPong: false });
  timing.pingMs = 2000;
  await until(() => dead.closed !== undefined, 'it is cut off');
  expect(dead.closed!.code).toBe(1006);
});

test('a client hears over HTTP, and goes on after its service was away', async () => {
  const heard: unknown[] = [];
  const faults: unknown[] = [];
  const client = new HandoffClient({ url: api.url, apiKey: a });
  const cursor = await api.rig.storage.outbox.last();
  const off = client.on(
    'handoff:paused',
    (event) => {
      heard.push(event.data['n']);
      if (heard.length === 1) throw new Error('handlers may throw');
    },
    { cursor, onError: (error) => faults.push(error) },
  );
  const from = await tell(['agent:@a'], 3);
  await until(() => heard.length === 3, 'three are heard');
  await api.restart();
  await tell(['agent:@b'], 3);
  await tell(['agent:@a'], 2);
  await until(() => heard.length === 5, 'it goes on', 30_000);
  expect(heard).toEqual([...numbers(from, 3), ...numbers(from + 6, 2)]);
  expect(faults).toEqual([new Error('handlers may throw')]);
  off();
  const refused: unknown[] = [];
  new HandoffClient({ url: api.url, apiKey: `${a}x` }).on('*', () => {}, { onError: (error) => refused.push(error) });
  await until(() => refused.length === 1, 'it hears that its key is not good');
  expect(refused[0]).toMatchObject({ code: 'UNAUTHENTICATED' });
});

test('over storage a client hears everything, in order, until it is told to stop', async () => {
  const { client } = api.rig;
  const heard: unknown[] = [];
  const off = client.on('*', (event) => void heard.push(event.data['n']), {
    cursor: await api.rig.storage.outbox.last(),
  });
  const from = await tell(['agent:@a'], 2);
  await until(() => heard.length === 2, 'both are heard');
  off();
  await tell(['agent:@a']);
  const other: unknown[] = [];
  const stop = client.on('handoff:paused', (event) => void other.push(event.data['n']), {
    cursor: (await api.rig.storage.outbox.last()) - 1,
  });
  await until(() => other.length === 1, 'another one hears what is new');
  stop();
  expect(heard).toEqual(numbers(from, 2));
  expect(() => client.on('nothing' as '*', () => {})).toThrow(/event/);
});
