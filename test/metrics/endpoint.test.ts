import { setTimeout as sleep } from 'node:timers/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { handoff, json, launch, type Running } from '../cli/rig.js';
import type { HandoffMetrics } from '../../src/metrics/metrics.js';
import { AGENTS, Rig } from '../rig/rig.js';
import { readExposition } from './exposition.js';

let rig: Rig;
let folder: string;
beforeAll(async () => {
  rig = await Rig.create();
  folder = path.join(rig.folder, 'data');
  const done = await rig.start('PHASE_TRANSITION_STANDARD');
  await rig.client.result(done);
  const open = await rig.start('AGENT_HANDOFF_STANDARD');
  rig.leftOpen.add(open);
  await rig.untilStatus(open, 'awaiting_acceptance');
}, 60_000);
afterAll(() => rig.close());

const where = (): string[] => ['--folder', folder, '--address', rig.address, '--task-queue', rig.taskQueue];

/** Starts a process that serves metrics, and says where. */
async function serving(args: string[]): Promise<{ running: Running; base: string; stop: () => Promise<void> }> {
  const running = launch(args);
  await running.says('metrics at http');
  const [, base = ''] = /metrics at (http:\/\/[^/]+)\/metrics/.exec(running.stdout()) ?? [];
  const stop = async (): Promise<void> => {
    running.child.kill('SIGTERM');
    await running.ended;
  };
  return { running, base, stop };
}

test('client.metrics has what real handoffs left, and what Temporal says of their task queue', async () => {
  const { handoffs, validation, now, server } = await rig.client.metrics();
  expect(handoffs).toMatchObject({ total: 2, open: 1, outcomes: { completed: 1 }, successRate: 1 });
  expect(handoffs.durationMs.p95).toBeGreaterThan(0);
  expect(validation).toMatchObject({ successRate: 1, failuresBySeverity: { critical: 0 } });
  expect(validation.rules['VR001']).toMatchObject({ severity: 'critical', successRate: 1 });
  expect(now).toMatchObject({
    acceptance: { count: 1 },
    inbox: { agents: { [AGENTS.target]: 1 } },
    incidents: { count: 0 },
  });
  expect(server).toMatchObject({ up: true });
  for (const q of server!.taskQueues) expect(q).toMatchObject({ name: rig.taskQueue, pollers: 1 });
  // Of a session alone.
  const session = (await rig.storage.handoffs.list({ open: true }))[0]!.subject.session;
  expect((await rig.client.metrics({ session })).handoffs).toMatchObject({ total: 1, open: 1, successRate: null });
});

test('the command line shows it on one screen, as JSON, and as Prometheus has it', async () => {
  const { stdout, code } = await handoff(['metrics', ...where()]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/2 in 2 sessions: 1 completed, 1 open\n +success █{12} 100 %/);
  expect(stdout).toContain('1, the oldest for');
  expect(stdout).toContain(`activity   ${rig.taskQueue}: nothing waits, 1 worker polls`);
  expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  const found = await json<HandoffMetrics>(['metrics', '--since', '1h', ...where()]);
  expect(found.handoffs.total).toBe(2);
  const text = await handoff(['metrics', '--prometheus', ...where()]);
  expect(readExposition(text.stdout).get('handoff_up')!.samples[0]!.value).toBe(1);
});

test.each([
  [['--since', 'soon'], 2, 'INVALID_REQUEST'],
  [['--prometheus', '--session', 'x'], 2, 'USAGE'],
  [['--port', '7'], 2, 'USAGE'],
])('%j is wrong, and said so', async (args, code, word) => {
  const ended = await handoff(['metrics', ...args, ...where()]);
  expect([ended.code, ended.stderr.split('\n').length]).toEqual([code, 2]);
  expect(ended.stderr).toContain(word);
});

describe('the endpoint', () => {
  let base: string;
  let stop: () => Promise<void>;
  beforeAll(async () => {
    ({ base, stop } = await serving(['metrics', '--serve', '--port', '0', ...where()]));
  }, 60_000);
  afterAll(() => stop());

  test('serves Prometheus and JSON, and knows what it does not have', async () => {
    const scraped = await fetch(`${base}/metrics`);
    expect(scraped.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const families = readExposition(await scraped.text());
    expect(families.get('handoff_started_total')!.samples.reduce((n, s) => n + s.value, 0)).toBe(2);
    const api = `${base}/api/v1/agent-handoff/metrics`;
    const answer = (await (await fetch(`${api}?since=1h`)).json()) as HandoffMetrics;
    expect(answer).toMatchObject({ handoffs: { total: 2 }, server: { up: true } });
    for (const [address, method, status, code] of [
      [`${base}/`, 'GET', 404, 'NOT_FOUND'],
      [`${base}//x`, 'GET', 404, 'NOT_FOUND'],
      [`${base}/metrics`, 'POST', 405, 'METHOD_NOT_ALLOWED'],
      [`${api}?since=soon`, 'GET', 400, 'INVALID_REQUEST'],
      [`${api}?colour=red`, 'GET', 400, 'INVALID_REQUEST'],
    ] as const) {
      const response = await fetch(address, { method });
      expect([address, response.status]).toEqual([address, status]);
      expect(await response.json()).toMatchObject({ error: { code } });
      expect(response.headers.get('allow')).toBe(status === 405 ? 'GET, HEAD' : null);
    }
    const head = await fetch(`${base}/metrics`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect(Number(head.headers.get('content-length'))).toBeGreaterThan(1000);
  });

  test('scrapes that come together are all answered', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => fetch(`${base}/metrics`).then((r) => r.text())));
    expect(all.map((text) => readExposition(text).size > 20)).toEqual(all.map(() => true));
  });
});

test('without Temporal the numbers of the database come all the same, in time', async () => {
  // Loopback port 1 refuses.
  const { base, stop } = await serving([
    'metrics',
    '--serve',
    '--port',
    '0',
    '--folder',
    folder,
    '--address',
    '127.0.0.1:1',
  ]);
  try {
    const begun = performance.now();
    const families = readExposition(await (await fetch(`${base}/metrics`)).text());
    expect(performance.now() - begun).toBeLessThan(5000);
    expect(families.get('handoff_up')!.samples[0]!.value).toBe(0);
    expect(families.get('handoff_started_total')!.samples.length).toBeGreaterThan(0);
    expect(families.get('handoff_task_queue_backlog')!.samples).toEqual([]);
  } finally {
    await stop();
  }
});

test('a worker serves them beside its work, and what the SDK measures at another port', async () => {
  const sdk = 20_000 + (process.pid % 20_000);
  const args = ['worker', ...where(), '--metrics-port', '0', '--sdk-metrics-port', String(sdk)];
  const { base, stop } = await serving(args);
  try {
    expect(readExposition(await (await fetch(`${base}/metrics`)).text()).get('handoff_up')!.samples[0]!.value).toBe(1);
    for (;;) {
      const text = await (await fetch(`http://127.0.0.1:${sdk}/metrics`)).text();
      if (text.includes('temporal_worker_start')) break;
      await sleep(50);
    }
  } finally {
    await stop();
  }
});
