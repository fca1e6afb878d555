import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { countingSignOffs, signOffProgress } from '../../src/core/report/counts.js';
import type { ReportState } from '../../src/core/report/report.js';
import { TimeRig } from '../rig/time-rig.js';
import { EXPIRY_DAYS, Model, PEOPLE, REQUIRED, deeds, type Deed } from './model.js';

const DAY_MINUTES = 24 * 60;
const TERMS = { signOffExpiryDays: EXPIRY_DAYS, requiredSignOffs: REQUIRED, escalationChain: [] };

test(
  'on a real run as well, no approval is counted that does not stand any more',
  { timeout: 180_000 },
  async (ctx) => {
    const t = await TimeRig.create(ctx);
    onTestFinished(() => t.close());
    const seed = Number(process.env['HANDOFF_SEED'] ?? Date.now() % 2 ** 31);
    const [all] = fc.sample(deeds(50), { seed, numRuns: 1 });
    const { report_id: id } = await t.rig.reports.create({ quality_score: 0 }, TERMS);
    const state = async (): Promise<ReportState> => (await t.rig.storage.reports.find(id))!.state;

    const raw = async (name: string, message: object): Promise<unknown> =>
      t.rig.reports.handle(id).executeUpdate(name, { args: [message] } as never);
    const perform = (d: Deed): Promise<unknown> => {
      if (d.do === 'wait') return t.skip(d.days * DAY_MINUTES);
      const actor = PEOPLE[d.who];
      const as = t.rig.reports.as(actor, TERMS);
      const old = { actor, digest: 'e'.repeat(64) };
      switch (d.do) {
        case 'edit':
          return as.update(id, { quality_score: d.content / 10 });
        case 'submit':
          return as.submit(id);
        case 'review': {
          const comments = 'As I have seen it';
          if (d.stale) return raw('review', { ...old, status: d.status, comments });
          return as.review(id, { review_status: d.status, review_comments: comments });
        }
        case 'sign': {
          if (d.stale) return raw('signOff', { ...old, role: d.role, status: d.how, comments: '' });
          const conditions = d.how === 'conditionally_approved' ? { conditions: ['Do it'] } : {};
          return as.signOff(id, { sign_off_role: d.role, status: d.how, ...conditions });
        }
        case 'revoke':
          return as.revokeSignOff(id, d.role, { reason: 'why' });
        case 'meet':
          return as.meetCondition(id, d.role, 0);
      }
    };
    const settled = async (): Promise<boolean> => {
      const [s, now] = [await state(), await t.now()];
      return !s.signOffs.some((g) => !g.ended && g.status !== 'rejected' && g.expiresAt <= now);
    };

    const model = new Model();
    for (const [i, d] of all!.entries()) {
      const why: unknown = await perform(d).then(
        () => undefined,
        (e: unknown) => e,
      );
      const fits = model.fits(d);
      expect([seed, i, d, fits ? why : why !== undefined]).toEqual([seed, i, d, fits ? undefined : true]);
      if (why === undefined) model.took(d);
      await expect.poll(settled, { timeout: 20_000 }).toBe(true);
      const [s, now] = [await state(), await t.now()];
      const counting = countingSignOffs(s, now).map((g) => `${g.role} ${g.by}`);
      const seen = {
        status: s.status,
        counting: counting.toSorted(),
        complete: signOffProgress(s, now) === 'complete',
      };
      expect([seed, i, d, seen]).toEqual([seed, i, d, model.seen]);
    }
  },
);
