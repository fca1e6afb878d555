import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Parts, newId, startWork } from '../rig/parts.js';
import { AGENTS } from '../rig/rig.js';
import { ApiRig } from './rig.js';

const parts = new Parts();
const { source, target } = AGENTS;
const STRANGER = '@stranger';
const repair = { reason: 'why', incidentId: 'inc-1' };
/** Each message, and who of a handoff's source, target and an admin may send it: by hand, from SPEC.md. */
const MESSAGES: [path: string, body: object, source: boolean, target: boolean][] = [
  ['pause', { reason: 'why' }, true, true],
  ['resume', {}, true, true],
  ['cancel', { reason: 'why' }, true, false],
  ['extend', { minutes: 5 }, true, false],
  ['accept', {}, false, true],
  ['reject', { reason: 'why' }, false, true],
  ['complete', { epoch: 9 }, false, true],
  ['return', { epoch: 9, artifacts: [{ name: 'a', path: 'a' }] }, false, true],
  ['retry', repair, false, false],
  ['skip', repair, false, false],
  ['resolve', repair, false, false],
  ['rollback', repair, false, false],
];
const READS = ['', '/progress', '/effects', '/document', '/result'];

let api: ApiRig;
let keys: Record<'source' | 'target' | 'stranger' | 'admin', string>;
let id: string;
beforeAll(async () => {
  api = await ApiRig.create({}, parts.options);
  keys = {
    source: await api.key(source),
    target: await api.key(target),
    stranger: await api.key(STRANGER, 'agent', 'reviewer', 'architect'),
    admin: await api.key('operator', 'admin'),
  };
  id = await offered();
});
afterAll(() => api.close());

async function offered(): Promise<string> {
  const one = await startWork(api.rig, 'WORK_AND_ASK');
  await api.rig.untilStatus(one, 'awaiting_acceptance');
  api.rig.leftOpen.add(one);
  return one;
}
const post = (key: string, path: string, body: object) => api.ask('POST', path, { key, body });

describe('a handoff of others', () => {
  test.each(READS)('is not there to be read (%s)', async (path) => {
    const theirs = await api.ask('GET', `handoffs/${id}${path}`, { key: keys.stranger });
    const nobodys = await api.ask('GET', `handoffs/h-none${path}`, { key: keys.stranger });
    expect(theirs.status).toBe(404);
    expect(theirs.text.replaceAll(id, 'X')).toBe(nobodys.text.replaceAll('h-none', 'X'));
    for (const key of [keys.source, keys.target, keys.admin])
      expect((await api.ask('GET', `handoffs/${id}${path}`, { key })).status).toBeLessThan(300);
  });

  test.each(MESSAGES)('is not there to be steered (%s), and untouched by it', async (path, body) => {
    const before = await api.rig.client.status(id);
    const theirs = await post(keys.stranger, `handoffs/${id}/${path}`, body);
    const nobodys = await post(keys.stranger, `handoffs/h-none/${path}`, body);
    // A repair needs a role, which is asked before the handoff is looked for.
    const isRepair = ['retry', 'skip', 'resolve', 'rollback'].includes(path);
    expect(theirs.body.code).toBe(isRepair ? 'FORBIDDEN' : 'HANDOFF_NOT_FOUND');
    expect(theirs.text.replaceAll(id, 'X')).toBe(nobodys.text.replaceAll('h-none', 'X'));
    expect((await api.rig.client.status(id)).state).toEqual(before.state);
  });

  test('is in no list, no inbox, no incident, no manifest', async () => {
    parts.fail('h-held', 'act');
    const held = await startWork(api.rig, 'WORK_OR_HOLD', { handoffId: 'h-held' });
    api.rig.leftOpen.add(held);
    await api.rig.until(held, (s) => s.state?.incidents.length === 1);
    const incidents = async (key: string, query = ''): Promise<unknown> =>
      (await api.ask('GET', `incidents${query}`, { key })).body['incidents'];
    await expect.poll(() => incidents(keys.target)).toMatchObject([{ handoffId: held }]);
    expect(await incidents(keys.source, `?source=${source}`)).toMatchObject([{ handoffId: held }]);
    expect(await incidents(keys.admin)).toMatchObject([{ handoffId: held }]);
    for (const query of ['', `?source=${source}`, `?target=${target}`])
      expect(await incidents(keys.stranger, query)).toEqual([]);
    const listed = async (key: string, query = ''): Promise<unknown> =>
      (await api.ask('GET', `handoffs${query}`, { key })).body['handoffs'];
    expect(await listed(keys.source, '?limit=200')).toHaveLength((await api.rig.client.list()).length);
    for (const query of ['', `?source=${source}`, `?target=${target}&open=true`])
      expect(await listed(keys.stranger, query)).toEqual([]);
    expect(await api.ask('GET', `inbox/${target}`, { key: keys.stranger })).toMatchObject({ status: 403 });
    expect(await api.ask('GET', `inbox/${target}`, { key: keys.target })).toMatchObject({ status: 200 });
    for (const query of ['', `?handoff=${id}`])
      expect(await api.ask('GET', `manifest${query}`, { key: keys.stranger })).toMatchObject({ status: 403 });
    for (const body of [{}, { names: [] }, { names: [id] }])
      expect(await post(keys.stranger, 'verify', body)).toMatchObject({ status: 403 });
    expect(await api.ask('GET', 'trace?artifact=x', { key: keys.target })).toMatchObject({ status: 403 });
    parts.mend('h-held', 'act');
  });

  test('keeps its id, and who asks for it learns no more than that', async () => {
    const request = {
      procedure: 'WORK_AND_ASK',
      source: { agent: STRANGER },
      target: { agent: target },
      handoffId: id,
    };
    for (const path of ['handoffs', 'plan', 'validate']) {
      const taken = await post(keys.stranger, path, request);
      expect(taken.body).toMatchObject({ status: 409, code: 'HANDOFF_ID_CONFLICT' });
      const { requestDigest } = (await api.rig.storage.handoffs.find(id))!.subject;
      expect(taken.text).not.toContain(requestDigest);
    }
  });
});

test.each(MESSAGES)('%s is for those whose it is', async (path, body, ofSource, ofTarget) => {
  const one = await offered();
  for (const [key, may] of [
    [keys.source, ofSource],
    [keys.target, ofTarget],
  ] as const) {
    const { status } = await post(key, `handoffs/${one}/${path}`, body);
    // What is allowed may still not fit; what is not allowed is not looked at.
    expect(may ? [200, 202, 400, 409] : [403]).toContain(status);
  }
  const other = await offered();
  expect([200, 202, 400, 409]).toContain((await post(keys.admin, `handoffs/${other}/${path}`, body)).status);
});

test('who speaks is the agent of the key; an admin may name another', async () => {
  const one = await offered();
  expect(await post(keys.target, `handoffs/${one}/accept`, { by: source })).toMatchObject({
    status: 403,
    body: { code: 'FORBIDDEN', detail: `${target} may not speak as ${source}: one of these roles is needed: admin` },
  });
  expect(await post(keys.target, `handoffs/${one}/pause`, { reason: 'x' })).toMatchObject({ status: 202 });
  await api.rig.until(one, (s) => s.state?.holds.operator?.by === target);
  expect(await post(keys.admin, `handoffs/${one}/accept`, { by: target })).toMatchObject({ body: { epoch: 1 } });
  expect((await api.rig.client.status(one)).state?.acceptance.by).toBe(target);
});

test('a handoff is started by its source, which the request or its contract names', async () => {
  const request = { procedure: 'WORK_AND_ASK', source: { agent: source }, target: { agent: target } };
  for (const path of ['handoffs', 'plan', 'validate']) {
    expect(await post(keys.target, path, request)).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
    expect(await post(keys.source, path, { ...request, source: { phase: 8 } })).toMatchObject({ status: 403 });
    expect(await post(keys.stranger, path, { ...request, source: {} })).toMatchObject({
      body: { code: 'INVALID_REQUEST' },
    });
  }
  const contract = { from_agent: source, to_agent: target, contract: { sends: {} } };
  const contracted = { procedure: 'WORK_AND_ASK', contract };
  expect(await post(keys.target, 'plan', contracted)).toMatchObject({ status: 403 });
  expect(await post(keys.source, 'plan', contracted)).toMatchObject({ status: 200, body: { ready: true } });
});

test('what others have called their handoff says nothing about a request without an id', async () => {
  const theirs = { procedure: 'WORK_AND_ASK', handoffId: 'new', source: { agent: target }, target: { agent: source } };
  expect(await post(keys.target, 'handoffs', theirs)).toMatchObject({ status: 201 });
  api.rig.leftOpen.add('new');
  const contract = { from_agent: source, to_agent: STRANGER, contract: { sends: {} } };
  for (const path of ['plan', 'validate', 'handoffs'])
    expect(await post(keys.target, path, { procedure: 'WORK_AND_ASK', contract })).toMatchObject({ status: 403 });
  const own = { procedure: 'WORK_AND_ASK', source: { agent: STRANGER }, target: { agent: source } };
  expect(await post(keys.stranger, 'plan', own)).toMatchObject({ status: 200 });
});

test("a start that is sent again after its service died is the same handoff, and another's key is another", async () => {
  const request = { procedure: 'WORK_ONLY', source: { agent: source }, target: { agent: source } };
  const start = async (key: string, by: string): Promise<{ status: number; id: string }> => {
    const asked = { key, body: { ...request, source: { agent: by } }, headers: { 'idempotency-key': 'once' } };
    const { status, body } = await api.ask<{ handoffId: string }>('POST', 'handoffs', asked);
    return { status, id: body.handoffId };
  };
  const first = await start(keys.source, source);
  // As it stands a minute after a process died that had not answered yet.
  await api.rig.storage.idempotency.forget(source, 'once');
  expect(await start(keys.source, source)).toEqual({ status: 200, id: first.id });
  expect((await start(keys.target, target)).id).not.toBe(first.id);
});

test('what is of all is for admins', async () => {
  const message = { reason: 'x' };
  for (const [path, body] of [
    ['bulk/pause', { filter: { session: 'x' }, message }],
    ['bulk/preview', { filter: {} }],
    ['procedures', {}],
    ['contracts', {}],
    ['agents', { name: 'x' }],
  ] as const)
    expect(await post(keys.source, path, body)).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
  expect(await post(keys.source, `agents/${target}/heartbeat`, {})).toMatchObject({ status: 403 });
  expect(await post(keys.source, `agents/${source}/heartbeat`, {})).toMatchObject({ status: 200 });
});

test('a list comes in pages, each handoff once', async () => {
  const session = `s-${newId()}`;
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) {
    const one = await startWork(api.rig, 'WORK_ONLY', { session });
    ids.push(one);
  }
  for (const one of ids) await api.rig.client.result(one);
  const found: string[] = [];
  let query = '';
  let pages = 0;
  do {
    const { body } = await api.ask<{ handoffs: { handoffId: string }[]; next_cursor?: string }>(
      'GET',
      `handoffs?session=${session}&limit=2${query}`,
      { key: keys.target },
    );
    found.push(...body.handoffs.map((h) => h.handoffId));
    query = body.next_cursor === undefined ? '' : `&cursor=${body.next_cursor}`;
    pages++;
  } while (query !== '');
  expect([pages, found.toSorted()]).toEqual([3, ids.toSorted()]);
  for (const bad of ['cursor=zzz', 'limit=0', 'limit=x', 'limit=201', 'open=maybe', 'started_after=soon', 'nonsense=1'])
    expect(await api.ask('GET', `handoffs?${bad}`, { key: keys.target })).toMatchObject({ status: 400 });
});

test('a result is waited for, and told as soon as it is there', async () => {
  const one = await offered();
  const open = await api.ask('GET', `handoffs/${one}/result?wait_seconds=0`, { key: keys.source });
  expect(open).toMatchObject({ status: 202, body: { handoffId: one, status: 'awaiting_acceptance' } });
  const waiting = api.ask('GET', `handoffs/${one}/result?wait_seconds=60`, { key: keys.source });
  const began = Date.now();
  await post(keys.target, `handoffs/${one}/reject`, { reason: 'no' });
  expect(await waiting).toMatchObject({ status: 200, body: { outcome: 'rejected' } });
  expect(Date.now() - began).toBeLessThan(30_000);
  for (const bad of ['61', '-1', '1.5', 'x'])
    expect(await api.ask('GET', `handoffs/${one}/result?wait_seconds=${bad}`, { key: keys.source })).toMatchObject({
      status: 400,
    });
});

test('the same write under one key takes effect once, also for who accepts', async () => {
  const request = { procedure: 'WORK_ONLY', source: { agent: source }, target: { agent: target } };
  const headers = { 'idempotency-key': `k-${newId()}` };
  const ask = (body: object) => api.ask('POST', 'handoffs', { key: keys.source, body, headers });
  const [first, second] = [await ask(request), await ask(request)];
  expect([first.status, second.body]).toEqual([201, first.body]);
  const { handoffId } = first.body as unknown as { handoffId: string };
  api.rig.started.add(handoffId);
  await api.rig.client.result(handoffId);
  expect(await ask({ ...request, priority: 'low' })).toMatchObject({ status: 422 });
});

test('what was done to a handoff over HTTP is on the audit log once, with who and from where; what only looks is not', async () => {
  const one = await offered();
  const headers = { 'idempotency-key': `accept-${one}` };
  const accept = () => api.ask('POST', `handoffs/${one}/accept`, { key: keys.target, body: {}, headers });
  expect([(await accept()).status, (await accept()).status]).toEqual([200, 200]);
  expect((await post(keys.stranger, `handoffs/${one}/pause`, { reason: 'why' })).status).toBe(404);
  expect((await post(keys.source, 'plan', await api.rig.request('WORK_AND_ASK'))).status).toBe(200);
  const { body } = await api.ask<{ entries: object[] }>(
    'GET',
    `audit?subject=${encodeURIComponent(`handoff/${one}`)}`,
    {
      key: keys.admin,
    },
  );
  expect(body.entries).toMatchObject([
    {
      act: 'handoff.accept',
      actor: target,
      outcome: 'done',
      from: '127.0.0.1',
      data: { request: 'POST /api/v1/agent-handoff/handoffs/:handoff_id/accept' },
    },
  ]);
  const all = await api.ask('GET', 'audit', { key: keys.admin });
  expect(all.text).not.toContain('/plan');
});
