import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { initialState, terminatedState, type HandoffState } from '../../src/core/handoff.js';
import type { Subject } from '../../src/core/request.js';
import { collectMetrics } from '../../src/metrics/collect.js';
import type { MetricsFilter } from '../../src/metrics/metrics.js';
import { openStorage, type Storage } from '../../src/storage/storage.js';
import { makeHistory, type Made } from './generate.js';

/** A small generator of numbers from 0 to 1, so that a failure can be had again. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

let folder: string;
let storage: Storage;
let made: Made[];
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'handoff-metrics-'));
  storage = await openStorage({ folder });
  made = await makeHistory(storage, 2000, seeded(7));
});
afterAll(async () => {
  await storage.close();
  rmSync(folder, { recursive: true, force: true });
});

const count = <T>(list: readonly T[], fits: (one: T) => boolean): number => list.filter(fits).length;

/** The same numbers, counted one by one. */
function model(all: readonly Made[]) {
  const outcomes = Object.fromEntries(
    ['completed', 'rejected', 'expired', 'cancelled', 'failed'].map((o) => [
      o,
      count(all, (h) => h.closedAt !== undefined && h.status === o),
    ]),
  );
  const closed = count(all, (h) => h.closedAt !== undefined);
  const spans = all
    .filter((h) => h.closedAt !== undefined && h.status === 'completed')
    .map((h) => h.closedAt! - h.createdAt)
    .toSorted((a, b) => a - b);
  const smallestOf = (part: number): number | undefined =>
    spans.find((_, i) => (i + 1) / spans.length >= part - Number.EPSILON);
  return {
    total: all.length,
    open: all.length - closed,
    outcomes,
    successRate: closed === 0 ? null : outcomes['completed']! / closed,
    durationMs: {
      count: spans.length,
      mean: Math.round(spans.reduce((sum, s) => sum + s, 0) / Math.max(1, spans.length)),
      p50: smallestOf(0.5) ?? 0,
      p95: smallestOf(0.95) ?? 0,
      p99: smallestOf(0.99) ?? 0,
      max: spans.at(-1) ?? 0,
    },
  };
}

const day = 86_400_000;
const now = Date.now();
const FILTERS: [string, MetricsFilter, (h: Made) => boolean][] = [
  ['all', {}, () => true],
  ['since', { since: now - 7 * day }, (h) => h.createdAt >= now - 7 * day],
  [
    'a window',
    { since: now - 20 * day, until: now - 10 * day },
    (h) => h.createdAt >= now - 20 * day && h.createdAt < now - 10 * day,
  ],
  ['session', { session: 's-3' }, (h) => h.session === 's-3'],
  ['procedure', { procedure: 'OWN_PROCEDURE' }, (h) => h.procedure === 'OWN_PROCEDURE'],
  [
    'type and time',
    { type: 'REVIEW', since: now - 15 * day },
    (h) => h.type === 'REVIEW' && h.createdAt >= now - 15 * day,
  ],
  ['nothing', { session: 'nobody' }, () => false],
];

describe.each(FILTERS)('of %s', (_, filter, fits) => {
  test('handoffs, by type, procedure and session, are what was made', async () => {
    const mine = made.filter(fits);
    const { handoffs: h } = await collectMetrics(storage, filter);
    expect(h).toMatchObject(model(mine));
    for (const [by, groups] of [['type', h.byType] as const, ['procedure', h.byProcedure] as const]) {
      const keys = [...new Set(mine.map((one) => one[by]))].toSorted();
      expect(Object.keys(groups).toSorted()).toEqual(keys);
      for (const key of keys) expect(groups[key]).toEqual(model(mine.filter((one) => one[by] === key)));
    }
    expect(h.sessions.total).toBe(new Set(mine.map((one) => one.session)).size);
    for (const { session, meanMs, ...ends } of h.sessions.largest) {
      const { durationMs, ...rest } = model(mine.filter((one) => one.session === session));
      expect({ ...ends, meanMs }).toEqual({ ...rest, meanMs: durationMs.mean });
    }
    expect(h.retries.total).toBe(mine.reduce((sum, one) => sum + one.tries - 1, 0));
    expect(h.undone.total).toBe(count(mine, (one) => one.closedAt !== undefined && one.status !== 'completed'));
  });

  test('validation sessions and rules are what was made', async () => {
    const { since = 0, until = Infinity, ...names } = filter;
    // A session begins 10 ms after its handoff.
    const mine = made.filter(
      (h) =>
        Object.entries(names).every(([key, value]) => h[key as 'session'] === value) &&
        h.createdAt + 10 >= since &&
        h.createdAt + 10 < until,
    );
    const failed = count(mine, (h) => h.status === 'failed');
    const { validation: v } = await collectMetrics(storage, filter);
    expect(v).toMatchObject({ sessions: mine.length * 2, passed: mine.length * 2 - failed });
    expect(v.failuresBySeverity).toEqual({ critical: 0, high: failed, medium: 0, low: 0 });
    const rule = (lost: number) => ({ passed: mine.length * 2 - lost, failed: lost });
    const rules = {
      VR001: { severity: 'critical', ...rule(0), successRate: 1 },
      VR003: { severity: 'high', ...rule(failed), successRate: 1 - failed / (mine.length * 2) },
      VR007: { severity: 'medium', ...rule(0), successRate: 1 },
    };
    const near: unknown = expect.closeTo(rules.VR003.successRate);
    expect(v.rules).toEqual(mine.length === 0 ? {} : { ...rules, VR003: { ...rules.VR003, successRate: near } });
  });
});

test.each([
  [{ since: Number.NaN }, '/filter/since: must be a time'],
  [{ session: '' }, '/filter/session: must be a text'],
  [{ procedure: 7 }, '/filter/procedure: must be a text'],
  [{ status: 'open' }, '/filter/status: unknown; possible: since, until, session, procedure, type'],
])('%j is refused, and says where', async (filter, why) => {
  await expect(collectMetrics(storage, filter as MetricsFilter)).rejects.toMatchObject({
    code: 'INVALID_REQUEST',
    message: expect.stringContaining(why) as string,
  });
});

describe('how things stand', () => {
  let fresh: Storage;
  let at: string;
  const subject = (id: string, agent: string): Subject =>
    ({
      handoffId: id,
      procedure: { id: 'P', digest: 'd' },
      requestDigest: 'd',
      session: 's',
      type: 'T',
      priority: 'normal',
      source: {},
      target: { agent },
    }) as unknown as Subject;
  const put = async (id: string, state: HandoffState, agent = '@a'): Promise<void> => {
    await fresh.handoffs.register(subject(id, agent), `run-${id}`, 'pending');
    await fresh.handoffs.project(subject(id, agent), state);
  };
  const fresh0 = (over: Partial<HandoffState>): HandoffState => ({
    ...initialState({ now: now - 3_600_000, expiresInMs: 1000, clockWhilePaused: 'stop' }),
    ...over,
  });
  beforeAll(async () => {
    at = mkdtempSync(path.join(tmpdir(), 'handoff-metrics-'));
    fresh = await openStorage({ folder: at });
    const error = { code: 'X', message: 'x' };
    await put('incident', {
      ...terminatedState(now - 100_000, 'gone'),
      incidents: [
        { id: 'inc-1', kind: 'step', at: now - 100_000, error },
        { id: 'inc-2', kind: 'step', at: now - 900_000, error },
      ],
    });
    const offered = {
      status: 'awaiting_acceptance' as const,
      acceptance: { epoch: 1, lapses: 0, offeredAt: now - 60_000 },
    };
    await put('offered', fresh0(offered));
    for (let i = 0; i < 25; i++)
      await put(`o-${i}`, fresh0({ ...offered, acceptance: { epoch: 1, lapses: 0, offeredAt: now } }), `@n-${i}`);
    await put(
      'paused',
      fresh0({ status: 'running', holds: { operator: { by: 'x', reason: 'y', at: now } }, pausedSince: now - 5000 }),
    );
    const term = { critical: true, ifMissing: 'warn' as const, timeoutMs: 1000, asks: 0, rounds: 0 };
    await put(
      'late',
      fresh0({
        status: 'accepted',
        returns: {
          due: { ...term, status: 'expected', deadline: { remainingMs: 1000, runningSince: now - 31_000 } },
          came: { ...term, status: 'received', lateSince: now - 99_000 },
        },
      }),
    );
    await put(
      'in-time',
      fresh0({
        status: 'accepted',
        returns: { due: { ...term, status: 'expected', expected: { remainingMs: 1e9, runningSince: now } } },
      }),
    );
  });
  afterAll(async () => {
    await fresh.close();
    rmSync(at, { recursive: true, force: true });
  });

  test('counts what waits, and how long the oldest has', async () => {
    const { now: state } = await collectMetrics(fresh, { since: now + day });
    const old = (ms: number): unknown => expect.closeTo(ms + Date.now() - now, -4);
    expect(state.incidents).toEqual({ count: 1, oldestMs: old(900_000) });
    expect(state.acceptance).toEqual({ count: 26, oldestMs: old(60_000) });
    expect(state.returns).toEqual({ count: 1, oldestMs: old(30_000) });
    expect(state.open.paused).toEqual({ count: 1, oldestMs: old(5000) });
    expect(state.open.accepted?.count).toBe(2);
    expect(Object.keys(state.inbox.agents)).toHaveLength(20);
    expect(state.inbox.others).toBe(6);
    expect(state.database!.bytes + state.database!.logBytes).toBeGreaterThan(4096);
  });
});
