import { setTimeout as sleep } from 'node:timers/promises';
import type { HandoffState } from '../../core/handoff.js';
import { ledgerDebt } from '../../core/debt.js';
import { isClosed } from '../../core/handoff.js';
import { workflowIdOf } from '../../core/ids.js';
import type { HandoffFilter } from '../../core/filter.js';
import { failureOf } from '../failure.js';
import { uiLink } from '../place.js';
import type { Paint } from '../text/text.js';
import { board, type Size } from './board.js';
import { depth, type Depth } from './depth.js';
import { rowOf, sorted, type Row, type Watched } from './rows.js';
import type { Source } from './source.js';

/** What a single frame waits for runs to answer. */
const PATIENCE_MS = 4000;

/** Runs that are asked: what is on a screen, and some that may come up. */
const SCREEN = 100;

/** What `handoff watch` shows: it looks, and draws what it saw. */
export interface View {
  /** Looks again; `news` is called when an answer comes later. */
  look(news: () => void): Promise<void>;
  /** Waits for the answers that are on their way, for a while. */
  settle(): Promise<void>;
  frame(paint: Paint, size: Size, keys: boolean): string[];
  json(): unknown;
  /** Nothing more will happen. */
  over(): boolean;
}

/** Runs `look`; when there is something to show already, a fault of the surroundings is only a word beside it. */
async function looking(look: () => Promise<void>, before: boolean): Promise<string | undefined> {
  try {
    await look();
    return undefined;
  } catch (error) {
    if (!before) throw error;
    return `This is from before: ${failureOf(error).message}`;
  }
}

/** All that is in flight. */
export function listView(source: Source, filter: HandoffFilter): View {
  let known = new Map<string, Watched>();
  let rows: Row[] | undefined;
  let trouble: string | undefined;
  let asking: Promise<void> | undefined;
  let unheard: string | undefined;
  const read = async (): Promise<void> => {
    const now = Date.now();
    const all = await source.inFlight(filter);
    known = new Map(all.map((h) => [h.handoffId, h]));
    const pasts = new Map<string, HandoffState[]>();
    for (const { procedure } of all) {
      if (!pasts.has(procedure)) pasts.set(procedure, await source.past(procedure));
    }
    rows = sorted(all.map((h) => rowOf(h, pasts.get(h.procedure)!, now)));
  };
  return {
    async look(news) {
      trouble = await looking(read, rows !== undefined);
      // One round at a time: where runs are slow to answer, the records are shown meanwhile.
      const first = (rows ?? []).slice(0, SCREEN).flatMap(({ handoffId }) => known.get(handoffId) ?? []);
      asking ??= source
        .ask(first, news)
        .catch(() => {})
        .finally(() => (asking = undefined));
    },
    async settle() {
      const over = await Promise.race([asking?.then(() => true) ?? true, sleep(PATIENCE_MS, false, { ref: false })]);
      if (!over) unheard = 'Not all have answered yet; the rest is from the last records.';
      await read();
    },
    frame: (paint, size, keys) =>
      board(paint, { rows: rows ?? [], note: trouble ?? source.note ?? unheard, keys, now: Date.now() }, size),
    json: () => ({ at: Date.now(), note: source.note ?? unheard, handoffs: rows ?? [] }),
    over: () => false,
  };
}

/** One handoff in depth. */
export function oneView(source: Source, id: string): View {
  let seen: Omit<Depth, 'keys' | 'now' | 'note'> | undefined;
  let trouble: string | undefined;
  const look = async (): Promise<void> => {
    const status = await source.status(id);
    const more = await source.more(id);
    const { state, subject } = status;
    const procedure = subject?.procedure.id ?? '';
    const watched = { handoffId: id, status: status.status, procedure, createdAt: state?.createdAt ?? Date.now() };
    const past = procedure ? await source.past(procedure) : [];
    const row = rowOf({ ...watched, ...(subject ? { subject } : {}), ...(state ? { state } : {}) }, past, Date.now());
    const link = source.uiUrl === undefined ? undefined : uiLink(source.uiUrl, workflowIdOf(id));
    seen = { status, row, ...more, ...(link ? { link } : {}) };
  };
  return {
    async look() {
      trouble = await looking(look, seen !== undefined);
    },
    settle: () => Promise.resolve(),
    frame: (paint, size, keys) =>
      seen ? depth(paint, { ...seen, note: trouble ?? source.note, keys, now: Date.now() }, size) : [],
    json: () => {
      if (!seen) return undefined;
      const { status, row, effects, attempts, outcome, link } = seen;
      const debt = effects && ledgerDebt(effects);
      const cancelWouldUndo = debt && { undo: debt.undo.length, irreversible: debt.cannot.length };
      return { ...status, ...row, attempts, cancelWouldUndo, outcome, link };
    },
    over: () => seen?.status.state !== undefined && isClosed(seen.status.state.status),
  };
}
