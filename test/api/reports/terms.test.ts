import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Service, nameOf } from './service.js';

/** Seconds, in the days that settings are in. */
const DAY_S = 24 * 60 * 60;
const sign = (sign_off_role: string) => ({ sign_off_role, status: 'approved' });
const review = { review_status: 'approved', review_comments: 'As I have seen it on the machine.' };

describe('what the settings say', () => {
  let service: Service;
  beforeAll(async () => {
    service = await Service.open(
      {},
      {
        autoValidation: false,
        requiredSignOffs: ['developer', 'tech_lead'],
        signOffExpiryDays: 4 / DAY_S,
        reviewTimeoutDays: 1 / DAY_S,
        escalationChain: ['tech_lead', '@admin'],
        allowTwoRoles: true,
      },
    );
  });
  afterAll(() => service.close());

  test('without validation, what is handed in is under review at once; late, it is escalated up the chain', async () => {
    const { report_id: id } = await service.at('draft');
    expect(await service.write('author', 'POST', `/reports/${id}/submit`)).toMatchObject({ status: 'under_review' });
    const { escalations } = await service.until(id, (r) => r.escalations.length >= 2);
    expect(escalations.slice(0, 2).map((e) => [e.level, e.to])).toEqual([
      [1, 'tech_lead'],
      [2, '@admin'],
    ]);
    expect(await service.write('reviewer', 'POST', `/reports/${id}/review`, review)).toMatchObject({
      status: 'approved',
    });
  });

  test('one may sign in two roles where it is allowed; what was signed expires, and can be signed anew', async () => {
    const { report_id: id } = await service.at('approved');
    await service.write('both', 'POST', `/reports/${id}/sign-off`, sign('developer'));
    const done = await service.write('both', 'POST', `/reports/${id}/sign-off`, sign('tech_lead'));
    expect(done.sign_off_status).toBe('complete');
    const over = await service.until(id, (r) => r.sign_offs.every((g) => !g.counts));
    expect(over).toMatchObject({ status: 'approved', sign_off_status: 'not_started' });
    // It counts no more from its very moment; that it ended is on record a moment later.
    const recorded = await service.until(id, (r) => r.sign_offs.every((g) => g.ended));
    expect(recorded.sign_offs.map((g) => g.ended?.why)).toEqual(['expired', 'expired']);
    const again = await service.write('developer', 'POST', `/reports/${id}/sign-off`, sign('developer'));
    expect(again.sign_offs.filter((g) => g.counts).map((g) => g.by)).toEqual([nameOf('developer')]);
  });
});
