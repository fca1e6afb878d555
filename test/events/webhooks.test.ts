import { Webhook as Verifier } from 'standardwebhooks';
import { afterEach, expect, test } from 'vitest';
import { startWebhooks, type DeliveryTiming } from '../../src/api/events/deliver.js';
import { post } from '../../src/api/events/post.js';
import { isWithin } from '../../src/storage/events/addresses.js';
import type { NewWebhook } from '../../src/storage/events/webhooks.js';
import { storagePlace } from '../storage/place.js';
import { receiver, told, until, type Got } from './hearing.js';

const place = storagePlace();
const timing: DeliveryTiming = {
  lookMs: 10,
  timeoutMs: 300,
  leaseMs: 1000,
  firstMs: 10,
  mostMs: 40,
  attempts: 4,
};
const endings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0)) await end();
  for (const { id } of await place.storage.webhooks.list()) await place.storage.webhooks.remove(id);
});
const deliver = (allow = true): (() => Promise<void>) => {
  const { stop } = startWebhooks(place.storage, { webhookAllowPrivate: allow }, timing);
  endings.push(stop);
  return stop;
};
const listening = async (...args: Parameters<typeof receiver>): ReturnType<typeof receiver> => {
  const one = await receiver(...args);
  endings.push(one.close);
  return one;
};
const hook = (given: NewWebhook): Promise<{ webhook: { id: string }; secret: string }> =>
  place.storage.webhooks.create(given, '@root', true);
let next = 1;
const tell = async (count = 1): Promise<number[]> => {
  const from = next;
  next += count;
  await told(place.storage, ['agent:@a'], from, count);
  return Array.from({ length: count }, (_, i) => from + i);
};
const numbersOf = (got: Got[]): unknown[] => got.map((g) => (JSON.parse(g.body) as { data: { n: number } }).data.n);

test('an event is a CloudEvent, signed as the library of Standard Webhooks verifies it', async () => {
  const to = await listening();
  const { secret } = await hook({ url: to.url });
  const [n] = await tell();
  deliver();
  await until(() => to.got.length === 1, 'it came');
  const { headers, body } = to.got[0]!;
  const seq = await place.storage.outbox.last();
  expect(headers['content-type']).toBe('application/cloudevents+json; charset=utf-8');
  expect(JSON.parse(body)).toEqual({
    specversion: '1.0',
    id: `evt_${seq}`,
    source: '/api/v1/agent-handoff',
    type: 'handoff:paused',
    subject: `handoff/h-${String(n)}`,
    time: expect.stringMatching(/Z$/) as string,
    datacontenttype: 'application/json',
    sequence: String(seq),
    data: { n },
  });
  const signed = headers as Record<string, string>;
  expect(new Verifier(secret).verify(body, signed)).toEqual(JSON.parse(body));
  expect(() => new Verifier(secret).verify(body.replace('paused', 'failed'), signed)).toThrow(/signature/);
  expect(() => new Verifier(`whsec_${Buffer.alloc(32).toString('base64')}`).verify(body, signed)).toThrow(/signature/);
  expect(headers['webhook-id']).toBe(`evt_${seq}`);
});

test('all come in their order, and each only those of its types', async () => {
  const [all, none] = [await listening(), await listening()];
  await hook({ url: all.url });
  const { webhook } = await hook({ url: none.url, types: ['handoff:failed'] });
  deliver();
  const sent = await tell(120);
  await until(() => all.got.length === 120, 'all came');
  expect(numbersOf(all.got)).toEqual(sent);
  const last = await place.storage.outbox.last();
  await until(async () => (await place.storage.webhooks.get(webhook.id)).cursor === last, 'the other passes over them');
  expect(none.got).toEqual([]);
});

test('what fails is tried again, in the order; what never succeeds becomes a dead letter, which can be sent again', async () => {
  let broken = true;
  const [first, bad, last] = [next, next + 1, next + 2];
  const to = await listening((_, { body }) =>
    broken && body.includes(`"n":${bad}}`) ? { status: 500, body: `no ${'x'.repeat(2000)}` } : { status: 200 },
  );
  const { webhook } = await hook({ url: to.url });
  await tell(3);
  deliver();
  await until(() => numbersOf(to.got).includes(last), 'the next one has its turn');
  expect(numbersOf(to.got)).toEqual([first, bad, bad, bad, bad, last]);
  expect(new Set(to.got.map((g) => g.headers['webhook-id'])).size).toBe(3);
  const { webhooks } = place.storage;
  const [letter, ...more] = await webhooks.deadLetters(webhook.id);
  expect(more).toEqual([]);
  expect(letter).toMatchObject({ attempts: 4, event: { data: { n: bad } }, again: false });
  expect(letter!.error).toMatch(/^answered 500: no x/);
  expect(letter!.error.length).toBeLessThanOrEqual(500);
  // Still broken: it stays.
  expect(await webhooks.replay(webhook.id, {})).toBe(1);
  await until(async () => (await webhooks.deadLetters(webhook.id))[0]?.attempts === 5, 'it was tried once more');
  broken = false;
  expect(await webhooks.replay(webhook.id, { letters: [letter!.id] })).toBe(1);
  await until(async () => (await webhooks.deadLetters(webhook.id)).length === 0, 'it is delivered');
  expect(numbersOf(to.got).at(-1)).toBe(bad);
});

test('it can be sent again from a cursor', async () => {
  const to = await listening();
  const { webhook } = await hook({ url: to.url });
  const cursor = await place.storage.outbox.last();
  deliver();
  const sent = await tell(3);
  await until(() => to.got.length === 3, 'all came');
  await place.storage.webhooks.replay(webhook.id, { cursor: cursor + 1 });
  await until(() => to.got.length === 5, 'two came again');
  expect(numbersOf(to.got)).toEqual([...sent, ...sent.slice(1)]);
});

test('Retry-After is honoured, 410 ends it, a redirect is not followed, and nobody is waited for too long', async () => {
  const wait = await listening((n) => (n === 1 ? { status: 429, headers: { 'retry-after': '1' } } : { status: 204 }));
  const gone = await listening(() => ({ status: 410 }));
  const elsewhere = await listening();
  const moved = await listening(() => ({ status: 307, headers: { location: elsewhere.url } }));
  const silent = await listening(() => undefined);
  const ids: string[] = [];
  for (const { url } of [wait, gone, moved, silent]) ids.push((await hook({ url })).webhook.id);
  const begun = Date.now();
  await tell();
  deliver();
  await until(() => wait.got.length === 2, 'it is asked again');
  expect(Date.now() - begun).toBeGreaterThan(900);
  const { webhooks } = place.storage;
  expect(await webhooks.get(ids[1]!)).toMatchObject({
    active: false,
    disabledBecause: 'its address answered 410 Gone',
  });
  expect(gone.got).toHaveLength(1);
  await until(async () => (await webhooks.deadLetters(ids[2]!)).length === 1, 'the redirect is a failure');
  await until(async () => (await webhooks.deadLetters(ids[3]!)).length === 1, 'so is silence');
  expect(elsewhere.got).toEqual([]);
  expect((await webhooks.deadLetters(ids[3]!))[0]!.error).toBe('no answer within 0.3 s');
});

test('two processes do not both deliver, and what one leaves the other takes up', async () => {
  const to = await listening();
  await hook({ url: to.url });
  const stop = deliver();
  deliver();
  const sent = await tell(60);
  await until(() => to.got.length >= 60, 'all came');
  await stop();
  const more = await tell(20);
  await until(() => to.got.length >= 80, 'the rest came');
  expect(numbersOf(to.got)).toEqual([...sent, ...more]);
});

test.each([
  ['http://127.0.0.1:9/', 'an address within'],
  ['http://2130706433/', 'an address within'],
  ['http://0x7f.1/', 'an address within'],
  ['http://0.0.0.0/', 'an address within'],
  ['http://10.1.2.3/', 'an address within'],
  ['http://169.254.169.254/latest/meta-data', 'an address within'],
  ['http://[::1]/', 'an address within'],
  ['http://[::ffff:127.0.0.1]/', 'an address within'],
  ['http://[fd00::1]/', 'an address within'],
  ['http://[64:ff9b::7f00:1]/', 'an address within'],
  ['http://localhost:9/', 'an address within'],
  ['ftp://example.com/', 'must begin with http'],
  ['file:///etc/passwd', 'must begin with http'],
  ['http://user:secret@example.com/', 'user name'],
  ['example.com', 'is not a URL'],
])('%s is refused as the address of a webhook', async (url, why) => {
  await expect(place.storage.webhooks.create({ url }, '@root', false)).rejects.toMatchObject({
    code: 'INVALID_WEBHOOK',
    message: expect.stringContaining(why) as string,
  });
});

test('a name is looked at when it is resolved for the connection: what lies within is never connected to', async () => {
  const to = await listening();
  const { port } = new URL(to.url);
  const options = { timeoutMs: 2000, allowPrivate: false, signal: new AbortController().signal };
  for (const host of ['localhost', 'localhost.', '127.0.0.1', '[::ffff:127.0.0.1]', '0.0.0.0']) {
    const { error, status } = await post(`http://${host}:${port}/`, {}, '{}', options);
    expect({ host, status, error }).toEqual({ host, status: undefined, error: expect.any(String) as string });
  }
  expect(to.got).toEqual([]);
  expect(await post(to.url, {}, '{}', { ...options, allowPrivate: true })).toMatchObject({ status: 204 });
  expect(isWithin('93.184.216.34') || isWithin('2606:4700::6810:84e5')).toBe(false);
  // One that was allowed when it was made is refused when it is to be sent.
  const { webhook } = await hook({ url: to.url.replace('127.0.0.1', 'localhost') });
  await tell();
  deliver(false);
  await until(async () => (await place.storage.webhooks.deadLetters(webhook.id)).length === 1, 'it is given up');
  expect(to.got).toHaveLength(1);
});
