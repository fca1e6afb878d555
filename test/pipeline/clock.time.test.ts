import { describe, expect, test } from 'vitest';
import { TimeRig } from '../rig/time-rig.js';
import { ALL_STEPS, Steps, newSession } from './phases.js';

const DAY = 24 * 60;

describe('the clock of a package', () => {
  test('stands still while its run is paused: after 30 days one of an hour is taken up', async (ctx) => {
    const steps = new Steps();
    const t = await TimeRig.create(ctx, { phases: steps.phases });
    try {
      const { pipelines, storage } = t.rig;
      const session = newSession();
      steps.hold('analysis/first');
      await pipelines.start({ session, packageExpiresInMinutes: 60 });
      await pipelines.until(session, (s) => s.resumePoint === 'analysis/first');
      await pipelines.pause(session);
      await pipelines.untilShown(session, 'draining');
      steps.open('analysis/first');
      const { state } = await pipelines.untilShown(session, 'paused');
      const { packageId, expiry } = state.checkpoint!;
      expect(expiry).toEqual({ remainingMs: 3_600_000 });
      await t.skip(30 * DAY);
      const { expiresAt } = (await storage.packages.load(packageId))!.metadata;
      expect(expiresAt!.getTime()).toBeLessThan(await t.now());
      expect(await pipelines.resume(session)).toMatchObject({ status: 'running', packageId });
      await pipelines.handle(session).result();
      expect(steps.of(session)).toEqual(ALL_STEPS);
    } finally {
      steps.openAll();
      await t.close();
    }
  });

  test('a pause until a day resumes by itself on that day, and not before', async (ctx) => {
    const steps = new Steps();
    const t = await TimeRig.create(ctx, { phases: steps.phases });
    try {
      const { pipelines } = t.rig;
      const session = newSession();
      steps.hold('analysis/first');
      await pipelines.start({ session });
      await pipelines.until(session, (s) => s.resumePoint === 'analysis/first');
      await pipelines.pause(session, { until: await t.iso(40 * DAY) });
      await pipelines.untilShown(session, 'draining');
      steps.open('analysis/first');
      await pipelines.untilShown(session, 'paused');
      await t.skip(35 * DAY);
      expect((await pipelines.status(session)).shown).toBe('paused');
      await t.skip(6 * DAY);
      await pipelines.handle(session).result();
      expect(steps.of(session)).toEqual(ALL_STEPS);
    } finally {
      steps.openAll();
      await t.close();
    }
  });
});
