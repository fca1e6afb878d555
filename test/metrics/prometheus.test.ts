import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ServerMetrics } from '../../src/metrics/metrics.js';
import { createPrometheus } from '../../src/metrics/prometheus.js';
import { SERIES } from '../../src/metrics/series.js';
import { openStorage, type Storage } from '../../src/storage/storage.js';
import { readExposition, type Family } from './exposition.js';
import { makeHistory, type Made } from './generate.js';

const QUEUE: ServerMetrics = {
  up: true,
  taskQueues: [{ name: 'q', kind: 'activity', backlog: 7, backlogAgeMs: 1500, pollers: 2, lastPollAt: null }],
};

let folder: string;
let storage: Storage;
let made: Made[];
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'handoff-prometheus-'));
  storage = await openStorage({ folder });
  let state = 3;
  made = await makeHistory(storage, 500, () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647);
});
afterAll(async () => {
  await storage.close();
  rmSync(folder, { recursive: true, force: true });
});

const scraper = (server = QUEUE) => {
  const scrape = createPrometheus({ storage, server: () => Promise.resolve(server) });
  return async () => readExposition((await scrape()).text);
};
const sum = (family: Family | undefined, labels: Record<string, string> = {}, suffix = ''): number =>
  family!.samples
    .filter((s) => s.name.endsWith(suffix) && Object.entries(labels).every(([k, v]) => s.labels[k] === v))
    .reduce((total, s) => total + s.value, 0);

test('says what was made, in the words of Prometheus', async () => {
  const all = await scraper()();
  expect([...all.keys()]).toEqual(SERIES.map((s) => s.name));
  for (const { name, type, labels } of SERIES) {
    expect(all.get(name)!.type).toBe(type);
    for (const s of all.get(name)!.samples)
      expect(
        Object.keys(s.labels)
          .filter((l) => l !== 'le')
          .toSorted(),
      ).toEqual([...labels].toSorted());
  }
  expect(sum(all.get('handoff_up'))).toBe(1);
  expect(sum(all.get('handoff_started_total'))).toBe(500);
  const quick = made.filter(
    (h) => h.closedAt !== undefined && h.status === 'completed' && h.closedAt - h.createdAt <= 10_000,
  );
  expect(quick.length).toBeGreaterThan(10);
  const spans = all.get('handoff_duration_seconds');
  expect(sum(spans, { outcome: 'completed', le: '10' }, '_bucket')).toBe(quick.length);
  for (const outcome of ['completed', 'failed'])
    expect(sum(all.get('handoff_closed_total'), { outcome })).toBe(
      made.filter((h) => h.closedAt !== undefined && h.status === outcome).length,
    );
  const seconds =
    made.reduce((total, h) => total + (h.closedAt === undefined ? 0 : h.closedAt - h.createdAt), 0) / 1000;
  expect(sum(spans, {}, '_sum')).toBeCloseTo(seconds, 3);
  expect(sum(all.get('handoff_validation_rules_total'), { rule: 'VR003', result: 'failed', severity: 'high' })).toBe(
    made.filter((h) => h.status === 'failed').length,
  );
  expect(sum(all.get('handoff_task_queue_backlog'), { task_queue: 'q', kind: 'activity' })).toBe(7);
});

test('no counter goes back, also where a handoff that had closed is open again', async () => {
  const scrape = scraper();
  const before = await scrape();
  const { id } = made.find((h) => h.closedAt !== undefined && h.status === 'completed')!;
  // As the ledger does when a run that was reset acts again.
  await storage.db.updateTable('handoffs').set({ closed_at: null }).where('id', '=', id).execute();
  const after = await scrape();
  for (const [name, { type, samples }] of before) {
    if (type === 'gauge') continue;
    for (const s of samples) {
      const next = after
        .get(name)!
        .samples.find((o) => o.name === s.name && JSON.stringify(o.labels) === JSON.stringify(s.labels));
      expect([name, s.labels, next!.value >= s.value]).toEqual([name, s.labels, true]);
    }
  }
  // One that was not there before counts what stands.
  expect(sum((await scraper()()).get('handoff_closed_total'))).toBe(sum(before.get('handoff_closed_total')) - 1);
});

test('names without end become one name, and those that were there first keep theirs', async () => {
  const before = await scraper()();
  const row = await storage.db
    .selectFrom('handoffs')
    .selectAll()
    .where('closed_at', 'is not', null)
    .executeTakeFirstOrThrow();
  const many = Array.from({ length: 300 }, (_, i) => ({
    ...row,
    id: `m-${i}`,
    type: `T"${i}\n\\`,
    created_at: Date.now(),
    closed_at: Date.now() + i,
  }));
  for (const one of many) await storage.db.insertInto('handoffs').values(one).execute();
  const all = await scraper()();
  const closed = all.get('handoff_closed_total')!;
  expect(
    new Set(closed.samples.map((s) => JSON.stringify([s.labels['procedure'], s.labels['type']]))).size,
  ).toBeLessThanOrEqual(101);
  expect(sum(closed, { type: '(other)', procedure: '(other)' })).toBeGreaterThan(200);
  for (const s of before.get('handoff_closed_total')!.samples) expect(sum(closed, s.labels)).toBe(s.value);
});

test('without Temporal, and without the database, the rest is still said', async () => {
  const down = await scraper({ up: false, why: 'gone', taskQueues: [] })();
  expect([sum(down.get('handoff_up')), sum(down.get('handoff_database_up'))]).toEqual([0, 1]);
  expect(sum(down.get('handoff_started_total'))).toBeGreaterThanOrEqual(500);
  const broken = await openStorage({ folder: path.join(folder, 'other') });
  await broken.close();
  const scrape = createPrometheus({ storage: broken, server: () => Promise.resolve(QUEUE) });
  const without = readExposition((await scrape()).text);
  expect([sum(without.get('handoff_up')), sum(without.get('handoff_database_up'))]).toEqual([1, 0]);
  expect(sum(without.get('handoff_task_queue_backlog'))).toBe(7);
  expect(without.get('handoff_started_total')!.samples).toEqual([]);
});

test('docs/metrics.md lists every metric with its type and labels, and no other', () => {
  const page = readFileSync(path.resolve(import.meta.dirname, '..', '..', 'docs', 'metrics.md'), 'utf8');
  const rows = [...page.matchAll(/^\| `(handoff_[a-z_]+)` \| (\w+) \| (.*?) \| (.+) \|$/gm)].map(
    ([, name, type, labels]) => ({
      name,
      type,
      labels: [...labels!.matchAll(/`(\w+)`/g)].map((m) => m[1]),
    }),
  );
  expect(rows).toEqual(SERIES.map(({ name, type, labels }) => ({ name, type, labels: [...labels] })));
});
