import Table from 'cli-table3';
import picocolors from 'picocolors';
import { unsaid } from '../../core/said.js';
import { span } from '../../core/words.js';
import { fit, textWidth } from './width.js';

export type Paint = ReturnType<typeof picocolors.createColors>;

/**
 * Colours where a person sees them: on a terminal, and not where NO_COLOR asks for none. A CI's log gets none.
 * FORCE_COLOR decides either way, as it does in Node.
 */
export function paintFor(stream: { isTTY?: boolean }): Paint {
  const { FORCE_COLOR, NO_COLOR, TERM } = process.env;
  const seen = Boolean(stream.isTTY) && !NO_COLOR && TERM !== 'dumb';
  return picocolors.createColors(FORCE_COLOR === undefined ? seen : !['0', 'false'].includes(FORCE_COLOR));
}

/** The columns of the reader's terminal; without end where it is a pipe or a file. */
export const columns = (): number => (process.stdout.isTTY && process.stdout.columns) || Infinity;

/** Text of others made safe for a terminal: a reason must not move the cursor or set colours. Line ends stay. */
export const safe = (text: string): string =>
  text.replace(
    /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
    (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );

const NO_LINES = Object.fromEntries(
  ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right']
    .concat(['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid'])
    .map((name) => [name, '']),
);

const GAP = 2;
/** No column is made narrower than this. */
const LEAST = 6;

/**
 * A table without lines, two blanks between its columns; no more than a sentence where there are no rows. What is wider
 * than `width` is shortened, the widest columns first: nothing wraps.
 */
export function table(
  paint: Paint,
  head: string[],
  rows: (string | number | undefined)[][],
  empty: string,
  width = columns(),
): string {
  if (rows.length === 0) return empty;
  const cells = rows.map((row) => row.map((cell) => safe(String(cell ?? ''))));
  const widths = narrowed(widthsOf([head, ...cells]), width);
  const out = new Table({
    chars: { ...NO_LINES, middle: ' '.repeat(GAP) },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    head: head.map((h, i) => paint.dim(fit(h, widths[i]!))),
  });
  for (const row of cells) out.push(row.map((cell, i) => linesOf(cell, widths[i]!)));
  return out
    .toString()
    .split('\n')
    .map((line) => fit(line.trimEnd(), width))
    .join('\n');
}

const linesOf = (cell: string, width: number): string =>
  cell
    .split('\n')
    .map((line) => fit(line, width))
    .join('\n');

function widthsOf(rows: string[][]): number[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, ...cell.split('\n').map(textWidth));
    });
  }
  return widths;
}

/**
 * The widths that fit into `width`: the widest gives first, and of equal ones the last. The first column names the row,
 * and people copy it: it gives when the others have nothing left.
 */
function narrowed(widths: number[], width: number): number[] {
  const fits = [...widths];
  let over = fits.reduce((sum, w) => sum + w, GAP * (fits.length - 1)) - width;
  while (over > 0) {
    const rest = Math.max(...fits.slice(1));
    const widest = rest > LEAST ? fits.lastIndexOf(rest) : 0;
    if (fits[widest]! <= LEAST) break;
    fits[widest]!--;
    over--;
  }
  return fits;
}

/** `3.1 kB`. */
export function bytes(n: number): string {
  if (n < 1000) return `${n} B`;
  const [value, unit] = n < 1e6 ? [n / 1e3, 'kB'] : n < 1e9 ? [n / 1e6, 'MB'] : [n / 1e9, 'GB'];
  return `${value.toFixed(1)} ${unit}`;
}

/** `0.42 s` for what a person watched, `12 min` for what they did not. */
export const took = (ms: number): string => (ms < 10_000 ? `${(ms / 1000).toFixed(2)} s` : span(ms));

/** `12 s ago`. */
export const ago = (at: number, now = Date.now()): string => `${span(now - at)} ago`;

/** `2026-11-21 11:33:59`, in the reader's time zone. */
export function when(ms: number): string {
  const d = new Date(ms);
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${clock(ms)}`;
}

/** `11:33:59`, in the reader's time zone. */
export const clock = (ms: number): string => new Date(ms).toTimeString().slice(0, 8);

/** Markdown as plain text: what the Web UI shows in bold or as code needs no marks on a terminal. */
export const plain = (markdown: string): string => safe(unsaid(markdown.replaceAll('**', '').replaceAll('`', '')));
