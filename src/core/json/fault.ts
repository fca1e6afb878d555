/** Blanks, then a bracket, comma or colon, or a string, number or word. */
const TOKEN =
  /[ \t\r\n]*(?:([{}[\],:])|("(?:[^"\\\u0000-\u001f]+|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-]))/y;

type Expected = 'value' | 'value or end' | 'key' | 'key or end' | 'colon' | 'comma or end' | 'nothing';

/**
 * Where a text stops being JSON. JSON.parse tells it only for some faults, in words that differ between versions of
 * Node, and YAML's parser takes for good what JSON does not have, such as `[1,]`.
 */
export function faultAt(text: string): number {
  const open: string[] = [];
  let expected: Expected = 'value';
  for (let at = 0; ;) {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(text);
    const start = at + (/^[ \t\r\n]*/.exec(text.slice(at, at + 10_000))?.[0].length ?? 0);
    if (!found) return start;
    const [whole, mark, string] = found;
    const next = after(expected, mark ?? (string === undefined ? 'literal' : 'string'), open);
    if (!next) return start;
    expected = next;
    at += whole.length;
  }
}

/** What is expected after a token, or undefined where it does not belong there. */
function after(expected: Expected, token: string, open: string[]): Expected | undefined {
  const closed = (): Expected => (open.length > 0 ? 'comma or end' : 'nothing');
  if (token === '}' || token === ']') {
    const empty = token === '}' ? 'key or end' : 'value or end';
    const fits = expected === 'comma or end' || expected === empty;
    return fits && open.pop() === token ? closed() : undefined;
  }
  if (expected === 'key' || expected === 'key or end') return token === 'string' ? 'colon' : undefined;
  if (expected === 'colon') return token === ':' ? 'value' : undefined;
  if (expected === 'comma or end') return token === ',' ? (open.at(-1) === '}' ? 'key' : 'value') : undefined;
  if (expected === 'nothing') return undefined;
  if (token === '{' || token === '[') {
    open.push(token === '{' ? '}' : ']');
    return token === '{' ? 'key or end' : 'value or end';
  }
  return token === 'string' || token === 'literal' ? closed() : undefined;
}
