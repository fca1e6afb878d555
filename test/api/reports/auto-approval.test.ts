import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Service } from './service.js';

describe('automatic approval', () => {
  let service: Service;
  beforeAll(async () => {
    service = await Service.open({}, { autoApprovalThreshold: 0.3, allowSelfSignOff: true });
  });
  afterAll(() => service.close());

  const LCOV = 'TN:\nSF:a.ts\nDA:1,1\nDA:2,1\nLF:2\nLH:2\nend_of_record\n';

  test('is by what files prove, and never by what an author says of it', async () => {
    const claims = await service.create({ quality_score: 1, test_coverage_percentage: 100 });
    await service.write('author', 'POST', `/reports/${claims.report_id}/submit`);
    const claimed = await service.until(claims.report_id, (r) => r.status !== 'submitted' && r.status !== 'draft');
    expect([claimed.status, claimed.verified.score]).toEqual(['under_review', 0]);
    const proof = await service.create();
    expect((await service.attach(proof.report_id, 'lcov.info', LCOV)).status).toBe(200);
    await service.write('author', 'POST', `/reports/${proof.report_id}/submit`);
    const proven = await service.until(proof.report_id, (r) => r.status === 'approved');
    expect(proven.verified.coverage).toBe(1);
    expect(proven.verified.score).toBeCloseTo(1 / 3);
    expect(proven.reviews).toMatchObject([{ automatic: true, review_status: 'approved', current: true }]);
  });
});
