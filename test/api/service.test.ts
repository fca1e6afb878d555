import { afterAll, beforeAll, expect, test } from 'vitest';
import { ApiRig } from './rig.js';

let api: ApiRig;
beforeAll(async () => {
  api = await ApiRig.create();
});
afterAll(() => api.close());

test('the service is live and ready, and says which parts are well', async () => {
  expect((await api.ask('GET', 'health/live')).body).toEqual({ status: 'ok' });
  const ready = await api.ask('GET', 'health/ready');
  expect(ready.status).toBe(200);
  expect(ready.body).toEqual({
    status: 'ok',
    parts: { temporal: { status: 'ok' }, workers: { status: 'ok' }, database: { status: 'ok' } },
  });
});
