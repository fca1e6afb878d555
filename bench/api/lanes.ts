import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { WithStartWorkflowOperation } from '@temporalio/client';
import { handoffNumbers, waitingThings } from '../../src/metrics/reports/seen.js';
import { reportStamp } from '../../src/metrics/reports/kept.js';
import { reportNumbers } from '../../src/metrics/reports/scan.js';
import { getContent } from '../../src/storage/reports/content.js';
import { summaryTextOf } from '../../src/storage/reports/row.js';
import { bareEntityUpdate } from '../bare-workflows.js';
import { BARE_QUEUE, TARGET, type Bench } from '../place.js';
import type { Ask } from './ask.js';
import { contentOf, draft, idOf, type About } from './store.js';

export type Question = 'get' | 'list' | 'dashboard' | 'dashboard, anew' | 'create';
export type Side = 'api' | 'direct' | 'temporal';

export interface ApiLane {
  question: Question;
  side: Side;
  /** Once, for the number `i`, which rises. */
  run: (i: number) => Promise<unknown>;
}

const PAGE = 50;
/** Of pages that are asked for, the one behind the other. */
const PAGES = 20;

export interface Stored {
  bench: Bench;
  about: About;
  count: number;
  /** As a reviewer, and as the author of reports. */
  ask: Ask;
  askAsAuthor: Ask;
}

interface Page {
  reports: { report_id: string; created_at: string }[];
  next_cursor?: string;
}

/** Where each page begins, for both sides. */
async function pagesOf(ask: Ask): Promise<{ cursor: string; before?: { createdAt: number; id: string } }[]> {
  const pages: { cursor: string; before?: { createdAt: number; id: string } }[] = [{ cursor: '' }];
  while (pages.length < PAGES) {
    const { cursor } = pages.at(-1)!;
    const { next_cursor: next } = (await ask('GET', `/reports?limit=${PAGE}${cursor}`)) as Page;
    if (next === undefined) break;
    const [at = '', id = ''] = Buffer.from(next, 'base64url').toString().split(' ');
    pages.push({ cursor: `&cursor=${next}`, before: { createdAt: Number(at), id } });
  }
  return pages;
}

/** The lanes, each question's sides beside each other. Before, it is looked that both sides find the same. */
export async function apiLanes(stored: Stored): Promise<ApiLane[]> {
  const { bench, about, count, ask, askAsAuthor } = stored;
  const { storage, client: temporal } = bench;
  // What was stored and is no draft, spread over all of them.
  const idAt = (i: number): string => idOf((Math.floor((i * 7919) % (count / 10)) * 10 + 2 + (i % 8)) % count);
  const pages = await pagesOf(ask);
  const sight = { seenBy: TARGET, by: TARGET, everyHandoff: false };
  const get = async (i: number): Promise<unknown> => {
    const found = await storage.reports.find(idAt(i));
    return getContent(storage, found!.state.version.digest);
  };
  const list = (i: number) => {
    const { before } = pages[i % pages.length]!;
    return storage.reports.list({ seenBy: TARGET, before, limit: PAGE + 1 });
  };
  const anew = async (): Promise<number> => {
    await reportStamp(storage.db);
    const { total } = await reportNumbers(storage.db);
    await storage.outbox.last();
    await handoffNumbers(storage.db);
    await storage.reports.list({ seenBy: TARGET, limit: 10 });
    await waitingThings(storage.db, sight);
    return total;
  };
  const newContent = (i: number) => contentOf(about, count + i);
  const lanes: ApiLane[] = [
    { question: 'get', side: 'api', run: (i) => ask('GET', `/reports/${idAt(i)}`) },
    { question: 'get', side: 'direct', run: get },
    {
      question: 'list',
      side: 'api',
      run: (i) => ask('GET', `/reports?limit=${PAGE}${pages[i % pages.length]!.cursor}`),
    },
    { question: 'list', side: 'direct', run: list },
    { question: 'dashboard', side: 'api', run: () => ask('GET', '/dashboard') },
    {
      question: 'dashboard',
      side: 'direct',
      run: async () => [await reportStamp(storage.db), await storage.outbox.last()],
    },
    { question: 'dashboard, anew', side: 'api', run: () => ask('GET', '/dashboard?force_refresh=true') },
    { question: 'dashboard, anew', side: 'direct', run: anew },
    {
      question: 'create',
      side: 'api',
      run: (i) => {
        const { attachments: _none, ...content } = newContent(i);
        return askAsAuthor('POST', '/reports', content);
      },
    },
    {
      question: 'create',
      side: 'direct',
      run: async (i) => {
        const content = newContent(i);
        const state = await draft(storage, `direct-${randomUUID()}`, content, Date.now());
        const change = { act: 'report.create', by: state.author };
        await storage.reports.record({ state, change }, summaryTextOf(content));
        await storage.audit.ensureAnchored();
      },
    },
    {
      question: 'create',
      side: 'temporal',
      run: () => {
        const options = {
          workflowId: `bare-${randomUUID()}`,
          taskQueue: BARE_QUEUE,
          workflowIdConflictPolicy: 'USE_EXISTING',
        } as const;
        const startWorkflowOperation = new WithStartWorkflowOperation('bareEntity', options);
        startWorkflowOperation.workflowHandle().catch(() => {});
        return temporal.workflow.executeUpdateWithStart(bareEntityUpdate, { startWorkflowOperation });
      },
    },
  ];
  await checkSame(stored, {
    get: await get(1),
    list: (await list(1)).map((r) => r.state.reportId),
    total: await anew(),
    id: idAt(1),
    cursor: pages[1]?.cursor ?? '',
  });
  return lanes;
}

/** A side that answers something else would be no measure for the other. */
async function checkSame(
  { ask, count }: Stored,
  found: { get: unknown; list: string[]; total: number; id: string; cursor: string },
): Promise<void> {
  const view = (await ask('GET', `/reports/${found.id}`)) as { report_id: string; work_summary: string };
  const page = (await ask('GET', `/reports?limit=${PAGE}${found.cursor}`)) as Page;
  const { total } = (await ask('GET', '/dashboard?force_refresh=true')) as { total: number };
  const isSame =
    view.report_id === found.id &&
    view.work_summary === (found.get as { work_summary: string }).work_summary &&
    isDeepStrictEqual(
      page.reports.map((r) => r.report_id),
      found.list.slice(0, PAGE),
    ) &&
    total === found.total &&
    total >= count;
  if (!isSame) throw new Error('the API and the database do not answer the same');
}
