import { XMLParser } from 'fast-xml-parser';
import { isFields, type Fields } from '../core/fields.js';

/** Lines that a report counts, and that tests reached. */
export interface Lines {
  covered: number;
  total: number;
}

const objects = (v: unknown): Fields[] => (Array.isArray(v) ? v : [v]).filter(isFields);
const numberOf = (v: unknown): number | undefined => {
  const n = typeof v === 'string' && v.trim() !== '' ? Number(v) : v;
  return typeof n === 'number' && Number.isFinite(n) && n >= 0 ? n : undefined;
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
function lcov(text: string): Lines | undefined {
  const files: Lines[] = [];
  for (const record of text.split(/^end_of_record\s*$/m)) {
    const of = (key: string): string | undefined => new RegExp(`^${key}:(.*)$`, 'm').exec(record)?.[1];
    const summed = lines(of('LH'), of('LF'));
    const hits = new Map<string, number>();
    for (const [, line, n] of record.matchAll(/^DA:(\d+),(\d+)/gm))
      hits.set(line!, Math.max(hits.get(line!) ?? 0, Number(n)));
    if (summed) files.push(summed);
    else if (of('LF') === undefined && hits.size > 0) files.push(counted([...hits.values()]));
  }
  return sum(files);
}

/** Cobertura XML: `lines-covered` and `lines-valid`, else its lines one by one, else `line-rate`. No entities, nothing fetched. */
function cobertura(text: string): Lines | undefined {
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: '',
    parseAttributeValue: false,
    parseTagValue: false,
    processEntities: false,
  });
  if (!text.trimEnd().endsWith('>')) throw new Error('it is cut off');
  const { coverage } = parser.parse(text) as { coverage?: unknown };
  if (!isFields(coverage)) throw new Error('no element coverage at its top');
  const whole = lines(coverage['lines-covered'], coverage['lines-valid']);
  if (whole) return whole;
  const inside = (v: unknown, names: readonly string[]): Fields[] =>
    names.reduce((found, name) => found.flatMap((o) => objects(o[name])), objects(v));
  const classes = inside(coverage, ['packages', 'package', 'classes', 'class']);
  const perClass = classes.map((c) => counted(inside(c, ['lines', 'line']).map((l) => numberOf(l['hits']) ?? 0)));
  const rate = numberOf(coverage['line-rate']);
  return sum(perClass) ?? (rate === undefined ? undefined : lines(rate, 1));
}

/** Istanbul's `coverage-summary.json`. */
function istanbulSummary(text: string): Lines | undefined {
  const summary = JSON.parse(text) as unknown;
  const total = isFields(summary) ? summary['total'] : undefined;
  const found = isFields(total) ? total['lines'] : undefined;
  if (!isFields(found)) throw new Error('no /total/lines');
  return lines(found['covered'], found['total']);
}

/** Istanbul's `coverage-final.json`: a line counts as reached where a statement that begins on it was run. */
function istanbulFinal(text: string): Lines | undefined {
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
