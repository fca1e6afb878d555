import { expect, test } from 'vitest';
import { reduceReport, initialReport, type ReportEvent } from '../../src/core/report/reducer.js';
import { refuseReport } from '../../src/core/report/refusal.js';
import { outlineOf } from '../../src/core/report/outline.js';
import { contentFrom } from '../../src/core/report/content.js';
import { SIGN_OFF_ROLES, type ReportState } from '../../src/core/report/report.js';
import { DEFAULT_SETTINGS } from '../../src/core/service/settings.js';
import { AUTHOR, COMPLETE } from '../rig/reports.js';

/** What the run carries in each of its steps; Temporal ends a run with a payload of over 2 MB. */
const BYTES = 1_000_000;
const size = (s: ReportState): number => Buffer.byteLength(JSON.stringify(s));
const LONG = '\u8a71'.repeat(4000);
const LINES = Array.from({ length: 20 }, () => '\u8a71'.repeat(500));
const digest = 'a'.repeat(64);

const about = { pipeline_id: 's', task_id: 'h' };
const begun = (): ReportState =>
  initialReport(
    {
      reportId: 'r',
      author: AUTHOR.by,
      pipelineId: 's',
      taskId: 'h',
      terms: { ...DEFAULT_SETTINGS.terms, autoValidation: false },
      version: { number: 1, digest, size: 1 },
      outline: outlineOf(contentFrom({ ...about, ...COMPLETE })),
    },
    1,
  );
type Undated = ReportEvent extends infer E ? (E extends ReportEvent ? Omit<E, 'now'> : never) : never;
const after = (s: ReportState, ...events: Undated[]): ReportState =>
  events.reduce((state, e) => reduceReport(state, { ...e, now: state.updatedAt + 1 }), s);

const SUBMITTED = { type: 'submitted', by: AUTHOR.by } as const;
const reviewed = (status: 'approved' | 'amendments_required') =>
  ({ type: 'reviewed', by: '@r', status, comments: LONG, amendments: LINES }) as const;

test('however much reviewers and signers say, the state stays small, and the last word is kept', () => {
  let s = begun();
  for (let i = 0; i < 25; i++) s = after(s, SUBMITTED, reviewed('amendments_required'));
  expect(s.reviews.at(-1)).toMatchObject({ comments: LONG, amendments: LINES });
  for (let i = 0; i < 25; i++) {
    s = after(s, SUBMITTED, reviewed('approved'));
    for (const role of SIGN_OFF_ROLES)
      s = after(s, { type: 'signed_off', by: '@s', role, status: 'rejected', comments: LONG, conditions: LINES });
  }
  expect(s.signOffs.at(-1)).toMatchObject({ comments: LONG });
  expect(size(s)).toBeLessThan(BYTES);
});

test('what counts is never dropped: what would be too much is refused, and says so', () => {
  let s = after(begun(), SUBMITTED);
  const actor = { by: '@r', roles: ['reviewer', ...SIGN_OFF_ROLES] };
  const fact = { verified: true, note: LONG };
  const enter = () => refuseReport(s, 'enterFact', { actor, digest, fact }, s.updatedAt);
  while (!enter()) s = after(s, { type: 'fact_entered', by: actor.by, fact });
  expect(s.facts.length).toBeGreaterThan(50);
  expect(enter()).toEqual({ code: 'INVALID_REPORT', params: { issues: expect.stringContaining('shorter') as string } });
  expect(size(s)).toBeLessThan(BYTES);
  s = after(s, reviewed('approved'));
  const signOff = { actor, digest, role: 'developer', comments: '' };
  expect(refuseReport(s, 'signOff', { ...signOff, status: 'approved' }, s.updatedAt)).toMatchObject({
    code: 'INVALID_REPORT',
  });
  // Who takes an approval away is not held up.
  expect(refuseReport(s, 'signOff', { ...signOff, status: 'rejected' }, s.updatedAt)).toBeUndefined();
});
