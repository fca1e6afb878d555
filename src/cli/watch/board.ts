import { span } from '../../core/words.js';
import { clock, safe, table, type Paint } from '../text/text.js';
import { fit } from '../text/width.js';
import { etaText, type Row } from './rows.js';

/** What a frame has to fit into; endless where it is no terminal. */
export interface Size {
  columns: number;
  rows: number;
}

export interface Board {
  /** Sorted. */
  rows: Row[];
  /** Something to know about where this is from. */
  note?: string;
  /** Whether keys are read. */
  keys: boolean;
  now: number;
}

interface Column {
  head: string;
  /** From this width of the terminal on. */
  from: number;
  of: (row: Row, now: number) => string;
}

const COLUMNS: Column[] = [
  { head: 'ID', from: 0, of: (r) => r.handoffId },
  { head: 'STATUS', from: 0, of: (r) => r.shown },
  { head: 'DONE', from: 70, of: (r) => (r.done === undefined ? '' : `${r.done} %`) },
  { head: 'STEP', from: 110, of: (r) => r.steps.join(', ') },
  { head: 'WAITS FOR', from: 0, of: (r) => r.waitsFor ?? '' },
  { head: 'FOR', from: 0, of: (r, now) => (r.waitsFor ? span(now - r.since) : '') },
  { head: 'ETA', from: 70, of: (r) => etaText(r) },
  { head: 'FROM → TO', from: 150, of: (r) => r.route ?? '' },
  { head: 'PROCEDURE', from: 190, of: (r) => r.procedure },
];

/** All handoffs in flight as lines, none wider than the terminal and no more than it has. */
export function board(paint: Paint, { rows, note, keys, now }: Board, size: Size): string[] {
  const head = [paint.bold('handoff watch') + `  ${summary(rows)}  ${paint.dim(clock(now))}`];
  if (note) head.push(paint.yellow(safe(note)));
  head.push('');
  const foot = keys ? ['', paint.dim('q quits   handoff watch <id>: one in depth, and what to press')] : [];
  const room = size.rows - head.length - foot.length - 1;
  const cut = rows.length > room;
  const shown = cut ? rows.slice(0, Math.max(0, room - 1)) : rows;
  const lines = [...head, ...(cut && shown.length === 0 ? [] : rowLines(paint, shown, size.columns, now))];
  if (cut) lines.push(paint.dim(`… and ${rows.length - shown.length} more`));
  return [...lines, ...foot].slice(0, size.rows).map((line) => fit(line.replaceAll('\n', ' '), size.columns));
}

function rowLines(paint: Paint, rows: readonly Row[], width: number, now: number): string[] {
  const shown = COLUMNS.filter(({ from }) => width >= from);
  const cells = rows.map((row) => shown.map(({ of }) => of(row, now).replaceAll('\n', ' ')));
  const head = shown.map((c) => c.head);
  const [first, ...rest] = table(paint, head, cells, 'Nothing is in flight.', width).split('\n');
  // A table takes no colours inside it: what others wrote is made safe there.
  return [first!, ...rest.map((line, i) => colour(paint, rows[i]!)(line))];
}

function colour(paint: Paint, { shown, late, waitsFor }: Row): (text: string) => string {
  if (shown === 'incident') return paint.red;
  if (late) return paint.magenta;
  if (shown === 'running' || shown === 'pending' || waitsFor === undefined) return String;
  return shown === 'compensating' ? paint.cyan : paint.yellow;
}

/** `12 in flight: 1 incident, 11 running; 2 late`. */
function summary(rows: readonly Row[]): string {
  if (rows.length === 0) return 'nothing in flight';
  const counts = new Map<string, number>();
  for (const { shown } of rows) counts.set(shown, (counts.get(shown) ?? 0) + 1);
  const late = rows.filter((r) => r.late).length;
  const parts = [...counts].map(([status, n]) => `${n} ${status.replaceAll('_', ' ')}`);
  return `${rows.length} in flight: ${parts.join(', ')}${late > 0 ? `; ${late} late` : ''}`;
}
