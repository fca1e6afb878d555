import { afterAll, beforeAll, expect, test } from 'vitest';
import { ApiRig } from './rig.js';

let api: ApiRig;
beforeAll(async () => {
  api = await ApiRig.create({ rateLimitPerMinute: 5, corsOrigins: ['https://app.example.com'] }, { start: false });
});
afterAll(() => api.close());

const times = async (n: number, key?: string): Promise<number[]> => {
  const all = [];
  for (let i = 0; i < n; i++) all.push((await api.ask('GET', 'session', key ? { key } : {})).status);
  return all;
};

test('each key may ask so often in a minute, and so may an address without one', async () => {
  const [a, b] = [await api.key('@a'), await api.key('@b')];
  expect(await times(7, a)).toEqual([200, 200, 200, 200, 200, 429, 429]);
  const over = await api.ask('GET', 'session', { key: a });
  expect(over).toMatchObject({ status: 429, body: { code: 'RATE_LIMITED', retryable: true } });
  const seconds = Number(over.headers.get('retry-after'));
  expect(seconds).toBeGreaterThan(0);
  expect(seconds).toBeLessThanOrEqual(60);
  expect(over.body.detail).toContain(`Try again in ${seconds} s`);
  // Another key of the same address is another one.
  expect(await times(5, b)).toEqual([200, 200, 200, 200, 200]);
  expect(await times(6)).toEqual([401, 401, 401, 401, 401, 429]);
  expect(await times(1, 'hk_wrong')).toEqual([429]);
});

test('pages of other origins may ask where they were named, and only they', async () => {
  const preflight = (origin: string) =>
    api.ask('OPTIONS', '/api/v1/agent-handoff/session', {
      headers: { origin, 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' },
    });
  const named = await preflight('https://app.example.com');
  expect(named.status).toBe(204);
  expect(named.headers.get('access-control-allow-origin')).toBe('https://app.example.com');
  expect(named.headers.get('access-control-allow-credentials')).toBeNull();
  const other = await preflight('https://evil.example');
  expect(other.headers.get('access-control-allow-origin')).toBeNull();
});
