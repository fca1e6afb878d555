import { expect, test } from 'vitest';
import { ApiRig } from './rig.js';

test('refusals are on record: the first at once, two hundred as one row with their number', async () => {
  const api = await ApiRig.create({}, { start: false });
  const rows = async () => {
    const all = api.rig.storage.db.selectFrom('audit').selectAll().where('outcome', '=', 'refused').orderBy('seq');
    return (await all.execute()).map(({ actor, act, subject, source, data }) => ({
      actor,
      act,
      subject,
      source,
      data: JSON.parse(data) as Record<string, unknown>,
    }));
  };
  const key = await api.key('@curious', 'reviewer');
  const wrong = `hk_0011223344556677_${'S'.repeat(43)}`;
  for (let i = 0; i < 20; i++) {
    await Promise.all(Array.from({ length: 10 }, () => api.ask('GET', 'agents/@root/keys', { key })));
    if (i < 3) await api.ask('GET', 'agents/@root/keys', { key: wrong });
  }
  const subject = '/api/v1/agent-handoff/agents/@root/keys';
  const source = '127.0.0.1';
  await expect.poll(rows).toHaveLength(2);
  expect(await rows()).toEqual([
    {
      actor: '@curious',
      act: 'key.manage',
      subject,
      source,
      data: { code: 'FORBIDDEN', why: 'one of these roles is needed: admin' },
    },
    {
      actor: 'anonymous',
      act: 'key.manage',
      subject,
      source,
      data: expect.objectContaining({ code: 'UNAUTHENTICATED' }) as unknown,
    },
  ]);
  await api.stop();
  const after = await rows();
  expect(after.slice(2).map((r) => r.data['repeated'])).toEqual([199, 2]);
  expect(JSON.stringify(after)).not.toContain('SSSS');
  await api.close();
});
