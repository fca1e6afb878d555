import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AGENTS } from '../../rig/rig.js';
import { ApiRig } from '../rig.js';

const MARK = 'amber-lynx-4410';
let api: ApiRig;
const key = {} as Record<'source' | 'target' | 'other' | 'reviewer' | 'admin', string>;
let handoff: string;
/** Whoever is called by the service itself. */
let receiver: Server;
let called = 0;
let address: string;

beforeAll(async () => {
  api = await ApiRig.create();
  key.source = await api.key(AGENTS.source);
  key.target = await api.key(AGENTS.target);
  key.other = await api.key('@other');
  key.reviewer = await api.key('@reviewer', 'reviewer', 'security_reviewer');
  key.admin = await api.key('@admin', 'admin');
  receiver = createServer((_request, response) => {
    called++;
    response.end('{}');
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
  handoff = await api.rig.start('AGENT_HANDOFF_STANDARD', { context: { secret_plan: MARK }, metadata: { note: MARK } });
  await api.rig.untilStatus(handoff, 'awaiting_acceptance');
});
afterAll(async () => {
  await api.ask('POST', `handoffs/${handoff}/cancel`, { key: key.admin, body: { reason: 'the tests are over' } });
  await api.rig.untilStatus(handoff, 'cancelled');
  receiver.close();
  await api.close();
});

describe('API1: handoffs of others', () => {
  test.each(['', '/progress', '/effects', '/document', '/result'])(
    'are not there for who is no party: GET …%s',
    async (path) => {
      for (const who of ['other', 'reviewer'] as const) {
        const { status, text } = await api.ask('GET', `handoffs/${handoff}${path}`, { key: key[who] });
        const none = await api.ask('GET', `handoffs/h-nothing${path}`, { key: key[who] });
        expect([who, status]).toEqual([who, 404]);
        expect(text.replaceAll(handoff, 'h-nothing')).toBe(none.text);
        expect(text).not.toContain(MARK);
      }
    },
  );

  test.each(['pause', 'resume', 'cancel', 'accept', 'reject', 'complete', 'return', 'extend'])(
    'cannot be told to %s',
    async (verb) => {
      const before = (await api.rig.client.status(handoff)).status;
      for (const body of [{}, { reason: 'because', by: '@other' }, { reason: 'because', by: AGENTS.target }]) {
        const { status, text } = await api.ask('POST', `handoffs/${handoff}/${verb}`, { key: key.other, body });
        expect([400, 403, 404]).toContain(status);
        expect(text).not.toContain(MARK);
      }
      expect((await api.rig.client.status(handoff)).status).toBe(before);
    },
  );

  test('stand in no list, inbox, manifest or incidents of who is no party', async () => {
    for (const path of ['handoffs', 'incidents', 'manifest', 'inbox/%40other', `handoffs?session=s-${handoff}`]) {
      const { status, text } = await api.ask('GET', path, { key: key.other });
      expect([path, status < 500]).toEqual([path, true]);
      expect(text).not.toContain(handoff);
      expect(text).not.toContain(MARK);
    }
    expect((await api.ask('GET', `inbox/${encodeURIComponent(AGENTS.target)}`, { key: key.other })).status).toBe(403);
    expect((await api.ask('GET', 'handoffs', { key: key.target })).text).toContain(handoff);
  });

  test('are not begun in the name of another, nor under an id that one of others has', async () => {
    const { handoffId: _, ...request } = await api.rig.request('AGENT_HANDOFF_STANDARD');
    expect((await api.ask('POST', 'handoffs', { key: key.other, body: request })).status).toBe(403);
    expect((await api.ask('POST', 'plan', { key: key.other, body: request })).status).toBe(403);
    const own = { ...request, source: { agent: '@other', phase: 8 }, handoffId: handoff };
    const { status, text } = await api.ask('POST', 'handoffs', { key: key.other, body: own });
    expect([status >= 400, text.includes(MARK)]).toEqual([true, false]);
  });
});

describe('API5 and API6: acts of handoffs', () => {
  test('its source does not accept for its target, and nobody speaks as another', async () => {
    expect((await api.ask('POST', `handoffs/${handoff}/accept`, { key: key.source, body: {} })).status).toBe(403);
    for (const who of ['source', 'target'] as const) {
      const body = { by: who === 'source' ? AGENTS.target : AGENTS.source };
      expect((await api.ask('POST', `handoffs/${handoff}/accept`, { key: key[who], body })).status).toBe(403);
    }
  });

  test.each(['retry', 'skip', 'rollback', 'resolve'])('%s is for admins, not for the parties', async (verb) => {
    const body = { reason: 'because', step: 'transfer_context' };
    for (const who of ['source', 'target', 'reviewer'] as const)
      expect([who, (await api.ask('POST', `handoffs/${handoff}/${verb}`, { key: key[who], body })).status]).toEqual([
        who,
        403,
      ]);
  });

  test.each(['pause', 'resume', 'cancel', 'retry'])('%s in bulk is for admins', async (verb) => {
    const body = { filter: {}, reason: 'because' };
    expect((await api.ask('POST', `bulk/${verb}`, { key: key.target, body })).status).toBe(403);
  });

  test('the registry is written by admins', async () => {
    const agent = { name: '@mallory', roles: ['admin'] };
    expect((await api.ask('POST', 'agents', { key: key.other, body: agent })).status).toBe(403);
    expect((await api.ask('DELETE', `agents/${encodeURIComponent(AGENTS.target)}`, { key: key.other })).status).toBe(
      403,
    );
    expect(
      (await api.ask('POST', `agents/${encodeURIComponent(AGENTS.target)}/heartbeat`, { key: key.other })).status,
    ).toBe(403);
    for (const path of ['contracts', 'procedures'])
      expect([path, (await api.ask('POST', path, { key: key.other, body: {} })).status]).toEqual([path, 403]);
  });
});

describe('API7: what the service itself calls', () => {
  const TRIGGERS: [string, object][] = [
    ['a webhook within', { webhook: { url: 'http://169.254.169.254/latest/meta-data' } }],
    ['a webhook here', { webhook: { url: 'HERE', headers: { 'x-a': 'b' } } }],
    [
      'a signal to a handoff of others',
      { signal: { workflowId: 'handoff/of-others', signalName: 'cancel', args: [{ by: '@x' }] } },
    ],
    ['a signal to a report', { signal: { workflowId: 'report/r-1', signalName: 'x' } }],
    ['a workflow of any type', { workflow: { type: 'agentHandoffReport', workflowId: 'report/forged', args: [{}] } }],
  ];
  test.each(TRIGGERS)('an agent has it trigger nothing of its own: %s', async (_what, spec) => {
    const trigger = JSON.parse(JSON.stringify(spec).replace('HERE', address)) as object;
    const { handoffId: _, ...request } = await api.rig.request('PHASE_TRANSITION_STANDARD');
    for (const path of ['handoffs', 'plan', 'validate']) {
      const { status, body } = await api.ask('POST', path, { key: key.source, body: { ...request, trigger } });
      expect([path, status, body.code]).toEqual([path, 403, 'FORBIDDEN']);
    }
    expect(called).toBe(0);
  });

  test('schemas and contracts are fetched from nowhere', async () => {
    const { handoffId: _, ...request } = await api.rig.request('PHASE_TRANSITION_STANDARD');
    const contract = {
      handoff_id: 'c1',
      from_agent: AGENTS.source,
      to_agent: AGENTS.target,
      sends: { artifacts: [{ name: 'a.json', schema: { $ref: address } }] },
    };
    await api.ask('POST', 'plan', { key: key.source, body: { ...request, contract } });
    expect(
      (await api.ask('GET', `contracts/${encodeURIComponent(address)}`, { key: key.source })).status,
    ).toBeGreaterThanOrEqual(400);
    expect(called).toBe(0);
  });

  test('artifacts come from the source folders only, and an error does not tell what lies elsewhere', async () => {
    const { handoffId: _, ...request } = await api.rig.request('PHASE_TRANSITION_STANDARD');
    for (const path of [
      '/etc/passwd',
      '../../../../etc/passwd',
      'file:///etc/passwd',
      '/proc/self/environ',
      '/no/such/file',
    ]) {
      const body = { ...request, artifacts: [{ name: 'x.txt', path }] };
      const { status, text } = await api.ask('POST', 'plan', { key: key.source, body });
      expect(status).toBeLessThan(500);
      expect(text).not.toMatch(/root:x|"ok":true.*passwd/);
    }
  });
});
