import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AgentSpec } from '../../src/core/agent-schema.js';
import type { Subject } from '../../src/core/request.js';
import { Corner, type Handed } from './corner.js';

let corner: Corner;
const servers: Server[] = [];
beforeAll(async () => {
  corner = await Corner.open();
});
afterAll(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  await corner.close();
});

let count = 0;
/** A target agent of its own with these heartbeats, so many seconds ago, newest first; and a handoff to it. */
async function to(
  spec: Partial<AgentSpec>,
  ago: number[],
  handed: Handed = {},
): Promise<{ name: string; subject: Subject }> {
  const name = `@t${++count}`;
  await corner.storage.agents.add({ name, heartbeatSeconds: 60, ...spec });
  const now = Date.now();
  await corner.storage.db
    .updateTable('agents')
    .set({ heartbeats: JSON.stringify(ago.map((s) => now - s * 1000)) })
    .where('name', '=', name)
    .execute();
  const subject = await corner.subject(`h-${name.slice(1)}`, { target: { agent: name }, ...handed });
  return { name, subject };
}

const ON_TIME = [5, 50, 100];

describe('VR004 Agent Readiness Validation', () => {
  test('passes for an agent that is alive, has room, and can do what is asked', async () => {
    const { name, subject } = await to({ capacity: 2, capabilities: ['node', 'sql'] }, [3], {
      metadata: { required_capabilities: ['sql'] },
    });
    expect(await corner.finds(subject, 'VR004', { with: { capabilities: ['node'] } })).toEqual([
      true,
      `${name} is alive, with 0 of 2 open handoffs`,
    ]);
  });

  test('fails for an agent that is not registered', async () => {
    const subject = await corner.subject('vr004-unknown', { target: { agent: '@nobody' } });
    expect(await corner.finds(subject, 'VR004')).toEqual([false, 'agent @nobody is not registered']);
  });

  test('passes where no target agent is named', async () => {
    const subject = await corner.subject('vr004-phase', { target: { phase: '9' } });
    expect(await corner.finds(subject, 'VR004')).toEqual([true, 'no target agent is named']);
  });

  test('fails for an agent that never sent a heartbeat, or whose last one is too old', async () => {
    const silent = await to({}, []);
    expect(await corner.finds(silent.subject, 'VR004')).toEqual([false, 'it has never sent a heartbeat']);
    const late = await to({}, [90]);
    expect(await corner.finds(late.subject, 'VR004')).toEqual([
      false,
      'its last heartbeat is 90 s old, one is due every 60 s',
    ]);
    await corner.storage.agents.heartbeat(late.name);
    expect((await corner.finds(late.subject, 'VR004'))[0]).toBe(true);
  });

  test('fails for an agent that is full of open handoffs that have begun and came before this one', async () => {
    const { name, subject } = await to({ capacity: 1 }, [1]);
    const full = [false, `${name} is full: 1 open handoffs, capacity 1`];
    const free = [true, `${name} is alive, with 0 of 1 open handoffs`];
    const other = await corner.subject('vr004-other', { target: { agent: name } });
    const set = (values: { created_at?: number; status?: string; closed_at?: number }) =>
      corner.storage.db.updateTable('handoffs').set(values).where('id', '=', other.handoffId).execute();
    await set({ created_at: Date.now() + 1000 });
    expect(await corner.finds(subject, 'VR004'), 'it came later').toEqual(free);
    await set({ created_at: 1 });
    expect(await corner.finds(subject, 'VR004')).toEqual(full);
    await set({ status: 'pending' });
    expect(await corner.finds(subject, 'VR004'), 'it has not begun').toEqual(free);
    await set({ status: 'running', closed_at: 1 });
    expect(await corner.finds(subject, 'VR004'), 'it is closed').toEqual(free);
  });

  test('names every capability that is lacking, and everything else that is wrong', async () => {
    const { name, subject } = await to({ capacity: 0, capabilities: ['node'] }, [200], {
      metadata: { required_capabilities: ['python'] },
    });
    const [passed, message] = await corner.finds(subject, 'VR004', { with: { capabilities: ['rust', 'node'] } });
    expect(passed).toBe(false);
    expect(message.split('; ')).toEqual([
      'its last heartbeat is 3 min old, one is due every 60 s',
      `${name} is full: 0 open handoffs, capacity 0`,
      `${name} lacks the capabilities rust, python`,
    ]);
  });
});

describe('VR006 Connection Stability Check', () => {
  const listening = async (answer: RequestListener): Promise<string> => {
    const server = createServer(answer);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/health`;
  };

  test('passes for three heartbeats on time, and fails with fewer', async () => {
    const steady = await to({}, ON_TIME);
    expect(await corner.finds(steady.subject, 'VR006')).toEqual([true, 'the last three heartbeats were on time']);
    const young = await to({}, [1, 2]);
    expect(await corner.finds(young.subject, 'VR006')).toEqual([false, 'only 2 of three heartbeats came']);
  });

  test.each([
    ['the newest is overdue', [90, 100, 110], 'a heartbeat came after 90 s, one is due every 60 s'],
    ['the second came late', [5, 80, 100], 'a heartbeat came after 75 s, one is due every 60 s'],
    ['the third came late', [5, 50, 180], 'a heartbeat came after 130 s, one is due every 60 s'],
  ])('fails where %s', async (_, ago, why) => {
    const { subject } = await to({}, ago);
    const [passed, message] = await corner.finds(subject, 'VR006');
    expect(passed).toBe(false);
    expect(message).toBe(why.replace('130 s', '2 min'));
  });

  test('looks at three heartbeats only: an older gap is forgiven', async () => {
    const { subject } = await to({}, [5, 50, 100, 4000]);
    expect((await corner.finds(subject, 'VR006'))[0]).toBe(true);
  });

  test('asks an endpoint three times, and says so', async () => {
    const asked: string[] = [];
    const endpoint = await listening((req, res) => {
      asked.push(req.method ?? '');
      res.writeHead(204).end();
    });
    const { subject } = await to({ endpoint }, ON_TIME);
    expect(await corner.finds(subject, 'VR006')).toEqual([true, 'three heartbeats on time, three probes answered']);
    expect(asked).toEqual(['HEAD', 'HEAD', 'HEAD']);
  });

  test('fails at the probe that gets a server error', async () => {
    let n = 0;
    const endpoint = await listening((_, res) => res.writeHead(++n < 3 ? 200 : 500).end());
    const { subject } = await to({ endpoint }, ON_TIME);
    expect(await corner.finds(subject, 'VR006')).toEqual([false, `probe 3 of ${endpoint}: status 500`]);
  });

  test('an answer that is no server error is one: somebody is there', async () => {
    const endpoint = await listening((_, res) => res.writeHead(405).end());
    const { subject } = await to({ endpoint }, ON_TIME);
    expect((await corner.finds(subject, 'VR006'))[0]).toBe(true);
  });

  test('a redirection is an answer, and is not followed', async () => {
    const asked: string[] = [];
    const elsewhere = await listening((_, res) => {
      asked.push('followed');
      res.writeHead(500).end();
    });
    const endpoint = await listening((_, res) => res.writeHead(302, { location: elsewhere }).end());
    const { subject } = await to({ endpoint }, ON_TIME);
    expect((await corner.finds(subject, 'VR006'))[0]).toBe(true);
    expect(asked).toEqual([]);
  });

  test('fails where nobody listens', async () => {
    const endpoint = await listening(() => undefined);
    await new Promise((resolve) => servers.at(-1)!.close(resolve));
    const { subject } = await to({ endpoint }, ON_TIME);
    expect(await corner.finds(subject, 'VR006')).toEqual([
      false,
      `probe 1 of ${endpoint}: connect ECONNREFUSED ${new URL(endpoint).host}`,
    ]);
  });

  test('fails where the endpoint hangs, and does not wait longer than 2 s', async () => {
    const endpoint = await listening(() => undefined);
    const { subject } = await to({ endpoint }, ON_TIME);
    expect(await corner.finds(subject, 'VR006')).toEqual([
      false,
      `probe 1 of ${endpoint}: The operation was aborted due to timeout`,
    ]);
  });

  test('heartbeats are looked at before the endpoint is asked', async () => {
    const asked: string[] = [];
    const endpoint = await listening((_, res) => {
      asked.push('asked');
      res.end();
    });
    const { subject } = await to({ endpoint }, [1]);
    expect(await corner.finds(subject, 'VR006')).toEqual([false, 'only 1 of three heartbeats came']);
    expect(asked).toEqual([]);
  });
});

describe('VR007 Permission Validation', () => {
  const between = async (
    source: Partial<AgentSpec>,
    target: Partial<AgentSpec>,
  ): Promise<[Subject, string, string]> => {
    const from = `@from${++count}`;
    const to = `@to${count}`;
    const named = (list: string[] | undefined): string[] | undefined =>
      list?.map((n) => ({ SOURCE: from, TARGET: to })[n] ?? n);
    await corner.storage.agents.add({ name: from, ...source, handsOffTo: named(source.handsOffTo) });
    await corner.storage.agents.add({ name: to, ...target, acceptsFrom: named(target.acceptsFrom) });
    return [await corner.subject(`vr007-${count}`, { source: { agent: from }, target: { agent: to } }), from, to];
  };

  test.each([
    ['no lists', {}, {}],
    ['both are named', { handsOffTo: ['TARGET'] }, { acceptsFrom: ['SOURCE'] }],
    ['both allow everyone', { handsOffTo: ['*'] }, { acceptsFrom: ['*'] }],
  ])('passes with %s', async (_, source, target) => {
    const [subject] = await between(source, target);
    expect(await corner.finds(subject, 'VR007')).toEqual([true, 'the source may hand over to the target']);
  });

  test('fails where the source may not hand over, and where the target takes nothing from it', async () => {
    const [first, from, to] = await between({ handsOffTo: ['@other'] }, {});
    expect(await corner.finds(first, 'VR007')).toEqual([false, `${from} may not hand over to ${to}`]);
    const [second, from2, to2] = await between({}, { acceptsFrom: [] });
    expect(await corner.finds(second, 'VR007')).toEqual([false, `${to2} takes nothing from ${from2}`]);
  });

  test('fails for parties that are not registered, and for a phase without an agent where the list names agents', async () => {
    const subject = await corner.subject('vr007-x', { source: { agent: '@x' }, target: { agent: '@y' } });
    expect(await corner.finds(subject, 'VR007')).toEqual([
      false,
      'agent @x is not registered; agent @y is not registered',
    ]);
    await corner.storage.agents.add({ name: '@strict', handsOffTo: ['@one'], acceptsFrom: ['@one'] });
    const out = await corner.subject('vr007-out', { source: { agent: '@strict', phase: '8' }, target: { phase: '9' } });
    expect(await corner.finds(out, 'VR007')).toEqual([
      false,
      '@strict (phase 8) may not hand over to a phase without an agent',
    ]);
    const into = await corner.subject('vr007-in', { source: { phase: '8' }, target: { agent: '@strict' } });
    expect(await corner.finds(into, 'VR007')).toEqual([false, '@strict takes nothing from a phase without an agent']);
  });
});
