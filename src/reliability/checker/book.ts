import type { ExpectedHandoff, SeenFile } from '../../core/reliability/expected.js';
import type { IterationOutcome } from '../../core/reliability/report.js';

/** A file at the moment of a look. `id`: which file it is, so that another one with the same content is told apart. */
export type Look = (Required<SeenFile> & { id: string }) | null;

/** One line of the checker's file: something that it was told, or saw. */
export type Line =
  | { t: 'port'; port: number }
  | { t: 'expect'; of: ExpectedHandoff; before: Record<string, Look> }
  | { t: 'file'; path: string; look: Look }
  | { t: 'put'; key: string; handoff: string; call: string; sha256: string }
  | { t: 'undo'; key: string }
  | { t: 'ended'; handoff: string; outcome: IterationOutcome };

export interface Delivery {
  handoff: string;
  /** `<step>/<effect>` */
  call: string;
  sha256: string;
  stands: boolean;
}

/** What was seen at one place while a handoff was open there: first what was there before. */
export interface Place {
  handoffs: string[];
  looks: Look[];
}

export interface Entry {
  of: ExpectedHandoff;
  outcome?: IterationOutcome;
  /** Deliveries that name it, by key. */
  keys: Map<string, Delivery>;
}

/** All that the checker knows: its lines, summed up. */
export interface Book {
  port?: number;
  handoffs: Map<string, Entry>;
  places: Map<string, Place>;
  keys: Map<string, Delivery>;
  /** Deliveries by handoffs that nobody has told the checker of. */
  strangers: Set<string>;
  absorbed: number;
  undone: number;
  /** Deliveries and overwritings that were made twice, in words. */
  twice: string[];
}

export const emptyBook = (): Book => ({
  handoffs: new Map(),
  places: new Map(),
  keys: new Map(),
  strangers: new Set(),
  absorbed: 0,
  undone: 0,
  twice: [],
});

/** Adds a line. The same lines always give the same book, so a restart goes on where it was. */
export function note(book: Book, line: Line): void {
  switch (line.t) {
    case 'port':
      book.port = line.port;
      return;
    case 'expect':
      return noteExpected(book, line.of, line.before);
    case 'file':
      return noteFile(book, line.path, line.look);
    case 'put':
      return notePut(book, line);
    case 'undo':
      return noteUndo(book, line.key);
    case 'ended': {
      const entry = book.handoffs.get(line.handoff);
      if (entry) entry.outcome = line.outcome;
      return;
    }
  }
}

function noteExpected(book: Book, of: ExpectedHandoff, before: Record<string, Look>): void {
  if (book.handoffs.has(of.handoff)) return;
  book.handoffs.set(of.handoff, { of, keys: new Map() });
  for (const { path } of of.files) {
    const place = book.places.get(path);
    if (place) place.handoffs.push(of.handoff);
    else book.places.set(path, { handoffs: [of.handoff], looks: [before[path] ?? null] });
  }
}

/** Two handoffs that write to one place overwrite each other as they should; only their end is judged. */
function noteFile(book: Book, path: string, look: Look): void {
  const place = book.places.get(path);
  if (!place) return;
  const last = place.looks.at(-1) ?? null;
  if (last?.id === look?.id && last?.sha256 === look?.sha256 && last?.mode === look?.mode) return;
  place.looks.push(look);
  const ours = expectedAt(book, place, path);
  const [before] = place.looks;
  if (place.handoffs.length > 1 || last?.sha256 !== ours.sha256) return;
  if (look?.sha256 === before?.sha256) {
    if (ours.sha256 !== before?.sha256) book.undone++;
  } else if (look?.sha256 === ours.sha256) {
    if (look.id !== last.id) book.absorbed++;
  } else if (look) {
    book.twice.push(`${place.handoffs.join()}: ${path} had arrived, and was written again with other content`);
  }
}

const expectedAt = (book: Book, { handoffs }: Place, path: string): SeenFile =>
  book.handoffs.get(handoffs[0]!)!.of.files.find((f) => f.path === path)!;

function notePut(book: Book, { key, handoff, call, sha256 }: Extract<Line, { t: 'put' }>): void {
  const known = book.keys.get(key);
  const what = `${handoff}: ${call}`;
  if (known?.stands) {
    if (known.handoff === handoff && known.call === call && known.sha256 === sha256) book.absorbed++;
    else book.twice.push(`${what} was delivered again under the key ${key}, and is another one than before`);
    return;
  }
  const delivery: Delivery = { handoff, call, sha256, stands: true };
  book.keys.set(key, delivery);
  const entry = book.handoffs.get(handoff);
  if (!entry) {
    book.strangers.add(key);
    return;
  }
  const others = [...entry.keys.values()].filter((d) => d.call === call && d.stands);
  if (others.length > 0) book.twice.push(`${what} was made again under another key, ${key}, and no undo lies between`);
  entry.keys.set(key, delivery);
}

function noteUndo(book: Book, key: string): void {
  const known = book.keys.get(key);
  if (!known?.stands) return;
  known.stands = false;
  book.undone++;
}
