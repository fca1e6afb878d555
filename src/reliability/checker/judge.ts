import type { SeenFile } from '../../core/reliability/expected.js';
import type { CheckerReport } from '../../core/reliability/report.js';
import type { Book, Entry, Look } from './book.js';

/** The receivers as they are now. */
export interface Receivers {
  /** The file at a place. */
  at(path: string): Look;
  /** The content of a delivery, as it is kept; undefined where it is gone. */
  kept(key: string): string | undefined;
}

const SHOWN = 100;

/** Holds what every ended handoff was to do against what its receivers have. Only looks. */
export function judge(book: Book, receivers: Receivers): CheckerReport {
  const report: CheckerReport = {
    applied: 0,
    absorbed: book.absorbed,
    undone: book.undone,
    twice: book.twice.length,
    missing: 0,
    leftBehind: 0,
    violations: book.twice.slice(0, SHOWN),
  };
  const say = (kind: 'missing' | 'leftBehind', what: string): void => {
    report[kind]++;
    if (report.violations.length < SHOWN) report.violations.push(what);
  };
  for (const entry of book.handoffs.values()) {
    const { outcome } = entry;
    // What is still at work, or waits for a person, may have done a part.
    if (outcome === undefined || outcome === 'incident' || outcome === 'stuck') continue;
    if (outcome === 'completed') judgeCompleted(book, entry, receivers, report, say);
    else judgeUndone(book, entry, outcome, receivers, say);
  }
  for (const key of book.strangers)
    if (book.keys.get(key)?.stands) say('leftBehind', `${key} was delivered, and nobody expects its handoff`);
  return report;
}

type Say = (kind: 'missing' | 'leftBehind', what: string) => void;

function judgeCompleted(book: Book, { of, keys }: Entry, receivers: Receivers, report: CheckerReport, say: Say): void {
  for (const file of of.files) {
    const found = receivers.at(file.path);
    if (accepted(book, file.path, file).some((f) => same(f, found))) report.applied++;
    else say('missing', `${of.handoff} completed, and ${file.path} ${found ? 'holds something else' : 'is not there'}`);
  }
  const standing = [...keys].filter(([, d]) => d.stands);
  for (const call of of.calls) {
    const made = standing.find(([, d]) => d.call === call);
    if (!made) say('missing', `${of.handoff} completed, and ${call} was never delivered`);
    else if (receivers.kept(made[0]) === made[1].sha256) report.applied++;
    else say('missing', `${of.handoff} completed, and what ${call} delivered is lost or changed`);
  }
  for (const [, { call }] of standing)
    if (!of.calls.includes(call)) say('leftBehind', `${of.handoff} delivered ${call}, and nobody asked for it`);
}

function judgeUndone(book: Book, { of, keys }: Entry, outcome: string, receivers: Receivers, say: Say): void {
  for (const { path } of of.files) {
    const place = book.places.get(path)!;
    const before = place.looks[0] ?? null;
    const found = receivers.at(path);
    const others = place.handoffs.filter((h) => h !== of.handoff).flatMap((h) => filesOf(book, h, path));
    if (same(before, found) || others.some((f) => same(f, found))) continue;
    if (found) say('leftBehind', `${of.handoff} ${outcome}, and ${path} is not as it was before`);
    else say('missing', `${of.handoff} ${outcome}, and what was at ${path} before is gone`);
  }
  for (const { call, stands } of keys.values())
    if (stands) say('leftBehind', `${of.handoff} ${outcome}, and ${call} still stands at its receiver`);
}

const filesOf = (book: Book, handoff: string, path: string): SeenFile[] =>
  book.handoffs.get(handoff)?.of.files.filter((f) => f.path === path) ?? [];

/** What may be at a place: of several handoffs that completed there, the last one's, whichever that was. */
function accepted(book: Book, path: string, ours: SeenFile): SeenFile[] {
  const { handoffs } = book.places.get(path)!;
  return handoffs.length === 1 ? [ours] : handoffs.flatMap((h) => filesOf(book, h, path));
}

const same = (a: SeenFile | null, b: Look): boolean =>
  a && b ? a.sha256 === b.sha256 && (a.mode === undefined || a.mode === b.mode) : !a && !b;
