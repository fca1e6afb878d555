import { faultsOf, oneOf, optional, text, type Check } from '../message.js';
import { COMPONENT_TYPES, REVIEW_COMMENTS_MIN, REVIEW_STATUSES, SIGN_OFF_ROLES, SIGN_OFF_STATUSES } from './report.js';

/** The acts on a report that is there: the updates of its run. */
export const REPORT_ACTS = {
  edit: 'report.edit',
  submit: 'report.submit',
  review: 'report.review',
  enterFact: 'report.enter_fact',
  signOff: 'report.sign_off',
  revokeSignOff: 'report.revoke_sign_off',
  meetCondition: 'report.meet_condition',
  comment: 'report.comment',
} as const;
export type ReportMessageName = keyof typeof REPORT_ACTS;

/** Characters of what somebody says, in one text; and how many texts there may be. */
export const TEXT_LIMIT = 4000;
export const LINE_LIMIT = 500;
export const LINES_LIMIT = 20;

const isObject = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v);
const within =
  (fields: Record<string, Check>): Check =>
  (v) =>
    faultsOf(fields, v);
const number =
  (min: number, max: number, whole = false): Check =>
  (v) =>
    typeof v === 'number' && v >= min && v <= max && (!whole || Number.isInteger(v))
      ? undefined
      : `must be a ${whole ? 'whole ' : ''}number from ${min} to ${max}`;
const count = number(0, Number.MAX_SAFE_INTEGER, true);
const listOf =
  (check: Check, most: number): Check =>
  (v) => {
    if (!Array.isArray(v) || v.length > most) return `must be a list of at most ${most}`;
    const at = v.findIndex((one) => check(one) !== undefined);
    return at < 0 ? undefined : `${at}: ${check(v[at]) ?? ''}`;
  };
const maybeText: Check = (v) =>
  typeof v === 'string' && v.length <= TEXT_LIMIT ? undefined : `must be a text of at most ${TEXT_LIMIT} characters`;
const yes: Check = (v) => (typeof v === 'boolean' ? undefined : 'must be true or false');
const digest: Check = (v) =>
  typeof v === 'string' && /^[0-9a-f]{64}$/.test(v) ? undefined : 'must be 64 hex digits in lower case';

const acting = {
  actor: within({ by: text(256), roles: listOf(text(64), 32), from: optional(text(256)) }),
  seq: optional(count),
  key: optional(text(256)),
};
const version = within({ digest, size: count });
const lines = listOf(text(LINE_LIMIT), LINES_LIMIT);
const issue = within({ path: maybeText, message: maybeText });
const component = within({ status: text(32), progress: number(0, 100), blockers: count });
const outline: Check = (v) => {
  if (!isObject(v)) return 'must be an object';
  const { components, missing, attachments } = v;
  const bad = COMPONENT_TYPES.find((c) => component(isObject(components) ? components[c] : undefined));
  if (bad) return `components: ${bad} is not whole`;
  const attached = within({ name: text(1024), sha256: digest, component: optional(oneOf(...COMPONENT_TYPES)) });
  return listOf(issue, 200)(missing) ?? listOf(attached, 1000)(attachments);
};
const role = oneOf(...SIGN_OFF_ROLES);

const FIELDS: Record<ReportMessageName, Record<string, Check>> = {
  edit: { ...acting, basedOn: digest, version, outline, what: oneOf('content', 'component', 'attachment') },
  submit: { ...acting, digest, notes: optional(maybeText), edit: optional(within({ version, outline })) },
  review: {
    ...acting,
    digest,
    status: oneOf(...REVIEW_STATUSES),
    comments: (v) =>
      text(TEXT_LIMIT)(v) ??
      ((v as string).trim().length < REVIEW_COMMENTS_MIN ? `needs ${REVIEW_COMMENTS_MIN} characters` : undefined),
    qualityScore: optional(number(0, 1)),
    amendments: optional(lines),
  },
  enterFact: {
    ...acting,
    digest,
    fact: (v) =>
      within({
        component: optional(oneOf(...COMPONENT_TYPES)),
        tests: optional(within({ run: count, passed: count, failed: count, skipped: count })),
        coverage: optional(number(0, 100)),
        verified: optional(yes),
        note: optional(text(TEXT_LIMIT)),
      })(v) ?? emptyFact(v as Record<string, unknown>),
  },
  signOff: {
    ...acting,
    digest,
    role,
    status: oneOf(...SIGN_OFF_STATUSES),
    comments: maybeText,
    conditions: optional(lines),
  },
  revokeSignOff: { ...acting, role, reason: text(TEXT_LIMIT) },
  meetCondition: { ...acting, role, condition: count, note: optional(text(TEXT_LIMIT)) },
  comment: { ...acting, text: text(TEXT_LIMIT) },
};

function emptyFact({ tests, coverage, verified }: Record<string, unknown>): string | undefined {
  if (tests === undefined && coverage === undefined && verified === undefined)
    return 'says nothing: give tests, coverage or verified';
  const { run = 0, passed = 0, failed = 0 } = (tests ?? {}) as Record<string, number>;
  return passed + failed === run ? undefined : 'tests: passed and failed must come to run; skipped ones were not run';
}

/** What is wrong with a message to a report, `field: why` for each fault; undefined where it is whole. */
export const faultOfReportMessage = (name: ReportMessageName, message: unknown): string | undefined =>
  faultsOf(FIELDS[name], message);
