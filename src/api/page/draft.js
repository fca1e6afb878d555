import { COMPONENT_TYPES } from './terms.js';

/**
 * A report as a form has it: every field a text, so that what is typed is kept as it is typed; and back.
 * @typedef {Record<string, string>} Draft
 * @typedef {import('../../core/report/view.js').ReportView} ReportView
 */

const TEXTS = ['work_summary', 'submission_notes'];
export const LISTS = [
  'achievements',
  'challenges_encountered',
  'lessons_learned',
  'components_implemented',
  'apis_integrated',
].concat(['services_configured', 'tests_written', 'documentation_created']);
const NUMBERS = ['quality_score', 'test_coverage_percentage'];
/** Of a component: what a row of the table has. */
const OF_COMPONENT = ['status', 'progress_percentage', 'blockers', 'notes'];

/** @param {unknown} value */
const textOf = (value) =>
  Array.isArray(value) ? value.join('\n') : typeof value === 'string' || typeof value === 'number' ? String(value) : '';

/** @param {Partial<ReportView>} report @returns {Draft} */
export function draftOf(report) {
  const of = /** @type {Record<string, unknown>} */ (report);
  /** @type {Draft} */
  const draft = {};
  for (const name of [...TEXTS, ...LISTS, ...NUMBERS]) draft[name] = textOf(of[name]);
  const components = /** @type {Record<string, Record<string, unknown>>} */ (of['components'] ?? {});
  for (const type of COMPONENT_TYPES) {
    for (const name of OF_COMPONENT) {
      const value = components[type]?.[name];
      // `verified` is computed; its author has said completed.
      draft[`${type}.${name}`] =
        name === 'status'
          ? value === 'verified'
            ? 'completed'
            : textOf(value ?? 'not_started')
          : textOf(value ?? (name === 'progress_percentage' ? 0 : ''));
    }
  }
  return draft;
}

/** @param {string} text */
const linesOf = (text) =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);

/** What a field says to the API; null takes it away. @param {string} name @param {string} text */
function valueOf(name, text) {
  if (LISTS.includes(name) || name === 'blockers') return linesOf(text);
  if (NUMBERS.includes(name)) return text === '' ? null : Number(text);
  if (name === 'progress_percentage') return Number(text || 0);
  return text === '' && name === 'submission_notes' ? null : text;
}

/** What has changed from `base` on, as the body of an update. @param {Draft} base @param {Draft} draft */
export function changesOf(base, draft) {
  /** @type {Record<string, unknown>} */
  const body = {};
  /** @type {Record<string, Record<string, unknown>>} */
  const components = {};
  for (const [field, text] of Object.entries(draft)) {
    if (text === base[field]) continue;
    const [type = '', name] = field.split('.');
    if (name === undefined) body[field] = valueOf(field, text);
    else (components[type] ??= {})[name] = valueOf(name, text);
  }
  return Object.keys(components).length > 0 ? { ...body, components } : body;
}

/**
 * Somebody else has saved: what they changed and I did not is taken, what both changed stays mine and is named.
 * @param {Draft} base what both began from @param {Draft} mine @param {Draft} theirs
 */
export function mergeDrafts(base, mine, theirs) {
  const conflicts = Object.keys(mine).filter(
    (f) => theirs[f] !== base[f] && mine[f] !== base[f] && mine[f] !== theirs[f],
  );
  const merged = Object.fromEntries(
    Object.entries(mine).map(([f, text]) => [f, text === base[f] ? (theirs[f] ?? '') : text]),
  );
  const taken = Object.keys(mine).filter((f) => mine[f] === base[f] && theirs[f] !== base[f]);
  return { merged, conflicts, taken };
}
