import { beforeAll, describe, expect, test } from 'vitest';
import { componentStatusOf, dashboardOf, statisticsOf } from '../../src/client/reports/views.js';
import type { Actor, Review, SignOff } from '../../src/core/report/report.js';
import { DEFAULT_SETTINGS } from '../../src/core/service/settings.js';
import { openStorage } from '../../src/storage/storage.js';
import { storagePlace, subjectOf } from '../storage/place.js';
import { contentWith, depsOf, seed } from './seed.js';

const place = storagePlace();
const ADMIN: Actor = { by: '@boss', roles: ['admin'] };
const AUTHOR: Actor = { by: '@author', roles: ['agent'] };
const OTHER: Actor = { by: '@other', roles: ['agent'] };
const REVIEWER: Actor = { by: '@rev', roles: ['reviewer'] };
const HOUR = 3_600_000;
const NOW = Date.now();

const review = (over: Partial<Review> = {}): Review => ({
  by: '@rev',
  at: NOW - 2 * HOUR,
  digest: 'd',
  status: 'approved',
  comments: 'as it should be',
  ...over,
});
const signOff = (role: SignOff['role'], digest: string): SignOff => ({
  role,
  by: `@${role}`,
  at: NOW - HOUR,
  digest,
  status: 'approved',
  comments: '',
  conditions: [],
  expiresAt: NOW + 24 * HOUR,
});

beforeAll(async () => {
  const { storage } = place;
  await seed(
    storage,
    'draft',
    contentWith(
      { work_summary: 'secret draft' },
      {
        api_contracts: { status: 'blocked', progress_percentage: 20, blockers: ['key of the partner', 'its address'] },
      },
    ),
    { createdAt: NOW - 40 * 24 * HOUR },
  );
  await seed(
    storage,
    'theirs',
    contentWith(
      {},
      {
        api_contracts: { status: 'blocked', progress_percentage: 40, blockers: ['their own key'] },
      },
    ),
    { author: '@other', createdAt: NOW - HOUR },
  );
  await seed(storage, 'reviewed', contentWith(), {
    status: 'under_review',
    createdAt: NOW - 26 * HOUR,
    submissions: 3,
    submittedAt: NOW - 10 * HOUR,
    reviews: [review({ at: NOW - 20 * HOUR, status: 'amendments_required' })],
  });
  const content = contentWith();
  const approved = { status: 'approved' as const, submissions: 1, createdAt: NOW - 9 * HOUR };
  await seed(
    storage,
    'approved',
    { ...content, task_id: 'h-2' },
    {
      ...approved,
      submittedAt: NOW - 6 * HOUR,
      approvedAt: NOW - 4 * HOUR,
      reviews: [review({ at: NOW - 4 * HOUR, qualityScore: 0.5 })],
      facts: [
        { id: 'c', source: { kind: 'reviewer', by: '@rev' }, coverage: 60, digest: 'of another version', at: NOW },
      ],
    },
  );
  const { version } = await seed(storage, 'signed', content, { seq: 1 });
  await seed(storage, 'signed', content, {
    ...approved,
    createdAt: NOW - 8 * HOUR,
    seq: 2,
    submittedAt: NOW - 8 * HOUR,
    approvedAt: NOW - 4 * HOUR,
    reviews: [review({ at: NOW - 4 * HOUR, qualityScore: 1, digest: version.digest })],
    signOffs: [
      signOff('developer', version.digest),
      signOff('tech_lead', version.digest),
      signOff('qa_engineer', version.digest),
    ],
    facts: [
      { id: 'c', source: { kind: 'reviewer', by: '@rev' }, coverage: 70, digest: version.digest, at: NOW },
      {
        id: 'v',
        component: 'api_contracts',
        source: { kind: 'reviewer', by: '@rev' },
        verified: true,
        digest: version.digest,
        at: NOW,
      },
    ],
  });
});

describe('statistics', () => {
  test('count reports, components, quality, times and days', async () => {
    const s = await statisticsOf(depsOf(place.storage, AUTHOR), { forceRefresh: true });
    expect(s.total).toBe(5);
    expect(s.by_status).toEqual({
      draft: 2,
      submitted: 0,
      under_review: 1,
      approved: 2,
      rejected: 0,
      amendments_required: 0,
    });
    expect(s.component_completion.api_contracts).toEqual({
      rate: 0.6,
      mean_progress: 72,
      by_status: { not_started: 0, in_progress: 0, completed: 2, blocked: 2, failed: 0, verified: 1 },
    });
    expect(s.component_completion.error_handling).toMatchObject({ rate: 1, mean_progress: 100 });
    expect(s.quality).toEqual({ mean_score: 0.75, scored: 2, mean_coverage: 70, covered: 1 });
    // The one that was handed in again since its review is not reviewed yet.
    expect(s.review_hours).toEqual({ mean: 3, p95: 4, count: 2 });
    expect(s.approval_hours).toEqual({ mean: 3, p95: 3, count: 1 });
    expect(s.amendment_cycles).toEqual({ mean: 0.667, max: 2 });
    expect(s.by_day).toHaveLength(30);
    expect(s.by_day.at(-1)!.day).toBe(s.computed_at.slice(0, 10));
    const sum = (of: 'created' | 'submitted' | 'approved'): number => s.by_day.reduce((n, d) => n + d[of], 0);
    expect([sum('created'), sum('submitted'), sum('approved')]).toEqual([4, 3, 2]);
  });

  test('say what holds most of them up, the longest first', async () => {
    const { bottlenecks } = await statisticsOf(depsOf(place.storage, AUTHOR), { forceRefresh: true });
    expect(bottlenecks.map((b) => [b.what, b.count, Math.round(b.mean_hours)])).toEqual([
      ['review', 1, 10],
      ['sign-off by developer', 1, 4],
      ['sign-off by qa_engineer', 1, 4],
      ['sign-off by tech_lead', 1, 4],
    ]);
    expect(bottlenecks[0]!.oldest_since).toBe(new Date(NOW - 10 * HOUR).toISOString());
  });
});

describe('what is kept', () => {
  test('is computed once, for all, and anew when told to', async () => {
    const first = await statisticsOf(depsOf(place.storage, ADMIN), { forceRefresh: true });
    expect(first.cached).toBe(false);
    expect(await statisticsOf(depsOf(place.storage, OTHER))).toEqual({ ...first, cached: true });
    const forced = await statisticsOf(depsOf(place.storage, OTHER), { forceRefresh: true });
    expect(forced.cached).toBe(false);
    expect(Date.parse(forced.computed_at)).toBeGreaterThanOrEqual(Date.parse(first.computed_at));
  });

  test('is computed anew after any change of a report, also by another process', async () => {
    const deps = depsOf(place.storage, ADMIN);
    const other = await openStorage({ folder: place.folder });
    const views = { statistics: statisticsOf, dashboard: dashboardOf, components: componentStatusOf };
    for (const [name, view] of Object.entries(views)) {
      await view(deps);
      expect([name, (await view(deps)).cached]).toEqual([name, true]);
      await seed(other, `changed-${name}`, contentWith(), {
        author: '@other',
        createdAt: NOW - 60 * 24 * HOUR,
      });
      expect([name, (await view(deps)).cached]).toEqual([name, false]);
      await place.storage.db.deleteFrom('reports').where('id', '=', `changed-${name}`).execute();
    }
    await other.close();
    await statisticsOf(deps, { forceRefresh: true });
  });

  test('is not kept where nothing is to be kept', async () => {
    const deps = { ...depsOf(place.storage, ADMIN), cacheSeconds: 0 };
    await statisticsOf(deps);
    expect((await statisticsOf(deps)).cached).toBe(false);
    expect(DEFAULT_SETTINGS.cacheSeconds).toBe(300);
  });

  test('those who ask together wait for one computation', async () => {
    const deps = depsOf(place.storage, ADMIN);
    const all = await Promise.all([1, 2, 3].map((i) => statisticsOf(deps, { forceRefresh: i === 1 })));
    expect(new Set(all.map((s) => s.computed_at)).size).toBe(1);
    expect(all.filter((s) => !s.cached)).toHaveLength(1);
  });
});

describe('component status', () => {
  test('has the same numbers for everybody, and of blockers only what one may read', async () => {
    const of = (actor: Actor): ReturnType<typeof componentStatusOf> => componentStatusOf(depsOf(place.storage, actor));
    const [admin, author, other, reviewer] = await Promise.all([of(ADMIN), of(AUTHOR), of(OTHER), of(REVIEWER)]);
    const { blockers, ...numbers } = admin.components.api_contracts;
    expect(numbers).toEqual({
      reports: 5,
      mean_progress: 72,
      by_status: { not_started: 0, in_progress: 0, completed: 2, blocked: 2, failed: 0, verified: 1 },
    });
    const theirs = { report_id: 'theirs', text: 'their own key' };
    const mine = [
      { report_id: 'draft', text: 'key of the partner' },
      { report_id: 'draft', text: 'its address' },
    ];
    expect(blockers).toEqual([theirs, ...mine]);
    expect(author.components.api_contracts).toEqual({ ...numbers, blockers: mine });
    expect(other.components.api_contracts).toEqual({ ...numbers, blockers: [theirs] });
    expect(reviewer.components.api_contracts).toEqual({ ...numbers, blockers: [] });
    expect(admin.components.error_handling.blockers).toEqual([]);
  });
});

describe('the dashboard', () => {
  const of = (actor: Actor): ReturnType<typeof dashboardOf> =>
    dashboardOf(depsOf(place.storage, actor), { forceRefresh: true });
  const idsOf = (list: { report_id: string }[]): string[] => list.map((r) => r.report_id);

  test('shows of reports what one may read, newest first', async () => {
    expect(idsOf((await of(ADMIN)).recent)).toEqual(['theirs', 'signed', 'approved', 'reviewed', 'draft']);
    expect(idsOf((await of(REVIEWER)).recent)).toEqual(['signed', 'approved', 'reviewed']);
    expect(idsOf((await of(OTHER)).recent)).toEqual(['theirs']);
    expect(JSON.stringify(await of(REVIEWER))).not.toContain('secret draft');
  });

  test('shows what waits, the longest first, and of handoffs only one’s own', async () => {
    const { handoffs, db } = place.storage;
    for (const [id, source, target] of [
      ['h-a', '@author', '@other'],
      ['h-b', '@x', '@y'],
    ] as const) {
      await handoffs.register(
        subjectOf(id, { source: { agent: source }, target: { agent: target } }),
        'run',
        'running',
      );
      await db
        .updateTable('handoffs')
        .set({
          status: 'awaiting_acceptance',
          shown: id === 'h-a' ? 'awaiting_acceptance' : 'incident',
          shown_since: NOW - 5 * HOUR,
        })
        .where('id', '=', id)
        .execute();
    }
    const subjects = async (actor: Actor): Promise<string[]> => (await of(actor)).waiting.map((w) => w.subject);
    expect(await subjects(ADMIN)).toEqual(['report/reviewed', 'handoff/h-a', 'handoff/h-b', 'report/approved']);
    expect(await subjects(OTHER)).toEqual(['handoff/h-a']);
    expect(await subjects(REVIEWER)).toEqual(['report/reviewed', 'report/approved']);
    const { handoffs: numbers, waiting } = await of(OTHER);
    expect(numbers).toEqual({
      in_flight: 2,
      waiting: 1,
      incidents: 1,
      by_status: { awaiting_acceptance: 1, incident: 1 },
    });
    expect(waiting).toEqual([
      {
        subject: 'handoff/h-a',
        words: 'waits for @other to accept it',
        whom: ['@other'],
        since: new Date(NOW - 5 * HOUR).toISOString(),
      },
    ]);
  });
});
