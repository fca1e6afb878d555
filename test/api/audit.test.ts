import { afterAll, beforeAll, expect, test } from 'vitest';
import { isSignedBy, readKey } from '../../src/storage/audit/key.js';
import type { AuditRow, SignedHead } from '../../src/core/audit/entry.js';
import { fill } from '../audit/log.js';
import { ApiRig } from './rig.js';

let api: ApiRig;
let admin: string;
interface Page {
  entries: { seq: number; actor: string; act: string; subject: string; from?: string; data: unknown }[];
  next_cursor?: string;
}

beforeAll(async () => {
  api = await ApiRig.create({}, { start: false });
  admin = await api.key('@root', 'admin');
  await fill(api.rig.storage, 0, 120);
});
afterAll(() => api.close());

test('an admin reads the log from the newest row to the first, page by page', async () => {
  const seqs: number[] = [];
  for (let path = 'audit?limit=50'; ;) {
    const { status, body } = await api.ask<Page>('GET', path, { key: admin });
    expect(status).toBe(200);
    seqs.push(...body.entries.map((e) => e.seq));
    if (body.next_cursor === undefined) break;
    path = `audit?limit=50&cursor=${body.next_cursor}`;
  }
  expect(seqs).toEqual(seqs.toSorted((a, b) => b - a));
  expect(new Set(seqs).size).toBe(seqs.length);
  expect(seqs.at(-1)).toBe(1);
});

test('filters narrow it', async () => {
  const { body } = await api.ask<Page>('GET', 'audit?subject=report%2Fr_3&actor=%40agent-3', { key: admin });
  expect(body.entries.length).toBeGreaterThan(0);
  expect(body.entries.every((e) => e.subject === 'report/r_3' && e.actor === '@agent-3')).toBe(true);
});

test('what an admin does to keys, and whom the service sends away, is in it with where it came from', async () => {
  await api.key('@someone');
  await api.ask('POST', 'agents/%40someone/keys', { key: admin, body: { roles: ['agent'] } });
  await api.ask('GET', 'audit', { key: await api.key('@nosy', 'reviewer') });
  await expect
    .poll(async () => (await api.ask<Page>('GET', 'audit?actor=%40nosy', { key: admin })).body.entries)
    .toMatchObject([{ act: 'audit.read', outcome: 'refused', from: '127.0.0.1' }]);
  const made = await api.ask<Page>('GET', 'audit?act=key.create', { key: admin });
  expect(made.body.entries).toMatchObject([{ actor: '@root', from: '127.0.0.1', data: { agent: '@someone' } }]);
  expect(made.text).not.toContain('hk_');
});

test('the export has all rows and a signed head, in JSON and in CSV; the service anchors by itself', async () => {
  const { body, headers } = await api.ask<{ head: SignedHead; rows: AuditRow[] }>('GET', 'audit/export', {
    key: admin,
  });
  expect(headers.get('content-disposition')).toBe('attachment; filename="audit.json"');
  const { places } = api.rig.storage.audit;
  expect(isSignedBy((await readKey(places.key))!, body.head)).toBe(true);
  expect(body.rows.at(-1)).toMatchObject({ seq: body.head.seq, hash: body.head.hash });
  const csv = await api.ask('GET', 'audit/export?format=csv&actor=%40agent-3', { key: admin });
  expect(csv.headers.get('content-type')).toBe('text/csv; charset=utf-8');
  expect(csv.text).toContain('audit.head');
  await expect.poll(async () => (await api.rig.storage.audit.verify()).anchored_to).toBe(100);
});

test.each([
  ['audit?limit=0', 400],
  ['audit?limit=201', 400],
  ['audit?cursor=-1', 400],
  ['audit?since=yesterday', 400],
  ['audit?order=asc', 400],
  ['audit/export?format=xml', 400],
])('%s is refused', async (path, status) => {
  expect((await api.ask('GET', path, { key: admin })).status).toBe(status);
});

test.each([
  'agent',
  'reviewer',
  'developer',
  'tech_lead',
  'qa_engineer',
  'security_reviewer',
  'product_owner',
  'architect',
])('a key with the role %s reads nothing of it', async (role) => {
  const key = await api.key(`@${role}`, role);
  for (const path of ['audit', 'audit/export']) {
    const { status, text } = await api.ask('GET', path, { key });
    expect(status).toBe(403);
    expect(text).not.toContain('@agent-');
  }
});
