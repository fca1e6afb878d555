import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { storagePlace } from '../storage/place.js';
import { receiver, told, until } from './hearing.js';

const place = storagePlace();
const MAIN = fileURLToPath(new URL('deliver-main.mjs', import.meta.url));
const timing = { lookMs: 20, timeoutMs: 2000, leaseMs: 2500, firstMs: 20, mostMs: 100, attempts: 50 };

test('services killed in the middle of delivering lose nothing, keep the order, and repeat only what was under way', async () => {
  const ids: string[] = [];
  const start = (): ChildProcess =>
    fork(MAIN, { env: { ...process.env, DELIVER: JSON.stringify({ folder: place.folder, timing }) }, execArgv: [] });
  let child = start();
  let kills = 0;
  // It is killed while its request is being answered.
  const to = await receiver((_, { headers }) => {
    ids.push(String(headers['webhook-id']));
    if (kills < 3 && ids.length === 5 * (kills + 1)) {
      kills++;
      child.kill('SIGKILL');
    }
    return { status: 204 };
  });
  try {
    const cursor = await place.storage.outbox.last();
    await place.storage.webhooks.create({ url: to.url }, '@root', true);
    await told(place.storage, ['agent:@a'], 1, 40);
    for (let n = 1; n <= 3; n++) {
      await until(() => kills === n && child.signalCode !== null, `kill ${n}`, 40_000);
      child = start();
    }
    await until(() => new Set(ids).size === 40, 'all came', 40_000);
    const expected = Array.from({ length: 40 }, (_, i) => `evt_${cursor + 1 + i}`);
    expect([...new Set(ids)]).toEqual(expected);
    // Each kill repeats one at most.
    expect(ids.length - 40).toBeLessThanOrEqual(kills);
    expect(kills).toBe(3);
  } finally {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    await to.close();
  }
});
