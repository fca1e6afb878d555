import { Client, Connection } from '@temporalio/client';
import { expect, test } from 'vitest';
import { HandoffClient } from '../../src/client.js';
import { ApiRig } from './rig.js';

const ok = { status: 'ok' };
const down = { status: 'down', detail: expect.any(String) as unknown };

test('the service is ready while all that it needs is up, and says which part is not', async () => {
  const api = await ApiRig.create();
  try {
    for (const path of ['health', 'health/ready']) {
      const { status, body } = await api.ask('GET', path);
      expect({ status, body }).toEqual({
        status: 200,
        body: { status: 'ok', parts: { temporal: ok, workers: ok, database: ok } },
      });
    }
  } finally {
    await api.close();
  }
});

test('no worker, and a database that is closed', async () => {
  const api = await ApiRig.create({}, { start: false });
  const { status, body } = await api.ask('GET', 'health/ready');
  expect({ status, body }).toMatchObject({
    status: 503,
    body: { status: 'unavailable', parts: { temporal: ok, workers: down, database: ok } },
  });
  await api.rig.storage.db.destroy();
  const closed = async () => (await api.ask<{ parts: object }>('GET', 'health/ready')).body.parts;
  await expect.poll(closed).toMatchObject({ temporal: ok, database: down });
  expect(await api.ask('GET', 'health/live')).toMatchObject({ status: 200, body: ok });
  await api.stop();
});

test('Temporal is away: it says so within two seconds, and not where it was', async () => {
  const connection = Connection.lazy({ address: '127.0.0.1:1' });
  const api = await ApiRig.create(
    {},
    { start: false },
    {
      client: new HandoffClient({ temporal: new Client({ connection }) }),
    },
  );
  try {
    const began = performance.now();
    const { status, body, text } = await api.ask('GET', 'health/ready');
    expect({ status, body }).toMatchObject({ status: 503, body: { parts: { temporal: down, workers: down } } });
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(text).not.toContain('127.0.0.1');
  } finally {
    await api.close();
    await connection.close();
  }
});
