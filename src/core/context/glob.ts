import { invalidContext } from './entry.js';

/** One place of a pattern: it takes a character, leads to several places at once, or is the end. */
type Place = { takes: (c: string) => boolean } | { to: number[] } | 'end';

const PATTERN_LENGTH = 1000;

/**
 * Whether a text fits a glob pattern: `*` is any text, also one with `/` or `.` in it, and so is `**`; `?` is one
 * character, `[a-c_]` one of these, `[!a-c]` any other, `{draft,final}` one of these patterns; `\` before a character
 * takes it for itself. A pattern fits the whole text, and upper and lower case differ. The time is at most the length of
 * the text times that of the pattern, whatever the pattern. Throws INVALID_CONTEXT of one that is not closed.
 */
export function globMatcher(pattern: string): (text: string) => boolean {
  if (typeof pattern !== 'string' || pattern.length > PATTERN_LENGTH)
    throw invalidPattern(pattern, `must be a text of at most ${PATTERN_LENGTH} characters`);
  const places = compile(pattern);
  return (text) => {
    let here = closure(places, [0]);
    for (const c of text) {
      const next: number[] = [];
      for (const at of here) {
        const place = places[at]!;
        if (typeof place === 'object' && 'takes' in place && place.takes(c)) next.push(at + 1);
      }
      if (next.length === 0) return false;
      here = closure(places, next);
    }
    return [...here].some((at) => places[at] === 'end');
  };
}

/** All places that can be reached without a character. */
function closure(places: readonly Place[], from: readonly number[]): Set<number> {
  const reached = new Set(from);
  for (const at of reached) {
    const place = places[at]!;
    if (typeof place === 'object' && 'to' in place) for (const to of place.to) reached.add(to);
  }
  return reached;
}

function compile(pattern: string): Place[] {
  const chars = Array.from(pattern);
  const places: Place[] = [];
  /** Of each brace that is open: where its choice stands, and the ends of its alternatives so far. */
  const open: { choice: { to: number[] }; ends: { to: number[] }[]; at: number }[] = [];
  const leap = (): { to: number[] } => {
    const place = { to: [] as number[] };
    places.push(place);
    return place;
  };
  for (let i = 0; i < chars.length; i++) {
    const c = chars[i]!;
    const brace = open.at(-1);
    if (c === '*') {
      const at = places.length;
      places.push({ to: [at + 1, at + 3] }, { takes: () => true }, { to: [at] });
    } else if (c === '?') {
      places.push({ takes: () => true });
    } else if (c === '[') {
      const end = chars.indexOf(']', i + (chars[i + 1] === '!' ? 3 : 2));
      if (end < 0) throw invalidPattern(pattern, `"[" at ${i + 1} is not closed`);
      places.push({ takes: classOf(chars.slice(i + 1, end)) });
      i = end;
    } else if (c === '{') {
      const choice = leap();
      choice.to.push(places.length);
      open.push({ choice, ends: [], at: i + 1 });
    } else if (c === ',' && brace) {
      brace.ends.push(leap());
      brace.choice.to.push(places.length);
    } else if (c === '}' && brace) {
      for (const end of [...brace.ends, leap()]) end.to.push(places.length);
      open.pop();
    } else {
      if (c === '\\' && i + 1 === chars.length) throw invalidPattern(pattern, 'ends with "\\"');
      const literal = c === '\\' ? chars[++i]! : c;
      places.push({ takes: (other) => other === literal });
    }
  }
  const unclosed = open.at(-1);
  if (unclosed) throw invalidPattern(pattern, `"{" at ${unclosed.at} is not closed`);
  return [...places, 'end'];
}

/** What stands between brackets: characters, and ranges of them. */
function classOf(inside: readonly string[]): (c: string) => boolean {
  const not = inside[0] === '!';
  const chars = not ? inside.slice(1) : inside;
  const ranges: [string, string][] = [];
  for (let i = 0; i < chars.length; i++) {
    const isRange = chars[i + 1] === '-' && i + 2 < chars.length;
    ranges.push([chars[i]!, chars[isRange ? i + 2 : i]!]);
    if (isRange) i += 2;
  }
  const code = (c: string): number => c.codePointAt(0)!;
  return (c) => ranges.some(([from, to]) => code(c) >= code(from) && code(c) <= code(to)) !== not;
}

const invalidPattern = (pattern: unknown, why: string): Error =>
  invalidContext([{ path: '', message: `the pattern ${JSON.stringify(pattern)?.slice(0, 80)} ${why}` }]);
