import { afterAll, beforeAll, expect, test } from 'vitest';
import { startWebhooks } from '../../src/api/events/deliver.js';
import { ApiRig } from '../api/rig.js';
import { receiver, told, until, type Got } from './hearing.js';

let api: ApiRig;
let admin: string;
const endings: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  api = await ApiRig.create({ webhookAllowPrivate: true }, { start: false });
  admin = await api.key('@root', 'admin');
});
afterAll(async () => {
  for (const end of endings) await end();
  await api.close();
});

interface Hook {
  webhook_id: string;
  url: string;
  types: string[];
  owner: string;
  active: boolean;
  cursor: number;
  secret?: string;
}
const add = async (body: object): Promise<Hook & { secret: string }> => {
  const {
    status,
    body: made,
    headers,
  } = await api.ask<Hook & { secret: string }>('POST', 'webhooks', { key: admin, body });
  expect(status).toBe(201);
  // The one answer with the secret is kept nowhere.
  expect(headers.get('cache-control')).toBe('no-store');
  return made;
};
const remove = (id: string) => api.ask('DELETE', `webhooks/${id}`, { key: admin });

test('the secret is shown once: when a webhook is made, and never again', async () => {
  const { secret, ...made } = await add({ url: 'https://hooks.example.com/a', types: ['handoff:failed'] });
  expect(Buffer.from(/^whsec_(.+)$/.exec(secret)![1]!, 'base64')).toHaveLength(32);
  expect(made).toMatchObject({ owner: '@root', active: true, types: ['handoff:failed'] });
  const id = made.webhook_id;
  const answers = [
    await api.ask('GET', 'webhooks', { key: admin }),
    await api.ask('GET', `webhooks/${id}`, { key: admin }),
    await api.ask('PATCH', `webhooks/${id}`, { key: admin, body: { active: false } }),
    await api.ask('GET', `webhooks/${id}/dead-letters`, { key: admin }),
    await api.ask('GET', 'audit?act=webhook.create', { key: admin }),
  ];
  for (const { status, text } of answers) {
    expect(status).toBe(200);
    expect(text).not.toContain(secret.slice(6, 30));
    expect(text).not.toContain('"secret"');
  }
  expect(answers[0]!.body).toMatchObject({ webhooks: [{ ...made }] });
  expect(answers[1]!.body).toEqual(made);
  expect(answers[4]!.body).toMatchObject({
    entries: [{ actor: '@root', subject: `webhook/${id}`, from: '127.0.0.1', data: { url: made.url, owner: '@root' } }],
  });
  await remove(id);
});

test('it can be changed, and removed; each change is on the audit log, and a refused one is not', async () => {
  const { webhook_id: id } = await add({ url: 'https://hooks.example.com/b' });
  const change = (body: object) => api.ask<Hook>('PATCH', `webhooks/${id}`, { key: admin, body });
  expect((await change({ url: 'https://other.example.com/', types: ['handoff:started'] })).body).toMatchObject({
    url: 'https://other.example.com/',
    types: ['handoff:started'],
    active: true,
  });
  expect((await change({ active: false })).body).toMatchObject({ active: false, types: ['handoff:started'] });
  expect((await change({ types: ['handoff:nothing'] })).status).toBe(400);
  expect((await change({ url: 'ftp://other.example.com/' })).status).toBe(400);
  expect((await api.ask('GET', `webhooks/${id}`, { key: admin })).body).toMatchObject({
    url: 'https://other.example.com/',
  });
  expect((await remove(id)).status).toBe(204);
  expect(await remove(id)).toMatchObject({ status: 404, body: { code: 'WEBHOOK_NOT_FOUND' } });
  const subject = encodeURIComponent(`webhook/${id}`);
  const log = await api.ask<{ entries: { act: string; outcome: string }[] }>('GET', `audit?subject=${subject}`, {
    key: admin,
  });
  expect(log.body.entries.filter((e) => e.outcome === 'done').map((e) => e.act)).toEqual([
    'webhook.remove',
    'webhook.change',
    'webhook.change',
    'webhook.create',
  ]);
});

const ROUTES: [method: string, path: string, body?: object][] = [
  ['GET', 'webhooks'],
  ['POST', 'webhooks', { url: 'https://hooks.example.com/' }],
  ['GET', 'webhooks/wh_1'],
  ['PATCH', 'webhooks/wh_1', { active: true }],
  ['DELETE', 'webhooks/wh_1'],
  ['GET', 'webhooks/wh_1/dead-letters'],
  ['POST', 'webhooks/wh_1/replay', {}],
];

test('nobody but an admin has any of it: 403 with every other role, 401 without a key', async () => {
  const other = await api.key('@everything', 'agent', 'reviewer', 'developer', 'architect', 'product_owner');
  for (const [method, path, body] of ROUTES) {
    const given = body ? { body } : {};
    expect({ path, ...(await api.ask(method, path, { key: other, ...given })) }).toMatchObject({
      path,
      status: 403,
      body: { code: 'FORBIDDEN' },
    });
    expect((await api.ask(method, path, given)).status).toBe(401);
  }
  expect((await api.ask('GET', 'webhooks', { key: admin })).body).toEqual({ webhooks: [] });
});

test('of one that is not there each route says so', async () => {
  for (const [method, path, body] of ROUTES.filter(([, one]) => one.includes('wh_1')))
    expect(await api.ask(method, path, { key: admin, ...(body ? { body } : {}) })).toMatchObject({
      status: 404,
      body: { code: 'WEBHOOK_NOT_FOUND' },
    });
});

test.each([
  ['no URL at all', { url: 'hooks' }, '/url'],
  ['another protocol', { url: 'file:///etc/passwd' }, '/url'],
  ['a password in it', { url: 'https://me:secret@hooks.example.com/' }, '/url'],
  ['too long', { url: `https://hooks.example.com/${'x'.repeat(2000)}` }, '/url'],
  ['no URL', {}, '/url'],
  ['an unknown type', { url: 'https://hooks.example.com/', types: ['handoff:nothing'] }, '/types/0'],
  ['an unknown field', { url: 'https://hooks.example.com/', secret: 'mine' }, ''],
  ['an event that never was', { url: 'https://hooks.example.com/', cursor: 1e9 }, 'cursor'],
])('refused before anything is written: %s', async (_, body, at) => {
  const refused = await api.ask<{ errors?: { path: string }[] }>('POST', 'webhooks', { key: admin, body });
  expect(refused.status).toBe(400);
  expect(refused.body.errors?.map((e) => e.path)).toContain(at);
  expect((await api.ask('GET', 'webhooks', { key: admin })).body).toEqual({ webhooks: [] });
});

test('where private addresses are not allowed, none is taken, however it is written', async () => {
  const strict = await ApiRig.create({}, { start: false });
  try {
    const key = await strict.key('@root', 'admin');
    const hosts = [
      '127.0.0.1',
      'localhost',
      '[::1]',
      '10.0.0.7',
      '169.254.169.254',
      '0x7f.1',
      '[::ffff:10.0.0.1]',
      'a.localhost',
    ];
    for (const host of hosts)
      expect(await strict.ask('POST', 'webhooks', { key, body: { url: `http://${host}/` } })).toMatchObject({
        status: 400,
        body: {
          code: 'INVALID_WEBHOOK',
          errors: [{ path: '/url', message: expect.stringContaining('within this machine') as unknown }],
        },
      });
  } finally {
    await strict.close();
  }
});

test('dead letters are listed with why, sent again one by one or all, or all after a cursor', async () => {
  let broken = true;
  const to = await receiver(() => (broken ? { status: 500, body: 'not now' } : { status: 204 }));
  endings.push(to.close);
  const timing = { lookMs: 10, timeoutMs: 2000, leaseMs: 3000, firstMs: 5, mostMs: 10, attempts: 2 };
  endings.push(startWebhooks(api.rig.storage, { webhookAllowPrivate: true }, timing).stop);
  const { webhook_id: id, cursor } = await add({ url: to.url });
  await told(api.rig.storage, ['agent:@a'], 9000, 3);
  interface Letter {
    id: number;
    event: { cursor: number; data: { n: number } };
    attempts: number;
    error: string;
  }
  const letters = async (): Promise<Letter[]> =>
    (await api.ask<{ dead_letters: Letter[] }>('GET', `webhooks/${id}/dead-letters`, { key: admin })).body.dead_letters;
  await until(async () => (await letters()).length === 3, 'all three are given up');
  const dead = await letters();
  expect(dead.map((l) => l.event.data.n)).toEqual([9000, 9001, 9002]);
  expect(dead[0]).toMatchObject({ attempts: 2, error: 'answered 500: not now' });
  const replay = (body: object) =>
    api.ask<{ dead_letters: number }>('POST', `webhooks/${id}/replay`, { key: admin, body });
  expect((await replay({ cursor: 0, dead_letters: [1] })).status).toBe(400);
  expect((await replay({ cursor: 1e9 })).status).toBe(400);
  broken = false;
  to.got.length = 0;
  const numbers = (got: Got[]): number[] => got.map((g) => (JSON.parse(g.body) as { data: { n: number } }).data.n);
  expect(await replay({ dead_letters: [dead[1]!.id] })).toMatchObject({ status: 202, body: { dead_letters: 1 } });
  await until(async () => (await letters()).length === 2, 'the one is delivered');
  expect(numbers(to.got)).toEqual([9001]);
  expect(await replay({})).toMatchObject({ status: 202, body: { dead_letters: 2 } });
  await until(async () => (await letters()).length === 0, 'the others are');
  expect(await replay({ cursor })).toMatchObject({ status: 202, body: { dead_letters: 0 } });
  await until(() => to.got.length === 6, 'all come again');
  expect(numbers(to.got).slice(3)).toEqual([9000, 9001, 9002]);
  await remove(id);
});
