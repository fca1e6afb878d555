import fc from 'fast-check';
import { expect, test } from 'vitest';
import { countingSignOffs, signOffProgress } from '../../src/core/report/counts.js';
import { nextDue } from '../../src/core/report/due.js';
import { initialReport, reduceReport, type ReportEvent } from '../../src/core/report/reducer.js';
import { refuseReport } from '../../src/core/report/refusal.js';
import { contentFrom } from '../../src/core/report/content.js';
import { outlineOf } from '../../src/core/report/outline.js';
import type { ReportState } from '../../src/core/report/report.js';
import { DEFAULT_SETTINGS } from '../../src/core/service/settings.js';
import { seeded, runs } from '../properties/seed.js';
import { COMPLETE } from '../rig/reports.js';
import { EXPIRY_DAYS, Model, PEOPLE, REQUIRED, deeds, type Deed } from './model.js';

const DAY = 86_400_000;
const T = 1_700_000_000_000;
const about = { pipeline_id: 's', task_id: 'h' };
const outline = outlineOf(contentFrom({ ...about, ...COMPLETE }));
const version = (content: number): { digest: string; size: number } => ({ digest: `${content}`.repeat(64), size: 1 });

/** What the run does with a deed: its validator, and its reducer. Undefined where it is refused. */
function apply(s: ReportState, d: Deed, now: number): ReportState | undefined {
  if (d.do === 'wait') return undefined;
  const actor = PEOPLE[d.who];
  const { by } = actor;
  const digest = 'stale' in d && d.stale ? 'e'.repeat(64) : s.version.digest;
  const does = (
    name: Parameters<typeof refuseReport>[1],
    message: object,
    event: Omit<ReportEvent, 'now'>,
  ): ReportState | undefined =>
    refuseReport(s, name, { actor, ...message }, now) ? undefined : reduceReport(s, { ...event, now } as ReportEvent);
  switch (d.do) {
    case 'edit': {
      const next = { version: version(d.content), outline, what: 'content' as const };
      return does('edit', { basedOn: digest, ...next }, { type: 'edited', by, ...next } as never);
    }
    case 'submit':
      return does('submit', { digest }, { type: 'submitted', by } as never);
    case 'review': {
      const said = { status: d.status, comments: 'As I have seen it' };
      return does('review', { digest, ...said }, { type: 'reviewed', by, ...said } as never);
    }
    case 'sign': {
      const conditions = d.how === 'conditionally_approved' ? { conditions: ['Do it'] } : {};
      const said = { role: d.role, status: d.how, comments: '', ...conditions };
      return does('signOff', { digest, ...said }, { type: 'signed_off', by, ...said } as never);
    }
    case 'revoke':
      return does('revokeSignOff', { role: d.role, reason: 'why' }, {
        type: 'revoked',
        by,
        role: d.role,
        reason: 'why',
      } as never);
    case 'meet':
      return does('meetCondition', { role: d.role, condition: 0 }, {
        type: 'condition_met',
        by,
        role: d.role,
        condition: 0,
      } as never);
  }
}

const fresh = (autoValidation: boolean): ReportState =>
  initialReport(
    {
      reportId: 'r',
      author: PEOPLE.author.by,
      pipelineId: 's',
      taskId: 'h',
      terms: { ...DEFAULT_SETTINGS.terms, autoValidation, signOffExpiryDays: EXPIRY_DAYS, requiredSignOffs: REQUIRED },
      version: { number: 1, ...version(0) },
      outline,
    },
    T,
  );

const ticked = (s: ReportState, now: number): ReportState => {
  for (let state = s; ;) {
    const due = nextDue(state);
    if (due === undefined || due > now) return state;
    state = reduceReport(state, { type: 'ticked', now });
  }
};

test('no stale, expired, revoked, self or duplicate approval is ever counted', { timeout: 120_000 }, () => {
  const happened: Record<string, number> = {};
  const raised = new Set<number>();
  const count = (what: string): void => void (happened[what] = (happened[what] ?? 0) + 1);
  fc.assert(
    fc.property(deeds(60), fc.boolean(), (all, autoValidation) => {
      const model = new Model();
      let state = fresh(autoValidation);
      for (const d of all) {
        const now = (): number => T + model.day * DAY;
        const before = model.seen;
        const after = apply(state, d, now());
        expect([d, d.do === 'wait' || after !== undefined]).toEqual([d, model.fits(d)]);
        if (d.do !== 'wait' && !after) count(`${d.do} refused`);
        if (d.do === 'wait' || after) model.took(d);
        if (after) {
          raised.add(after.seq - state.seq);
          state = after;
          if (state.status === 'submitted')
            state = reduceReport(state, { type: 'validated', findings: [], facts: [], now: now() });
          count(d.do);
        }
        // The timer may come late: what is over counts no more before it does.
        if (d.do === 'wait' && d.seen) state = ticked(state, now());
        const counting = countingSignOffs(state, now()).map((g) => `${g.role} ${g.by}`);
        const complete = signOffProgress(state, now()) === 'complete';
        expect({ status: state.status, counting: counting.toSorted(), complete }).toEqual(model.seen);
        if (model.seen.counting.length < before.counting.length) count(`ended by ${d.do}`);
        if (complete) count('complete');
      }
    }),
    seeded(runs(600)),
  );
  // One more for each change, and none where the content stays as it is.
  expect([...raised].toSorted((a, b) => a - b)).toEqual([0, 1]);
  const ways = ['edit', 'wait', 'revoke', 'sign'].map((d) => `ended by ${d}`);
  const refused = ['edit', 'submit', 'review', 'sign', 'revoke', 'meet'].map((d) => `${d} refused`);
  for (const what of [...ways, ...refused, 'meet', 'complete'])
    expect([what, (happened[what] ?? 0) > 0]).toEqual([what, true]);
});
