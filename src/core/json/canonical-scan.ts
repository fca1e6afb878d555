/** What a scan allows. */
export interface ScanLimits {
  /** Levels of lists and objects in each other. */
  maxDepth: number;
  /** Values in all. */
  maxValues: number;
}

const code = (c: string): number => c.charCodeAt(0);
const [QUOTE, BACKSLASH, COMMA, COLON] = [code('"'), code('\\'), code(','), code(':')];
const [LIST, LIST_END, OBJECT, OBJECT_END] = [code('['), code(']'), code('{'), code('}')];
const [ZERO, NINE] = [code('0'), code('9')];
/** What else may follow a backslash; and the control characters that have no such escape. */
const SHORT = ['b', 'f', 'n', 'r', 't'].map(code);
const LONG = /^u00(?:0[0-7bef]|1[0-9a-f])$/;
/** No number is longer in JSON; and an integer of so few digits is written as it is. */
const LONGEST_NUMBER = 25;
const DIGITS = 15;
/** From here on the first byte of a character does not tell its place in UTF-16. */
const LATE = 0xee;
const PROTO = '"__proto__"';

/**
 * Whether bytes, which must be UTF-8, are the canonical JSON (RFC 8785) of what they hold, within limits and without a
 * field `__proto__`: then parsing and writing them gives the same bytes. It proves it without doing either.
 */
export function isCanonicalJson(bytes: Uint8Array, { maxDepth, maxValues }: ScanLimits): boolean {
  const end = bytes.length;
  let at = 0;
  let values = 0;
  const took = (c: number): boolean => bytes[at] === c && ++at > 0;

  const string = (): boolean => {
    const next = afterString(bytes, at);
    at = next ?? at;
    return next !== undefined;
  };

  const word = (): boolean => {
    const from = at;
    while (at < end && bytes[at]! >= ZERO && bytes[at]! <= NINE) at++;
    const whole = at === end || endsWord(bytes[at]!);
    if (whole && at > from && at - from <= DIGITS) return bytes[from] !== ZERO || at - from === 1;
    while (at < end && at - from <= LONGEST_NUMBER && !endsWord(bytes[at]!)) at++;
    const text = ascii(bytes, from, at);
    return text === 'true' || text === 'false' || text === 'null' || isNumber(text);
  };

  const list = (depth: number): boolean => {
    at++;
    if (took(LIST_END)) return true;
    do if (!value(depth)) return false;
    while (took(COMMA));
    return took(LIST_END);
  };

  const object = (depth: number): boolean => {
    at++;
    if (took(OBJECT_END)) return true;
    let last = 0;
    do {
      const name = at;
      if (bytes[at] !== QUOTE || !string()) return false;
      if (last > 0 && !isBefore(bytes, last, name)) return false;
      if (at - name === PROTO.length && ascii(bytes, name, at) === PROTO) return false;
      last = name;
      if (!took(COLON) || !value(depth)) return false;
    } while (took(COMMA));
    return took(OBJECT_END);
  };

  const value = (depth: number): boolean => {
    if (++values > maxValues || at >= end) return false;
    const c = bytes[at];
    if (c === QUOTE) return string();
    if (c !== LIST && c !== OBJECT) return word();
    if (depth >= maxDepth) return false;
    return c === LIST ? list(depth + 1) : object(depth + 1);
  };

  return value(0) && at === end;
}

const endsWord = (c: number): boolean => c === COMMA || c === LIST_END || c === OBJECT_END;
const ascii = (bytes: Uint8Array, from: number, to: number): string => String.fromCharCode(...bytes.subarray(from, to));

function isNumber(text: string): boolean {
  const n = Number(text);
  return Number.isFinite(n) && JSON.stringify(n) === text;
}

/** Where the string that begins at `from` ends; undefined where it does not, or is not written as it should be. */
function afterString(bytes: Uint8Array, from: number): number | undefined {
  const end = bytes.length;
  for (let i = from + 1; i < end; i++) {
    const c = bytes[i]!;
    if (c === QUOTE) return i + 1;
    if (c < 0x20) return undefined;
    if (c !== BACKSLASH) continue;
    const next = i + 1 < end ? bytes[++i]! : 0;
    if (next === QUOTE || next === BACKSLASH || SHORT.includes(next)) continue;
    if (!LONG.test(ascii(bytes, i, i + 5))) return undefined;
    i += 4;
  }
  return undefined;
}

/** Whether the name that begins at `a` comes before the one at `b`, by UTF-16 units as RFC 8785 has it. */
function isBefore(bytes: Uint8Array, a: number, b: number): boolean {
  let i = 1;
  while (bytes[a + i] === bytes[b + i] && bytes[a + i] !== QUOTE && bytes[a + i] !== BACKSLASH) i++;
  const x = bytes[a + i]!;
  const y = bytes[b + i]!;
  if (x === BACKSLASH || y === BACKSLASH || (x >= LATE && y >= LATE)) return nameAt(bytes, a) < nameAt(bytes, b);
  return x === QUOTE ? y !== QUOTE : y !== QUOTE && x < y;
}

function nameAt(bytes: Uint8Array, from: number): string {
  return JSON.parse(new TextDecoder().decode(bytes.subarray(from, afterString(bytes, from)))) as string;
}
