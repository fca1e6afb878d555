import { sql, type RawBuilder } from 'kysely';
import { COMPONENT_TYPES, type ComponentType, type ReportContent } from '../../core/report/report.js';
import type { Dashboard } from '../../core/report/view.js';
import type { Db } from '../../storage/database.js';
import { getContent } from '../../storage/reports/content.js';
import type { ReportQuery } from '../../storage/reports/reports.js';
import type { StoredComponent } from '../../storage/reports/row.js';
import type { Storage } from '../../storage/storage.js';

/** What who asks may see of reports, as lists have it; and whether all handoffs. */
export type Sight = Pick<ReportQuery, 'seenBy' | 'ownedBy'> & { by: string; everyHandoff: boolean };

/** Things that wait, and reports whose blockers are read. */
const WAITING = 20;
const BLOCKED = 50;
/** Characters of one blocker, and blockers of one component. */
const TEXT = 300;
const TEXTS = 50;

const visible = ({ seenBy, ownedBy }: Sight): RawBuilder<boolean> =>
  ownedBy !== undefined
    ? sql<boolean>`author = ${ownedBy}`
    : seenBy !== undefined
      ? sql<boolean>`(author = ${seenBy} or status != 'draft')`
      : sql<boolean>`1 = 1`;

/** Handoffs by where they stand; of all of them. */
export async function handoffNumbers(db: Db): Promise<Dashboard['handoffs']> {
  const { rows } = await sql<{ shown: string; open: number; n: number }>`
    select shown, 1 as open, count(*) as n from handoffs where closed_at is null group by shown
    union all
    select status as shown, 0 as open, count(*) as n from handoffs where closed_at is not null group by status`.execute(
    db,
  );
  const open = rows.filter((r) => Number(r.open) === 1);
  const of = (shown: string): number => Number(open.find((r) => r.shown === shown)?.n ?? 0);
  const by: Record<string, number> = {};
  for (const { shown, n } of rows) by[shown] = (by[shown] ?? 0) + Number(n);
  return {
    in_flight: open.reduce((sum, r) => sum + Number(r.n), 0),
    waiting: of('awaiting_acceptance'),
    incidents: of('incident'),
    by_status: by,
  };
}

/** What waits, the longest first: reports that one may read, and handoffs that one is part of. */
export async function waitingThings(db: Db, sight: Sight): Promise<Dashboard['waiting']> {
  const { rows: reports } = await sql<{ id: string; words: string; whom: string; since: number }>`
    select id, waits_words as words, waits_for as whom, waits_since as since from reports
    where waits_since is not null and ${visible(sight)} order by waits_since, id limit ${WAITING}`.execute(db);
  const party = sight.everyHandoff ? sql`1 = 1` : sql`(source_agent = ${sight.by} or target_agent = ${sight.by})`;
  const { rows: handoffs } = await sql<{
    id: string;
    shown: string;
    blocked: string | null;
    agent: string | null;
    phase: string | null;
    since: number;
  }>`select id, shown, blocked, target_agent as agent, target_phase as phase, shown_since as since from handoffs
    where closed_at is null and shown in ('awaiting_acceptance', 'incident') and ${party}
    order by shown_since, id limit ${WAITING}`.execute(db);
  return [
    ...reports.map((r) => ({
      subject: `report/${r.id}`,
      words: r.words,
      whom: r.whom.trim().split(' '),
      since: Number(r.since),
    })),
    ...handoffs.map((h) => {
      const target = h.agent ?? (h.phase === null ? 'anyone' : `phase ${h.phase}`);
      const incident = h.shown === 'incident';
      return {
        subject: `handoff/${h.id}`,
        words: incident
          ? `has an open incident${h.blocked ? `: ${h.blocked}` : ''}`
          : `waits for ${target} to accept it`,
        whom: [incident ? 'admin' : target],
        since: Number(h.since),
      };
    }),
  ]
    .toSorted((a, b) => a.since - b.since || (a.subject < b.subject ? -1 : 1))
    .slice(0, WAITING)
    .map((w) => ({ ...w, since: new Date(w.since).toISOString() }));
}

export type Blockers = Record<ComponentType, { report_id: string; text: string }[]>;

/** What blocks components, in the words of their authors: of the newest reports that one may read and that have any. */
export async function blockersOf(storage: Pick<Storage, 'db' | 'blobs'>, sight: Sight): Promise<Blockers> {
  const { rows } = await sql<{ id: string; digest: string; components: string }>`
    select id, digest, components from reports
    where blockers > 0 and ${visible(sight)}
    order by created_at desc, id desc limit ${BLOCKED}`.execute(storage.db);
  const blockers = Object.fromEntries(COMPONENT_TYPES.map((c) => [c, []])) as unknown as Blockers;
  for (const { id, digest, components } of rows) {
    const stored = JSON.parse(components) as Record<ComponentType, StoredComponent>;
    const content = await contentIfThere(storage, digest);
    for (const type of COMPONENT_TYPES) {
      if (stored[type].blockers === 0) continue;
      const texts = content?.components[type].blockers ?? [`${stored[type].blockers} that cannot be read`];
      const room = TEXTS - blockers[type].length;
      for (const text of texts.slice(0, Math.max(0, room)))
        blockers[type].push({ report_id: id, text: text.length > TEXT ? `${text.slice(0, TEXT)}…` : text });
    }
  }
  return blockers;
}

/** A summary is not refused because one content is lost; whoever opens that report is told. */
const contentIfThere = (storage: Pick<Storage, 'blobs'>, digest: string): Promise<ReportContent | undefined> =>
  getContent(storage, digest).catch(() => undefined);
