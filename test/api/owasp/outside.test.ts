import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startWebhooks } from '../../../src/api/events/deliver.js';
import type { ReportView } from '../../../src/core/report/view.js';
import { Service } from '../reports/service.js';

type Answering = (request: IncomingMessage, response: ServerResponse) => void;

let service: Service;
let delivering: { stop: () => Promise<void> };
const closing: (() => void)[] = [];
beforeAll(async () => {
  // What is refused elsewhere by default is asked for by name here: receivers are on this machine.
  service = await Service.open({ webhookAllowPrivate: true });
  delivering = startWebhooks(service.rig.storage, { webhookAllowPrivate: true });
});
afterAll(async () => {
  for (const close of closing) close();
  await delivering.stop();
  await service.close();
});

/** A receiver on loopback; what it was sent. */
async function receiver(answer: Answering): Promise<{ url: string; seen: string[] }> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (d: Buffer) => (body += d.toString()));
    request.on('end', () => {
      seen.push(`${request.method} ${request.url} ${body}`);
      answer(request, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, seen };
}

interface Hook {
  webhook_id: string;
  secret: string;
  last_error?: string;
  last_status?: number;
}
const hookTo = async (url: string): Promise<Hook> => {
  const { status, json, text } = await service.as('admin', 'POST', '/webhooks', { body: { url } });
  if (status !== 201) throw new Error(text);
  // The helper takes whatever was made for a report.
  service.rig.reports.begun.delete((json as ReportView).report_id);
  return json as Hook;
};
const look = async ({ webhook_id: id }: Hook): Promise<Hook> =>
  (await service.as('admin', 'GET', `/webhooks/${id}`)).json as Hook;
const remove = ({ webhook_id: id }: Hook) => service.as('admin', 'DELETE', `/webhooks/${id}`);

describe('API7: where the service may be sent to', () => {
  test.each([
    'http://127.0.0.1/',
    'http://localhost/',
    'http://[::1]/',
    'http://0.0.0.0/',
    'http://169.254.169.254/latest/meta-data',
    'http://10.0.0.1/',
    'http://192.168.1.1/',
    'http://172.16.0.1/',
    'http://[::ffff:127.0.0.1]/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://0177.0.0.1/',
    'http://[fd00::1]/',
    'http://[fe80::1]/',
    'http://100.64.0.1/',
    'file:///etc/passwd',
    'gopher://127.0.0.1/',
    'ftp://x.example/',
    'javascript:alert(1)',
    'http://user:pass@x.example/',
    '//x.example/',
    'http://',
  ])('not to %s', async (url) => {
    const closed = (await closedService()).service;
    const { status, json } = await closed.as('admin', 'POST', '/webhooks', { body: { url } });
    expect([status, (json as { code: string }).code]).toEqual([400, 'INVALID_WEBHOOK']);
  });

  test('a good address is not changed into one within', async () => {
    const closed = (await closedService()).service;
    const made = await closed.as('admin', 'POST', '/webhooks', {
      body: { url: 'https://hooks.example.com/x', active: false },
    });
    expect(made.status).toBe(201);
    closed.rig.reports.begun.clear();
    const id = (made.json as Hook).webhook_id;
    expect((await closed.as('admin', 'PATCH', `/webhooks/${id}`, { body: { url: 'http://127.0.0.1/' } })).status).toBe(
      400,
    );
  });

  test.each(['author', 'other', 'reviewer', 'developer'] as const)('%s sends it nowhere', async (person) => {
    for (const [method, path, body] of [
      ['POST', '/webhooks', { url: 'https://x.example/' }],
      ['GET', '/webhooks', undefined],
      ['PATCH', '/webhooks/wh_0000000000000000', { active: true }],
      ['POST', '/webhooks/wh_0000000000000000/replay', {}],
    ] as const) {
      const { status } = await service.as(person, method, path, body === undefined ? {} : { body });
      expect([method, path, status]).toEqual([method, path, 403]);
    }
  });
});

let closedOne: Promise<{ service: Service }> | undefined;
/** One with the default: nothing within. */
const closedService = (): Promise<{ service: Service }> =>
  (closedOne ??= Service.open().then((opened) => ({ service: opened })));
afterAll(async () => (await closedOne)?.service.close());

describe('API10: what others answer', () => {
  test('a redirect is not followed', async () => {
    const inner = await receiver((_q, r) => r.end('inner'));
    const outer = await receiver((_q, r) => r.writeHead(307, { location: `${inner.url}secret` }).end());
    const hook = await hookTo(outer.url);
    await service.create();
    await expect.poll(async () => (await look(hook)).last_status, { timeout: 10_000 }).toBe(307);
    expect(inner.seen).toEqual([]);
    await remove(hook);
  });

  test('an answer without end, or with scripts in it, is cut and changes nothing', async () => {
    const hostile = await receiver((_q, r) => {
      r.writeHead(500, { 'content-type': 'text/html', 'retry-after': '999999999' });
      r.write(`<script>alert(1)</script>${'x'.repeat(100_000)}`);
    });
    const hook = await hookTo(hostile.url);
    await service.create();
    await expect.poll(async () => (await look(hook)).last_status, { timeout: 10_000 }).toBe(500);
    const { last_error: error = '' } = await look(hook);
    expect(error.length).toBeLessThanOrEqual(500);
    expect((await service.as('admin', 'GET', '/health')).status).toBe(200);
    await remove(hook);
  });

  test('a receiver that hangs up, or never answers, holds nobody up', async () => {
    const silent = await receiver(() => {});
    const rude = await receiver((q) => q.socket.destroy());
    const hooks = [await hookTo(silent.url), await hookTo(rude.url)];
    const began = Date.now();
    const { report_id: id } = await service.create();
    await service.write('author', 'PUT', `/reports/${id}`, { achievements: ['x'] });
    await expect.poll(() => [silent.seen.length > 0, rude.seen.length > 0], { timeout: 10_000 }).toEqual([true, true]);
    expect(Date.now() - began).toBeLessThan(20_000);
    for (const hook of hooks) await remove(hook);
  });

  test('what is sent has small facts: no text of a report, no key, and not its own secret', async () => {
    const good = await receiver((_q, r) => r.end());
    const hook = await hookTo(good.url);
    const { report_id: id } = await service.create({ achievements: ['onyx-heron-5521'] });
    await expect.poll(() => good.seen.some((s) => s.includes(id)), { timeout: 10_000 }).toBe(true);
    const all = good.seen.join('\n');
    expect(all).not.toContain('onyx-heron-5521');
    expect(all).not.toContain(hook.secret);
    expect(all).not.toMatch(/hk_[0-9a-f]{16}_/);
    await remove(hook);
  });

  const BOMB = `<!DOCTYPE a [<!ENTITY x "${'y'.repeat(1000)}">${Array.from({ length: 9 }, (_, i) => `<!ENTITY x${i} "${`&x${i ? i - 1 : ''};`.repeat(10)}">`).join('')}]><testsuite tests="1">&x8;</testsuite>`;
  test.each([
    ['entities that grow', 'a.xml', 'application/xml', BOMB],
    [
      'a file from here',
      'b.xml',
      'application/xml',
      '<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]><testsuite tests="1" name="&f;"/>',
    ],
    [
      'numbers that cannot be',
      'c.xml',
      'application/xml',
      '<testsuites><testsuite tests="1e309" failures="-5" errors="NaN"/></testsuites>',
    ],
    ['more passed than run', 'd.json', 'application/json', '{"total":{"lines":{"total":1,"covered":1e12,"pct":1e9}}}'],
    ['no end', 'e.info', 'text/plain', 'SF:x\nDA:1,'.repeat(20_000)],
    ['a prototype', 'f.json', 'application/json', '{"__proto__":{"roles":["admin"]},"total":{"lines":{"pct":100}}}'],
  ])('an attached file with %s verifies nothing and breaks nothing', async (_what, name, type, content) => {
    const { report_id: id } = await service.create();
    const { status, text } = await service.attach(id, name, content, type, '&component_type=api_contracts');
    expect(status).toBeLessThan(500);
    expect(text).not.toContain('root:x:');
    await service.as('author', 'POST', `/reports/${id}/submit`, { body: {} });
    const after = await service.until(id, (r) => r.status !== 'submitted' && r.submissions + r.findings.length > 0);
    expect(after.components.api_contracts.status).not.toBe('verified');
    expect(JSON.stringify(after)).not.toContain('root:x:');
    expect((after as { roles?: unknown }).roles).toBeUndefined();
  });
});
