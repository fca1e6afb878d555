import { isUtf8 } from 'node:buffer';
import { HandoffError, invalid } from '../core/errors.js';
import { parseText } from '../core/json/parse-text.js';
import { pointerOf } from '../core/json/pointer.js';

/** How deep a body may be nested: what walks it later must not run out of stack. */
const DEPTH = 100;

/**
 * A body as a value; undefined where there is none. What a reader would mend without a word is refused: bytes that are no
 * UTF-8, and a name that stands twice in one object. Throws INVALID_JSON with line and column; INVALID_INPUT with the place.
 */
export function parseBody(bytes: Buffer): unknown {
  // Some send the header with every request.
  if (bytes.length === 0) return undefined;
  if (!isUtf8(bytes)) {
    throw new HandoffError('INVALID_JSON', { source: 'The body', format: 'JSON', why: 'it is not UTF-8' });
  }
  const text = bytes.toString('utf8');
  lookOver(text);
  return parseText(text, 'The body', 'JSON');
}

const refused = (path: string, message: string): HandoffError => invalid('INVALID_INPUT', [{ path, message }]);

/** An object or a list that is open, and where in it we are. */
interface Open {
  /** Of an object. */
  names?: Set<string>;
  at: string | number;
}

/** Before it is parsed, and without recursion: depth, and names. Whether it is JSON at all is found out afterwards. */
function lookOver(text: string): void {
  const open: Open[] = [];
  const place = (): string => pointerOf(...open.map((o) => o.at).slice(0, 20));
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    const last = open.at(-1);
    if (c === '"') {
      const end = endOfString(text, i);
      if (last?.names && isName(text, end + 1)) enter(last, text.slice(i, end + 1), place);
      i = end;
    } else if (c === '{' || c === '[') {
      if (open.length >= DEPTH) throw refused('', `is nested deeper than ${DEPTH} levels`);
      open.push(c === '{' ? { names: new Set(), at: '' } : { at: 0 });
    } else if (c === '}' || c === ']') open.pop();
    else if (c === ',' && typeof last?.at === 'number') last.at++;
  }
}

const COLON = /[ \t\r\n]*:/y;
/** Whether a colon comes next. */
function isName(text: string, after: number): boolean {
  COLON.lastIndex = after;
  return COLON.test(text);
}

function enter(object: Open, quoted: string, place: () => string): void {
  let name: string;
  try {
    name = JSON.parse(quoted) as string;
  } catch {
    return;
  }
  object.at = name;
  // Schemas pass over it without a word, and what it held would be lost.
  if (name === '__proto__') throw refused(place(), 'the name __proto__ is not allowed');
  if (object.names?.has(name)) throw refused(place(), 'stands there twice');
  object.names?.add(name);
}

function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1) {
    let slashes = 0;
    while (text[end - 1 - slashes] === '\\') slashes++;
    if (slashes % 2 === 0) return end;
    end = text.indexOf('"', end + 1);
  }
  return text.length;
}
