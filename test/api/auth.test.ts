import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rightsOf } from '../../src/core/service/policy.js';
import { ApiRig } from './rig.js';

interface Session {
  agent: string;
  roles: string[];
  key_id: string;
  expires_at?: string;
}
interface Key {
  key_id: string;
  api_key: string;
  roles: string[];
  expires_at?: string;
  revoked_at?: string;
}

let api: ApiRig;
let admin: string;
beforeAll(async () => {
  api = await ApiRig.create({ trustProxy: true }, { start: false });
  admin = await api.key('@root', 'admin');
});
afterAll(() => api.close());

const refused = { status: 401, body: { code: 'UNAUTHENTICATED', type: '/docs/errors#unauthenticated' } };
const idOf = (secret: string): string => secret.split('_')[1]!;

describe('a key', () => {
  test('says who asks; each has the role agent', async () => {
    const { status, body } = await api.ask<Session>('GET', 'session', { key: admin });
    expect({ status, body }).toEqual({
      status: 200,
      body: { agent: '@root', roles: ['admin', 'agent'], key_id: idOf(admin) },
    });
  });

  test.each([
    ['nothing', undefined],
    ['another scheme', 'Basic cm9vdDpyb290'],
    ['no key', 'Bearer'],
    ['a key of another form', 'Bearer hk_1'],
    ['an unknown key', `Bearer hk_0011223344556677_${'A'.repeat(43)}`],
    ['two keys', 'Bearer a b'],
  ])('is asked for where there is %s', async (_, authorization) => {
    const answer = await api.ask('GET', 'session', authorization ? { headers: { authorization } } : {});
    expect(answer).toMatchObject(refused);
    expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="handoff"');
  });

  test('with another secret is none, whatever its id', async () => {
    const wrong = `${admin.slice(0, -1)}${admin.endsWith('A') ? 'B' : 'A'}`;
    expect(await api.ask('GET', 'session', { key: wrong })).toMatchObject(refused);
  });

  test('ends when it is revoked, when its time is over, and with its agent', async () => {
    const { keys, agents } = api.rig.storage;
    await agents.add({ name: '@short' });
    const over = await keys.create('@short', [], Date.now() - 1);
    expect(await api.ask('GET', 'session', { key: over.secret })).toMatchObject(refused);
    const [one, two] = [await api.key('@short'), await api.key('@short')];
    expect((await api.ask('GET', 'session', { key: one })).status).toBe(200);
    await keys.revoke(idOf(one));
    expect(await api.ask('GET', 'session', { key: one })).toMatchObject(refused);
    expect((await api.ask('GET', 'session', { key: two })).status).toBe(200);
    await agents.remove('@short');
    expect(await api.ask('GET', 'session', { key: two })).toMatchObject(refused);
  });

  test('that is used says so, to the minute', async () => {
    const { keys } = api.rig.storage;
    const key = await api.key('@used');
    const last = async (): Promise<number | undefined> => (await keys.find(idOf(key)))?.lastUsedAt;
    expect(await last()).toBeUndefined();
    await api.ask('GET', 'session', { key });
    await expect.poll(last).toBeGreaterThan(0);
    const first = await last();
    await api.ask('GET', 'session', { key });
    await keys.used({ id: idOf(key), agent: '@used', roles: [], createdAt: 0 }, first! + 59_000);
    expect(await last()).toBe(first);
    await keys.used({ id: idOf(key), agent: '@used', roles: [], createdAt: 0 }, first! + 60_000);
    expect(await last()).toBe(first! + 60_000);
  });

  test('is kept nowhere but as a hash', async () => {
    const rows = await api.rig.storage.db.selectFrom('api_keys').selectAll().execute();
    expect(JSON.stringify(rows)).not.toContain(admin.slice(-43));
  });
});

describe('keys over HTTP', () => {
  test('are made, listed and revoked by admins, which is on record', async () => {
    await api.rig.client.agents.add({ name: '@lead', roles: ['tech_lead', 'guru'] });
    const made = await api.ask<Key>('POST', 'agents/@lead/keys', { key: admin, body: { expires_days: 2 } });
    expect(made).toMatchObject({
      status: 201,
      body: { roles: ['tech_lead'], api_key: expect.stringMatching(/^hk_/) as unknown },
    });
    expect(made.headers.get('cache-control')).toBe('no-store');
    const who = await api.ask<Session>('GET', 'session', { key: made.body.api_key });
    expect(who.body).toMatchObject({ agent: '@lead', roles: ['tech_lead', 'agent'] });
    const listed = await api.ask<{ keys: Key[] }>('GET', 'agents/@lead/keys', { key: admin });
    expect(listed.body.keys).toHaveLength(1);
    expect(listed.text).not.toContain(made.body.api_key.slice(-43));
    const gone = await api.ask('DELETE', `agents/@lead/keys/${made.body.key_id}`, { key: admin });
    expect(gone.status).toBe(204);
    expect(await api.ask('GET', 'session', { key: made.body.api_key })).toMatchObject(refused);
    const again = await api.ask('DELETE', `agents/@lead/keys/${made.body.key_id}`, { key: admin });
    expect(again).toMatchObject({ status: 404, body: { code: 'KEY_NOT_FOUND' } });
    const rows = await api.rig.storage.db
      .selectFrom('audit')
      .select(['actor', 'act'])
      .where('subject', '=', `key/${made.body.key_id}`)
      .execute();
    expect(rows).toEqual([
      { actor: '@root', act: 'key.create' },
      { actor: '@root', act: 'key.revoke' },
    ]);
  });

  test('are refused to all others, and for agents that nobody knows', async () => {
    const key = await api.key('@plain', 'reviewer');
    const asked = await api.ask('POST', 'agents/@plain/keys', { key, body: { roles: ['admin'] } });
    expect(asked).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
    expect(asked.body.detail).toContain('@plain may not manage keys: one of these roles is needed: admin');
    expect(await api.ask('GET', 'agents/@nobody/keys', { key: admin })).toMatchObject({
      status: 404,
      body: { code: 'AGENT_UNKNOWN' },
    });
    const wrong = await api.ask('POST', 'agents/@plain/keys', { key: admin, body: { roles: ['root'] } });
    expect(wrong).toMatchObject({ status: 400, body: { code: 'INVALID_INPUT', errors: [{ path: '/roles/0' }] } });
  });
});

test('behind a proxy an address is what the proxy says, not what the sender says of itself', async () => {
  const key = await api.key('@proxied');
  await api.ask('GET', 'audit', { key, headers: { 'x-forwarded-for': '203.0.113.7, 198.51.100.9' } });
  const rows = api.rig.storage.db.selectFrom('audit').select('source').where('actor', '=', '@proxied');
  await expect.poll(() => rows.execute()).toEqual([{ source: '198.51.100.9' }]);
});

describe('the session of the page', () => {
  const login = async (headers: Record<string, string> = {}) => {
    const answer = await api.ask<Session>('POST', 'session', { body: { api_key: admin }, headers });
    const [cookie = ''] = answer.headers.getSetCookie();
    return { answer, cookie, value: cookie.split(';')[0]! };
  };
  const own = (): Record<string, string> => ({ origin: api.url, 'sec-fetch-site': 'same-origin' });

  test('is a cookie that no script reads and no other site sends', async () => {
    const { answer, cookie, value } = await login();
    expect(answer).toMatchObject({ status: 201, body: { agent: '@root', roles: ['admin', 'agent'] } });
    expect(cookie).toMatch(/^handoff_session=[\w-]{43}; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Strict$/);
    const secure = await login({ 'x-forwarded-proto': 'https' });
    expect(secure.cookie).toContain('; Secure');
    const who = await api.ask<Session>('GET', 'session', { headers: { cookie: value } });
    expect(who.body).toEqual(answer.body);
    const stored = await api.rig.storage.db.selectFrom('logins').selectAll().execute();
    expect(JSON.stringify(stored)).not.toContain(value.split('=')[1]);
  });

  test('begins with a good key only, and on this site only', async () => {
    expect(await api.ask('POST', 'session', { body: { api_key: 'hk_no' } })).toMatchObject(refused);
    const elsewhere = await login({ origin: 'https://evil.example' });
    expect(elsewhere).toMatchObject({ answer: { status: 403, body: { code: 'FORBIDDEN' } }, cookie: '' });
  });

  test.each([
    ['another site', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }],
    ['another port of this host', { origin: 'http://127.0.0.1:1', 'sec-fetch-site': 'same-site' }],
    ['nowhere', {}],
    ['a sandbox', { origin: 'null' }],
  ])('writes nothing that comes from %s', async (_, headers) => {
    const { value } = await login();
    const write = await api.ask('DELETE', 'session', { headers: { cookie: value, ...headers } });
    expect(write).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
    expect((await api.ask('GET', 'session', { headers: { cookie: value } })).status).toBe(200);
  });

  test('ends when one logs out, and with its key', async () => {
    const { value } = await login();
    const out = await api.ask('DELETE', 'session', { headers: { cookie: value, ...own() } });
    expect(out.status).toBe(204);
    expect(out.headers.getSetCookie()[0]).toMatch(/^handoff_session=; .*Expires=Thu, 01 Jan 1970/);
    expect(await api.ask('GET', 'session', { headers: { cookie: value } })).toMatchObject(refused);
    const key = await api.key('@leaving', 'reviewer');
    const { headers } = await api.ask('POST', 'session', { body: { api_key: key } });
    const cookie = headers.getSetCookie()[0]!.split(';')[0]!;
    expect((await api.ask('GET', 'session', { headers: { cookie } })).status).toBe(200);
    await api.rig.storage.keys.revoke(idOf(key));
    expect(await api.ask('GET', 'session', { headers: { cookie } })).toMatchObject(refused);
  });

  test('gives way to a key, also to a bad one', async () => {
    const { value } = await login();
    const both = await api.ask('GET', 'session', { key: 'hk_bad', headers: { cookie: value } });
    expect(both).toMatchObject(refused);
  });
});

test('only the roles of the table give rights', () => {
  expect(rightsOf(['guru', 'reviewer', 'Admin'])).toEqual(['reviewer']);
});
