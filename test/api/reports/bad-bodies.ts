import { COMPONENT_TYPES } from '../../../src/core/report/report.js';
import { SUMMARY } from './service.js';

/** One bad request, and where the answer must say that it is bad. */
export interface Bad {
  kind: string;
  method: string;
  path: string;
  body?: unknown;
  raw?: string | Buffer;
  headers?: Record<string, string>;
  /** A path of `errors`, or its beginning; or what the detail names. Absent: the whole is meant. */
  at?: string;
  /** Default: 400. */
  status?: number | readonly number[];
}

/** What a body is about: a whole good one, and of each field its type. */
interface Body {
  method: string;
  path: (id: string) => string;
  good: Record<string, unknown>;
  fields: Record<string, Field>;
}
type Field = { required?: true } & (
  | { is: 'text'; max: number; min?: number }
  | { is: 'texts'; max: number }
  | { is: 'number'; max: number; whole?: true }
  | { is: 'flag' }
  | { is: 'object' }
  | { is: 'date' }
  | { is: 'names'; of: 'component' }
  | { is: 'choice'; more?: readonly string[] }
);

const entries = { is: 'texts', max: 200 } as const;
const LISTS = Object.fromEntries(
  [
    'achievements',
    'challenges_encountered',
    'lessons_learned',
    'components_implemented',
    'apis_integrated',
    'services_configured',
    'tests_written',
    'documentation_created',
  ].map((name) => [name, entries]),
);
const OWN_WORDS = {
  ...LISTS,
  quality_score: { is: 'number', max: 1 },
  test_coverage_percentage: { is: 'number', max: 100 },
  submission_notes: { is: 'text', max: 4000 },
  components: { is: 'object' },
} as const satisfies Record<string, Field>;

const bodiesOf = (task: { pipeline_id: string; task_id: string }): Record<string, Body> => ({
  create: {
    method: 'POST',
    path: () => '/reports',
    good: { ...task, work_summary: SUMMARY },
    fields: {
      report_id: { is: 'text', max: 128 },
      pipeline_id: { is: 'text', max: 128, required: true },
      task_id: { is: 'text', max: 128, required: true },
      work_summary: { is: 'text', max: 100_000, min: 50, required: true },
      ...OWN_WORDS,
    },
  },
  update: {
    method: 'PUT',
    path: (id) => `/reports/${id}`,
    good: {},
    fields: { work_summary: { is: 'text', max: 100_000, min: 50 }, ...OWN_WORDS },
  },
  component: {
    method: 'PUT',
    path: (id) => `/reports/${id}/components/api_contracts`,
    good: {},
    fields: {
      status: { is: 'choice', more: ['verified'] },
      progress_percentage: { is: 'number', max: 100 },
      started_at: { is: 'date' },
      completed_at: { is: 'date' },
      notes: { is: 'text', max: 4000 },
      test_results: { is: 'object' },
      code_review_status: { is: 'text', max: 100 },
      security_review_status: { is: 'text', max: 100 },
      dependencies: { is: 'names', of: 'component' },
      blockers: { is: 'texts', max: 20 },
    },
  },
  submit: {
    method: 'POST',
    path: (id) => `/reports/${id}/submit`,
    good: {},
    fields: { submission_notes: { is: 'text', max: 4000 }, attachments: { is: 'texts', max: 1000 } },
  },
  review: {
    method: 'POST',
    path: (id) => `/reports/${id}/review`,
    good: { review_status: 'approved', review_comments: 'As I have seen it run.' },
    fields: {
      review_status: { is: 'choice', required: true, more: ['draft', 'conditionally_approved'] },
      review_comments: { is: 'text', max: 4000, min: 10, required: true },
      quality_score: { is: 'number', max: 1 },
      amendments: { is: 'texts', max: 20 },
    },
  },
  fact: {
    method: 'POST',
    path: (id) => `/reports/${id}/facts`,
    good: { verified: true },
    fields: {
      component_type: { is: 'choice', more: ['errorhandling'] },
      tests: { is: 'object' },
      coverage: { is: 'number', max: 100 },
      verified: { is: 'flag' },
      note: { is: 'text', max: 4000, min: 1 },
    },
  },
  signOff: {
    method: 'POST',
    path: (id) => `/reports/${id}/sign-off`,
    good: { sign_off_role: 'developer', status: 'approved' },
    fields: {
      sign_off_role: { is: 'choice', required: true, more: ['reviewer', 'admin'] },
      status: { is: 'choice', required: true, more: ['amendments_required'] },
      comments: { is: 'text', max: 4000 },
      conditions: { is: 'texts', max: 20 },
    },
  },
  revoke: {
    method: 'POST',
    path: (id) => `/reports/${id}/sign-off/developer/revoke`,
    good: { reason: 'Seen again.' },
    fields: { reason: { is: 'text', max: 4000, min: 1, required: true } },
  },
  met: {
    method: 'POST',
    path: (id) => `/reports/${id}/sign-off/developer/conditions/0/met`,
    good: {},
    fields: { note: { is: 'text', max: 4000, min: 1 } },
  },
  comment: {
    method: 'POST',
    path: (id) => `/reports/${id}/comments`,
    good: { text: 'Good.' },
    fields: { text: { is: 'text', max: 4000, min: 1, required: true } },
  },
});

const TYPES: Record<string, unknown> = { text: 'a', number: 7, flag: true, list: [[]], object: { a: 1 } };
const WORDS = ['', 'nonsense', 'APPROVED', 'completed '];
/** What a field takes, of those. */
const TAKES: Record<Field['is'], string> = {
  text: 'text',
  texts: '',
  number: 'number',
  flag: 'flag',
  object: '',
  date: '',
  names: '',
  choice: '',
};
/** JSON that JavaScript would not write: a lone surrogate, a number beyond all. */
const LONE = '\\ud800 alone';

/** All that can be wrong with each field of each body. */
export function badBodies(id: string, task: { pipeline_id: string; task_id: string }): Bad[] {
  return Object.entries(bodiesOf(task)).flatMap(([, { method, path, good, fields }]) => {
    const at = path(id);
    const bad = (kind: string, field: string, value: unknown, where = `/${field}`): Bad => ({
      kind,
      method,
      path: at,
      body: { ...good, [field]: value },
      at: where,
    });
    /** With a text that JSON.stringify cannot make. */
    const raw = (kind: string, field: string, json: string, where?: string): Bad => ({
      kind,
      method,
      path: at,
      raw: JSON.stringify({ ...good, [field]: '\u0001' }).replace(String.raw`"\u0001"`, json),
      headers: { 'content-type': 'application/json' },
      ...(where === undefined ? {} : { at: where }),
    });
    return [
      ...Object.entries(fields).flatMap(([field, f]) => [
        ...Object.entries(TYPES).flatMap(([type, value]) =>
          type === TAKES[f.is] ? [] : [bad('a wrong type', field, value)],
        ),
        ...(f.required
          ? [{ kind: 'a missing field', method, path: at, body: without(good, field), at: `/${field}` }]
          : []),
        ...(f.required ? [bad('null for what must be', field, null)] : []),
        ...ofKind(field, f, bad, raw),
      ]),
      bad('an unknown field', 'surprise', 1, ''),
      bad('an unknown field', 'status_', 'draft', ''),
      bad('a field that is not for users to set', 'author', '@other', ''),
      bad('a field that is not for users to set', 'digest', 'f'.repeat(64), ''),
      raw('a name of a prototype', 'x', '1}, "__proto__": {"a": 1', undefined),
      bad('a name of a prototype', 'constructor', { prototype: { a: 1 } }, ''),
    ];
  });
}

const without = (good: Record<string, unknown>, field: string): unknown =>
  Object.fromEntries(Object.entries(good).filter(([name]) => name !== field));

type Make = (kind: string, field: string, value: unknown, where?: string) => Bad;
type Raw = (kind: string, field: string, json: string, where?: string) => Bad;

function ofKind(field: string, f: Field, bad: Make, raw: Raw): Bad[] {
  switch (f.is) {
    case 'text':
      return [
        bad('a text too long', field, 'x'.repeat(f.max + 1)),
        raw('half a character', field, `"${LONE} ${'.'.repeat(60)}"`, `/${field}`),
        ...(f.min === undefined
          ? []
          : [
              bad('a text too short', field, 'x'.repeat(f.min - 1)),
              bad('a text of blanks', field, ' '.repeat(f.min + 9)),
            ]),
      ];
    case 'texts':
      return [
        bad(
          'too many entries',
          field,
          Array.from({ length: f.max + 1 }, () => 'x'),
        ),
        bad('an entry of a wrong type', field, ['good', 3], `/${field}/1`),
        bad('an empty entry', field, [''], `/${field}/0`),
        raw('half a character', field, `["good", "${LONE}"]`, `/${field}/1`),
      ];
    case 'number':
      return [
        bad('a negative number', field, -0.5),
        bad('a number out of range', field, f.max + 0.001),
        bad('a number out of range', field, 1e300),
        raw('a number that is none', field, '1e999', `/${field}`),
        raw('a number that is none', field, 'NaN'),
        raw('a number that is none', field, '-Infinity'),
        bad('a number as a text', field, '0.5'),
      ];
    case 'date':
      return ['yesterday', '2026-13-01', '2026-02-30T00:00:00Z', '', '2026-01-01 at noon', 1e17].map((date) =>
        bad('a date that is none', field, date),
      );
    case 'names':
      return [
        bad('an unknown component', field, ['api']),
        bad('an unknown component', field, ['API_CONTRACTS']),
        bad(
          'too many entries',
          field,
          Array.from({ length: 9 }, () => COMPONENT_TYPES[0]),
        ),
      ];
    case 'choice':
      return WORDS.concat(f.more ?? []).map((v) => bad('an unknown word', field, v));
    case 'flag':
      return [bad('a flag as a text', field, 'true')];
    case 'object':
      return [bad('an unknown field further down', field, { surprise: 1 })];
  }
}
