import { isFields, type Fields } from '../../core/fields.js';
import { childrenOf, parseXml } from './xml.js';

/** Lines that a report counts, and that tests reached. */
export interface Lines {
  covered: number;
  total: number;
}

/** A number that is stated, not negative. Undefined where none is; throws where it is something else. */
const numberOf = (v: unknown): number | undefined => {
  if (v === undefined || v === null || v === '') return undefined;
  const n = typeof v === 'string' ? Number(v) : v;
  if (typeof n === 'number' && Number.isFinite(n) && n >= 0) return n;
  throw new Error(`${JSON.stringify(v)?.slice(0, 60)} is no count`);
};
const lines = (covered: unknown, total: unknown): Lines | undefined => {
  const [c, t] = [numberOf(covered), numberOf(total)];
  if (c === undefined || t === undefined || t === 0) return undefined;
  if (c > t) throw new Error(`${c} of ${t} lines are covered`);
  return { covered: c, total: t };
};
const sum = (all: readonly Lines[]): Lines | undefined =>
  lines(
    all.reduce((n, l) => n + l.covered, 0),
    all.reduce((n, l) => n + l.total, 0),
  );
const counted = (hits: readonly number[]): Lines => ({ covered: hits.filter((h) => h > 0).length, total: hits.length });

/** `lcov.info`: by LF and LH of each record, or by its DA lines where it has neither. */
export function lcov(text: string): Lines | undefined {
  const files: Lines[] = [];
  let stated: { LF?: string; LH?: string } = {};
  let hits = new Map<string, number>();
  const end = (): void => {
    const summed = lines(stated.LH, stated.LF);
    if (summed) files.push(summed);
    else if (stated.LF === undefined && hits.size > 0) files.push(counted([...hits.values()]));
    stated = {};
    hits = new Map();
  };
  for (const line of text.split('\n')) {
    const [, key, value = ''] = /^([A-Z]+):(.*?)\r?$/.exec(line) ?? [];
    if (key === 'LF' || key === 'LH') stated[key] = value;
    else if (key === 'DA') {
      const [at = '', n] = value.split(',');
      hits.set(at, Math.max(hits.get(at) ?? 0, numberOf(n || 'nothing')!));
    } else if (line.startsWith('end_of_record')) end();
  }
  if (hits.size > 0 || stated.LF !== undefined) throw new Error('it is cut off');
  return sum(files);
}

/** Cobertura XML: `lines-covered` and `lines-valid`, else its lines one by one, else `line-rate`. */
export function cobertura(text: string): Lines | undefined {
  const coverage = parseXml(text, 'coverage').element;
  const whole = lines(coverage['lines-covered'], coverage['lines-valid']);
  if (whole) return whole;
  const inside = (v: Fields, names: readonly string[]): Fields[] =>
    names.reduce((found, name) => found.flatMap((o) => childrenOf(o, name)), [v]);
  const classes = inside(coverage, ['packages', 'package', 'classes', 'class']);
  const perClass = classes.map((c) => counted(inside(c, ['lines', 'line']).map((l) => numberOf(l['hits']) ?? 0)));
  const byLine = sum(perClass);
  if (byLine) return byLine;
  const rate = numberOf(coverage['line-rate']);
  return rate === undefined ? undefined : lines(rate, 1);
}

/** Istanbul's `coverage-summary.json`. */
export function istanbulSummary(text: string): Lines | undefined {
  const summary = JSON.parse(text) as unknown;
  const total = isFields(summary) ? summary['total'] : undefined;
  const found = isFields(total) ? total['lines'] : undefined;
  if (!isFields(found)) throw new Error('no /total/lines');
  return lines(found['covered'], found['total']);
}

/** Istanbul's `coverage-final.json`: a line counts as reached where a statement that begins on it was run. */
export function istanbulFinal(text: string): Lines | undefined {
  const report = JSON.parse(text) as unknown;
  if (!isFields(report)) throw new Error('no files');
  return sum(
    Object.values(report).map((file) => {
      const { statementMap, s } = isFields(file) ? file : {};
      if (!isFields(statementMap) || !isFields(s)) throw new Error('a file without /statementMap or /s');
      const hits = new Map<number, number>();
      for (const [id, statement] of Object.entries(statementMap)) {
        const start = isFields(statement) ? statement['start'] : undefined;
        const line = isFields(start) ? numberOf(start['line']) : undefined;
        if (line !== undefined) hits.set(line, Math.max(hits.get(line) ?? 0, numberOf(s[id]) ?? 0));
      }
      return counted([...hits.values()]);
    }),
  );
}

/** How reports are told by their file names; the first kind that there is counts. */
export const REPORTS: Record<string, (text: string) => Lines | undefined> = {
  'coverage-summary.json': istanbulSummary,
  'lcov.info': lcov,
  'cobertura-coverage.xml': cobertura,
  'cobertura.xml': cobertura,
  'coverage.xml': cobertura,
  'coverage-final.json': istanbulFinal,
};

/** Line coverage by a report of that file name; undefined where it counts no lines. Throws what is wrong with it. */
export const lineCoverage = (name: string, text: string): Lines | undefined => REPORTS[name]?.(text);
