import { summaryOfReport } from '../../core/report/present.js';
import { COMPONENT_TYPES } from '../../core/report/report.js';
import type { ComponentStatusSummary, Dashboard, ReportStatistics } from '../../core/report/view.js';
import { kept, reportStamp } from '../../metrics/reports/kept.js';
import { reportNumbers, type ReportNumbers } from '../../metrics/reports/scan.js';
import { blockersOf, handoffNumbers, waitingThings, type Sight } from '../../metrics/reports/seen.js';
import type { ReportDeps } from './deps.js';
import { seenBy } from './read.js';

interface Refresh {
  forceRefresh?: boolean;
}

/** Numbers over all reports: for everybody the same, and nobody's texts. */
async function numbersOf(
  { storage: { db }, cacheSeconds }: ReportDeps,
  { forceRefresh }: Refresh,
): Promise<{ value: ReportNumbers; cached: boolean; stamp: string }> {
  const stamp = await reportStamp(db);
  const found = await kept(db, 'numbers', stamp, { cacheSeconds, forceRefresh }, () => reportNumbers(db));
  return { ...found, stamp };
}

export async function statisticsOf(deps: ReportDeps, options: Refresh = {}): Promise<ReportStatistics> {
  const { value, cached } = await numbersOf(deps, options);
  return { ...value, cached };
}

/** What an actor may see depends on their name and roles, and on nothing else. */
function sightOf(deps: ReportDeps): { sight: Sight; key: string } {
  const { by, roles } = deps.actor;
  const sight = { ...seenBy(deps), by, everyHandoff: roles.includes('admin') };
  return { sight, key: JSON.stringify([sight.seenBy, sight.ownedBy, by, sight.everyHandoff]) };
}

/** How many of the newest reports the dashboard has. */
const RECENT = 10;

export async function dashboardOf(deps: ReportDeps, options: Refresh = {}): Promise<Dashboard> {
  const { storage, cacheSeconds } = deps;
  const { sight, key } = sightOf(deps);
  const { value, cached, stamp } = await numbersOf(deps, options);
  // Handoffs change without a report; what happens to them is in the outbox.
  const both = `${stamp}/${await storage.outbox.last()}`;
  const fresh = { cacheSeconds, forceRefresh: options.forceRefresh };
  const handoffs = await kept(storage.db, 'handoffs', both, fresh, () => handoffNumbers(storage.db));
  const own = await kept(storage.db, `dashboard ${key}`, both, fresh, async () => {
    const { seenBy: seen, ownedBy } = sight;
    const newest = await storage.reports.list({ seenBy: seen, ownedBy, limit: RECENT });
    const now = Date.now();
    return {
      recent: newest.map(({ state, summary }) => summaryOfReport(state, summary, now)),
      waiting: await waitingThings(storage.db, sight),
    };
  });
  return { ...value, handoffs: handoffs.value, ...own.value, cached: cached && handoffs.cached && own.cached };
}

export async function componentStatusOf(deps: ReportDeps, options: Refresh = {}): Promise<ComponentStatusSummary> {
  const { storage, cacheSeconds } = deps;
  const { sight, key } = sightOf(deps);
  const { value, cached, stamp } = await numbersOf(deps, options);
  const fresh = { cacheSeconds, forceRefresh: options.forceRefresh };
  const blockers = await kept(storage.db, `blockers ${key}`, stamp, fresh, () => blockersOf(storage, sight));
  const components = COMPONENT_TYPES.map((type) => {
    const { by_status, mean_progress } = value.component_completion[type];
    return [type, { by_status, mean_progress, blockers: blockers.value[type], reports: value.total }];
  });
  return {
    components: Object.fromEntries(components) as ComponentStatusSummary['components'],
    computed_at: value.computed_at,
    cached: cached && blockers.cached,
  };
}
