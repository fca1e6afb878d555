import { parse as parseCsv } from 'csv-parse/sync';
import { stringify as stringifyCsv } from 'csv-stringify/sync';
import { parseDocument, stringify as stringifyYaml } from 'yaml';
import { pointerOf } from '../core/json/pointer.js';
import { isUnicode } from '../core/json/unicode.js';
import { inWords, oneLine, unfit } from './found.js';
import { MAX_YAML_ALIASES } from './limits.js';
import { markdownOf } from './markdown.js';

/** Formats that hold data; a schema can look at these. */
export const DATA_FORMATS = ['json', 'yaml', 'csv'] as const;
const TEXT_FORMATS: readonly string[] = ['markdown', 'text'];

const BY_EXTENSION: Readonly<Record<string, string>> = {
  yml: 'yaml',
  md: 'markdown',
  txt: 'text',
  log: 'text',
  bin: 'binary',
};

const called = (name: string): string => (Object.hasOwn(BY_EXTENSION, name) ? BY_EXTENSION[name]! : name);

/** What something is written in: as `given`, else by the extension of `path`; `binary` where that says nothing. */
export function formatOf(path: string, given?: string): string {
  if (given) return called(given.toLowerCase());
  const extension = /[^/\\]\.([A-Za-z0-9]{1,16})$/.exec(path)?.[1];
  return extension ? called(extension.toLowerCase()) : 'binary';
}

/** How deep data may be nested, and how many values it may have. */
export interface Bounds {
  depth: number;
  values: number;
}

/**
 * Values are counted, roughly, before they are made: a small text can stand for gigabytes, and where the memory of a
 * thread ends inside `JSON.parse`, V8 ends the process.
 */
function checkValues(bytes: Uint8Array, most: number): void {
  let found = 0;
  for (const c of bytes) if (c === 0x2c || c === 0x3a || c === 0x5b || c === 0x7b) found++;
  if (found > most) throw unfit('too_large', `at most ${most} values`, `about ${found}`);
}

/** The value that bytes of a format stand for. Throws {@link Unfit}. */
export function parseAs(format: string, bytes: Uint8Array, bounds: Bounds, { exact = false } = {}): unknown {
  const { depth, values } = bounds;
  if (format === 'json') checkValues(bytes, values);
  const text = textOf(bytes, format);
  if (TEXT_FORMATS.includes(format)) return text;
  if (!(DATA_FORMATS as readonly string[]).includes(format))
    throw unfit('not_parseable', `one of ${DATA_FORMATS.join(', ')}, which can be looked into`, format);
  const value = format === 'json' ? parseJson(text, exact) : format === 'csv' ? rowsOf(text) : parseYaml(text);
  if (isDeeper(value, depth)) throw unfit('too_large', `at most ${depth} levels`, 'more');
  return value;
}

function textOf(bytes: Uint8Array, format: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw unfit('not_parseable', `${format} in UTF-8`, 'bytes that are none');
  }
}

/** Ends at the limit, so it needs no more stack than that. */
export function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  const inner: unknown[] = Array.isArray(value) ? value : Object.values(value);
  return inner.some((v) => isDeeper(v, levels - 1));
}

function parseJson(text: string, exact: boolean): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw unfit('not_parseable', 'JSON', jsonFault(text, (error as Error).message));
  }
  const lost = exact ? inexactInteger(text) : undefined;
  if (lost) throw unfit('not_transformable', 'whole numbers of at most 15 digits, or as text', lost);
  return value;
}

/** V8's message, with line and column, and without the piece of the text that it may quote. */
function jsonFault(text: string, message: string): string {
  if (text.trim() === '') return 'an empty file';
  const at = /at position (\d+)/.exec(message)?.[1];
  const why = message.replace(/ (in|after) JSON at position \d+.*$/s, '').replace(/, .* is not valid JSON$/s, '');
  if (at === undefined) return why;
  const before = text.slice(0, Number(at)).split('\n');
  return `line ${before.length}, column ${before.at(-1)!.length + 1}: ${why}`;
}

/** Whether a whole number stays the same as the floating point number that JSON knows: in value, or as it is written. */
function isExact(whole: string | bigint): boolean {
  const number = Number(whole);
  if (String(number) === String(whole)) return true;
  return Number.isSafeInteger(number) || (Number.isFinite(number) && BigInt(number) === BigInt(whole));
}

/** A whole number in a JSON text that is another one once it was read. */
function inexactInteger(text: string): string | undefined {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x22) {
      for (i++; text.charCodeAt(i) !== 0x22; i++) if (text.charCodeAt(i) === 0x5c) i++;
    } else if (c >= 0x30 && c <= 0x39) {
      const from = i;
      while (/[\d.eE+-]/.test(text[i + 1] ?? '')) i++;
      const token = text.slice(from, i + 1);
      if (token.length > 15 && /^\d+$/.test(token) && !isExact(token)) return token;
    }
  }
  return undefined;
}

function parseYaml(text: string): unknown {
  let value: unknown;
  try {
    const document = parseDocument(text, { version: '1.2', schema: 'core', uniqueKeys: true, intAsBigInt: true });
    const [fault] = [...document.errors, ...document.warnings];
    if (fault) throw unfit('not_parseable', 'YAML 1.2', fault.message.split('\n')[0]!.replace(/:$/, ''));
    value = document.toJS({ maxAliasCount: MAX_YAML_ALIASES });
  } catch (error) {
    if (error instanceof RangeError) throw unfit('too_large', 'YAML that is not nested so deeply', error.message);
    if (error instanceof ReferenceError && !error.message.startsWith('Excessive'))
      throw unfit('not_parseable', 'YAML 1.2', error.message);
    if (error instanceof ReferenceError) throw unfit('too_large', `at most ${MAX_YAML_ALIASES} aliases`, error.message);
    throw error;
  }
  return withNumbers(value, []);
}

/** Whole numbers were read as bigints, so that none is rounded; what JSON cannot hold is a fault. */
function withNumbers(value: unknown, at: (string | number)[]): unknown {
  const cannot = (found: string): never => {
    throw unfit('not_parseable', 'what JSON can hold', found, pointerOf(...at));
  };
  if (typeof value === 'bigint') {
    return isExact(value) ? Number(value) : cannot(`the whole number ${value}`);
  }
  if (typeof value === 'number') return Number.isFinite(value) ? value : cannot(String(value));
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return cannot('a date');
  if (at.length > 512) return value;
  if (Array.isArray(value)) return value.map((v, i) => withNumbers(v, [...at, i]));
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, withNumbers(v, [...at, k])]));
}

/** The header row names the fields of all others. */
function rowsOf(text: string): Record<string, string>[] {
  let rows: string[][];
  try {
    rows = parseCsv(text, { bom: false, relax_column_count: false, skip_empty_lines: false });
  } catch (error) {
    throw unfit('not_parseable', 'CSV', oneLine((error as Error).message));
  }
  const [header, ...rest] = rows;
  if (!header) return [];
  const twice = header.find((name, i) => header.indexOf(name) !== i);
  if (twice !== undefined) throw unfit('not_parseable', 'a name of its own for each column', `${inWords(twice)} twice`);
  return rest.map((row) => Object.fromEntries(header.map((name, i) => [name, row[i] ?? ''])));
}

/** The columns of a CSV that was parsed before, as an object that has them: a table without rows has them as well. */
export function columnsOf(bytes: Uint8Array): Record<string, string> {
  const [header = []] = parseCsv(textOf(bytes, 'csv'), { to: 1 });
  return Object.fromEntries(header.map((name) => [name, '']));
}

/** A value as text of a format. Throws {@link Unfit}. */
export function printAs(format: string, value: unknown, limit: number): string {
  if (!fits(value, limit, 0)) throw unfit('too_large', `at most ${limit} bytes as ${format}`, 'more');
  const text =
    format === 'json'
      ? `${JSON.stringify(value, undefined, 2)}\n`
      : format === 'yaml'
        ? stringifyYaml(value, { version: '1.2', schema: 'core', lineWidth: 0, aliasDuplicateObjects: false })
        : format === 'csv'
          ? csvOf(value)
          : markdownOf(value);
  // Half of a character pair cannot be written as UTF-8.
  if (!isUnicode(text)) throw unfit('not_transformable', 'whole characters', 'half of a surrogate pair');
  return text;
}

/** Whether a value as indented JSON has no more characters than `limit`; what is referred to twice counts twice. */
function fits(value: unknown, limit: number, depth: number, used = { size: 0 }): boolean {
  used.size += 2 * depth + 2;
  if (typeof value === 'string') used.size += value.length < 1024 ? value.length + 2 : JSON.stringify(value).length;
  if (used.size > limit) return false;
  if (typeof value !== 'object' || value === null) return true;
  for (const [key, inner] of Object.entries(value)) {
    if (!Array.isArray(value)) used.size += key.length + 4;
    if (!fits(inner, limit, depth + 1, used)) return false;
  }
  return true;
}

function csvOf(value: unknown): string {
  const notFlat = (expected: string, found: unknown, ...at: (string | number)[]): never => {
    throw unfit('not_transformable', expected, inWords(found), pointerOf(...at));
  };
  if (!Array.isArray(value)) return notFlat('an array of flat objects', value);
  const rows = value as unknown[];
  const header = new Set<string>();
  rows.forEach((row, i) => {
    if (typeof row !== 'object' || row === null || Array.isArray(row))
      return notFlat(`a flat object as row ${i + 1}`, row, i);
    for (const [field, cell] of Object.entries(row)) {
      if (typeof cell === 'object' && cell !== null)
        notFlat(`text, a number, a boolean or null in row ${i + 1}, field ${oneLine(field, 60)}`, cell, i, field);
      header.add(field);
    }
  });
  if (rows.length === 0) return '';
  if (header.size === 0) return notFlat('at least one field', rows[0], 0);
  const columns = [...header];
  const cells = rows.map((row) =>
    columns.map((c) => (Object.hasOwn(row as object, c) ? textIn((row as Record<string, unknown>)[c]) : '')),
  );
  // A single empty cell would be an empty line, and a byte order mark at the beginning would not be read as text.
  return stringifyCsv([columns, ...cells], { quoted_empty: columns.length === 1, quoted_match: /^\uFEFF|[\r\n]/ });
}

const textIn = (cell: unknown): string =>
  cell === null || cell === undefined ? '' : typeof cell === 'string' ? cell : JSON.stringify(cell);
