import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ApiRig } from '../rig.js';
import { AGENTS } from '../../rig/rig.js';
import { SUMMARY, ALL_DONE } from '../reports/service.js';

/** Texts that belong to one agent's report, and to one handoff. */
const MARK = 'cobalt-otter-9934';
let api: ApiRig;
const keys: Record<string, string> = {};
/** Whatever was answered, by who asked. */
const answered: { who: string; what: string; text: string }[] = [];
let report: string;
let handoff: string;

async function ask(
  who: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; json: Record<string, unknown> }> {
  const {
    status,
    text,
    headers,
    body: json,
  } = await api.ask<Record<string, unknown>>(method, path, {
    ...(keys[who] ? { key: keys[who] } : {}),
    ...(body === undefined ? {} : { body }),
  });
  answered.push({ who, what: `${method} ${path} ${status}`, text: `${JSON.stringify([...headers])} ${text}` });
  return { status, json };
}

beforeAll(async () => {
  api = await ApiRig.create();
  keys['author'] = await api.key(AGENTS.target);
  keys['stranger'] = await api.key('@stranger');
  keys['reviewer'] = await api.key('@reviewer', 'reviewer');
  keys['admin'] = await api.key('@admin', 'admin');
  handoff = await api.rig.start('AGENT_HANDOFF_STANDARD', {
    acceptance: 'auto',
    context: { plan: MARK },
    metadata: { plan: MARK },
  });
  await api.rig.untilStatus(handoff, 'completed');
  const about = {
    pipeline_id: `s-${handoff}`,
    task_id: handoff,
    work_summary: `${SUMMARY} ${MARK}`,
    components: ALL_DONE,
  };
  report = String((await ask('author', 'POST', 'reports', { ...about, achievements: [MARK] })).json['report_id']);
  api.rig.reports.begun.add(report);
});
afterAll(() => api.close());

test('a run of good and bad requests by everybody: nobody is answered a secret, or what is another agent’s', async () => {
  interface Document {
    paths: Record<string, Record<string, unknown>>;
  }
  const { paths } = (await api.ask<Document>('GET', '/openapi.json')).body;
  const fill = (path: string): string =>
    path
      .replace('{report_id}', report)
      .replace('{handoff_id}', handoff)
      .replace('{agent}', encodeURIComponent(AGENTS.target))
      .replace('{name}', encodeURIComponent(AGENTS.target))
      .replace('{role}', 'developer')
      .replace('{component_type}', 'api_contracts')
      .replaceAll(/\{[^}]+\}/g, '1');
  for (const [path, item] of Object.entries(paths)) {
    for (const method of Object.keys(item)) {
      // What changes something is asked only of those who may not, and with what cannot be.
      const who = method === 'get' ? ['nobody', 'stranger', 'reviewer', 'author'] : ['nobody', 'stranger', 'reviewer'];
      if (/\/session$|\/ws$/.test(path)) continue;
      for (const one of who)
        await ask(one, method.toUpperCase(), fill(path), method === 'get' ? undefined : { secret: 'x' });
    }
  }
  // Errors of all kinds, with secrets in the wrong place.
  await ask('stranger', 'GET', `reports?author=${keys['stranger']!}`);
  await ask('stranger', 'GET', `nowhere/${keys['stranger']!.slice(0, 12)}`);
  await ask('nobody', 'POST', 'session', { api_key: `hk_${'0'.repeat(16)}_${'B'.repeat(43)}` });
  await ask('admin', 'GET', `agents/${encodeURIComponent(AGENTS.target)}/keys`);
  await ask('admin', 'GET', 'audit?limit=200');
  await ask('admin', 'GET', 'webhooks');
  await ask('admin', 'GET', 'events?limit=200');

  expect(answered.length).toBeGreaterThan(100);
  expect(answered.filter((a) => a.what.endsWith(' 500'))).toEqual([]);
  const places = api.rig.storage.audit.places;
  await api.rig.storage.audit.signedHead();
  const pem = (await readFile(places.key, 'utf8')).split('\n')[1]!;
  const hashes = (await api.rig.storage.db.selectFrom('api_keys').select('hash').execute()).map((k) => k.hash);
  const secrets = [pem, ...hashes, ...Object.values(keys).map((k) => k.slice(20))];
  const leaked = answered.flatMap(({ who, what, text }) =>
    secrets
      .filter((s) => text.includes(s) && !(what.includes(s) || what.includes('reports?author=')))
      .map((s) => `${who} ${what}: ${s}`),
  );
  expect(leaked).toEqual([]);
  // A draft and a handoff between two others: their words are no stranger's and no reviewer's.
  const words = answered.filter((a) => a.who !== 'author' && a.who !== 'admin' && a.text.includes(MARK));
  expect(words.map((a) => `${a.who} ${a.what}`)).toEqual([]);
  expect(answered.some((a) => a.who === 'author' && a.text.includes(MARK))).toBe(true);
  // Events and the audit log have small facts even for an admin.
  const admins = answered.filter((a) => a.who === 'admin' && a.text.includes(MARK));
  expect(admins.map((a) => a.what)).toEqual([]);
});

test('nor is it in the log of the service, the audit log, the outbox or the anchors', async () => {
  const { storage } = api.rig;
  const audit = await storage.db.selectFrom('audit').selectAll().execute();
  const events = await storage.db.selectFrom('events').selectAll().execute();
  const all = [...api.logged, JSON.stringify(audit), JSON.stringify(events)].join('\n');
  expect(audit.length).toBeGreaterThan(5);
  expect(all).not.toContain(MARK);
  for (const key of Object.values(keys)) expect(all).not.toContain(key.slice(20));
});
