import { isFields } from '../fields.js';
import { pointerOf } from '../json/pointer.js';
import type { ReportContent } from './report.js';

/** One thing that is not as it was: a JSON pointer, and the values; absent where there was or is none. */
export interface Change {
  path: string;
  before?: unknown;
  after?: unknown;
}

/** Characters of one text, entries of one list inside a value, and changes that are told. */
const TEXT = 500;
const ENTRIES = 100;
const MOST = 500;
/** Above so many entries a list is compared from both ends only. */
const MATCHED = 300;

/**
 * What changed between two versions of a report, in the order of its fields. In a list what was taken out stands under
 * its old place and what came in under its new one; files are told by their names. Long texts are cut, with a word on it.
 * Without `before`: all that the first version says.
 */
export function changesBetween(before: ReportContent | undefined, after: ReportContent): Change[] {
  const changes: Change[] = [];
  compare(before ?? {}, after, [], changes);
  if (changes.length <= MOST) return changes;
  return [...changes.slice(0, MOST), { path: '', after: `… and ${changes.length - MOST} more changes` }];
}

type Path = readonly (string | number)[];

function compare(before: unknown, after: unknown, at: Path, out: Change[]): void {
  if (same(before, after)) return;
  if (isFields(before) && isFields(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)]))
      compare(own(before, key), own(after, key), [...at, key], out);
  } else if (Array.isArray(before) && Array.isArray(after)) compareLists(before, after, at, out);
  else
    out.push({
      path: pointerOf(...at),
      ...(before === undefined ? {} : { before: bounded(before) }),
      ...(after === undefined ? {} : { after: bounded(after) }),
    });
}

const own = (fields: Record<string, unknown>, key: string): unknown =>
  Object.hasOwn(fields, key) ? fields[key] : undefined;

/** Entries that stand for each other: all of one gap pair by pair, which is what a text that was edited looks like. */
function compareLists(before: readonly unknown[], after: readonly unknown[], at: Path, out: Change[]): void {
  if ([...before, ...after].every(isNamed)) return compareNamed(before as Named[], after as Named[], at, out);
  let [i, j] = [0, 0];
  for (const [nextI, nextJ] of [...commonOf(before, after), [before.length, after.length] as const]) {
    while (i < nextI && j < nextJ) compare(before[i++], after[j], [...at, j++], out);
    while (i < nextI) compare(before[i], undefined, [...at, i++], out);
    while (j < nextJ) compare(undefined, after[j], [...at, j++], out);
    [i, j] = [nextI + 1, nextJ + 1];
  }
}

type Named = { name: string };
const isNamed = (v: unknown): v is Named => isFields(v) && typeof v['name'] === 'string';

function compareNamed(before: readonly Named[], after: readonly Named[], at: Path, out: Change[]): void {
  before.forEach((b, i) => {
    if (!after.some((a) => a.name === b.name)) compare(b, undefined, [...at, i], out);
  });
  after.forEach((a, i) =>
    compare(
      before.find((b) => b.name === a.name),
      a,
      [...at, i],
      out,
    ),
  );
}

/** Places of entries that stayed, by the longest common subsequence; of long lists only what both begin and end with. */
function commonOf(before: readonly unknown[], after: readonly unknown[]): (readonly [number, number])[] {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && same(before[head], after[head])) head++;
  let tail = 0;
  while (tail < shorter - head && same(before[before.length - 1 - tail], after[after.length - 1 - tail])) tail++;
  const ends = (n: number, offset: readonly [number, number]): (readonly [number, number])[] =>
    Array.from({ length: n }, (_, k) => [offset[0] + k, offset[1] + k] as const);
  const middle = [before.slice(head, before.length - tail), after.slice(head, after.length - tail)] as const;
  return [
    ...ends(head, [0, 0]),
    ...(middle[0].length * middle[1].length > MATCHED * MATCHED ? [] : longest(...middle)).map(
      ([i, j]) => [i + head, j + head] as const,
    ),
    ...ends(tail, [before.length - tail, after.length - tail]),
  ];
}

function longest(a: readonly unknown[], b: readonly unknown[]): (readonly [number, number])[] {
  const lengths = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      lengths[i]![j] = same(a[i], b[j])
        ? lengths[i + 1]![j + 1]! + 1
        : Math.max(lengths[i + 1]![j]!, lengths[i]![j + 1]!);
  const pairs: (readonly [number, number])[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (same(a[i], b[j])) pairs.push([i++, j++]);
    else if (lengths[i + 1]![j]! >= lengths[i]![j + 1]!) i++;
    else j++;
  }
  return pairs;
}

/** Whether two JSON values say the same, in whatever order their fields stand. */
function same(a: unknown, b: unknown): boolean {
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((v, i) => same(v, b[i]));
  if (!isFields(a) || !isFields(b)) return Object.is(a, b);
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => same(own(a, key), own(b, key)));
}

function bounded(value: unknown): unknown {
  if (typeof value === 'string')
    return value.length > TEXT
      ? `${value.slice(0, TEXT).replace(/[\uD800-\uDBFF]$/, '')}… (${value.length} characters)`
      : value;
  if (Array.isArray(value))
    return value.length > ENTRIES
      ? [...value.slice(0, ENTRIES).map(bounded), `… and ${value.length - ENTRIES} more`]
      : value.map(bounded);
  return isFields(value) ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, bounded(v)])) : value;
}
