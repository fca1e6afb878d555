import { CONTRACT_SIDES, DEFAULT_RETURN_TIMEOUT_MINUTES, type ContractNote } from './contract.js';
import { cycleIn } from './cycle.js';
import { NOT_A_DATE, parseDate } from './date.js';
import type { Issue } from './errors.js';
import { isFields, type Fields } from './fields.js';
import { PHASE_NAME, fileKey, printable } from './ids.js';
import { pointerOf } from './json/pointer.js';

/** In one list of names, such as `required_fields`. */
export const MOST_NAMES = 1000;

/** What is wrong with a shape is said elsewhere; here it reads as nothing, so that all else is still found. */
export const fieldsOf = (v: unknown): Fields => (isFields(v) ? v : {});
/** A list may be as long as a document; one that is longer than it may be is refused for that alone. */
const textsOf = (v: unknown): string[] =>
  Array.isArray(v) && v.length <= MOST_NAMES ? v.filter((t) => typeof t === 'string') : [];

const TIMING = /^phase_(.+)_(expected_end|can_start_after)$/;

/** What the shape of a contract document cannot say, of one that may have any shape. */
export function lintContract(document: unknown): { errors: Issue[]; warnings: ContractNote[] } {
  const { contract, timing, from_phase: from, to_phase: to } = fieldsOf(document);
  const sides = CONTRACT_SIDES.map((side) => lintSide(`/contract/${side}`, fieldsOf(fieldsOf(contract)[side])));
  const times = lintTiming(fieldsOf(timing), [from, to].map(String));
  return {
    errors: [...sides.flatMap((s) => s.errors), ...times.errors],
    warnings: [...sides.flatMap((s) => s.warnings), ...times.warnings],
  };
}

function lintSide(at: string, side: Fields): { errors: Issue[]; warnings: ContractNote[] } {
  const errors: Issue[] = [];
  const warnings: ContractNote[] = [];
  const names = new Map<string, string>();
  for (const [name, value] of Object.entries(side)) {
    const spec = fieldsOf(value);
    const here = `${at}${pointerOf(name)}`;
    const first = names.get(fileKey(name));
    if (first !== undefined)
      errors.push({ path: here, message: `is the same file as ${printable(first)} where case does not count` });
    names.set(fileKey(name), first ?? name);
    errors.push(...repeated(`${here}/required_fields`, textsOf(spec['required_fields'])));
    errors.push(...lintRequires(`${here}/requires`, textsOf(spec['requires']), side));
    if (spec['minimum_test_coverage'] !== undefined && spec['type'] !== 'directory')
      errors.push({
        path: `${here}/minimum_test_coverage`,
        message: 'is read from a directory: it needs "type": "directory"',
      });
    warnings.push(...lintExample(here, spec), ...lintDeadline(here, spec));
  }
  const needs = Object.entries(side).map(([name, value]) => {
    const known = textsOf(fieldsOf(value)['requires']).filter((n) => Object.hasOwn(side, n));
    return [name, known] as const;
  });
  const cycle = cycleIn(new Map(needs));
  if (cycle) errors.push({ path: at, message: `the artifacts require each other: ${cycle.join(' → ')}` });
  return { errors, warnings };
}

const repeated = (at: string, names: readonly string[]): Issue[] =>
  names.flatMap((name, i) =>
    names.indexOf(name) < i ? [{ path: `${at}/${i}`, message: `${printable(name)} is listed twice` }] : [],
  );

const lintRequires = (at: string, requires: readonly string[], side: Fields): Issue[] => [
  ...repeated(at, requires),
  ...requires.flatMap((name, i) =>
    Object.hasOwn(side, name) ? [] : [{ path: `${at}/${i}`, message: `there is no artifact ${printable(name)} here` }],
  ),
];

function lintExample(here: string, { example, required_fields: required }: Fields): ContractNote[] {
  if (example === undefined) return [];
  const has = fieldsOf(example);
  const lacks = [...new Set(textsOf(required))].filter((field) => !Object.hasOwn(has, field));
  if (lacks.length === 0) return [];
  return [{ code: 'example_incomplete', path: `${here}/example`, message: `lacks ${lacks.join(', ')}` }];
}

function lintDeadline(here: string, { expected_in: late, timeout_minutes: timeout }: Fields): ContractNote[] {
  const over = typeof timeout === 'number' ? timeout : DEFAULT_RETURN_TIMEOUT_MINUTES;
  if (typeof late !== 'number' || late <= over) return [];
  const what = timeout === undefined ? `the default time-out of ${over} minutes` : `timeout_minutes (${over})`;
  return [{ code: 'late_after_timeout', path: `${here}/expected_in`, message: `is after ${what}: it is never late` }];
}

function lintTiming(timing: Fields, phases: readonly string[]): { errors: Issue[]; warnings: ContractNote[] } {
  const errors: Issue[] = [];
  const warnings: ContractNote[] = [];
  const starts = new Map<string, number>();
  const ends = new Map<string, number>();
  for (const [key, value] of Object.entries(timing)) {
    if (key.startsWith('x-')) continue;
    const path = `/timing${pointerOf(key)}`;
    const [, phase = '', which] = TIMING.exec(key) ?? [];
    if (!PHASE_NAME.test(phase)) {
      errors.push({ path, message: 'unknown field; known here: phase_<N>_expected_end, phase_<N>_can_start_after' });
      continue;
    }
    const time = typeof value === 'string' ? parseDate(value) : undefined;
    if (time === undefined) errors.push({ path, message: `${printable(String(value))} ${NOT_A_DATE}` });
    else (which === 'expected_end' ? ends : starts).set(phase, time);
    if (!phases.includes(phase))
      warnings.push({ code: 'unknown_phase', path, message: `phase ${phase} is neither from_phase nor to_phase` });
  }
  for (const [phase, end] of ends) {
    const start = starts.get(phase);
    if (start !== undefined && end < start)
      errors.push({
        path: `/timing/phase_${phase}_expected_end`,
        message: `is before phase_${phase}_can_start_after (${new Date(start).toISOString()})`,
      });
  }
  return { errors, warnings };
}
